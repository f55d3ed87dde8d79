"""A FastAPI service with telemetry: it looks an order up in SQLite and asks another service whether it is in stock.

    pip install ../python[services] fastapi uvicorn httpx "SQLAlchemy<2.1"
    PORT=8010 python examples/shop.py                                          # the stock
    PORT=8011 STOCK_URL=http://127.0.0.1:8010 python examples/shop.py          # the orders
    curl -i -H 'X-Tenant-ID: acme' http://127.0.0.1:8011/orders/7
    quartet trace <X-Trace-ID of the answer>
"""

from __future__ import annotations

import os
from typing import Any, Dict

import httpx
import sqlalchemy
import structlog
import uvicorn
from fastapi import FastAPI, HTTPException

from quartet_telemetry import TraceContext, add_ai_attributes, add_business_attributes, initialize_telemetry

PORT = int(os.environ.get("PORT", "8010"))
STOCK_URL = os.environ.get("STOCK_URL")

app = FastAPI(title="shop")
initialize_telemetry(
    os.environ.get("NAME", "orders" if STOCK_URL else "stock"),
    service_version="1.0.0",
    service_port=PORT,
    service_type="example",
    service_layer="business",
    app=app,
)
log = structlog.get_logger("shop")
# Made after the start, so that its queries are traced; an engine that exists before is passed as `engine=`.
engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.StaticPool, connect_args={"check_same_thread": False})
with engine.begin() as connection:
    connection.execute(sqlalchemy.text("CREATE TABLE orders (id INTEGER PRIMARY KEY, article TEXT)"))
    connection.execute(sqlalchemy.text("INSERT INTO orders VALUES (7, 'teapot')"))


@app.get("/orders/{number}")
async def order(number: int) -> Dict[str, Any]:
    """The order, and whether it is in stock."""
    with engine.connect() as connection:
        row = connection.execute(sqlalchemy.text("SELECT article FROM orders WHERE id = :id"), {"id": number}).first()
    if row is None:
        raise HTTPException(404, f"no order {number}")
    # Known only now; the call below and all its spans carry it.
    add_business_attributes(user_id="ana", cost_center="sales")
    with TraceContext("suggest a text") as span:
        # Where a model would be asked.
        add_ai_attributes(span, "google", "gemini-2.0-flash", input_tokens=120, output_tokens=40, cost_usd=0.000028)
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{STOCK_URL}/stock/{row.article}")
    log.info("order looked up", number=number, article=row.article, in_stock=answer.json()["in_stock"])
    return {"number": number, "article": row.article, **answer.json()}


@app.get("/stock/{article}")
def stock(article: str) -> Dict[str, Any]:
    """Whether the article is in stock."""
    log.info("stock looked up", article=article)
    return {"in_stock": 3}


@app.get("/health")
def health() -> Dict[str, str]:
    """Not traced."""
    return {"status": "healthy"}


if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=PORT)
