//! The pages of the real binary in a real browser, as people have them: what they can do there, with the keyboard, without scripts,
//! in the dark, on a phone; and what strangers cannot.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something else than it expects should fail there and then"
)]

mod docs;
mod harness;
mod hostile;
mod journey;
mod pages;
mod people;
mod places;
mod raw;
mod renewal;
mod roles;
mod sample;
mod screenshots;
mod scripting;
mod stage;
mod strangers;
#[expect(dead_code, reason = "the tests of the binary use more of it")]
#[path = "../it/world.rs"]
mod world;
mod writing;
