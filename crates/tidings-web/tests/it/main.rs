//! The HTTP surface from outside: an App on the memory store behind a Door, asked as a client would.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something else than it expects should fail there and then"
)]

mod accounts;
mod admin;
mod audit;
mod catalogue;
mod console;
mod console_again;
mod console_clash;
mod console_parts;
mod console_project;
mod console_webhooks;
mod console_words;
mod explain;
mod figures;
mod fuzz;
mod house;
mod idempotency;
mod live;
mod malformed;
mod objects;
mod openapi;
mod pages;
mod permissions;
mod prefer;
mod secrets;
mod sent;
mod serving;
mod webhooks;
mod wire;
