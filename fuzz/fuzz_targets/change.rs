//! Writes to the sample project: refused, or carried out, told, and idempotent.
#![no_main]

#[path = "../../crates/tidings-dialects/tests/it/changes/check.rs"]
#[allow(dead_code)]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::write(data));
