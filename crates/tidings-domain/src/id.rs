//! Distinct types for distinct ids.

use std::fmt;
use std::str::FromStr;

macro_rules! integer_id {
    ($(#[$doc:meta] $name:ident;)*) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

integer_id! {
    /// A project's number, unique in the server.
    ProjectId;
    /// An event's number, unique and ascending in the server.
    EventId;
    /// A webhook's number, unique in the server and never used again.
    WebhookId;
    /// A token's number.
    TokenId;
    /// An account's number, never used again.
    AccountId;
    /// A session's number, never used again.
    SessionId;
}

/// A delivery's id: the `webhook-id` of each of its tries. Ascending in the order of commits and therefore in time.
///
/// 42 bits of milliseconds since 1970, then 20 bits that count up within a millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(pub i64);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl DeliveryId {
    /// The id after `last`: made from the wall clock, but never at or before `last`, so that a clock that steps back changes nothing.
    pub fn next(last: DeliveryId, wall_ms: i64) -> DeliveryId {
        DeliveryId((wall_ms.max(0) << 20).max(last.0.saturating_add(1)))
    }

    /// The id as it is shown, without memory of its own.
    pub fn text(self) -> DeliveryText {
        let mut text = *b"dlv_0000000000000";
        let mut bits = self.0.cast_unsigned();
        for letter in text.iter_mut().skip(4).rev() {
            let index = usize::try_from(bits & 31).unwrap_or_default();
            *letter = ALPHABET.get(index).copied().unwrap_or(b'0');
            bits >>= 5;
        }
        DeliveryText(text)
    }
}

/// A delivery's id as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryText([u8; 17]);

impl std::ops::Deref for DeliveryText {
    type Target = str;

    fn deref(&self) -> &str {
        // Letters and digits are text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// That is not the id of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a delivery id: expected dlv_ and 13 letters or digits")]
pub struct BadDeliveryId;

impl FromStr for DeliveryId {
    type Err = BadDeliveryId;

    fn from_str(text: &str) -> Result<Self, BadDeliveryId> {
        let digits = text
            .strip_prefix("dlv_")
            .filter(|d| d.len() == 13)
            .ok_or(BadDeliveryId)?;
        let mut bits: u64 = 0;
        for byte in digits.bytes() {
            let digit = ALPHABET
                .iter()
                .position(|a| *a == byte)
                .ok_or(BadDeliveryId)?;
            bits = bits.checked_mul(32).ok_or(BadDeliveryId)? + digit as u64;
        }
        i64::try_from(bits)
            .map(DeliveryId)
            .map_err(|_| BadDeliveryId)
    }
}
