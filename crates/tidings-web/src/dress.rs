//! What every answer wears: the headers that all have, and its body as HTTP wants it.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::console;
use crate::rooms::{Answer, Room};
use crate::route::{HTML, Reply};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The headers that answers have, and a few of their own, without growing.
const USUAL_HEADERS: usize = 12;

/// An answer as HTTP, under the id of its request.
pub(crate) fn dress(
    (reply, room): (Reply, Option<Room>),
    id: HeaderValue,
    head_only: bool,
) -> Response {
    let length = reply.body.len();
    let empty = head_only || reply.status == StatusCode::NO_CONTENT;
    let streams = reply.stream.is_some();
    let body = match (room, reply.stream) {
        _ if empty => Body::empty(),
        (_, Some(stream)) => stream,
        (Some(room), None) => Body::new(Answer {
            rest: reply.body,
            _room: room,
        }),
        (None, None) => Body::from(reply.body),
    };
    let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    if length > 0 || streams {
        set(header::CONTENT_TYPE, reply.media_type);
    }
    set(
        header::CONTENT_SECURITY_POLICY,
        if reply.media_type == HTML {
            console::POLICY
        } else {
            "default-src 'none'; frame-ancestors 'none'"
        },
    );
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    // With no-referrer a browser says `Origin: null` in the forms of our own pages, which the console's guard refuses.
    set(
        header::REFERRER_POLICY,
        if reply.media_type == HTML {
            "same-origin"
        } else {
            "no-referrer"
        },
    );
    set(header::CACHE_CONTROL, "no-store");
    headers.insert(REQUEST_ID, id);
    if reply.status != StatusCode::NO_CONTENT && !streams {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    for (name, value) in reply.headers {
        if name == header::SET_COOKIE {
            headers.append(name, value);
        } else {
            headers.insert(name, value);
        }
    }
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = headers;
    response
}
