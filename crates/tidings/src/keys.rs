//! The two secrets of a server that are made at its first start: the key that encrypts secrets, and the administrator's token.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Reads a key written in base64.
pub(crate) fn decode(text: &str) -> Result<[u8; 32], String> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| {
        "expected 32 bytes in base64, as `openssl rand -base64 32` prints them".to_owned()
    })?;
    bytes
        .try_into()
        .map_err(|_| "expected exactly 32 bytes in base64".to_owned())
}

/// The file beside the database in which the key lies.
pub(crate) fn key_file(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

/// Reads the key beside the database; makes one where there is none and nothing needs the old one.
pub(crate) fn read_or_make(database: &Path, secrets_exist: bool) -> anyhow::Result<[u8; 32]> {
    let path = key_file(database);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            refuse_if_open_to_others(&path)?;
            decode(&text).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if secrets_exist {
                bail!(
                    "the database has secrets, but their key {} is missing: put it back, or set TIDINGS_SECRETS_KEY",
                    path.display()
                );
            }
            make(&path).with_context(|| format!("cannot write the key {}", path.display()))
        }
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
