//! A disk that fails on demand: calls that return errors, no space, a process killed at its k-th call, power cuts.
//!
//! A small C library ([`Disk::prepare`] puts it into a command's `LD_PRELOAD`) stands between the program and the files of one
//! folder, so that the program under test is the one that ships. Linux only; needs a C compiler, as the build itself does.
//!
//! A power cut keeps what was synced, and of the rest what chance wills: nothing, all, the first part, or any set of 512-byte
//! sectors. A sync that failed made nothing durable, and the pages it was to write count as clean: a later sync that succeeds
//! does not bring them to the disk either (what PostgreSQL found out about fsync in 2018).

mod journal;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use journal::Image;

/// Kinds of calls that a [`Trap`] counts: writes and truncations.
pub const WRITES: u64 = 1;
/// Syncs of files and of the folder.
pub const SYNCS: u64 = 2;
/// Making, removing and renaming files, and opening them for writing.
pub const NAMES: u64 = 4;

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It does nothing and fails: EIO.
    BadDisk,
    /// It does nothing and fails: ENOSPC.
    NoSpace,
    /// It does nothing and fails: EROFS.
    ReadOnly,
    /// The process dies instead.
    KillBefore,
    /// The process dies when it is done.
    KillAfter,
}

/// Something that happens at the `at`-th call, counted from when the trap is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    /// Which calls count.
    pub kinds: u64,
    /// At which it happens, from 1.
    pub at: u64,
    /// Whether it happens at every later one too.
    pub sticky: bool,
    /// What happens.
    pub act: Act,
}

/// What a power cut leaves of what was synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// All of it.
    Honest,
    /// All but the last syncs of a write-ahead log, unless another file was written since: what `synchronous = NORMAL` would
    /// have done. For showing that a test notices.
    Normal,
}

/// Places on the control page; `layer.c` has the same.
mod place {
    pub(super) const COUNTED: u64 = 0;
    pub(super) const KINDS: u64 = 1;
    pub(super) const AT: u64 = 2;
    pub(super) const STICKY: u64 = 3;
    pub(super) const ACTION: u64 = 4;
    pub(super) const ERROR: u64 = 5;
    pub(super) const FIRED: u64 = 6;
    pub(super) const RECORD: u64 = 7;
    pub(super) const CAPACITY: u64 = 8;
    pub(super) const USED: u64 = 9;
    pub(super) const REFUSED: u64 = 10;
    pub(super) const PAGE_BYTES: usize = 128;
}

/// The files of one folder, under a disk that does what it is told.
#[derive(Debug)]
pub struct Disk {
    library: PathBuf,
    folder: PathBuf,
    control: File,
    control_path: PathBuf,
    journal_path: PathBuf,
    base: Option<Image>,
}

#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test without its disk cannot go on"
)]
impl Disk {
    /// For the files in `folder`; `side` is for the harness's own, `built` for the compiled layer.
    pub fn new(folder: &Path, side: &Path, built: &Path) -> Self {
        let (control_path, journal_path) = (side.join("disk-control"), side.join("disk-journal"));
        fs::write(&control_path, [0; place::PAGE_BYTES]).expect("a control page");
        fs::write(&journal_path, []).expect("a journal");
        let control = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&control_path);
        Self {
            library: compile(built),
            folder: folder.canonicalize().expect("the folder"),
            control: control.expect("the control page"),
            control_path,
            journal_path,
            base: None,
        }
    }

    /// Where the files are, in the words by which the layer knows them.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Lets a command meet this disk.
    pub fn prepare(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("DISK_LAYER_CONTROL", &self.control_path)
            .env("DISK_LAYER_JOURNAL", &self.journal_path)
            .env("DISK_LAYER_FOLDER", &self.folder);
    }

    fn get(&self, at: u64) -> u64 {
        let mut bytes = [0; 8];
        self.control
            .read_exact_at(&mut bytes, at * 8)
            .expect("the control page");
        u64::from_ne_bytes(bytes)
    }

    fn put(&self, at: u64, value: u64) {
        self.control
            .write_all_at(&value.to_ne_bytes(), at * 8)
            .expect("the control page");
    }

    /// Sets a trap in the place of the one before; works while the program runs.
    pub fn set(&self, trap: Trap) {
        let (action, error) = match trap.act {
            Act::BadDisk => (1, 5),
            Act::NoSpace => (1, 28),
            Act::ReadOnly => (1, 30),
            Act::KillBefore => (2, 0),
            Act::KillAfter => (3, 0),
        };
        self.put(place::AT, 0);
        self.put(place::KINDS, trap.kinds);
        self.put(place::STICKY, trap.sticky.into());
        self.put(place::ACTION, action);
        self.put(place::ERROR, error);
        self.put(place::FIRED, 0);
        self.put(place::COUNTED, 0);
        self.put(place::AT, trap.at);
    }

    /// Removes the trap; calls of these kinds are still counted.
    pub fn clear(&self) {
        self.put(place::AT, 0);
    }

    /// How many calls were counted since the trap was set.
    pub fn counted(&self) -> u64 {
        self.get(place::COUNTED)
    }

    /// How often the trap was sprung.
    pub fn fired(&self) -> u64 {
        self.get(place::FIRED)
    }

    /// From now on only so many bytes more fit.
    pub fn leave_room(&self, bytes: u64) {
        let files = fs::read_dir(&self.folder).expect("the folder");
        let sizes = files.map(|f| f.and_then(|f| f.metadata()).map_or(0, |m| m.len()));
        let used = sizes.sum::<u64>();
        self.put(place::REFUSED, 0);
        self.put(place::USED, used);
        self.put(place::CAPACITY, used + bytes);
    }

    /// There is room again.
    pub fn free(&self) {
        self.put(place::CAPACITY, 0);
    }

    /// How many writes found no room.
    pub fn refused(&self) -> u64 {
        self.get(place::REFUSED)
    }

    /// From now on power cuts are possible: what is in the folder counts as durable. Not while the program runs.
    pub fn record(&mut self) {
        fs::write(&self.journal_path, []).expect("a journal");
        self.base = Some(Image::of(&self.folder).expect("the files"));
        self.put(place::RECORD, 1);
    }

    /// Leaves in the folder what a power cut would have left: what the program, which was killed, had synced, and of the rest
    /// what `chance` wills. Recording goes on from there.
    pub fn cut(&mut self, promise: Promise, chance: &mut dyn FnMut() -> u64) {
        let journal = fs::read(&self.journal_path).expect("the journal");
        let mut image = self.base.take().expect("recording");
        image.replay(&journal, promise);
        image.cut(&self.folder, chance).expect("the files");
        self.record();
    }
}

/// Compiles the layer, once for each version of its source.
#[expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test without its disk cannot go on"
)]
fn compile(into: &Path) -> PathBuf {
    const SOURCE: &str = include_str!("disk/layer.c");
    let version = SOURCE.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| {
        (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    let library = into.join(format!("disk-layer-{version:016x}.so"));
    if library.exists() {
        return library;
    }
    fs::create_dir_all(into).expect("a folder for the layer");
    // Several tests may do this at once; the last rename wins, and all are the same.
    let mine = tempfile::NamedTempFile::new_in(into).expect("a file for the layer");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-O1", "-shared", "-fPIC", "-x", "c", "-", "-o"])
        .arg(mine.path())
        .args(["-ldl", "-lpthread"])
        .stdin(std::process::Stdio::piped());
    let mut child = compiler.spawn().expect("a C compiler, called cc");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(SOURCE.as_bytes()).expect("its input");
    drop(input);
    let status = child.wait().expect("its end");
    assert!(status.success(), "the layer does not compile: {status}");
    if let Err(error) = mine.persist(&library) {
        panic!("the layer cannot be kept: {error}");
    }
    library
}

#[cfg(test)]
mod tests;
