//! Whatever the objects hold, every dialect speaks JSON and never panics.

use tidings_domain::Collection;

use crate::odd::{Dice, one_bulk, one_change, scene};

#[test]
fn no_object_is_too_odd_to_be_told() {
    for seed in 1..=120_u64 {
        let mut dice = Dice::of_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let scene = scene(&mut dice, Collection::ALL);
        for collection in Collection::ALL {
            one_change(&mut dice, &scene, *collection, seed);
        }
    }
}

#[test]
fn no_bulk_update_is_too_odd_to_be_told() {
    for seed in 1..=60_u64 {
        let mut dice = Dice::of_seed(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        one_bulk(&mut dice, seed);
    }
}

/// As the fuzz target reads its input.
#[test]
fn bytes_make_odd_objects_too() {
    let seeds: Vec<Vec<u8>> = (0..=u8::MAX).map(|byte| vec![byte; 64]).collect();
    for (input, seed) in tidings_testkit::mutate::mutations(&seeds, 500).zip(1..) {
        let mut dice = Dice::of_bytes(&input);
        let collection = Collection::ALL[input.len() % Collection::ALL.len()];
        let scene = scene(&mut dice, &[collection, Collection::Comments]);
        one_change(&mut dice, &scene, collection, seed);
        one_bulk(&mut dice, seed);
    }
}
