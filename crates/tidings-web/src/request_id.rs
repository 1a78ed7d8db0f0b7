//! The `x-request-id` of each answer, which the log has too.
//!
//! It has to be unique, so that people find a request again, and grants nothing: a number from chance where the process begins,
//! counted on and stirred, does that without asking the system for chance with every answer.

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use tidings_domain::Entropy;

/// Hands out ids.
#[derive(Debug)]
pub(crate) struct RequestIds(AtomicU64);

impl RequestIds {
    /// Two processes hardly ever begin at the same number.
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let mut first = [0; 8];
        entropy.fill(&mut first);
        Self(AtomicU64::new(u64::from_be_bytes(first)))
    }

    /// The next id: 16 hexadecimal digits.
    pub(crate) fn next(&self) -> HeaderValue {
        let id = stir(self.0.fetch_add(1, Ordering::Relaxed));
        HeaderValue::try_from(format!("{id:016x}")).unwrap_or(HeaderValue::from_static("0"))
    }
}

/// Makes neighbours look unlike each other, and keeps different numbers different (the finalizer of `SplitMix64`).
const fn stir(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    struct Seven;

    impl Entropy for Seven {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn ids_differ_and_have_one_form() {
        let ids = RequestIds::new(&Seven);
        let all: HashSet<String> = (0..10_000)
            .map(|_| ids.next().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(all.len(), 10_000);
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        assert!(all.iter().all(|id| id.len() == 16 && id.chars().all(hex)));
    }
}
