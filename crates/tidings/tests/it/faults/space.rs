//! The disk is full: refusals that say so, reads and deliveries that go on, nothing forgotten, and work again when there is room.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tidings_testkit::disk::{Act, Trap, WRITES};

use super::rig::{RECOVERY, Rig, dial};
use crate::world::Server;

/// Changes that wait when the disk fills up.
const WAITING: usize = 300;
/// Results that a lane keeps in memory while they cannot be written: then it sends nothing more.
const KEPT: usize = 256;

/// A disk of [`Mount::BYTES`] is filled so often before it is filled with what was recorded.
const FILLS: u64 = 4;
/// A log that was just emptied.
const SHORT: u64 = 1 << 20;

/// Changes things until the disk is full.
async fn fill(rig: &mut Rig, server: &Server) {
    loop {
        let reply = rig.change(server.address).await.unwrap();
        if reply.status != 200 {
            assert!(reply.is_clear_refusal(), "{reply:?}");
            assert_eq!(reply.code(), "disk_full", "{reply:?}");
            return;
        }
    }
}

/// It lives, says what is wrong, and reads.
async fn lives(rig: &Rig, server: &Server) {
    let reply = rig.get(server, "/readyz").await;
    assert_eq!((reply.status, reply.code()), (503, "disk_full"));
    assert!(reply.is_clear_refusal(), "{reply:?}");
    reads(rig, server).await;
}

/// It lives, and reads. Whether there is room again is for the write-ahead log to say: emptying it may have made some.
async fn reads(rig: &Rig, server: &Server) {
    for (path, status) in [
        ("/healthz", 200),
        ("/api/v1/projects/F/tasks", 200),
        ("/api/v1/projects/F/deliveries", 200),
        ("/metrics", 200),
    ] {
        let reply = rig.get(server, path).await;
        assert_eq!(reply.status, status, "{path} {reply:?}");
    }
}

/// The room is back: the first change that is accepted comes soon.
async fn goes_on(rig: &mut Rig, server: &Server) {
    let since = Instant::now();
    while rig.change(server.address).await.unwrap().status != 200 {
        assert!(since.elapsed() < RECOVERY, "{}", rig.said());
    }
    loop {
        let ready = rig.get(server, "/readyz").await;
        if ready.status == 200 {
            return;
        }
        assert!(since.elapsed() < RECOVERY, "{ready:?} {}", rig.said());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_changes_until_there_is_room() {
    let mut rig = Rig::prepared().await;
    let server = rig.start().unwrap();
    let fills = dial("TIDINGS_FULL", 4);
    for turn in 0..fills {
        rig.disk.leave_room(40_000 * (turn % 4));
        fill(&mut rig, &server).await;
        assert!(rig.disk.refused() > 0);
        reads(&rig, &server).await;
        let before = rig.said().lines().count();
        for _ in 0..50 {
            fill(&mut rig, &server).await;
        }
        let lines = rig.said().lines().count() - before;
        assert!(
            lines < 10,
            "the log would fill the disk too: {}",
            rig.said()
        );
        rig.disk.free();
        goes_on(&mut rig, &server).await;
    }
    rig.finish(server, true).await;
    println!("a disk filled {fills} times, 0 lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_kept_while_the_disk_is_full() {
    let mut rig = Rig::prepared().await;
    let server = rig.start().unwrap();
    let webhook = "/projects/F/webhooks/1";
    let path = format!("{webhook}/pause");
    server.call("POST", &path, &Value::Null).await;
    for _ in 0..WAITING {
        rig.change(server.address).await.unwrap();
    }
    rig.receiver.slow_down(Duration::from_millis(20));
    let path = format!("{webhook}/resume");
    server.call("POST", &path, &Value::Null).await;
    // Not one byte: what is left of the write-ahead log would take a while to fill.
    rig.disk.set(Trap {
        kinds: WRITES,
        at: 1,
        sticky: true,
        act: Act::NoSpace,
    });
    // What was sent before the disk was full is written; of the rest the lane keeps so many results, and then waits.
    let got = rig
        .receiver
        .until("deliveries go on", |got| got.len() >= KEPT)
        .await;
    assert!(
        got.len() < WAITING,
        "it waits when it has too much to remember"
    );
    lives(&rig, &server).await;
    rig.disk.clear();
    rig.all_arrived().await;
    let all = rig.receiver.all();
    let ids: HashSet<_> = all.iter().map(|g| g.header("webhook-id")).collect();
    assert_eq!(ids.len(), all.len(), "nothing was forgotten and sent again");
    rig.finish(server, true).await;
}

/// The log is on the same disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_written_stops_nobody() {
    let mut rig = Rig::prepared().await;
    let mut command = rig.command();
    let full = || {
        fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    command.env("TIDINGS_LOG_LEVEL", "debug").stderr(full());
    let server = Server::try_start(command).unwrap();
    for _ in 0..3 {
        assert_eq!(rig.change(server.address).await.unwrap().status, 200);
    }
    rig.disk.leave_room(0);
    fill(&mut rig, &server).await;
    rig.disk.free();
    goes_on(&mut rig, &server).await;
    rig.finish(server, true).await;
}

/// A real file system without room, where one may be made. It is full long before the write-ahead log has its usual size: if the log
/// took the room that comes back, there would soon be none that can come back.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_tmpfs_is_survived_too() {
    let mut rig = Rig::prepared().await;
    let Some(mount) = Mount::over(rig.disk.folder()) else {
        println!("no tmpfs can be mounted here: the simulated disk has to do");
        return;
    };
    let (fills, mut most) = (dial("TIDINGS_FULL", 4), 0);
    // What is recorded stays: so many fills, and the disk is full of that.
    for round in 0..fills.div_ceil(FILLS) {
        rig.restore();
        let server = rig.start().unwrap();
        for _ in round * FILLS..fills.min((round + 1) * FILLS) {
            let ballast = rig.disk.folder().join("ballast");
            // As much of it as fits.
            let _ = fs::write(&ballast, vec![1; Mount::BALLAST]);
            fill(&mut rig, &server).await;
            reads(&rig, &server).await;
            most = most.max(log(&rig));
            fs::remove_file(&ballast).unwrap();
            goes_on(&mut rig, &server).await;
            log_is_emptied(&mut rig, &server).await;
        }
        rig.finish(server, true).await;
    }
    assert!(most > SHORT, "the log had taken the room: {most}");
    drop(mount);
    println!("a tmpfs filled {fills} times, 0 lost");
}

/// How long the write-ahead log is.
fn log(rig: &Rig) -> u64 {
    let log = rig.disk.folder().join("tidings.db-wal");
    log.metadata().map_or(0, |log| log.len())
}

/// The room that came back is not the log's.
async fn log_is_emptied(rig: &mut Rig, server: &Server) {
    let since = Instant::now();
    while log(rig) > SHORT {
        rig.change(server.address).await.unwrap();
        assert!(since.elapsed() < RECOVERY, "{} bytes", log(rig));
    }
}

/// A small tmpfs in the place of a folder.
struct Mount(PathBuf);

impl Mount {
    const BYTES: usize = 12 << 20;
    /// What is in the way until somebody makes room.
    const BALLAST: usize = 4 << 20;

    fn over(folder: &Path) -> Option<Self> {
        let size = format!("size={}", Self::BYTES);
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder);
        let done = mount.stderr(std::process::Stdio::null()).status();
        done.is_ok_and(|s| s.success())
            .then(|| Self(folder.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        Command::new("umount")
            .args(["-l"])
            .arg(&self.0)
            .status()
            .ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_full_disk_is_refused_in_one_line() {
    let rig = Rig::prepared().await;
    rig.disk.leave_room(0);
    let refused = rig.start().err().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let last = refused.said.lines().last().unwrap_or_default();
    assert!(last.starts_with("tidings: cannot"), "{refused:?}");
    assert!(last.contains("full"), "{refused:?}");
}
