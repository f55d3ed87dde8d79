//! Bases, schemas and the token's owner.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value as Json, json};

use super::gate::{Token, scopes};
use super::{Shared, answer, lock};
use crate::data::cell::USERS;
use crate::data::schema_json;

pub(super) async fn who_am_i(Extension(token): Extension<Token>) -> Response {
    answer(Ok(json!({"id": USERS[0].0, "scopes": scopes(&token.0)})))
}

pub(super) async fn bases(State(shared): State<Arc<Shared>>) -> Response {
    let bases: Vec<Json> = lock(&shared.world).bases.iter().map(schema_json::base).collect();
    answer(Ok(json!({"bases": bases})))
}

pub(super) async fn tables(State(shared): State<Arc<Shared>>, Path(base): Path<String>) -> Response {
    let world = lock(&shared.world);
    let shown = world.base(&base).map(|base| {
        let tables: Vec<Json> = base.tables.iter().map(schema_json::table).collect();
        json!({"tables": tables})
    });
    answer(shown)
}
