//! Who asks.

use std::fmt;
use std::net::IpAddr;

use tidings_domain::{AccountId, ProjectId, SessionId, TokenId};

/// What a member may do in a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything in the project.
    ProductOwner,
    /// Everything in the project.
    ScrumMaster,
    /// Writes objects; reads webhooks (URL cut) and the log without bodies and headers.
    TeamMember,
    /// Reads objects.
    Stakeholder,
}

impl Role {
    /// The role of that word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "product_owner" => Some(Self::ProductOwner),
            "scrum_master" => Some(Self::ScrumMaster),
            "team_member" => Some(Self::TeamMember),
            "stakeholder" => Some(Self::Stakeholder),
            _ => None,
        }
    }

    /// The word of the role.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ProductOwner => "product_owner",
            Self::ScrumMaster => "scrum_master",
            Self::TeamMember => "team_member",
            Self::Stakeholder => "stakeholder",
        }
    }

    /// Whether it may manage members, settings and webhooks.
    pub const fn manages(self) -> bool {
        matches!(self, Self::ProductOwner | Self::ScrumMaster)
    }
}

/// What a caller showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The administrator's token of the configuration.
    Configured,
    /// A token.
    Token {
        /// Its number.
        id: TokenId,
        /// Its name.
        name: String,
    },
    /// The cookie of a session.
    Session {
        /// The session.
        id: SessionId,
        /// Whose.
        account: AccountId,
        /// Their name.
        name: String,
    },
    /// Nothing: it is this process, on behalf of whoever can start it.
    Operator,
}

/// What a caller showed, and from where it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// What it showed.
    pub key: Key,
    /// The address of the peer; behind a proxy that is trusted, of whom the proxy speaks for.
    pub address: Option<IpAddr>,
}

impl Credential {
    /// A credential whose address is not known yet: see [`Caller::at`].
    pub const fn new(key: Key) -> Self {
        Self { key, address: None }
    }

    /// Whether it is a person with a browser.
    pub const fn is_session(&self) -> bool {
        matches!(self.key, Key::Session { .. })
    }

    const fn holder(&self) -> Holder {
        match &self.key {
            Key::Configured => Holder::Configured,
            Key::Token { id, .. } => Holder::Token(*id),
            Key::Session { account, .. } => Holder::Account(*account),
            Key::Operator => Holder::Operator,
        }
    }
}

/// Who holds what is counted or kept per token or account. Its text names it in what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// The administrator's token of the configuration.
    Configured,
    /// A token.
    Token(TokenId),
    /// An account, however many sessions it has.
    Account(AccountId),
    /// This process.
    Operator,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Configured => f.write_str("admin"),
            Holder::Token(id) => id.fmt(f),
            Holder::Account(account) => write!(f, "account {account}"),
            Holder::Operator => f.write_str("operator"),
        }
    }
}

/// An authenticated caller; one is made from a token or a session for each request, so a change of rights acts at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The server's administrator: everything, everywhere.
    Admin {
        /// What it showed.
        credential: Credential,
    },
    /// A program of one project: everything there but the plan; may name actor and time, load silently, lock its own webhooks.
    App {
        /// What it showed.
        credential: Credential,
        /// Its name: the origin of its webhooks is `app:NAME`.
        name: String,
        /// Its project.
        project: ProjectId,
    },
    /// A member of one project, or a role without a person.
    Member {
        /// What it showed.
        credential: Credential,
        /// The project.
        project: ProjectId,
        /// The member, if a person.
        member: Option<i64>,
        /// What they may.
        role: Role,
    },
    /// Somebody who signed in, outside of any project: nobody's member there.
    Account {
        /// What it showed.
        credential: Credential,
    },
}

impl Caller {
    /// Whether it may name actor and time and load silently.
    pub const fn imports(&self) -> bool {
        matches!(self, Caller::Admin { .. } | Caller::App { .. })
    }

    /// The member it acts as, if its token belongs to one.
    pub const fn member(&self) -> Option<i64> {
        match self {
            Caller::Member { member, .. } => *member,
            Caller::Admin { .. } | Caller::App { .. } | Caller::Account { .. } => None,
        }
    }

    /// Whether that project exists for it.
    pub fn sees(&self, id: ProjectId) -> bool {
        match self {
            Caller::Admin { .. } => true,
            Caller::App { project, .. } | Caller::Member { project, .. } => *project == id,
            Caller::Account { .. } => false,
        }
    }

    /// Whether it may write objects.
    pub const fn writes_objects(&self) -> bool {
        !matches!(
            self,
            Caller::Member {
                role: Role::Stakeholder,
                ..
            } | Caller::Account { .. }
        )
    }

    /// Whether it may manage members, settings and webhooks of its project.
    pub const fn manages(&self) -> bool {
        match self {
            Caller::Admin { .. } | Caller::App { .. } => true,
            Caller::Member { role, .. } => role.manages(),
            Caller::Account { .. } => false,
        }
    }

    /// Who it is, for histories: `administrator`, `administrator:Ada`, `app:zapier`, `member:17`, `role:product_owner`.
    pub fn signature(&self) -> String {
        let person = match &self.credential().key {
            Key::Session { name, .. } => Some(name),
            Key::Configured | Key::Token { .. } | Key::Operator => None,
        };
        match (self, person) {
            (Caller::App { name, .. }, _) => format!("app:{name}"),
            (Caller::Member { member, role, .. }, _) => match member {
                Some(id) => format!("member:{id}"),
                None => format!("role:{}", role.word()),
            },
            (Caller::Admin { .. } | Caller::Account { .. }, Some(name)) => {
                format!("administrator:{name}")
            }
            (Caller::Admin { .. } | Caller::Account { .. }, None) => "administrator".to_owned(),
        }
    }

    /// What it showed.
    pub const fn credential(&self) -> &Credential {
        match self {
            Caller::Admin { credential }
            | Caller::App { credential, .. }
            | Caller::Member { credential, .. }
            | Caller::Account { credential } => credential,
        }
    }

    /// The same caller, coming from there.
    #[must_use]
    pub fn at(mut self, from: Option<IpAddr>) -> Self {
        match &mut self {
            Caller::Admin { credential }
            | Caller::App { credential, .. }
            | Caller::Member { credential, .. }
            | Caller::Account { credential } => credential.address = from,
        }
        self
    }

    /// Whose places among the requests under way it takes, and whose keys it uses.
    pub const fn holder(&self) -> Holder {
        self.credential().holder()
    }

    /// A stable name for what is kept per token or account: batch keys, idempotency.
    pub fn scope(&self) -> String {
        self.holder().to_string()
    }
}
