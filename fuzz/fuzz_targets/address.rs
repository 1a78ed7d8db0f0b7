//! Addresses: however one of IPv4 is wrapped, it is refused if it is refused bare.
#![no_main]

#[path = "../../crates/tidings-egress/tests/it/fuzz/check.rs"]
#[allow(dead_code)]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::address(data));
