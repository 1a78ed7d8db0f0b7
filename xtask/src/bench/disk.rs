//! The disk's own sync time, and where the databases lie.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::options::Options;
use super::process::Folder;

/// Small writes that are timed.
const SAMPLES: usize = 500;
/// Above this median the disk, not the server, would be measured by W1 and W1b: they run in memory then.
pub(super) const SLOW_MS: f64 = 0.3;
/// Where Linux keeps files in memory.
const MEMORY: &str = "/dev/shm";

/// Time of a small write that must reach the disk, in place, as a commit into a log that has its length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sync {
    pub(super) median_ms: f64,
    pub(super) p99_ms: f64,
}

/// Where the databases lie.
pub(super) struct Disks {
    folder: Folder,
    memory: Option<Folder>,
    pub(super) sync: Sync,
}

impl Disks {
    pub(super) fn find(options: &Options) -> anyhow::Result<Self> {
        let parent = options.folder.clone().unwrap_or_else(std::env::temp_dir);
        let folder = Folder::inside(&parent)?;
        let sync = Sync::measure(folder.path())?;
        let slow = sync.median_ms > SLOW_MS && Path::new(MEMORY).is_dir();
        let memory = slow
            .then(|| Folder::inside(Path::new(MEMORY)))
            .transpose()?;
        Ok(Self {
            folder,
            memory,
            sync,
        })
    }

    /// The disk.
    pub(super) fn disk(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Where W1 and W1b run: in memory when the disk is slow.
    pub(super) fn fast(&self) -> PathBuf {
        self.memory
            .as_ref()
            .unwrap_or(&self.folder)
            .path()
            .to_owned()
    }

    /// Whether W1 and W1b run in memory.
    pub(super) fn is_slow(&self) -> bool {
        self.memory.is_some()
    }
}

impl Sync {
    /// One write after the other.
    pub(super) fn measure(folder: &Path) -> anyhow::Result<Self> {
        Self::paced(folder, Duration::ZERO)
    }

    /// With a pause before each: some disks answer a burst more slowly.
    pub(super) fn paced(folder: &Path, pause: Duration) -> anyhow::Result<Self> {
        let path = folder.join("sync");
        let mut file = File::create(&path)?;
        for _ in 0..SAMPLES {
            file.write_all(&[0; 4096])?;
        }
        file.sync_all()?;
        file.rewind()?;
        let mut all = Vec::with_capacity(SAMPLES);
        for _ in 0..SAMPLES {
            file.write_all(&[1; 4096])?;
            std::thread::sleep(pause);
            let started = Instant::now();
            file.sync_data()?;
            all.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        std::fs::remove_file(&path)?;
        all.sort_by(f64::total_cmp);
        let at = |share: usize| all.get(SAMPLES * share / 100).copied().unwrap_or_default();
        Ok(Self {
            median_ms: at(50),
            p99_ms: at(99),
        })
    }
}
