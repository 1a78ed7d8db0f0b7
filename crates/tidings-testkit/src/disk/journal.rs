//! What is on a disk and what only seems to be: the files as they would be found after a power cut.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::Promise;

/// What is written at once or not at all.
const SECTOR: usize = 512;

/// A change of a file's content.
#[derive(Debug)]
enum Op {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

/// A change that no sync has made durable yet.
#[derive(Debug)]
struct Pending {
    op: Op,
    /// A sync of it failed: the system thinks that there is nothing to write any more.
    given_up: bool,
}

#[derive(Debug, Default)]
struct Content {
    durable: Vec<u8>,
    pending: Vec<Pending>,
    /// So many of them were synced in a way that this disk does not honour at once.
    deferred: usize,
    is_log: bool,
}

#[derive(Debug)]
enum Rename {
    Link(String, usize),
    Unlink(String),
    Move(String, String),
}

/// The files of a folder.
#[derive(Debug, Default)]
pub(super) struct Image {
    contents: Vec<Content>,
    /// Which content an inode has now.
    inodes: HashMap<u64, usize>,
    /// Durable names.
    names: BTreeMap<String, usize>,
    renames: Vec<Rename>,
}

/// Not data: the lock holds nothing, and SQLite makes its index of the log anew.
fn is_noted(name: &str) -> bool {
    !["-shm", ".lock"].iter().any(|end| name.ends_with(end))
}

/// A record of the journal.
struct Record<'a> {
    op: u8,
    inode: u64,
    offset: usize,
    name: &'a str,
    data: &'a [u8],
}

/// Splits one record off; `None` at the end, and at a record that a kill cut off.
fn next<'a>(journal: &mut &'a [u8]) -> Option<Record<'a>> {
    const HEAD: usize = 24;
    let (head, rest) = journal.split_at_checked(HEAD)?;
    let number = |range: std::ops::Range<usize>| {
        let mut bytes = [0; 8];
        let part = head.get(range)?;
        bytes.get_mut(..part.len())?.copy_from_slice(part);
        usize::try_from(u64::from_le_bytes(bytes)).ok()
    };
    let (name, rest) = rest.split_at_checked(number(1..2)?)?;
    let (data, rest) = rest.split_at_checked(number(4..8)?)?;
    let record = Record {
        op: *head.first()?,
        inode: u64::try_from(number(8..16)?).ok()?,
        offset: number(16..24)?,
        name: std::str::from_utf8(name).ok()?,
        data,
    };
    *journal = rest;
    Some(record)
}

impl Image {
    /// What is in a folder, all of it durable.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let mut image = Self::default();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_file() && is_noted(&name) {
                let place = image.add(entry.metadata()?.ino(), &name, fs::read(entry.path())?);
                image.names.insert(name, place);
            }
        }
        Ok(image)
    }

    fn add(&mut self, inode: u64, name: &str, durable: Vec<u8>) -> usize {
        self.contents.push(Content {
            durable,
            is_log: name.ends_with("-wal"),
            ..Content::default()
        });
        let place = self.contents.len() - 1;
        self.inodes.insert(inode, place);
        place
    }

    /// Lives through what the journal tells.
    pub(super) fn replay(&mut self, mut journal: &[u8], promise: Promise) {
        while let Some(record) = next(&mut journal) {
            match record.op {
                b'c' => {
                    let place = self.add(record.inode, record.name, Vec::new());
                    let link = Rename::Link(record.name.to_owned(), place);
                    self.renames.push(link);
                }
                b'u' => self.renames.push(Rename::Unlink(record.name.to_owned())),
                b'r' => {
                    let (old, new) = record.name.split_once('/').unwrap_or_default();
                    let rename = Rename::Move(old.to_owned(), new.to_owned());
                    self.renames.push(rename);
                }
                b'd' => {
                    for rename in std::mem::take(&mut self.renames) {
                        self.rename(rename);
                    }
                }
                _ => self.change(&record, promise),
            }
        }
    }

    fn change(&mut self, record: &Record<'_>, promise: Promise) {
        let Some(place) = self.inodes.get(&record.inode).copied() else {
            return;
        };
        let op = match record.op {
            b'w' => Some(Op::Write(record.offset, record.data.to_vec())),
            b't' => Some(Op::Truncate(record.offset)),
            _ => None,
        };
        if op.is_some() && self.contents.get(place).is_some_and(|c| !c.is_log) {
            // Before anything is copied out of a log, the log is synced in every mode.
            self.contents.iter_mut().for_each(Content::honour);
        }
        let Some(content) = self.contents.get_mut(place) else {
            return;
        };
        match (op, record.op) {
            (Some(op), _) => content.pending.push(Pending {
                op,
                given_up: false,
            }),
            (None, b's') if promise == Promise::Normal && content.is_log => {
                content.deferred = content.pending.len();
            }
            (None, b's') => content.sync(content.pending.len()),
            (None, _) => content.pending.iter_mut().for_each(|p| p.given_up = true),
        }
    }

    fn rename(&mut self, rename: Rename) {
        match rename {
            Rename::Link(name, place) => drop(self.names.insert(name, place)),
            Rename::Unlink(name) => drop(self.names.remove(&name)),
            Rename::Move(old, new) => {
                if let Some(place) = self.names.remove(&old) {
                    self.names.insert(new, place);
                }
            }
        }
    }

    /// Puts into the folder what is left.
    pub(super) fn cut(mut self, folder: &Path, chance: &mut dyn FnMut() -> u64) -> io::Result<()> {
        // Names are kept in a journal of the file system: a first part of them is there.
        let mut renames = std::mem::take(&mut self.renames);
        renames.truncate(below(renames.len() + 1, chance));
        for rename in renames {
            self.rename(rename);
        }
        for entry in fs::read_dir(folder)? {
            fs::remove_file(entry?.path())?;
        }
        for (name, place) in std::mem::take(&mut self.names) {
            if let Some(content) = self.contents.get_mut(place) {
                content.lose(chance);
                let path = folder.join(name);
                fs::write(&path, &content.durable)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            }
        }
        Ok(())
    }
}

fn below(end: usize, chance: &mut dyn FnMut() -> u64) -> usize {
    usize::try_from(chance()).unwrap_or_default() % end.max(1)
}

impl Content {
    fn sync(&mut self, until: usize) {
        self.deferred = 0;
        let all = std::mem::take(&mut self.pending);
        for (n, pending) in all.into_iter().enumerate() {
            if n < until && !pending.given_up {
                self.apply(&pending.op);
            } else {
                self.pending.push(pending);
            }
        }
    }

    fn honour(&mut self) {
        if self.deferred > 0 {
            self.sync(self.deferred);
        }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Write(offset, data) => {
                let end = offset + data.len();
                if self.durable.len() < end {
                    self.durable.resize(end, 0);
                }
                if let Some(place) = self.durable.get_mut(*offset..end) {
                    place.copy_from_slice(data);
                }
            }
            Op::Truncate(length) => self.durable.resize(*length, 0),
        }
    }

    /// The power is cut: of what was not synced nothing is left, or all, or the first part, or any of its sectors.
    fn lose(&mut self, chance: &mut dyn FnMut() -> u64) {
        let pending = std::mem::take(&mut self.pending);
        let (keep, scattered) = match chance() % 4 {
            0 => (0, false),
            1 => (pending.len(), false),
            2 => (below(pending.len() + 1, chance), false),
            _ => (pending.len(), true),
        };
        for pending in pending.into_iter().take(keep) {
            if !scattered {
                self.apply(&pending.op);
                continue;
            }
            match pending.op {
                Op::Write(mut offset, data) => {
                    let mut data = data.as_slice();
                    while !data.is_empty() {
                        let end = (SECTOR - offset % SECTOR).min(data.len());
                        let (sector, rest) = data.split_at(end);
                        if chance().is_multiple_of(2) {
                            self.apply(&Op::Write(offset, sector.to_vec()));
                        }
                        offset += end;
                        data = rest;
                    }
                }
                op @ Op::Truncate(_) => {
                    if chance().is_multiple_of(2) {
                        self.apply(&op);
                    }
                }
            }
        }
    }
}
