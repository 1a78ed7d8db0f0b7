//! Queries and cursors: never a fault of ours.
#![no_main]

#[path = "../../crates/tidings-web/tests/it/fuzz/check.rs"]
#[allow(dead_code)]
mod check;
#[path = "../../crates/tidings-web/tests/it/house.rs"]
#[allow(dead_code)]
mod house;

use std::cell::RefCell;

use tokio::runtime::{Builder, Runtime};

/// What was created makes the next request slower: after so many the server begins anew.
const FRESH: usize = 500;

thread_local! {
    static HOUSE: RefCell<Option<(Runtime, house::House, usize)>> = const { RefCell::new(None) };
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| HOUSE.with_borrow_mut(|slot| {
    let (runtime, house, asked) = slot.get_or_insert_with(|| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let house = runtime.block_on(house::House::new());
        (runtime, house, 0)
    });
    runtime.block_on(check::query(house, data));
    *asked += 1;
    if *asked == FRESH {
        *slot = None;
    }
}));
