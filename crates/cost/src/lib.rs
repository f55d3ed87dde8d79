//! Prices of LLM calls in integers: price book, usage dialects, arithmetic. Pure.
