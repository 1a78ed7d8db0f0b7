//! Answers to who asks for a path that is not there, or with a method that its path does not know.

use axum::extract::Request;
use http::{StatusCode, header};
use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;

use crate::console::{self, Frame};
use crate::problem;
use crate::route::{Reply, Row};

/// No route of that path, or none of that method among its rows.
pub(crate) fn refuse(rows: &[&'static Row], for_people: bool) -> Reply {
    if rows.is_empty() {
        if for_people {
            let fault = Fault::not_found("There is no such page.");
            return console::refuse(&Frame::default(), &fault);
        }
        return problem::reply(&Fault::not_found(
            "there is no such path; /docs lists them all",
        ));
    }
    let mut allowed: Vec<&str> = rows.iter().map(|row| row.method.as_str()).collect();
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    let allowed = allowed.join(", ");
    let fault = Fault::new(
        FaultKind::Malformed,
        "method_not_allowed",
        format!("this path answers to {allowed}"),
    );
    problem::with_status(StatusCode::METHOD_NOT_ALLOWED, &fault).with(header::ALLOW, &allowed)
}

/// Whether whoever asks for a path that is not there looks for a page.
pub(crate) fn wants_page(request: &Request) -> bool {
    let accepts = request.headers().get(header::ACCEPT);
    let accepts = accepts.and_then(|value| value.to_str().ok()).unwrap_or("");
    accepts.contains("text/html") && !request.uri().path().starts_with("/api/")
}
