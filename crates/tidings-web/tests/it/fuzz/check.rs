//! What must hold for any body and any query. Shared with the fuzz targets `body` and `query`.

use axum::body::Body;
use http::Request;
use tidings_domain::Value;

use crate::house::House;

/// Method, path, media type.
const PLACES: [(&str, &str, &str); 9] = [
    ("POST", "webhooks", "application/json"),
    ("POST", "webhooks/test", "application/json"),
    ("POST", "stories", "application/json"),
    ("PATCH", "tasks/1", "application/merge-patch+json"),
    ("PUT", "comments/1", "application/json"),
    ("POST", "changes", "application/json"),
    ("POST", "changes", "application/x-ndjson"),
    ("PATCH", "items", "application/json"),
    ("POST", "tokens", "application/json"),
];
/// How many places a body can go to.
#[expect(clippy::cast_possible_truncation, reason = "there are nine")]
pub(crate) const ROUTES: u8 = PLACES.len() as u8;

/// The first byte says where the rest goes.
pub(crate) async fn body(house: &House, data: &[u8]) {
    let [place, text @ ..] = data else { return };
    let (method, path, kind) = PLACES[usize::from(*place) % PLACES.len()];
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1/projects/HB/{path}"))
        .header("authorization", format!("Bearer {}", house.tokens["admin"]))
        .header("content-type", kind)
        .header("content-length", text.len())
        .body(Body::from(text.to_vec()))
        .unwrap();
    let got = house.send(request).await;
    let shown = String::from_utf8_lossy(text);
    assert!(
        got.status < 500,
        "{method} {path} {shown}: {} {}",
        got.status,
        got.text
    );
    let is_json = kind != "application/x-ndjson" && Value::parse(text).is_err();
    if is_json {
        assert!(
            matches!(got.status, 400 | 413) || text.is_empty(),
            "{method} {path} {shown}: {}",
            got.status
        );
    }
    if got.status >= 400 {
        assert_eq!(got.header("content-type"), "application/problem+json");
        assert!(!got.code().is_empty(), "{shown}");
    }
}

/// The bytes are the query of the sent log.
pub(crate) async fn query(house: &House, data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let request = Request::builder()
        .uri(format!("/api/v1/projects/HB/deliveries?{text}"))
        .header("authorization", format!("Bearer {}", house.tokens["admin"]))
        .body(Body::empty());
    // What no URI can hold does not come so far.
    let Ok(request) = request else { return };
    let got = house.send(request).await;
    assert!(
        matches!(got.status, 200 | 400 | 422),
        "{text:?}: {} {}",
        got.status,
        got.text
    );
}
