//! Who is behind a token.
//!
//! A token is `tid_`, 32 random bytes in base 62, and a checksum that lets a typing error or a scanner's false alarm be told without
//! asking the store. Only its SHA-256 is stored: with 256 random bits there is nothing to guess, so no slow hash is needed. A caller
//! is made afresh for each request, so a revoked token, a deleted member and a changed role act at once.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tidings_domain::fault::FaultKind;
use tidings_domain::{Collection, Entropy, Fault, ObjectRef, ProjectId, time};
use tidings_storage::{AsOf, TokenKind};

use crate::App;
use crate::caller::{Caller, Credential, Key, Role};
use crate::refusal::refusal;

const PREFIX: &str = "tid_";
/// 62^43 > 2^256.
const DIGITS: usize = 43;
/// 62^6 > 2^32.
const CHECK_DIGITS: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new token's text. Shown once, never stored.
pub fn new_token(entropy: &dyn Entropy) -> String {
    let body = format!("{PREFIX}{}", new_secret(entropy));
    let check = checksum(&body);
    body + &check
}

/// 256 random bits as text.
pub fn new_secret(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    base62(&bytes, DIGITS)
}

/// Whether the text has the form of a token and its checksum is right.
pub fn is_well_formed(token: &str) -> bool {
    token.len() == PREFIX.len() + DIGITS + CHECK_DIGITS
        && token.starts_with(PREFIX)
        && token.is_ascii()
        && token
            .split_at_checked(PREFIX.len() + DIGITS)
            .is_some_and(|(body, check)| checksum(body) == check)
}

/// What is stored of a token, a session's secret, or a link's.
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The first characters: enough for people to tell tokens apart, too few to help anybody else.
pub fn hint(token: &str) -> String {
    token.chars().take(PREFIX.len() + 4).collect()
}

fn checksum(body: &str) -> String {
    let digest = Sha256::new_with_prefix(b"tidings token ")
        .chain_update(body.as_bytes())
        .finalize();
    let head: Vec<u8> = digest.iter().copied().take(4).collect();
    base62(&head, CHECK_DIGITS)
}

/// The big-endian number in `bytes`, in base 62, in exactly `digits` digits.
fn base62(bytes: &[u8], digits: usize) -> String {
    let mut number = bytes.to_vec();
    let mut out = vec![b'0'; digits];
    for digit in out.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = (remainder << 8) | u32::from(*byte);
            // The remainder is below 62, so the quotient fits a byte.
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = usize::try_from(remainder)
            .ok()
            .and_then(|r| ALPHABET.get(r).copied())
            .unwrap_or(b'0');
    }
    String::from_utf8(out).unwrap_or_default()
}

/// The one answer for every token that is not good, whatever is wrong with it.
pub fn unauthorized() -> Fault {
    Fault::new(
        FaultKind::Unauthorized,
        "unauthorized",
        "send a valid token: Authorization: Bearer tid_...; this one is missing, unknown, expired or revoked",
    )
}

impl App {
    /// The caller behind a token: 401 for one that is unknown, expired, revoked, or whose member is gone or inactive.
    pub async fn authenticate(&self, token: &str) -> Result<Caller, Fault> {
        let hash = hash(token);
        if let Some(admin) = &self.admin_token
            && bool::from(admin.ct_eq(&hash))
        {
            return Ok(Caller::Admin {
                credential: Credential::new(Key::Configured),
            });
        }
        if !is_well_formed(token) {
            return Err(unauthorized());
        }
        let token = self
            .store
            .token_by_hash(&hash)
            .await
            .map_err(refusal)?
            .ok_or_else(unauthorized)?;
        if let Some(expiry) = &token.expires_at
            && time::parse(expiry).is_none_or(|at| at <= self.clock.wall())
        {
            return Err(unauthorized());
        }
        let key = Key::Token {
            id: token.id,
            name: token.name.clone(),
        };
        let credential = Credential::new(key);
        match (token.kind, token.project) {
            (TokenKind::Admin, None) => Ok(Caller::Admin { credential }),
            (TokenKind::App, Some(project)) => Ok(Caller::App {
                credential,
                name: token.name,
                project,
            }),
            (TokenKind::Role { role }, Some(project)) => Ok(Caller::Member {
                credential,
                project,
                member: None,
                role: Role::parse(&role).ok_or_else(unauthorized)?,
            }),
            (TokenKind::Member { member }, Some(project)) => Ok(Caller::Member {
                credential,
                project,
                member: Some(member),
                role: self
                    .role_of(project, member)
                    .await?
                    .ok_or_else(unauthorized)?,
            }),
            (TokenKind::Admin, Some(_)) | (_, None) => Err(unauthorized()),
        }
    }

    /// The role of an active member.
    pub(crate) async fn role_of(
        &self,
        project: ProjectId,
        member: i64,
    ) -> Result<Option<Role>, Fault> {
        let mut role = None;
        let job = Box::new(|state: &dyn tidings_storage::Snapshot| {
            role = state
                .get(ObjectRef::new(Collection::Members, member))
                .filter(|doc| doc.flag("active"))
                .and_then(|doc| Role::parse(doc.text("role")));
        });
        match self.store.read(project, AsOf::Now, job).await {
            Ok(()) => Ok(role),
            Err(tidings_storage::StoreError::NotFound) => Ok(None),
            Err(error) => Err(refusal(error)),
        }
    }
}

#[cfg(test)]
mod tests;
