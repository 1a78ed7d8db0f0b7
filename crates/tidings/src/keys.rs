//! The two secrets of a server that are made at its first start: the key that encrypts secrets, and the administrator's token.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tidings_sqlite::Seen;

/// Reads a key written in base64.
pub(crate) fn decode(text: &str) -> Result<[u8; 32], String> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| {
        "expected 32 bytes in base64, as `openssl rand -base64 32` prints them".to_owned()
    })?;
    let key: [u8; 32] = bytes
        .try_into()
        .map_err(|_| "expected exactly 32 bytes in base64".to_owned())?;
    // What people type to get a start going, and then forget.
    if key.iter().all(|byte| Some(byte) == key.first()) {
        return Err("a key of one repeated byte protects nothing; `openssl rand -base64 32` prints a good one".to_owned());
    }
    Ok(key)
}

/// The file beside the database in which the key lies.
pub(crate) fn key_file(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

/// The key that a start uses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// There is one, and it opens what is stored.
    Known([u8; 32]),
    /// There is none, and nothing that needs one.
    ToMake,
}

impl Key {
    /// The key; makes the file of one that there is not yet.
    pub(crate) fn or_make(self, database: &Path) -> anyhow::Result<[u8; 32]> {
        match self {
            Key::Known(key) => Ok(key),
            Key::ToMake => {
                let path = key_file(database);
                make(&path).with_context(|| format!("cannot write the key {}", path.display()))
            }
        }
    }
}

/// Finds the key: the configured one, else the one beside the database. Refuses one that does not open what is stored. Makes nothing.
pub(crate) fn find(configured: Option<&str>, database: &Path, seen: &Seen) -> anyhow::Result<Key> {
    let path = key_file(database);
    let (key, whence) = match configured {
        Some(text) => (
            decode(text).map_err(anyhow::Error::msg)?,
            "TIDINGS_SECRETS_KEY (or secrets.key of the configuration)".to_owned(),
        ),
        None => match read(&path)? {
            Some(key) => (key, path.display().to_string()),
            None if seen.has_secrets => bail!(
                "the database has secrets, but their key {} is missing: put it back, or set TIDINGS_SECRETS_KEY",
                path.display()
            ),
            None => return Ok(Key::ToMake),
        },
    };
    match &seen.key_id {
        Some(id) if seen.has_secrets && *id != key_id(&key) => bail!(
            "the secrets in the database were sealed with key {id}, and {whence} is key {}: put key {id} there",
            key_id(&key)
        ),
        _ => Ok(Key::Known(key)),
    }
}

/// The name of a key, which tells nothing about it.
pub(crate) fn key_id(key: &[u8; 32]) -> String {
    tidings_app::Vault::new(key).key_id()
}

/// Reads a file with a key, if it is there.
pub(crate) fn read(path: &Path) -> anyhow::Result<Option<[u8; 32]>> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            refuse_if_open_to_others(path)?;
            let key = decode(&text).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
            Ok(Some(key))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read the key {}", path.display())),
    }
}

fn make(path: &Path) -> anyhow::Result<[u8; 32]> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|e| anyhow::anyhow!("the system has no random bytes: {e}"))?;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(STANDARD.encode(key).as_bytes())?;
    file.write_all(b"\n")?;
    // Secrets sealed with a key that a power cut takes away are lost; so is the name of the file without its folder.
    file.sync_all()?;
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()?;
    Ok(key)
}

fn refuse_if_open_to_others(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "the key {} can be read by others: chmod 600 {}",
            path.display(),
            path.display()
        );
    }
    Ok(())
}
