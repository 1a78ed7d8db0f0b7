//! The power fails: of what was not synced anything may be missing, and what was answered with success is all there.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;

use tidings_testkit::disk::{Act, Promise, SYNCS, Trap};

use super::rig::{Chance, RECOVERY, Rig, ask, dial};
use crate::kill::{Journal, check_order, check_repeats, events, load_and_kill, populate};

/// The events on the disk; looked at in a copy, so that the server meets what the cut left.
fn stored(rig: &Rig) -> HashSet<u64> {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(rig.disk.folder()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let database = rusqlite::Connection::open(copy.path().join("tidings.db")).unwrap();
    let check: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    let mut rows = database.prepare("SELECT id FROM events").unwrap();
    rows.query_map([], |row| row.get::<_, i64>(0))
        .unwrap()
        .map(|id| u64::try_from(id.unwrap()).unwrap())
        .collect()
}

/// So many cuts under load; how many accepted changes are lost. Ends at the first loss.
async fn lost_in(cuts: u64, promise: Promise) -> usize {
    let mut rig = Rig::empty().await;
    rig.disk.record();
    let journal = Arc::new(Journal::default());
    let mut server = rig.start().unwrap();
    populate(&server, &rig.receiver).await;
    let mut chance = Chance::new(1);
    for cycle in 0..cuts {
        let until = journal.count() + 1 + chance.next() % 300;
        load_and_kill(server, &journal, cycle, until).await;
        rig.disk.cut(promise, &mut || chance.next());
        let stored = stored(&rig);
        let accepted = journal.accepted.lock().clone();
        let lost = accepted.difference(&stored).count();
        if lost > 0 {
            return lost;
        }
        server = rig.start().unwrap();
    }
    let accepted = journal.accepted.lock().clone();
    let arrived = |got: &[crate::world::Got]| accepted.is_subset(&events(got));
    let got = rig.receiver.until("every accepted change", arrived).await;
    check_repeats(&got);
    check_order(&got);
    eprintln!(
        "{cuts} power cuts, {} changes accepted, {} requests received, 0 lost",
        accepted.len(),
        got.len()
    );
    0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_nothing_that_was_accepted() {
    let lost = lost_in(dial("TIDINGS_CUTS", 8), Promise::Honest).await;
    assert_eq!(lost, 0);
}

/// Else the test above would be blind.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_would_lose_commits_that_were_not_synced() {
    let lost = lost_in(8, Promise::Normal).await;
    assert!(lost > 0, "the weaker promise was not noticed");
    println!("with the syncs of `synchronous = NORMAL`: {lost} lost");
}

/// A sync fails, the server ends, is started again on the same machine, goes on, and then the power fails: what the failed sync
/// was to write is still read from memory and is not on the disk, however often it is synced.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_sync_and_a_restart_a_power_cut_loses_nothing() {
    let mut rig = Rig::prepared().await;
    let mut chance = Chance::new(2);
    let cases = dial("TIDINGS_CUTS", 8);
    for at in 0..cases {
        rig.restore();
        rig.disk.record();
        rig.disk.set(Trap {
            kinds: SYNCS,
            at: 3 + at * 3 % 40,
            sticky: false,
            act: Act::BadDisk,
        });
        let mut server = match rig.start() {
            Ok(server) => server,
            Err(_) => rig.start().unwrap(),
        };
        while rig.disk.fired() == 0 {
            rig.change(server.address).await;
        }
        if let Some(status) = server.ended(RECOVERY / 5).await {
            assert_eq!(status.code(), Some(1));
            server = rig.start().unwrap();
        }
        for _ in 0..10 {
            rig.change(server.address).await.unwrap();
        }
        server.kill();
        rig.disk.cut(Promise::Honest, &mut || chance.next());
        let stored = stored(&rig);
        let lost: Vec<_> = rig.accepted.difference(&stored).collect();
        assert!(lost.is_empty(), "{at}: {lost:?} of {:?}", rig.accepted);
        let server = rig.start().unwrap();
        assert_eq!(
            ask(server.address, "GET", "/readyz", &serde_json::Value::Null)
                .await
                .unwrap()
                .status,
            200
        );
        rig.finish(server, false).await;
    }
    println!("{cases} power cuts after a failed sync and a restart, 0 lost");
}
