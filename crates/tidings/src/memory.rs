//! The process's memory.

/// Many small values are made on one thread and dropped on another; the C library's allocator takes a sixth of the server's time there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps the system from backing a few used kilobytes with pages of 2 MiB: an idle server takes two thirds of the memory then, and a
/// busy one is no slower.
pub(crate) fn use_small_pages() {
    // A system that knows no large pages has nothing to be told.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
