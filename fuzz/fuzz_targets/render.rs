//! Arbitrary objects: every dialect speaks JSON about them.
#![no_main]

#[path = "../../crates/tidings-dialects/tests/it/odd.rs"]
#[allow(dead_code)]
mod odd;

use tidings_domain::Collection;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut dice = odd::Dice::of_bytes(data);
    let which = usize::from(data.first().copied().unwrap_or_default());
    let collection = Collection::ALL[which % Collection::ALL.len()];
    let scene = odd::scene(&mut dice, &[collection, Collection::Comments]);
    odd::one_change(&mut dice, &scene, collection, 0);
    odd::one_bulk(&mut dice, 0);
});
