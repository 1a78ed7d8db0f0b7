//! What holds for every dialect.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests; what is wrong here should end here"
)]

mod changes;
mod conformance;
mod golden;
mod matrix;
mod odd;
mod random;
