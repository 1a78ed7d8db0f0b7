//! URLs of webhooks: what is taken is canonical and judged as what it is.
#![no_main]

#[path = "../../crates/tidings-egress/tests/it/fuzz/check.rs"]
#[allow(dead_code)]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::url(data));
