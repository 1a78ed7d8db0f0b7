//! Captured requests given to `tidings verify`.
#![no_main]

#[path = "../../crates/tidings/src/capture.rs"]
#[allow(dead_code)]
mod capture;
#[path = "../../crates/tidings/src/capture/check.rs"]
#[allow(dead_code)]
mod verified;

// Where the shared checks look for it.
use capture::{Verdict, check, detect, headers};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    verified::verify(data);
});
