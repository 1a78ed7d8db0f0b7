//! Passwords: which are good enough, how they are kept, and what a guess costs.
//!
//! Hashed with argon2id (19 MiB, 2 passes, 1 lane) on threads of their own, a few at a time: whatever number of people sign in at
//! once, memory stays bounded and the rest of the server keeps its processors. Whoever is not known, may not sign in or has no
//! password costs the same work as everybody else.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tidings_domain::fault::FaultKind;
use tidings_domain::{Entropy, Fault};
use tokio::sync::Semaphore;

use crate::guesses::{Allowance, Guesses};
use crate::refusal::internal;

mod common;

/// Fewest characters.
pub const MIN_CHARS: usize = 8;
/// Most characters: far more than anybody types.
pub const MAX_CHARS: usize = 256;

/// The hash of no password, in the form and at the price of all others.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ibw$bm9ib2R5bm9ib2R5bm9ib2R5bm9ib2R5bm9ib2R5bm8";
/// Who waits for a hash; more are told to come back.
const MOST_WAITING: usize = 256;
/// A person mistypes a few times; ten guesses and then one each half minute are no way to a password.
const OF_A_LOGIN: Allowance = Allowance {
    burst: 10,
    each_ms: 30_000,
};
/// Many people may sit behind one address.
const OF_AN_ADDRESS: Allowance = Allowance {
    burst: 100,
    each_ms: 3000,
};

/// What stands between a guesser and the passwords.
#[derive(Debug)]
pub struct Gate {
    /// Hashes at a time.
    hashing: Semaphore,
    waiting: Semaphore,
    logins: Guesses,
    addresses: Guesses,
    hashed: AtomicU64,
}

impl Default for Gate {
    fn default() -> Self {
        // Half of the processors are left to everybody else.
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            hashing: Semaphore::new((processors / 2).clamp(1, 4)),
            waiting: Semaphore::new(MOST_WAITING),
            logins: Guesses::new(OF_A_LOGIN),
            addresses: Guesses::new(OF_AN_ADDRESS),
            hashed: AtomicU64::new(0),
        }
    }
}

/// A guess that is counted; see [`Gate::guess`].
pub(crate) struct Guess<'g> {
    gate: &'g Gate,
    login: String,
    address: Option<[u8; 16]>,
}

impl Guess<'_> {
    /// It was right: it does not count.
    pub(crate) fn was_right(self) {
        self.gate.logins.give_back(&self.login);
        if let Some(address) = self.address {
            self.gate.addresses.give_back(&address);
        }
    }
}

impl Gate {
    /// How many hashes were made or compared; for tests of what a sign-in costs.
    pub fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    /// Counts a guess, before it is known whether it is right: 429 when there were too many.
    pub(crate) fn guess(
        &self,
        login: String,
        address: Option<IpAddr>,
        now_ms: i64,
    ) -> Result<Guess<'_>, Fault> {
        let address = address.map(network);
        if let Some(address) = &address {
            self.addresses.take(address, now_ms).map_err(too_many)?;
        }
        if let Err(wait) = self.logins.take(&login, now_ms) {
            // The address pays all the same: it goes on guessing.
            return Err(too_many(wait));
        }
        Ok(Guess {
            gate: self,
            login,
            address,
        })
    }

    /// Whether that is the password. `None`: there is none to compare with, and it takes as long.
    pub(crate) async fn verify(
        &self,
        password: &str,
        stored: Option<String>,
    ) -> Result<bool, Fault> {
        let is_known = stored.is_some();
        let stored = stored.unwrap_or_else(|| NOBODY.to_owned());
        let password = password.to_owned();
        let job = move || Argon2::default().verify_password(password.as_bytes(), stored.as_str());
        Ok(self.work(job).await?.is_ok() && is_known)
    }

    /// What is kept of a password.
    pub(crate) async fn hash(
        &self,
        password: &str,
        entropy: &dyn Entropy,
    ) -> Result<String, Fault> {
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        let password = password.to_owned();
        let job = move || {
            Argon2::default()
                .hash_password_with_salt(password.as_bytes(), &salt)
                .map(|hash| hash.to_string())
        };
        self.work(job).await?.map_err(|error| {
            tracing::error!("a password could not be hashed: {error}");
            internal()
        })
    }

    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let _waiting = self.waiting.try_acquire().map_err(|_| Fault {
            retry_after: Some(5),
            ..Fault::new(
                FaultKind::Unavailable,
                "overloaded",
                "too many people are signing in at this moment; try again in a few seconds",
            )
        })?;
        let _turn = self.hashing.acquire().await.map_err(|_| internal())?;
        self.hashed.fetch_add(1, Ordering::Relaxed);
        let done = tokio::task::spawn_blocking(job).await;
        done.map_err(|error| {
            tracing::error!("hashing ended early: {error}");
            internal()
        })
    }
}

fn too_many(wait_ms: i64) -> Fault {
    let seconds = u32::try_from(wait_ms / 1000 + 1).unwrap_or(u32::MAX);
    Fault {
        retry_after: Some(seconds),
        ..Fault::new(
            FaultKind::TooMany,
            "too_many_attempts",
            format!("too many attempts to sign in; try again in {seconds} seconds"),
        )
    }
}

/// An address as it is counted: whoever has one of IPv6 has a network of them.
fn network(address: IpAddr) -> [u8; 16] {
    let mut octets = match address.to_canonical() {
        IpAddr::V4(v4) => return v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    };
    for octet in octets.iter_mut().skip(8) {
        *octet = 0;
    }
    octets
}

/// Why a password is not good enough for somebody with that login and name.
pub fn weakness(password: &str, login: &str, name: &str) -> Option<(&'static str, String)> {
    let chars = password.chars().count();
    if !(MIN_CHARS..=MAX_CHARS).contains(&chars) {
        let detail = format!("must have {MIN_CHARS} to {MAX_CHARS} characters, has {chars}");
        return Some(("length", detail));
    }
    common::is_common(password, &[login, name]).then(|| {
        let detail = "is one of those that are guessed first; take several words that do not belong together";
        ("common_password", detail.to_owned())
    })
}

#[cfg(test)]
mod tests;
