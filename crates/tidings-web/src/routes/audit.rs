//! `/audit` and `/projects/{key}/audit`.

use tidings_app::{Access, audit};
use tidings_domain::Fault;

use super::run;
use crate::route::{Call, Method, Parameter, Reply, Row};

const TAG: &str = "Audit log";

pub(crate) const FILTERS: [Parameter; 5] = [
    Parameter {
        name: "webhook",
        description: "Changes of this webhook.",
    },
    Parameter {
        name: "operation",
        description: "This operation, webhook.update, or all of a kind: webhook, delivery, member, team, token, account, settings, project.",
    },
    Parameter {
        name: "actor",
        description: "Changes by this actor: its kind, and a colon and its id where it has one. account:3, token:5, app:5, administrator, operator, server.",
    },
    Parameter {
        name: "since",
        description: "At or after this time.",
    },
    Parameter {
        name: "until",
        description: "Before this time.",
    },
];

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(Method::Get, "/api/v1/audit", "list_audit", Access::Administrator, run!(list))
            .about(TAG, "Lists who changed which webhook, member, token, account, setting or project, when, from where, and how; newest first. Of secrets only that they changed.")
            .lists("AuditEntry")
            .knows(&FILTERS),
        Row::new(Method::Get, "/api/v1/projects/{key}/audit", "list_project_audit", Access::Manage, run!(list))
            .about(TAG, "Lists the changes of one project; newest first.")
            .lists("AuditEntry")
            .knows(&FILTERS),
    ]
}

async fn list(call: Call) -> Result<Reply, Fault> {
    let filter = audit::filter(call.query.pairs())?;
    let (caller, project) = (call.caller()?, call.project.as_deref());
    let paging = call.paging()?;
    let page = call.app.audit(caller, project, filter, paging).await?;
    Ok(call.page(&page.data, page.next))
}

#[cfg(test)]
#[test]
fn the_filters_are_those_of_the_use_case() {
    assert_eq!(FILTERS.map(|f| f.name), audit::FILTERS);
}
