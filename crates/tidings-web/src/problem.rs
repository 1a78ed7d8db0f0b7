//! Refusals as problem documents (RFC 9457): the one place where a fault becomes HTTP.

use http::{StatusCode, header};
use serde::Serialize;
use tidings_domain::Fault;
use tidings_domain::fault::{FaultKind, FieldFault};

use crate::route::Reply;

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    errors: &'a [FieldFault],
}

/// The media type of refusals.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// The status of a class of refusals.
pub fn status(kind: FaultKind) -> StatusCode {
    match kind {
        FaultKind::Malformed => StatusCode::BAD_REQUEST,
        FaultKind::Unauthorized => StatusCode::UNAUTHORIZED,
        FaultKind::Forbidden => StatusCode::FORBIDDEN,
        FaultKind::NotFound => StatusCode::NOT_FOUND,
        FaultKind::Conflict => StatusCode::CONFLICT,
        FaultKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        FaultKind::WrongMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        FaultKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        FaultKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        FaultKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        FaultKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A refusal as an answer.
pub fn reply(fault: &Fault) -> Reply {
    let mut reply = with_status(status(fault.kind), fault);
    if fault.kind == FaultKind::Unauthorized {
        reply = reply.with(header::WWW_AUTHENTICATE, "Bearer realm=\"tidings\"");
    }
    if let Some(seconds) = fault.retry_after {
        reply = reply.with(header::RETRY_AFTER, &seconds.to_string());
    }
    reply
}

/// A refusal under a status that no class of refusals has (405, 408).
pub fn with_status(status: StatusCode, fault: &Fault) -> Reply {
    let problem = Problem {
        r#type: format!("/docs#{}", fault.code),
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: &fault.detail,
        code: fault.code,
        errors: &fault.errors,
    };
    Reply {
        media_type: MEDIA_TYPE,
        ..Reply::json(status, &problem)
    }
}

/// Whether a status is one that refusals have.
pub(crate) fn is_status(status: u16) -> bool {
    StatusCode::from_u16(status).is_ok_and(|s| s.is_client_error() || s.is_server_error())
}
