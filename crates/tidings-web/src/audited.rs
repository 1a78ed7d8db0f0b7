//! Who changed what of webhooks, members, tokens, projects and settings: one line in the log for each change that was made.

use tidings_app::{Access, Caller};

use crate::route::{Method, Reply, Row};

/// What such a line says; only a change that was made gets one.
pub(crate) struct Audit {
    operation: &'static str,
    who: String,
    path: String,
}

impl Audit {
    /// Nothing where a route changes none of these.
    pub(crate) fn of(row: &'static Row, caller: Option<&Caller>, path: &str) -> Option<Self> {
        let changes = row.method != Method::Get
            && matches!(row.access, Access::Manage | Access::Administrator);
        let who = caller.filter(|_| changes)?;
        let who = match who {
            Caller::Admin { .. } => format!("administrator, token {}", who.scope()),
            Caller::Account { .. } => who.scope(),
            Caller::App { .. } => format!("app, token {}", who.scope()),
            Caller::Member { member, .. } => {
                let member = member.map_or_else(|| "role".to_owned(), |id| format!("member {id}"));
                format!("{member}, token {}", who.scope())
            }
        };
        Some(Self {
            operation: &row.id,
            who,
            path: path.to_owned(),
        })
    }

    pub(crate) fn write(self, reply: &Reply) {
        let Self {
            operation,
            who,
            path,
        } = self;
        let status = reply.status.as_u16();
        tracing::info!(audit.operation = operation, audit.who = %who, audit.path = %path, http.status = status, "{operation} by {who}");
    }
}
