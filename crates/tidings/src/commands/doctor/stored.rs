//! The database and the key of its secrets.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tidings_app::Vault;
use tidings_app::vault::{Column, VaultError};
use tidings_domain::webhook::Webhook;
use tidings_sqlite::{Examiner, Seen};
use tidings_storage::StoreError;

use super::{Finding, Verdict, failed, fine, warning};
use crate::commands::local::size;
use crate::config::Config;
use crate::keys::{self, Key};

/// What the other checks want to know of it.
#[derive(Default)]
pub(super) struct Stored {
    pub(super) bytes: u64,
    pub(super) time_ms: i64,
    /// Names of receivers, each once.
    pub(super) hosts: Vec<String>,
    /// Time zones that nobody knows, each with its project.
    pub(super) odd_zones: Vec<String>,
}

pub(super) fn examine(
    config: &Config,
    path: &Path,
    quick: bool,
    findings: &mut Vec<Finding>,
) -> Stored {
    let examiner = match Examiner::open(path) {
        Ok(Some(examiner)) => examiner,
        Ok(None) => {
            findings.push(fine(
                "database",
                format!(
                    "there is none at {} yet; the first start makes it",
                    path.display()
                ),
            ));
            findings.push(key_alone(config, path));
            return Stored::default();
        }
        Err(error) => {
            findings.push(failed(
                "database",
                error.to_string(),
                "a server does not start on it; put a backup in its place if it is damaged",
            ));
            return Stored::default();
        }
    };
    let read = inside(&examiner, config, path, quick, findings);
    read.unwrap_or_else(|error| {
        findings.push(unreadable("database", &error));
        Stored::default()
    })
}

fn unreadable(check: &'static str, error: &StoreError) -> Finding {
    failed(
        check,
        error.to_string(),
        "stop the server, keep a copy of the files, and put the last good backup in their place",
    )
}

fn inside(
    examiner: &Examiner,
    config: &Config,
    path: &Path,
    quick: bool,
    findings: &mut Vec<Finding>,
) -> Result<Stored, StoreError> {
    let schema = schema(examiner);
    if schema.verdict != Verdict::Ok {
        // What the tables hold is only known of the newest.
        findings.extend([schema, lock(path), permissions(path)]);
        return Ok(Stored::default());
    }
    let figures = examiner.figures()?;
    findings.push(fine(
        "database",
        format!(
            "{}: {} and {} of write-ahead log, up to event {}; {} deliveries in the log, {} wait, {} are parked",
            path.display(),
            size(figures.bytes),
            size(figures.log_bytes),
            figures.event,
            figures.deliveries,
            figures.waiting,
            figures.parked
        ),
    ));
    findings.push(schema);
    if let Some(mark) = &examiner.seen().backup {
        findings.push(warning(
            "backup",
            format!(
                "this is the backup of {}, and was not served yet",
                mark.made_at
            ),
            "the first start needs --after-restore park or --after-restore deliver",
        ));
    }
    findings.push(lock(path));
    findings.push(permissions(path));
    if !quick {
        findings.push(integrity(examiner));
        findings.push(consistency(examiner));
    }
    let webhooks = examiner.webhooks()?;
    findings.push(key(config, path, examiner, &webhooks));
    let odd_zones = examiner
        .projects()?
        .into_iter()
        .filter(|project| !tidings_domain::time::is_zone(&project.time_zone))
        .map(|project| format!("{} ({})", project.time_zone, project.key))
        .collect();
    Ok(Stored {
        bytes: figures.bytes + figures.log_bytes,
        time_ms: figures.time_ms,
        hosts: hosts(&webhooks),
        odd_zones,
    })
}

fn schema(examiner: &Examiner) -> Finding {
    let (found, newest) = (
        examiner.seen().schema.unwrap_or_default(),
        Examiner::newest_schema(),
    );
    if found == newest {
        fine("schema", format!("version {found}, the newest"))
    } else {
        warning(
            "schema",
            format!(
                "version {found}; the next start makes it {newest}, and what is in it can be examined then"
            ),
            "make a backup before: there is no way back but a backup",
        )
    }
}

fn lock(path: &Path) -> Finding {
    match tidings_sqlite::in_use(path) {
        Ok(true) => fine("lock", "held: a server uses the database"),
        Ok(false) => fine("lock", "free: no server uses the database"),
        Err(error) => failed(
            "lock",
            error.to_string(),
            "make the .lock file readable and writable for the server's user",
        ),
    }
}

fn permissions(path: &Path) -> Finding {
    let mode = match std::fs::metadata(path) {
        Ok(about) => about.permissions().mode() & 0o777,
        Err(error) => return failed("permissions", error.to_string(), "make the file readable"),
    };
    let others = mode & 0o077;
    if others == 0 {
        fine("permissions", "only its owner can read the database")
    } else {
        warning(
            "permissions",
            format!(
                "others can read the database (mode {mode:o}): it holds all that was ever delivered"
            ),
            format!("chmod 600 {}", path.display()),
        )
    }
}

fn integrity(examiner: &Examiner) -> Finding {
    match examiner.faults() {
        Ok(faults) if faults.is_empty() => {
            fine("integrity", "SQLite finds nothing wrong with the file")
        }
        Ok(faults) => failed(
            "integrity",
            faults.join("; "),
            "stop the server, keep a copy of the files, and put the last good backup in their place; then look at the disk",
        ),
        Err(error) => unreadable("integrity", &error),
    }
}

fn consistency(examiner: &Examiner) -> Finding {
    match examiner.disagreements() {
        Ok(found) if found.is_empty() => fine(
            "consistency",
            "deliveries, messages, attempts, versions, ids and counts agree",
        ),
        Ok(found) => failed(
            "consistency",
            found.join("; "),
            "this is a fault of Tidings or of the disk: keep a copy of the files and report it; a backup may be whole",
        ),
        Err(error) => unreadable("consistency", &error),
    }
}

/// The key where nothing is sealed with it yet.
fn key_alone(config: &Config, path: &Path) -> Finding {
    match keys::find(config.secrets_key.as_deref(), path, &Seen::default()) {
        Ok(Key::Known(key) | Key::Rotated(key)) => fine(
            "secrets key",
            format!("key {} is there", keys::key_id(&key)),
        ),
        Ok(Key::ToMake) => fine("secrets key", "there is none yet; the first start makes it"),
        Err(error) => unusable(&error),
    }
}

fn unusable(error: &anyhow::Error) -> Finding {
    failed(
        "secrets key",
        crate::said(error),
        "a server does not start without the right key; without it the secrets are lost and must be given again",
    )
}

fn key(config: &Config, path: &Path, examiner: &Examiner, webhooks: &[Webhook]) -> Finding {
    let (key, named) = match keys::find(config.secrets_key.as_deref(), path, examiner.seen()) {
        Ok(Key::Known(key)) => (key, true),
        Ok(Key::Rotated(key)) => (key, false),
        Ok(Key::ToMake) => return fine("secrets key", "there is none, and nothing that needs one"),
        Err(error) => return unusable(&error),
    };
    let vault = Vault::new(&key);
    let (mut opened, mut lost) = (0_usize, Vec::new());
    for webhook in webhooks {
        match opens(&vault, webhook) {
            Ok(secrets) => opened += secrets,
            Err(error) => lost.push(format!("webhook {}: {error}", webhook.id)),
        }
    }
    let found = format!(
        "key {} opens all secrets and header values ({opened})",
        vault.key_id()
    );
    match (lost.is_empty(), named) {
        (true, true) => return fine("secrets key", found),
        (true, false) => {
            return warning(
                "secrets key",
                format!("{found}, but its file has not got its name yet: a rotation was cut off"),
                "start the server, or say `tidings secrets rotate` again: both finish it",
            );
        }
        (false, _) => {}
    }
    failed(
        "secrets key",
        lost.join("; "),
        "give these webhooks their secrets and headers again; requests of theirs cannot be signed until then",
    )
}

/// How many sealed values of a webhook open.
fn opens(vault: &Vault, webhook: &Webhook) -> Result<usize, VaultError> {
    let secrets = webhook.secrets.iter();
    let secrets = secrets.flat_map(|s| [Some(&s.current), s.previous.as_ref().map(|p| &p.secret)]);
    let secrets = secrets.flatten().map(|sealed| (Column::Secret, sealed));
    let headers = webhook
        .headers
        .iter()
        .map(|(_, sealed)| (Column::Header, sealed));
    let mut count = 0;
    for (column, sealed) in secrets.chain(headers) {
        vault.open(column, webhook.id, sealed)?;
        count += 1;
    }
    Ok(count)
}

fn hosts(webhooks: &[Webhook]) -> Vec<String> {
    let urls = webhooks.iter().filter_map(|w| url::Url::parse(&w.url).ok());
    let names = urls.filter_map(|url| url.domain().map(str::to_owned));
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}
