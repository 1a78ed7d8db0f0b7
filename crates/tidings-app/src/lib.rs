//! Use cases: what a person or a program may ask for, and who may.
//!
//! Three doors (REST, console, CLI) and one set of use cases: the methods of [`App`]. Each answers or refuses with a
//! [`Fault`] that names the member at fault.
//!
//! * [`access`]: the one vocabulary of rights. [`caller`]: who asks. [`auth`]: the caller behind a token.
//! * [`accounts`], [`sessions`]: people who sign in; [`passwords`] and [`guesses`] stand between a guesser and them.
//! * [`audit`]: who changed what.
//! * [`objects`]: every write and read of every collection. [`activities`]: what happened lately; [`updates`]: the same with what
//!   people want to see beside it.
//! * [`projects`], [`tokens`], [`webhooks`], [`deliveries`], [`settings`]: the rest of a project and of the server.
//! * [`explain`]: why an event reached a webhook or did not.
//! * [`figures`]: the server in numbers, and what changes right now.
//! * [`catalogue`]: the dialects, their codes and a sample of each; needs nobody's permission.
//! * [`vault`]: secrets at rest. [`reader`]: strict reading of requests. [`keep`]: answers for requests that are sent again.
//! * [`first_tries`]: what became of a write's deliveries.
//!
//! Invariants: whoever does not see a project gets the same answer as for an absent one; a secret goes in and never comes out.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use tidings_domain::{Clock, Entropy, Fault, Project, Value, time};
use tidings_storage::Store;

pub mod access;
pub mod accounts;
pub mod activities;
pub mod audit;
pub mod auth;
pub mod caller;
pub mod catalogue;
pub mod deliveries;
pub mod explain;
pub mod figures;
pub mod first_tries;
pub mod guard;
pub mod guesses;
pub mod keep;
pub mod objects;
pub mod passwords;
pub mod projects;
pub mod reader;
pub mod refusal;
pub mod seen;
pub mod sessions;
pub mod settings;
pub mod tokens;
pub mod updates;
pub mod vault;
pub mod webhooks;

pub use access::Access;
pub use caller::{Caller, Credential, Key, Role};
pub use keep::Keep;
pub use seen::Edit;
pub use sessions::{Session, Visitor};
pub use vault::Vault;

/// Everything the use cases work with. Shared by all doors.
pub struct App {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What sends.
    pub engine: tidings_delivery::Engine,
    /// Which URLs may be saved.
    pub guard: Arc<dyn guard::Guard>,
    /// What the administrator set: see [`settings`].
    pub settings: RwLock<settings::ServerSettings>,
    /// One change of them at a time.
    pub settings_turn: tokio::sync::Mutex<()>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Secrets at rest.
    pub vault: Arc<Vault>,
    /// Public URL of the server, without a slash at the end.
    pub server_url: String,
    /// SHA-256 of the administrator's token from the configuration.
    pub admin_token: Option<[u8; 32]>,
    /// The room that large changes share.
    pub plans: objects::Plans,
    /// What stands between a guesser and the passwords.
    pub gate: passwords::Gate,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "App({})", self.server_url)
    }
}

impl App {
    /// The project of that key, if it exists for the caller; else the same 404 as for an absent one.
    pub async fn project(&self, caller: &Caller, key: &str) -> Result<Arc<Project>, Fault> {
        let found = self.store.project(key).await.map_err(refusal::refusal)?;
        found
            .filter(|project| caller.sees(project.id))
            .ok_or_else(refusal::absent)
    }

    /// The wall clock, as the API shows times.
    pub fn now(&self) -> String {
        time::show(self.clock.wall())
    }
}

/// Which page of a list: what comes after (or, newest first, before) a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// The position; 0 is the beginning.
    pub from: i64,
    /// Most entries.
    pub limit: usize,
}

/// A page of a list as the API shows it, with the position after it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The entries.
    pub data: Vec<Value>,
    /// Where the next page begins.
    pub next: Option<i64>,
}
