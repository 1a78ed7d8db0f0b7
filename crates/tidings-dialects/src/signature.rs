//! Signatures: the vendors' HMACs and Standard Webhooks, made and checked.
//!
//! The vendors' HMACs use the whole secret as it was typed. Standard Webhooks knows one more rule: `whsec_` and the base64 of
//! 24 to 64 bytes stands for those bytes; any other secret is its own UTF-8 bytes, so that every secret can sign both ways.
//! Checking takes the same time wherever the first wrong byte is.

use std::fmt::{self, Write};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use subtle::ConstantTimeEq;

use crate::Dialect;

/// How far a message's timestamp may be from the receiver's clock, as the Standard Webhooks libraries have it.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// HMAC-MD5 in lower-case hex (Squish).
pub fn md5(secret: &str, body: &[u8]) -> String {
    mac::<Hmac<md5::Md5>>(secret.as_bytes(), &[body])
}

/// HMAC-SHA1 in lower-case hex (iceScrum).
pub fn sha1(secret: &str, body: &[u8]) -> String {
    mac::<Hmac<sha1::Sha1>>(secret.as_bytes(), &[body])
}

/// HMAC-SHA256 in lower-case hex.
pub fn sha256(secret: &str, body: &[u8]) -> String {
    mac::<Hmac<sha2::Sha256>>(secret.as_bytes(), &[body])
}

fn mac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> String {
    // An HMAC takes keys of every length, so there always is one.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
        return String::new();
    };
    for part in parts {
        mac.update(part);
    }
    hex(&mac.finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS.get(usize::from(n)).copied().unwrap_or(b'0'));
    bytes
        .iter()
        .flat_map(|b| [digit(b >> 4), digit(b & 15)])
        .collect()
}

/// The key that a secret stands for in Standard Webhooks, made ready for signing.
#[derive(Clone)]
pub struct Key {
    bytes: Vec<u8>,
    /// Has taken the key in, and nothing else.
    mac: Option<Hmac<sha2::Sha256>>,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Key {}

impl Key {
    /// Reads a secret; see the module's rule.
    pub fn new(secret: &str) -> Self {
        let decoded = secret
            .strip_prefix("whsec_")
            .and_then(|text| STANDARD.decode(text).ok())
            .filter(|bytes| (24..=64).contains(&bytes.len()));
        Self::of(decoded.unwrap_or_else(|| secret.as_bytes().to_vec()))
    }

    fn of(bytes: Vec<u8>) -> Self {
        Self {
            // An HMAC takes keys of every length, so there always is one.
            mac: <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(&bytes).ok(),
            bytes,
        }
    }

    /// `v1,` and the base64 of HMAC-SHA256 over `{id}.{timestamp}.{body}`.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut text = String::new();
        self.sign_into(&mut text, id, timestamp, body);
        text
    }

    /// The same, at the end of `text`.
    pub fn sign_into(&self, text: &mut String, id: &str, timestamp: i64, body: &[u8]) {
        text.push_str("v1,");
        STANDARD.encode_string(self.digest(id, timestamp, body), text);
    }

    fn digest(&self, id: &str, timestamp: i64, body: &[u8]) -> [u8; 32] {
        let Some(mac) = &self.mac else {
            return [0; 32];
        };
        let mut words = Words(mac.clone());
        // An HMAC takes everything.
        let _ = write!(words, "{id}.{timestamp}.");
        let mut mac = words.0;
        mac.update(body);
        mac.finalize().into_bytes().into()
    }
}

/// Takes text into an HMAC.
struct Words(Hmac<sha2::Sha256>);

impl Write for Words {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The value of `webhook-signature`: one signature per key, newest first, with blanks between.
pub fn standard(keys: &[Key], id: &str, timestamp: i64, body: &[u8]) -> String {
    let all: Vec<String> = keys.iter().map(|k| k.sign(id, timestamp, body)).collect();
    all.join(" ")
}

/// What a check of a signature found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The signature is right.
    Valid,
    /// Nothing to check: the dialect has no signature of its own.
    NotSigned,
    /// The header is not there.
    Missing,
    /// The header is there, and no key made it from these bytes.
    Wrong,
    /// The signature is right, and the timestamp is too far from the clock: perhaps a replay.
    Stale,
}

/// The headers of Standard Webhooks as they arrived.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`
    pub timestamp: &'a str,
    /// `webhook-signature`
    pub signature: &'a str,
}

/// Checks `webhook-signature`. `now` in seconds since 1970; `None` skips the check of the timestamp, for captured requests.
pub fn verify_standard(key: &Key, got: Received<'_>, body: &[u8], now: Option<i64>) -> Verdict {
    if got.signature.is_empty() {
        return Verdict::Missing;
    }
    let Ok(timestamp) = got.timestamp.parse::<i64>() else {
        return Verdict::Wrong;
    };
    let expected = key.digest(got.id, timestamp, body);
    let right = got
        .signature
        .split(' ')
        .filter_map(|s| s.strip_prefix("v1,"))
        .filter_map(|s| STANDARD.decode(s).ok())
        .any(|s| bool::from(s.ct_eq(&expected)));
    let tolerated = TOLERANCE.as_secs();
    match now {
        _ if !right => Verdict::Wrong,
        Some(now) if now.abs_diff(timestamp) > tolerated => Verdict::Stale,
        _ => Verdict::Valid,
    }
}

/// Checks a vendor's own signature header. `header` finds a header of the request, ignoring the case of its name.
pub fn verify_vendor<'h>(
    dialect: &dyn Dialect,
    secret: &str,
    body: &[u8],
    header: impl Fn(&str) -> Option<&'h str>,
) -> Verdict {
    let Some((name, expected)) = dialect.signature(secret, body) else {
        return Verdict::NotSigned;
    };
    match header(name) {
        None => Verdict::Missing,
        Some(got) if bool::from(got.as_bytes().ct_eq(expected.as_bytes())) => Verdict::Valid,
        Some(_) => Verdict::Wrong,
    }
}

#[cfg(test)]
mod tests;
