//! The contract of a store, executable: every store passes the same suite.
//!
//! [`exercise`] is given a way to make an empty store and runs every chapter on a store of its own. A chapter fails by panicking
//! with the promise that was broken.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    reason = "a suite of tests: a panic is its verdict"
)]

mod accounts;
mod audit;
mod bench;
mod figures;
mod keeping;
mod log;
mod queue;
mod recording;
mod retention;
mod sweeps;

use std::sync::Arc;

use tidings_domain::Clock;

pub use bench::{Bench, Heard, ManualClock};
use bench::{DAY_MS, START_MS, attempt, conflict, message, not_found, task, webhook};
use retention::prune_all;

use crate::{CommitListener, Store};

/// Runs every chapter, each on an empty store of its own.
///
/// # Panics
/// When the store breaks a promise.
pub async fn exercise(make: impl Fn(Arc<dyn Clock>, Arc<dyn CommitListener>) -> Arc<dyn Store>) {
    let bench = || {
        let (clock, heard) = (Arc::new(ManualClock::default()), Arc::new(Heard::default()));
        let as_clock: Arc<dyn Clock> = clock.clone();
        let as_listener: Arc<dyn CommitListener> = heard.clone();
        let store = make(as_clock, as_listener);
        Bench {
            store,
            clock,
            heard,
        }
    };
    recording::projects(bench()).await;
    recording::recording(bench()).await;
    recording::views(bench()).await;
    recording::as_of(bench()).await;
    recording::events(bench()).await;
    recording::two_projects(bench()).await;
    keeping::memos(bench()).await;
    keeping::keeping(bench()).await;
    accounts::people(bench()).await;
    audit::log(bench()).await;
    audit::with_its_change(bench()).await;
    audit::with_what_the_lanes_do(bench()).await;
    accounts::memberships(bench()).await;
    accounts::sessions(bench()).await;
    accounts::links(bench()).await;
    keeping::races(bench()).await;
    queue::webhooks(bench()).await;
    queue::queue(bench()).await;
    queue::parking(bench()).await;
    queue::resending(bench()).await;
    sweeps::absences(bench()).await;
    sweeps::absences_of_projects(bench()).await;
    sweeps::queue(bench()).await;
    sweeps::skipping(bench()).await;
    sweeps::ends(bench()).await;
    sweeps::in_bulk(bench()).await;
    sweeps::retention(bench()).await;
    sweeps::retention_for_room(bench()).await;
    log::the_log(bench()).await;
    log::the_log_of_an_event(bench()).await;
    log::the_log_of_an_object(bench()).await;
    log::tests_in_the_log(bench()).await;
    figures::hours(bench()).await;
    figures::history(bench()).await;
    figures::figures(bench()).await;
    keeping::people(bench()).await;
    retention::retention(bench()).await;
    retention::deleting_a_project(bench()).await;
}
