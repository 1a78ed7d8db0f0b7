//! What was in a run: a rule proves nothing about what never happens.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::check::History;
use super::stage::End;
use crate::transport::Seen;

/// What happened, in one run or in several.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Points at the gate of the store.
    pub(super) points: u64,
    deliveries: u64,
    requests: u64,
    crashes: u64,
    /// Deliveries made by a recovery, of events recorded while their webhook was off.
    made_up_for: u64,
    /// Deliveries whose first request said that they were late.
    late: u64,
    /// Requests with two signatures.
    rotations: u64,
    /// Changes that were sent again under their key after they had been recorded.
    repeats: u64,
    /// Who waited for first tries and was told right.
    waits: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.points += other.points;
        self.deliveries += other.deliveries;
        self.requests += other.requests;
        self.crashes += other.crashes;
        self.made_up_for += other.made_up_for;
        self.late += other.late;
        self.rotations += other.rotations;
        self.repeats += other.repeats;
        self.waits += other.waits;
    }

    /// Whether something never happened.
    pub(super) fn misses_something(&self) -> bool {
        let kinds = [
            self.points,
            self.deliveries,
            self.requests,
            self.crashes,
            self.made_up_for,
            self.late,
            self.rotations,
            self.repeats,
            self.waits,
        ];
        kinds.contains(&0)
    }
}

impl History<'_> {
    pub(super) fn counts(&self) -> Counts {
        let run = self.run;
        let made = self.made.values();
        let told = run.tally.told.lock();
        // Whoever is on when something happens is told in the moment of the event.
        let at_once: BTreeSet<_> = run.tally.at_once.lock().clone();
        let made_up_for = made.filter(|m| {
            let told = m.event.filter(|event| told.contains_key(event));
            told.is_some_and(|event| !at_once.contains(&(event, m.hook)))
        });
        let seen = || self.seen.iter();
        let count = |n: usize| n as u64;
        let signed_twice = |s: &&Seen| {
            let signature = s.header("webhook-signature");
            signature.is_some_and(|all| all.contains(' '))
        };
        Counts {
            points: run.stage.faults.passed(),
            deliveries: count(self.made.len()),
            requests: count(self.seen.len()),
            crashes: count(self.ends.iter().filter(|end| **end == End::Crash).count()),
            made_up_for: count(made_up_for.count()),
            late: count(
                seen()
                    .filter(|s| s.header("x-tidings-late").is_some())
                    .count(),
            ),
            rotations: count(seen().filter(signed_twice).count()),
            repeats: run.tally.repeats.load(Ordering::Relaxed),
            waits: run.waits.right.load(Ordering::Relaxed),
        }
    }
}
