//! One script, and the process dies at every call it makes of the disk: from the first start on an empty folder to the orderly
//! stop.

use serde_json::Value;
use tidings_testkit::disk::{Act, NAMES, SYNCS, Trap, WRITES};

use super::rig::{Rig, dial};
use crate::world::{PATIENCE, Server};

const CHANGES: usize = 6;

/// Runs the script once, dying at that call; whether the script has so many calls.
async fn dies_at(rig: &mut Rig, at: u64, act: Act) -> bool {
    rig.restore();
    rig.disk.set(Trap {
        kinds: WRITES | SYNCS | NAMES,
        at,
        sticky: false,
        act,
    });
    let script = async |rig: &mut Rig| -> Option<Server> {
        let mut server = rig.start().ok()?;
        rig.populate(server.address).await?;
        while rig.accepted.len() < CHANGES {
            rig.change(server.address).await?;
        }
        // It may die while it notes what it sent.
        tokio::select! {
            () = rig.all_arrived() => {}
            _ = server.ended(PATIENCE) => return None,
        }
        if rig.disk.fired() == 0 && server.terminate().success() {
            return None;
        }
        Some(rig.start().unwrap())
    };
    let server = match script(rig).await {
        Some(server) => server,
        None if rig.disk.fired() == 0 => return false,
        None => script_again(rig).await,
    };
    rig.finish(server, false).await;
    true
}

/// After the death: everything from the start, on what is there.
async fn script_again(rig: &mut Rig) -> Server {
    let server = rig.start().unwrap_or_else(|e| panic!("{e:?}"));
    rig.populate(server.address).await.unwrap();
    while rig.accepted.len() < CHANGES {
        let reply = rig.change(server.address).await.unwrap();
        assert_ne!(reply.body, Value::Null);
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_after_every_call_of_the_disk_loses_nothing() {
    let step = dial("TIDINGS_KILL_STEP", 11);
    // Where to begin, for looking at one.
    let first = dial("TIDINGS_KILL_FIRST", 1);
    let mut rig = Rig::empty().await;
    let mut kills = 0;
    for n in 0.. {
        // In turns, so that a coarse step sees both.
        let act = if n % 2 == 0 {
            Act::KillAfter
        } else {
            Act::KillBefore
        };
        println!("dying at call {}: {act:?}", first + n * step);
        if !dies_at(&mut rig, first + n * step, act).await {
            println!(
                "{kills} kills, at one call in {step} of {}, 0 lost",
                first + n * step
            );
            break;
        }
        kills += 1;
    }
    assert!(kills > 10 || step > 11, "{kills}");
}
