//! The HTTP surface: REST API, its description, the console, metrics and health.
//!
//! One route table ([`routes::table`]) says for each route: method, path, who may, what it takes, what it answers, which refusals it
//! knows, and its handler. Everything else is derived: the router ([`paths`]), the OpenAPI document ([`openapi`]), the API page
//! (`docs`) and the permission test, which walks the rows and fails for one that it has no expectation for. The pages of the
//! [`console`] are rows of a second table, and pass the same door.
//!
//! A request passes, in this order: connection limits and deadlines ([`mod@serve`], `watch`), then in the [`door`] route and method
//! ([`paths`]), requests in flight, token, requests of the token (`seats`), project, right, query, room (`rooms`), body ([`body`]: type,
//! size, time, strict JSON), key ([`idempotency`]), use case. The first that refuses answers with a problem document ([`problem`]).
//! Handlers take a [`route::Call`] apart, ask one use case of `tidings-app`, and shape the answer.
//!
//! Invariants: another project's things answer like absent ones; nothing is read of a body before the sender may send it; no
//! answer holds a secret but the one that made it.

pub mod address;
mod audited;
pub mod body;
mod changes;
mod connection;
pub mod console;
mod docs;
pub mod door;
mod dress;
pub mod idempotency;
pub mod metrics;
mod nowhere;
pub mod openapi;
pub mod paths;
mod porch;
mod prefer;
pub mod problem;
mod query;
mod request_id;
mod rooms;
pub mod route;
pub mod routes;
mod schema_names;
mod seats;
pub mod serve;
mod to_the_end;
mod watch;

pub use door::Door;
pub use serve::{Limits, serve};
