//! Custom headers: what is taken cannot change a request.
#![no_main]

#[path = "../../crates/tidings-egress/tests/it/fuzz/check.rs"]
#[allow(dead_code)]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::header(data));
