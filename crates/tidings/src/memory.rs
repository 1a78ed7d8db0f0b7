//! The process's memory.

#![expect(
    unsafe_code,
    reason = "the allocator is a C library; each function here relies on what the caller of an allocator promises"
)]

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys as mi;

/// Many small values are made on one thread and dropped on another; the C library's allocator takes a sixth of the server's time there.
#[global_allocator]
static ALLOCATOR: Mimalloc = Mimalloc;

struct Mimalloc;

/// What any allocation is aligned to, if it is as large: nearly all are asked for with no more. The library's functions for larger
/// alignments have no fast way for what is larger than a kilobyte, or the first of its size.
const USUAL: usize = 16;

fn is_usual(size: usize, align: usize) -> bool {
    align <= USUAL && align <= size
}

// SAFETY: `mi_malloc` and its like are C's `malloc`: what they return is aligned for whatever is as large; the others are given the
// alignment. `mi_free` takes back what any of them returned.
unsafe impl GlobalAlloc for Mimalloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe {
            if is_usual(layout.size(), layout.align()) {
                mi::mi_malloc(layout.size()).cast()
            } else {
                mi::mi_malloc_aligned(layout.size(), layout.align()).cast()
            }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe {
            if is_usual(layout.size(), layout.align()) {
                mi::mi_zalloc(layout.size()).cast()
            } else {
                mi::mi_zalloc_aligned(layout.size(), layout.align()).cast()
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above, and the block came from here.
        unsafe {
            if is_usual(size, layout.align()) {
                mi::mi_realloc(block.cast(), size).cast()
            } else {
                mi::mi_realloc_aligned(block.cast(), size, layout.align()).cast()
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: as above, and the block came from here.
        unsafe { mi::mi_free(block.cast()) }
    }
}

/// Keeps the system from backing a few used kilobytes with pages of 2 MiB: an idle server takes two thirds of the memory then, and a
/// busy one is no slower.
pub(crate) fn use_small_pages() {
    // A system that knows no large pages has nothing to be told.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_aligned_and_keeps_what_it_holds() {
        let fits =
            |block: *mut u8, align: usize| !block.is_null() && block.addr().is_multiple_of(align);
        for align in (0..12).map(|shift| 1 << shift) {
            for size in [
                1, 3, 7, 8, 12, 16, 24, 100, 1_000, 1_024, 1_025, 4_096, 70_000,
            ] {
                let layout = Layout::from_size_align(size, align).unwrap();
                // SAFETY: the block is used within its size, and given back with the layout it was asked for with.
                unsafe {
                    let zeroed = Mimalloc.alloc_zeroed(layout);
                    let block = Mimalloc.alloc(layout);
                    assert!(fits(zeroed, align) && fits(block, align));
                    assert!((0..size).all(|at| *zeroed.add(at) == 0));
                    block.write_bytes(7, size);
                    let grown = Mimalloc.realloc(block, layout, size * 3);
                    assert!(fits(grown, align));
                    assert!((0..size).all(|at| *grown.add(at) == 7));
                    let layout_grown = Layout::from_size_align(size * 3, align).unwrap();
                    let shrunk = Mimalloc.realloc(grown, layout_grown, 1);
                    assert!(fits(shrunk, align) && *shrunk == 7);
                    Mimalloc.dealloc(shrunk, Layout::from_size_align(1, align).unwrap());
                    Mimalloc.dealloc(zeroed, layout);
                }
            }
        }
    }
}
