//! Who may: the one vocabulary of rights. Each route and each use case names one of these and nothing else.

use tidings_domain::Fault;

use crate::caller::{Caller, Role};

/// What a caller must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// No token needed.
    Anyone,
    /// Any good token.
    Known,
    /// The server's administrator.
    Administrator,
    /// Anybody of the project: reads objects.
    Project,
    /// Writes objects: everybody of the project but stakeholders.
    Write,
    /// Reads webhooks and the sent log: everybody of the project but stakeholders.
    Watch,
    /// Manages members, tokens, settings and webhooks: product owner, scrum master, app, administrator.
    Manage,
}

impl Access {
    /// Every right.
    pub const ALL: [Access; 7] = [
        Access::Anyone,
        Access::Known,
        Access::Administrator,
        Access::Project,
        Access::Write,
        Access::Watch,
        Access::Manage,
    ];

    /// For people, to complete "may be called by".
    pub const fn words(self) -> &'static str {
        match self {
            Access::Anyone => "anyone, without a token",
            Access::Known => "any token",
            Access::Administrator => "the administrator",
            Access::Project => "everybody of the project",
            Access::Write => "product owner, scrum master, team member, app, administrator",
            Access::Watch => {
                "product owner, scrum master, app, administrator; team members see less"
            }
            Access::Manage => "product owner, scrum master, app, administrator",
        }
    }

    /// Whether that caller may. Whether the project exists for it is another question, asked before: see [`Caller::sees`].
    pub const fn admits(self, caller: &Caller) -> bool {
        match self {
            Access::Anyone | Access::Known => true,
            Access::Project => !matches!(caller, Caller::Account { .. }),
            Access::Administrator => matches!(caller, Caller::Admin { .. }),
            Access::Write => caller.writes_objects(),
            Access::Watch => !matches!(
                caller,
                Caller::Member {
                    role: Role::Stakeholder,
                    ..
                } | Caller::Account { .. }
            ),
            Access::Manage => caller.manages(),
        }
    }

    /// Refuses a caller that may not.
    pub fn check(self, caller: &Caller) -> Result<(), Fault> {
        if self.admits(caller) {
            return Ok(());
        }
        let words = self.words();
        let told = if caller.credential().is_session() {
            // No person is an app.
            let people = words.replace("app, ", "");
            format!("you may not do that here; it is for: {people}")
        } else {
            format!("this token may not do that; it is for: {words}")
        };
        Err(Fault::forbidden("forbidden", told))
    }
}
