//! Hostile input of every class, as data: the same tables for the client, the API, the command line, the store and the fuzz targets.
//!
//! | module | holds |
//! |---|---|
//! | [`urls`] | URLs that must never be connected to, URLs that are none, ordinary ones |
//! | [`headers`] | custom headers that must be refused, and those that may go out |
//! | [`retry_after`] | values of `Retry-After`, sane and absurd |
//! | [`bodies`] | JSON that is none, or not strictly |
//! | [`writes`] | bodies of writes for every collection |

pub mod bodies;
pub mod headers;
pub mod retry_after;
pub mod urls;
pub mod writes;
