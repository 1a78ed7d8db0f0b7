//! `Retry-After`: nothing, or at most a day.
#![no_main]

#[path = "../../crates/tidings-delivery/tests/it/fuzz/check.rs"]
#[allow(dead_code)]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::retry_after(data));
