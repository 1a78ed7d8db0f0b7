//! The k-th write or sync fails, once or from then on: clear refusals, nothing lost, and work goes on.

use std::time::{Duration, Instant};

use serde_json::Value;
use tidings_testkit::disk::{Act, SYNCS, Trap, WRITES};

use super::rig::{RECOVERY, Rig, ask, dial};
use crate::world::Server;

/// Changes accepted in a case at least.
const CHANGES: usize = 4;
/// Beyond it the trap is not reached in this case.
const MOST_CHANGES: usize = 600;

/// What became of the cases.
#[derive(Debug, Default)]
struct Tally {
    cases: u64,
    sprung: u64,
    not_started: u64,
    refused: u64,
    ended: u64,
    slowest: Duration,
}

/// Which k: a spread in the tests, each one in the soak.
fn every_k(small: u64) -> impl Iterator<Item = u64> {
    let full = dial("TIDINGS_KTH", 0);
    let (last, step) = if full > 0 {
        (full, 1)
    } else {
        (500, 500 / small)
    };
    (1..=last).step_by(usize::try_from(step).unwrap())
}

async fn run(kinds: u64, act: Act, small: u64) {
    let mut rig = Rig::prepared().await;
    let mut tally = Tally::default();
    for at in every_k(small) {
        for sticky in [false, true] {
            let trap = Trap {
                kinds,
                at,
                sticky,
                act,
            };
            case(&mut rig, trap, &mut tally).await;
        }
    }
    eprintln!("{act:?} at the k-th call of kinds {kinds}: {tally:?}, 0 lost");
    assert!(tally.sprung * 10 >= tally.cases * 9, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kth_write_finds_the_disk_full() {
    run(WRITES, Act::NoSpace, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kth_write_finds_the_disk_broken() {
    run(WRITES, Act::BadDisk, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kth_sync_fails() {
    run(SYNCS, Act::BadDisk, 6).await;
}

async fn case(rig: &mut Rig, trap: Trap, tally: &mut Tally) {
    rig.restore();
    rig.disk.set(trap);
    tally.cases += 1;
    let mut whole = true;
    let mut server = match rig.start() {
        Ok(server) => server,
        Err(refused) => {
            assert_eq!(refused.status.code(), Some(1), "{trap:?} {refused:?}");
            assert!(refused.said.contains("tidings: cannot"), "{refused:?}");
            tally.not_started += 1;
            rig.disk.clear();
            rig.start().unwrap()
        }
    };
    let mut healed = None;
    for _ in 0..MOST_CHANGES {
        let reached = rig.disk.counted() >= trap.at || rig.disk.fired() > 0;
        if rig.accepted.len() >= CHANGES && reached {
            break;
        }
        let reply = rig.change(server.address).await;
        match reply {
            Some(reply) if reply.status == 200 => {
                if let Some(since) = healed.take() {
                    tally.slowest = tally.slowest.max(Instant::elapsed(&since));
                }
            }
            Some(reply) => {
                assert!(reply.is_clear_refusal(), "{trap:?} {reply:?}");
                tally.refused += 1;
                if trap.kinds == SYNCS {
                    // The disk did not confirm something: then the server ends.
                    server = rig.restarted(server).await;
                    (whole, tally.ended) = (false, tally.ended + 1);
                } else if healed.is_none() {
                    if trap.sticky {
                        around(&server, trap).await;
                    }
                    rig.disk.clear();
                    healed = Some(Instant::now());
                }
            }
            None => {
                server = rig.restarted(server).await;
                (whole, tally.ended) = (false, tally.ended + 1);
            }
        }
        let patience = healed.is_none_or(|since| since.elapsed() < RECOVERY);
        assert!(patience, "{trap:?} work does not go on: {}", rig.said());
    }
    tally.sprung += u64::from(rig.disk.fired() > 0);
    rig.finish(server, whole).await;
}

/// While nothing can be written: it lives, says what is wrong, and reads.
async fn around(server: &Server, trap: Trap) {
    let get = async |path: &str| {
        ask(server.address, "GET", path, &Value::Null)
            .await
            .unwrap()
    };
    assert_eq!(get("/healthz").await.status, 200, "{trap:?}");
    assert_eq!(
        get("/api/v1/projects/F/tasks").await.status,
        200,
        "{trap:?}"
    );
    assert_eq!(get("/api/v1/projects/F/deliveries").await.status, 200);
    let ready = get("/readyz").await;
    assert!(ready.is_clear_refusal(), "{trap:?} {ready:?}");
    let expected = match trap.act {
        Act::NoSpace => "disk_full",
        _ => "disk_failing",
    };
    assert_eq!(ready.code(), expected, "{trap:?} {ready:?}");
}
