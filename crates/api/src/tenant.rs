//! The tenant of a request: `X-Scope-OrgID`, with dskit's rules.

use axum::extract::FromRequestParts;
use http::request::Parts;
use model::TenantId;

use crate::error::TextError;

/// Header that names the tenant.
pub const TENANT_HEADER: &str = "x-scope-orgid";

/// The tenant that a request reads. Without the header it is [`TenantId::DEFAULT`].
#[derive(Clone, Debug)]
pub(crate) struct Tenant(pub(crate) TenantId);

impl<S: Send + Sync> FromRequestParts<S> for Tenant {
    type Rejection = TextError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, TextError> {
        let Some(value) = parts.headers.get(TENANT_HEADER) else {
            return Ok(Self(TenantId::default()));
        };
        let text =
            value.to_str().map_err(|_| TextError::bad_request("tenant ID contains unsupported character"))?.trim();
        if text.is_empty() {
            return Ok(Self(TenantId::default()));
        }
        if text.contains('|') {
            return Err(TextError::bad_request("reading several tenants at once (a|b) is not supported: name one"));
        }
        // Newer dskit allows metadata after a colon (`tenant:key=value`); it does not choose the data.
        let id = text.split_once(':').map_or(text, |(id, _)| id);
        TenantId::new(id).map(Self).map_err(TextError::bad_request)
    }
}
