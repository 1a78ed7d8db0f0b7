//! Tokens of the API.

use serde::{Deserialize, Serialize};
use tidings_domain::{ProjectId, TokenId};

/// Who a token acts as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TokenKind {
    /// The server's administrator.
    Admin,
    /// A program of one project.
    App,
    /// A member of one project.
    Member {
        /// Which.
        member: i64,
    },
    /// No person, but a role in one project.
    Role {
        /// `product_owner`, `scrum_master`, `team_member`, `stakeholder`.
        role: String,
    },
}

/// A token; the secret itself is never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Number.
    pub id: TokenId,
    /// Its project; `None` for the administrator's.
    pub project: Option<ProjectId>,
    /// Name.
    pub name: String,
    /// Who it acts as.
    pub kind: TokenKind,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// First characters, for people.
    pub hint: String,
    /// RFC 3339.
    pub expires_at: Option<String>,
    /// RFC 3339.
    pub created_at: String,
}
