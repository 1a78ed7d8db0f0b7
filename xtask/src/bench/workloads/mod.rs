//! The workloads, in the order in which they run.

mod backlog;
mod idle;
mod latency;
mod log;
mod pages;
mod throughput;

use super::Bench;

/// A workload: its name, what it is, and how it is measured.
type Workload = (
    &'static str,
    &'static str,
    fn(&mut Bench) -> anyhow::Result<()>,
);

pub(super) const ALL: &[Workload] = &[
    (
        "R",
        "a bare hyper client, 1 KiB, 64 connections",
        throughput::r,
    ),
    ("W1", "one webhook, one change per request", throughput::w1),
    (
        "W1b",
        "one webhook, 100 changes per request",
        throughput::w1b,
    ),
    ("W2", "ten webhooks, one change per request", throughput::w2),
    ("HTTPS", "W2 over HTTPS", throughput::https),
    ("W3", "delay at 50 changes per second", latency::w3),
    (
        "W4",
        "delay to healthy webhooks while others hang",
        latency::w4,
    ),
    ("W5", "10,000 webhooks in 1,000 projects", throughput::w5),
    (
        "W6",
        "a million deliveries that wait for a dead webhook",
        backlog::run,
    ),
    ("W7", "a log of 5,000,000 attempts", log::w7),
    (
        "level",
        "whether the file of the log stays level",
        log::level,
    ),
    (
        "pages",
        "every page of the console, with a million deliveries",
        pages::run_all,
    ),
    (
        "idle",
        "memory and start of a server with nothing to do",
        idle::run,
    ),
];
