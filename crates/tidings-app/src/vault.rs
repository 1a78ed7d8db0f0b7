//! Secrets at rest: sealed with the server's key, for one place only.
//!
//! XChaCha20-Poly1305 with a random nonce. The associated data name table, column and webhook, so that a ciphertext moved to another
//! row or column does not open. A sealed secret begins with a format byte and four bytes that name its key, so that a wrong key is
//! told from a damaged secret and a later key can take over.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use tidings_delivery::{Keyring, SealedFor};
use tidings_domain::webhook::Sealed;
use tidings_domain::{Entropy, WebhookId};

const FORMAT: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 24;
const HEAD_BYTES: usize = 1 + KEY_ID_BYTES;
const TAG_BYTES: usize = 16;
/// How much longer a sealed secret is than the plain one.
pub const OVERHEAD_BYTES: usize = HEAD_BYTES + NONCE_BYTES + TAG_BYTES;

/// Which column of a webhook a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The signing secret.
    Secret,
    /// The value of an additional header.
    Header,
}

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Column::Secret => "secret",
            Column::Header => "header",
        }
    }
}

/// Why a sealed secret does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It was sealed with another key.
    #[error("the secret was sealed with another key")]
    OtherKey,
    /// It was changed, or belongs to another place.
    #[error("the secret is damaged or belongs to another place")]
    Damaged,
}

/// Holds the server's key.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
    key_id: [u8; KEY_ID_BYTES],
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    /// A vault with that key.
    pub fn new(key: &[u8; 32]) -> Self {
        let digest = Sha256::new_with_prefix(b"tidings key id")
            .chain_update(key)
            .finalize();
        let mut key_id = [0; KEY_ID_BYTES];
        key_id
            .iter_mut()
            .zip(digest)
            .for_each(|(to, from)| *to = from);
        Self {
            cipher: XChaCha20Poly1305::new(&Key::from(*key)),
            key_id,
        }
    }

    /// A name for the key that tells nothing about it: what the store's check value holds.
    pub fn key_id(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.key_id))
    }

    /// Seals `plain` for that column of that webhook.
    pub fn seal(
        &self,
        entropy: &dyn Entropy,
        column: Column,
        webhook: WebhookId,
        plain: &[u8],
    ) -> Result<Sealed, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let aad = place(column, webhook);
        let payload = Payload {
            msg: plain,
            aad: aad.as_bytes(),
        };
        let cipher = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| VaultError::Damaged)?;
        let mut sealed = Vec::with_capacity(HEAD_BYTES + NONCE_BYTES + cipher.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&self.key_id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&cipher);
        Ok(Sealed(sealed))
    }

    /// Opens what was sealed for that column of that webhook.
    pub fn open(
        &self,
        column: Column,
        webhook: WebhookId,
        sealed: &Sealed,
    ) -> Result<Vec<u8>, VaultError> {
        let (head, rest) = sealed
            .0
            .split_at_checked(HEAD_BYTES)
            .ok_or(VaultError::Damaged)?;
        let (nonce, cipher) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(VaultError::Damaged)?;
        let (format, key_id) = head.split_first().ok_or(VaultError::Damaged)?;
        if *format != FORMAT {
            return Err(VaultError::Damaged);
        }
        if key_id != self.key_id {
            return Err(VaultError::OtherKey);
        }
        let aad = place(column, webhook);
        let payload = Payload {
            msg: cipher,
            aad: aad.as_bytes(),
        };
        self.cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| VaultError::Damaged)
    }
}

impl Keyring for Vault {
    fn open(&self, sealed: &Sealed, purpose: SealedFor, webhook: WebhookId) -> Option<Vec<u8>> {
        let column = match purpose {
            SealedFor::Signing => Column::Secret,
            SealedFor::Header => Column::Header,
        };
        Vault::open(self, column, webhook, sealed)
            .inspect_err(|error| {
                tracing::error!(webhook.id = webhook.0, "failed to open a secret: {error}");
            })
            .ok()
    }
}

fn place(column: Column, webhook: WebhookId) -> String {
    format!("webhooks/{}/{webhook}", column.name())
}

#[cfg(test)]
mod tests;
