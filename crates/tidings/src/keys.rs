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
    beside(database, ".key")
}

/// Where a rotation keeps the new key until everything is sealed with it.
pub(crate) fn new_key_file(database: &Path) -> PathBuf {
    beside(database, ".key.new")
}

/// Where a rotation leaves the key of before: backups that were made with it need it.
pub(crate) fn old_key_file(database: &Path, key: &[u8; 32]) -> PathBuf {
    beside(database, &format!(".key.{}", key_id(key)))
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The key that a start uses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// There is one, and it opens what is stored.
    Known([u8; 32]),
    /// A rotation was cut off after everything was sealed with it, before its file got the key's name.
    Rotated([u8; 32]),
    /// There is none, and nothing that needs one.
    ToMake,
}

impl Key {
    /// The key; makes the file of one that there is not yet. Only for who holds the database.
    pub(crate) fn or_make(self, database: &Path) -> anyhow::Result<[u8; 32]> {
        match self {
            Key::Known(key) => Ok(key),
            Key::Rotated(key) => {
                let (from, to) = (new_key_file(database), key_file(database));
                rename(&from, &to).with_context(|| {
                    format!(
                        "cannot rename the key {} to {}",
                        from.display(),
                        to.display()
                    )
                })?;
                tracing::info!("finished the rotation of the key that was cut off");
                Ok(key)
            }
            Key::ToMake => {
                let key = random()?;
                write(&key_file(database), &key)?;
                Ok(key)
            }
        }
    }
}

/// Finds the key: the configured one, else the one beside the database. Refuses one that does not open what is stored. Makes nothing.
pub(crate) fn find(configured: Option<&str>, database: &Path, seen: &Seen) -> anyhow::Result<Key> {
    let fits = |key: &[u8; 32]| seen.key_id.as_ref().is_none_or(|id| *id == key_id(key));
    let path = key_file(database);
    let (key, whence) = if let Some(text) = configured {
        let key = decode(text).map_err(anyhow::Error::msg)?;
        (
            key,
            "TIDINGS_SECRETS_KEY (or secrets.key of the configuration)".to_owned(),
        )
    } else {
        let key = read(&path)?;
        if seen.key_id.is_some()
            && !key.as_ref().is_some_and(fits)
            && let Some(new) = read(&new_key_file(database))?.filter(fits)
        {
            return Ok(Key::Rotated(new));
        }
        match key {
            Some(key) => (key, path.display().to_string()),
            None if seen.has_secrets => bail!(
                "the database has secrets, but their key {} is missing: put it back, or set TIDINGS_SECRETS_KEY",
                path.display()
            ),
            None => return Ok(Key::ToMake),
        }
    };
    if seen.has_secrets && !fits(&key) {
        bail!(
            "the secrets in the database were sealed with key {}, and {whence} is key {}: put the right one there",
            seen.key_id.as_deref().unwrap_or_default(),
            key_id(&key)
        );
    }
    Ok(Key::Known(key))
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

/// Thirty-two random bytes.
pub(crate) fn random() -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|e| anyhow::anyhow!("the system has no random bytes: {e}"))?;
    Ok(key)
}

/// Writes a key into a file that only its owner can read: whole and on the disk, or not there. Takes the place of another.
pub(crate) fn write(path: &Path, key: &[u8; 32]) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        let partial = beside(path, ".partial");
        // What a crash left.
        match std::fs::remove_file(&partial) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial)?;
        file.write_all(STANDARD.encode(key).as_bytes())?;
        file.write_all(b"\n")?;
        // Secrets sealed with a key that a power cut takes away are lost; so is the name of the file without its folder.
        file.sync_all()?;
        rename(&partial, path)
    };
    written().with_context(|| format!("cannot write the key {}", path.display()))
}

/// Gives a file another name, durably.
pub(crate) fn rename(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::rename(from, to)?;
    let folder = to.parent().filter(|p| !p.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
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
