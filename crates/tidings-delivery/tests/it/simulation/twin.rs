//! The same run twice: once with receivers of every temper, once with all of them well. Whoever is well in both waits no longer in
//! the first.

use std::time::Duration;

use tidings_domain::webhook::Selection;
use tidings_storage::Store;

use super::check::History;
use super::faults::Pace;
use super::hooks::host;
use super::run::{CODES, Run, Shape};
use super::stage::PROJECTS;
use super::{first_broken, in_own_time, number};
use crate::trace;
use crate::transport::Act;

/// Pairs of runs in the commit tests.
const PAIRS: u64 = 60;
/// What reading a page for another webhook may cost, where lanes hold so little that they read all the time.
const PAGE: Duration = Duration::from_millis(4);

/// How long each message to the first webhook waited for its first try, in the order of events.
fn waits(seed: u64, sick: bool) -> Vec<Duration> {
    let shape = Shape {
        sick,
        people: false,
        crashes: false,
        slowness: false,
        refusals: false,
        ..Shape::of(seed)
    };
    in_own_time(async {
        let run = Run::new(seed, shape).await;
        let first = run.hooks.borrow()[0].id;
        let disk = run.stage.disk();
        let (stored, ..) = disk.webhook(PROJECTS[0], first).await.unwrap().unwrap();
        let mut deaf = (*stored).clone();
        // What the server says about the sick is more to send, and not the same in both.
        deaf.events = Selection::Codes(CODES.map(str::to_owned).to_vec());
        deaf.version += 1;
        disk.update_webhook(deaf).await.unwrap();
        // It is well, and takes its time: what waits behind it is seen.
        let steady = |_: &_| Act::Slow(200, 20);
        run.stage.receivers.script(&host(first, 0), steady);
        run.stage.faults.set_pace(Pace::Exactly(1));
        run.go().await;
        History::of(&run).await.waits_of(first)
    })
}

/// Whether somebody else's receiver made a difference.
fn is_delayed(seed: u64) -> bool {
    let [sick, well] = [true, false].map(|sick| waits(seed, sick));
    assert_eq!(sick.len(), well.len(), "seed {seed}: not the same run");
    let mut pairs = sick.iter().zip(&well);
    let worse = pairs.find(|(sick, well)| **sick > **well + PAGE);
    if let Some((sick, well)) = worse {
        println!("seed {seed}: waited {sick:?}, and {well:?} where all are well");
    }
    worse.is_some()
}

#[test]
fn what_is_well_does_not_wait_for_what_is_sick() {
    if let Some(seed) = number("TIDINGS_SIM_SEED") {
        if number("TIDINGS_SIM_TRACE").is_some() {
            trace::print();
        }
        assert!(!is_delayed(seed));
        return;
    }
    let pairs = number("TIDINGS_SIM_SEEDS").unwrap_or(PAIRS);
    let from = number("TIDINGS_SIM_FROM").unwrap_or(0);
    let delayed = first_broken(from..from + pairs, is_delayed);
    assert_eq!(delayed, None, "a healthy webhook waited for another one");
    println!("{pairs} seeds from {from} on, each with a twin that is well");
}
