//! `tidings openapi`: the document of the REST API, without a server.

/// Prints it.
pub(crate) fn run() {
    crate::output::say(tidings_web::openapi::text());
}
