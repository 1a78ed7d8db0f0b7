//! Who asks.

use tidings_domain::{ProjectId, TokenId};

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

    /// Whether it may manage members, settings and webhooks.
    pub const fn manages(self) -> bool {
        matches!(self, Self::ProductOwner | Self::ScrumMaster)
    }
}

/// An authenticated caller; one is made from a token for each request, so a change of rights acts at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The server's administrator: everything, everywhere.
    Admin {
        /// The token.
        token: Option<TokenId>,
    },
    /// A program of one project: everything there but the plan; may name actor and time, load silently, lock its own webhooks.
    App {
        /// The token.
        token: TokenId,
        /// Its name: the origin of its webhooks is `app:NAME`.
        name: String,
        /// Its project.
        project: ProjectId,
    },
    /// A member of one project, or a role without a person.
    Member {
        /// The token.
        token: TokenId,
        /// The project.
        project: ProjectId,
        /// The member, if a person.
        member: Option<i64>,
        /// What they may.
        role: Role,
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
            Caller::Admin { .. } | Caller::App { .. } => None,
        }
    }

    /// Whether that project exists for it.
    pub fn sees(&self, id: ProjectId) -> bool {
        match self {
            Caller::Admin { .. } => true,
            Caller::App { project, .. } | Caller::Member { project, .. } => *project == id,
        }
    }

    /// Whether it may write objects.
    pub const fn writes_objects(&self) -> bool {
        !matches!(
            self,
            Caller::Member {
                role: Role::Stakeholder,
                ..
            }
        )
    }

    /// Whether it may manage members, settings and webhooks of its project.
    pub const fn manages(&self) -> bool {
        match self {
            Caller::Admin { .. } | Caller::App { .. } => true,
            Caller::Member { role, .. } => role.manages(),
        }
    }

    /// A stable name for what is kept per token: batch keys, idempotency.
    pub fn scope(&self) -> String {
        match self {
            Caller::Admin { token } => token.map_or_else(|| "admin".to_owned(), |t| t.to_string()),
            Caller::App { token, .. } | Caller::Member { token, .. } => token.to_string(),
        }
    }
}
