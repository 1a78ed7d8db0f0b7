//! The machine: disk, clock, name servers, files; and whom it may send to.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tidings_domain::Clock;
use tidings_egress::resolver::{LookupFault, Resolver};

use super::stored::Stored;
use super::{Finding, failed, fine, warning};
use crate::clock::SystemClock;
use crate::commands::local::size;
use crate::config::Config;

/// Less than this, and the next hour of deliveries may not fit.
const TIGHT: u64 = 64 << 20;

/// Less than this is worth a warning.
const LOW: u64 = 1 << 30;

/// A slower sync is felt in every answer.
const SLOW: Duration = Duration::from_millis(20);

const SYNCS: usize = 15;

/// A name that always exists, for servers whose webhooks name none.
const ANY_NAME: &str = "example.com";

pub(super) async fn examine(
    config: &Config,
    database: &Path,
    stored: &Stored,
    findings: &mut Vec<Finding>,
) {
    let folder = match database.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    findings.push(space(folder, stored));
    findings.push(file_system(folder));
    findings.push(sync(database));
    findings.push(clock(stored));
    findings.push(zones(stored));
    findings.push(files());
    findings.push(egress(config));
    findings.push(resolver(config, stored).await);
}

fn space(folder: &Path, stored: &Stored) -> Finding {
    let free = match rustix::fs::statvfs(folder) {
        Ok(about) => about.f_bavail.saturating_mul(about.f_frsize),
        Err(error) => {
            return failed(
                "disk space",
                format!("{}: {error}", folder.display()),
                "make the folder, readable and writable for the server's user",
            );
        }
    };
    let found = format!(
        "{} free; the database has {}",
        size(free),
        size(stored.bytes)
    );
    if free < TIGHT {
        failed(
            "disk space",
            found,
            "make room now: on a full disk changes are refused",
        )
    } else if free < LOW.max(stored.bytes) {
        warning(
            "disk space",
            found,
            "make room, or lower retention.days, .rows or .bytes",
        )
    } else {
        fine("disk space", found)
    }
}

#[cfg(target_os = "linux")]
fn file_system(folder: &Path) -> Finding {
    const TMPFS: i64 = 0x0102_1994;
    const NFS: i64 = 0x6969;
    const SMB: [i64; 2] = [0x517b, 0xfe53_4d42];
    let kind = match rustix::fs::statfs(folder) {
        Ok(about) => about.f_type,
        Err(error) => {
            return failed(
                "file system",
                format!("{}: {error}", folder.display()),
                "make the folder",
            );
        }
    };
    if kind == TMPFS {
        warning(
            "file system",
            "it is in memory: everything is lost when the machine stops",
            "put the database on a disk",
        )
    } else if kind == NFS || SMB.contains(&kind) {
        failed(
            "file system",
            "it is on the network: SQLite's write-ahead log and locks do not work there",
            "put the database on a disk of this machine",
        )
    } else {
        fine("file system", "local")
    }
}

#[cfg(not(target_os = "linux"))]
fn file_system(_: &Path) -> Finding {
    fine("file system", "not asked on this system")
}

/// How long the disk takes to make a page durable, as every commit asks it to.
fn sync(database: &Path) -> Finding {
    let mut name = database.as_os_str().to_owned();
    name.push(".doctor");
    let name = PathBuf::from(name);
    let measured = measure(&name);
    // It may never have been made.
    drop(std::fs::remove_file(&name));
    let mut times = match measured {
        Ok(times) => times,
        Err(error) => {
            return failed(
                "disk sync",
                format!("cannot write beside the database: {error}"),
                "let the server's user write into the folder of the database",
            );
        }
    };
    times.sort_unstable();
    let (median, worst) = (times.get(SYNCS / 2).copied(), times.last().copied());
    let (median, worst) = (median.unwrap_or_default(), worst.unwrap_or_default());
    let found =
        format!("a page is durable after {median:.1?} (median), {worst:.1?} (slowest of {SYNCS})");
    if median > SLOW {
        warning(
            "disk sync",
            found,
            "every change waits for it: use a faster disk, or report changes in batches",
        )
    } else {
        fine("disk sync", found)
    }
}

fn measure(name: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file = std::fs::File::create(name)?;
    let mut times = Vec::new();
    for _ in 0..SYNCS {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&[0x5a; 4096])?;
        let started = Instant::now();
        file.sync_data()?;
        times.push(started.elapsed());
    }
    Ok(times)
}

fn clock(stored: &Stored) -> Finding {
    let now = SystemClock::new().wall();
    let shown = tidings_domain::time::show(now);
    let behind = stored.time_ms.saturating_sub(now.as_millisecond()) / 1000;
    let early = tidings_domain::time::parse("2025-01-01T00:00:00Z").is_some_and(|then| now < then);
    if early {
        failed(
            "clock",
            format!("it says {shown}, which is past"),
            "set the clock: certificates, signatures and tokens depend on it",
        )
    } else if behind > 60 {
        warning(
            "clock",
            format!("it says {shown}, {behind} s before the last time that was stored"),
            "set the clock; ages go by the stored time until then, signatures and tokens by the clock",
        )
    } else {
        fine("clock", format!("it says {shown}"))
    }
}

fn zones(stored: &Stored) -> Finding {
    if stored.odd_zones.is_empty() {
        fine(
            "time zones",
            "those of all projects are known; the server itself speaks UTC",
        )
    } else {
        warning(
            "time zones",
            format!(
                "unknown, and taken for UTC: {}",
                stored.odd_zones.join(", ")
            ),
            "install the system's time zone data (tzdata), or change the projects' time_zone",
        )
    }
}

fn files() -> Finding {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    let found = format!("a server may have {most} open files and connections");
    if most < 1024 {
        warning(
            "open files",
            found,
            "raise the hard limit (LimitNOFILE in systemd): each connection takes one",
        )
    } else {
        fine("open files", found)
    }
}

fn egress(config: &Config) -> Finding {
    let made = crate::serve::transport(
        &config.egress_allow,
        config.egress_resolver,
        config.egress_ca.as_deref(),
    );
    if let Err(error) = made {
        return failed(
            "egress",
            crate::said(&error),
            "correct the settings of [egress]",
        );
    }
    if config.egress_allow.is_empty() {
        return fine("egress", "public addresses only");
    }
    let found = format!(
        "public addresses, and by egress.allow: {}",
        config.egress_allow.join(", ")
    );
    let all =
        |entry: &String| entry.split(':').next() == Some("0.0.0.0/0") || entry.contains("::/0");
    if config.egress_allow.iter().any(all) {
        warning(
            "egress",
            found,
            "this lets whoever makes a webhook reach every machine of your network: name single networks or hosts",
        )
    } else {
        fine("egress", found)
    }
}

async fn resolver(config: &Config, stored: &Stored) -> Finding {
    let (resolver, whom) = match config.egress_resolver {
        Some(server) => (Resolver::server(server), server.to_string()),
        None => (Resolver::system(), "the system's name server".to_owned()),
    };
    let name = stored.hosts.first().map_or(ANY_NAME, String::as_str);
    let started = Instant::now();
    match resolver.lookup(name, Duration::from_secs(3)).await {
        Ok(_) => fine(
            "name server",
            format!("{whom} found {name} after {:.1?}", started.elapsed()),
        ),
        // It does answer.
        Err(LookupFault::NotFound) => fine(
            "name server",
            format!("{whom} answers, though it does not know {name}"),
        ),
        Err(LookupFault::Failed(why)) => {
            let found = format!("{whom}: {why}");
            if stored.hosts.is_empty() {
                warning(
                    "name server",
                    found,
                    "no webhook needs it yet; see /etc/resolv.conf, or set egress.resolver",
                )
            } else {
                failed(
                    "name server",
                    found,
                    "nothing reaches receivers with names until it answers: see /etc/resolv.conf, or set egress.resolver",
                )
            }
        }
    }
}
