//! The real binary on loopback: a database file, real receivers, the API and the CLI, as a user has them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something else than it expects should fail there and then"
)]

mod apply;
mod backup;
mod canaries;
mod cli;
mod costly;
mod demo;
mod doctor;
mod explain;
mod faults;
mod guard;
mod hostile;
mod idempotency;
mod kill;
mod overload;
mod prefer;
mod recover;
mod reference;
mod schemathesis;
mod secrets;
mod signatures;
mod stalls;
mod starts;
mod vectors;
mod world;
