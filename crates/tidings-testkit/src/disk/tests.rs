//! The file layer does what it says, under scripts of a shell.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use super::{Act, Disk, NAMES, Promise, SYNCS, Trap, WRITES};

struct World {
    disk: Disk,
    data: PathBuf,
    _home: tempfile::TempDir,
}

fn world() -> World {
    let home = tempfile::tempdir().unwrap();
    let (data, side) = (home.path().join("data"), home.path().join("side"));
    fs::create_dir(&data).unwrap();
    fs::create_dir(&side).unwrap();
    let disk = Disk::new(&data, &side, &side);
    World {
        disk,
        data,
        _home: home,
    }
}

impl World {
    /// A script in the folder, under the layer.
    fn sh(&self, script: &str) -> ExitStatus {
        let mut command = Command::new("sh");
        // The shell's own `echo` writes in this process, so that each line is one call.
        command.args(["-c", script]).env("D", self.disk.folder());
        command.stderr(std::process::Stdio::null());
        self.disk.prepare(&mut command);
        command.status().unwrap()
    }

    fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.data.join(name)).ok()
    }
}

#[test]
fn the_kth_call_fails_once_or_from_then_on() {
    for (sticky, expected) in [(false, "one\nthree\n"), (true, "one\n")] {
        let world = world();
        world.disk.set(Trap {
            kinds: WRITES,
            at: 2,
            sticky,
            act: Act::NoSpace,
        });
        world.sh("exec > $D/file; echo one; echo two; echo three");
        assert_eq!(world.text("file").unwrap(), expected);
        assert_eq!(world.disk.fired(), if sticky { 2 } else { 1 });
    }
}

#[test]
fn the_process_dies_before_or_after_the_kth_call() {
    for (act, expected) in [(Act::KillBefore, "one\n"), (Act::KillAfter, "one\ntwo\n")] {
        let world = world();
        world.disk.set(Trap {
            kinds: WRITES,
            at: 2,
            sticky: false,
            act,
        });
        let status = world.sh("exec > $D/file; echo one; echo two; echo three");
        assert!(!status.success());
        assert_eq!(world.text("file").unwrap(), expected);
    }
}

#[test]
fn what_does_not_fit_is_refused_until_there_is_room() {
    let world = world();
    world.disk.leave_room(6);
    assert!(!world.sh("exec > $D/file; echo one; echo two").success());
    assert_eq!(world.text("file").unwrap(), "one\ntw");
    assert!(world.disk.refused() > 0);
    world.disk.free();
    assert!(world.sh("echo three >> $D/file").success());
    assert_eq!(world.text("file").unwrap(), "one\ntwthree\n");
}

#[test]
fn a_folder_may_be_read_only() {
    let world = world();
    world.disk.set(Trap {
        kinds: NAMES,
        at: 1,
        sticky: true,
        act: Act::ReadOnly,
    });
    assert!(!world.sh("echo one > $D/file").success());
    assert_eq!(world.text("file"), None);
}

#[test]
fn a_cut_keeps_what_was_synced_and_only_that_for_sure() {
    let mut kept = [0, 0];
    for turn in 0..16 {
        let mut world = world();
        fs::write(world.data.join("old"), "old\n").unwrap();
        world.disk.record();
        world.sh("echo new >> $D/old; sync $D/old; echo lost >> $D/old; echo x > $D/a; echo x > $D/b; sync $D/b $D");
        let mut chance = turn * 7;
        world.disk.cut(Promise::Honest, &mut || {
            chance = (chance * 5 + 3) % 1009;
            chance >> 2
        });
        let old = world.text("old").unwrap();
        assert!(old.starts_with("old\nnew\n"), "{old:?}");
        kept[usize::from(old.ends_with("lost\n"))] += 1;
        assert_eq!(world.text("b").as_deref(), Some("x\n"));
        assert!(
            world.text("a").is_some(),
            "its name was synced with the folder"
        );
    }
    assert!(kept[0] > 0 && kept[1] > 0, "chance decides: {kept:?}");
}

#[test]
fn a_failed_sync_is_not_mended_by_the_next() {
    let mut lost = false;
    for turn in 0..8 {
        let mut world = world();
        world.sh("echo old > $D/file");
        world.disk.record();
        world.disk.set(Trap {
            kinds: SYNCS,
            at: 1,
            sticky: false,
            act: Act::BadDisk,
        });
        assert!(!world.sh("echo new >> $D/file; sync $D/file").success());
        assert!(world.sh("sync $D/file").success());
        let mut chance = turn;
        world.disk.cut(Promise::Honest, &mut || {
            chance += 1;
            chance
        });
        lost |= world.text("file").unwrap() == "old\n";
    }
    assert!(lost);
}

#[test]
fn a_log_that_is_not_synced_at_each_commit_is_lost() {
    for (promise, expected) in [(Promise::Honest, "commit\n"), (Promise::Normal, "")] {
        let mut world = world();
        world.sh(": > $D/db-wal");
        world.disk.record();
        world.sh("echo commit >> $D/db-wal; sync $D/db-wal");
        world.disk.cut(promise, &mut || 0);
        assert_eq!(world.text("db-wal").unwrap(), expected);
    }
    let mut world = world();
    world.sh(": > $D/db-wal; : > $D/db");
    world.disk.record();
    world.sh("echo commit >> $D/db-wal; sync $D/db-wal; echo page > $D/db");
    world.disk.cut(Promise::Normal, &mut || 0);
    assert_eq!(world.text("db-wal").unwrap(), "commit\n");
}
