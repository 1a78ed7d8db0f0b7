//! From one key to the next, so that a kill at any moment leaves everything readable.
//!
//! The new key is on the disk before anything is sealed with it, the old one until nothing is; what is stored changes from the one to
//! the other in a single commit that also names the key. Whoever finds the names of the files still as they were before that commit
//! (the next rotation, or a start) only has to rename.

use std::path::{Path, PathBuf};

use anyhow::bail;
use tidings_app::Vault;
use tidings_app::vault::{Column, VaultError};
use tidings_domain::WebhookId;
use tidings_domain::webhook::Sealed;
use tidings_sqlite::{OpenError, SealedAs, Seen};

use crate::clock::SystemEntropy;
use crate::keys::{self, Key};

/// What to do.
pub(super) struct Rotation<'a> {
    pub(super) database: &'a Path,
    /// The key, where it does not lie beside the database.
    pub(super) configured: Option<&'a str>,
    /// The new key; a random one where it is not given.
    pub(super) given: Option<[u8; 32]>,
}

/// What was done.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rotated {
    pub(super) key_id: String,
    pub(super) old_key_id: Option<String>,
    pub(super) values: u64,
    /// Nothing was left to do but names.
    pub(super) finished_earlier: bool,
    /// Where the new key lies, if that is our business.
    pub(super) key_file: Option<PathBuf>,
    /// Where the old one lies now.
    pub(super) old_key_file: Option<PathBuf>,
}

/// What has just become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    NewKeyKept,
    OldKeyKept,
    Sealed,
}

/// Told of each step; an error ends it there, as a kill would.
type Watch<'a> = &'a mut dyn FnMut(Step) -> anyhow::Result<()>;

impl Rotation<'_> {
    pub(super) fn run(&self, watch: Watch<'_>) -> anyhow::Result<Rotated> {
        let seen = tidings_sqlite::look(self.database)?;
        if seen.schema.is_none() {
            return Err(OpenError::Missing(self.database.to_owned()).into());
        }
        match self.configured {
            Some(_) => self.configured_key(&seen, watch),
            None => self.key_file(&seen, watch),
        }
    }

    /// The operator keeps both keys.
    fn configured_key(&self, seen: &Seen, watch: Watch<'_>) -> anyhow::Result<Rotated> {
        let Some(new) = self.given else {
            bail!("the new key must be given");
        };
        let key_id = keys::key_id(&new);
        if seen.key_id.as_ref() == Some(&key_id) {
            return Ok(Rotated::earlier(key_id, None));
        }
        let Key::Known(old) = keys::find(self.configured, self.database, seen)? else {
            bail!("the old key must be given");
        };
        let values = self.seal(&old, &new)?;
        watch(Step::Sealed)?;
        Ok(Rotated {
            key_id,
            old_key_id: Some(keys::key_id(&old)),
            values,
            finished_earlier: false,
            key_file: None,
            old_key_file: None,
        })
    }

    fn key_file(&self, seen: &Seen, watch: Watch<'_>) -> anyhow::Result<Rotated> {
        let file = keys::key_file(self.database);
        let old = match keys::find(None, self.database, seen)? {
            Key::Known(key) => key,
            Key::ToMake => {
                bail!("there is no key yet, and nothing that is sealed; the first start makes one")
            }
            cut_off @ Key::Rotated(_) => {
                let key = cut_off.or_make(self.database)?;
                return Ok(Rotated::earlier(keys::key_id(&key), Some(file)));
            }
        };
        let new = self.new_key(&old)?;
        watch(Step::NewKeyKept)?;
        let kept = keys::old_key_file(self.database, &old);
        keys::write(&kept, &old)?;
        watch(Step::OldKeyKept)?;
        let values = self.seal(&old, &new)?;
        watch(Step::Sealed)?;
        keys::rename(&keys::new_key_file(self.database), &file)?;
        Ok(Rotated {
            key_id: keys::key_id(&new),
            old_key_id: Some(keys::key_id(&old)),
            values,
            finished_earlier: false,
            key_file: Some(file),
            old_key_file: Some(kept),
        })
    }

    /// The new key, durable beside the old one. Nothing is sealed with what lies there from a rotation that was cut off.
    fn new_key(&self, old: &[u8; 32]) -> anyhow::Result<[u8; 32]> {
        let new = match self.given {
            Some(given) if given == *old => {
                bail!("key {} is the one in use already", keys::key_id(old))
            }
            Some(given) => given,
            None => keys::random()?,
        };
        keys::write(&keys::new_key_file(self.database), &new)?;
        Ok(new)
    }

    fn seal(&self, old: &[u8; 32], new: &[u8; 32]) -> anyhow::Result<u64> {
        let (old, new) = (Vault::new(old), Vault::new(new));
        let seal = |webhook: WebhookId, purpose: SealedAs, sealed: &Sealed| {
            let column = match purpose {
                SealedAs::Secret => Column::Secret,
                SealedAs::Header => Column::Header,
            };
            match old.open(column, webhook, sealed) {
                Ok(plain) => new.seal(&SystemEntropy, column, webhook, &plain),
                // Each value names its key: what is under the new one stays.
                Err(VaultError::OtherKey) => {
                    new.open(column, webhook, sealed).map(|_| sealed.clone())
                }
                Err(error) => Err(error),
            }
            .map_err(|error| error.to_string())
        };
        Ok(tidings_sqlite::reseal(self.database, &new.key_id(), seal)?)
    }
}

impl Rotated {
    fn earlier(key_id: String, key_file: Option<PathBuf>) -> Self {
        Self {
            key_id,
            old_key_id: None,
            values: 0,
            finished_earlier: true,
            key_file,
            old_key_file: None,
        }
    }
}

#[cfg(test)]
mod tests;
