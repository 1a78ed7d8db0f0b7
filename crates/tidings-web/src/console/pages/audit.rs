//! The audit log, of the server and of a project, as sentences: who did what to what, when, from where.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Value as Shown, context};
use tidings_app::{Access, audit};
use tidings_domain::fault::FaultKind;
use tidings_domain::{Fault, Project, Value};

use crate::console::view::json;
use crate::route::{Call, LEAF, Parameter, Reply, Row};
use crate::routes::audit::FILTERS;
use crate::routes::run;

mod changes;
mod sentence;

/// Of the server's own page: narrows it to one project.
const PROJECT: Parameter = Parameter {
    name: "project",
    description: "Changes in this project.",
};
/// Projects that the server's page offers.
const MOST_PROJECTS: usize = 500;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::page(
            "/admin/audit",
            "audit_page",
            Access::Administrator,
            run!(show),
        )
        .knows(&LEAF)
        .knows(&FILTERS)
        .knows(&[PROJECT]),
        Row::page(
            "/projects/{key}/audit",
            "project_audit_page",
            Access::Manage,
            run!(show),
        )
        .knows(&LEAF)
        .knows(&FILTERS),
    ]
}

/// What a filter field says; one that was left empty says nothing.
fn asked<'c>(call: &'c Call, name: &str) -> Option<&'c str> {
    call.query.get(name).filter(|text| !text.is_empty())
}

async fn show(call: Call) -> Result<Reply, Fault> {
    let caller = call.caller()?;
    // A date from the form is its first moment; other times are taken as they are.
    let given = FILTERS.iter().filter_map(|filter| {
        let text = asked(&call, filter.name)?;
        Some(match filter.name {
            "since" | "until" if text.len() == "2026-03-02".len() => {
                (filter.name, format!("{text}T00:00:00Z"))
            }
            name => (name, text.to_owned()),
        })
    });
    let given: Vec<(&str, String)> = given.collect();
    // What is no filter filters nothing, and is said.
    let is_good = |(name, text): &&(&str, String)| {
        audit::filter(std::iter::once((*name, text.as_str()))).is_ok()
    };
    let good = given.iter().filter(is_good);
    let filter = audit::filter(good.map(|(n, v)| (*n, v.as_str())))?;
    let ignored = given.iter().filter(|pair| !is_good(pair));
    let mut ignored: Vec<String> = ignored.map(|(name, _)| (*name).to_owned()).collect();
    let chosen = match (&call.project, asked(&call, "project")) {
        (None, Some(key)) => match call.app.project(caller, key).await {
            Err(fault) if fault.kind == FaultKind::NotFound => {
                ignored.push("project".to_owned());
                None
            }
            found => Some(found?),
        },
        (own, _) => own.clone(),
    };
    let narrowed = !given.is_empty() || (call.project.is_none() && chosen.is_some());
    let chosen = chosen.as_deref();
    let page = call
        .app
        .audit(caller, chosen, filter, call.paging()?)
        .await?;
    let hooks = hooks(&call, chosen, &page.data).await?;
    let names = Names::of(&call, chosen, &page.data, &hooks).await?;
    let entries: Vec<Shown> = page.data.iter().map(|e| entry(e, &names)).collect();
    let fields = FILTERS.map(|f| (f.name, asked(&call, f.name).unwrap_or_default()));
    let context = context! {
        entries,
        pages => call.pages(page.next),
        fields => json(&BTreeMap::from(fields)),
        narrowed,
        ignored,
        operations => sentence::OPERATIONS.iter().map(|(operation, words)| context! { operation => *operation, words => *words }).collect::<Vec<_>>(),
        people => json(&people(&call, chosen).await?),
        hooks => json(&hooks.iter().map(|(id, (name, _))| (id, name)).collect::<BTreeMap<_, _>>()),
        chosen => chosen.map(|p| p.key.as_str()),
        projects => json(&projects(&call).await?),
    };
    call.show("admin/audit.html", context)
}

/// The projects that the server's page can be narrowed to.
async fn projects(call: &Call) -> Result<Vec<Value>, Fault> {
    if call.project.is_some() {
        return Ok(Vec::new());
    }
    let paging = tidings_app::Paging {
        from: 0,
        limit: MOST_PROJECTS,
    };
    let page = call.app.projects_of(call.session()?, paging).await?;
    Ok(page.data)
}

/// Who changed something lately: what the filter takes, and who that is.
async fn people(call: &Call, project: Option<&Project>) -> Result<Vec<(String, String)>, Fault> {
    let actors = call.app.audit_actors(call.caller()?, project).await?;
    let mut people: Vec<(String, String)> = actors
        .into_iter()
        .map(|actor| {
            let who = sentence::actor(&actor, None);
            (actor.handle(), who.name)
        })
        .collect();
    people.sort_by_key(|(_, name)| name.to_lowercase());
    Ok(people)
}

/// The webhooks of a project by id: their names, and whether they are still there. Deleted ones that the page tells of are among them.
async fn hooks(
    call: &Call,
    project: Option<&Project>,
    entries: &[Value],
) -> Result<BTreeMap<i64, (String, bool)>, Fault> {
    let Some(project) = project else {
        return Ok(BTreeMap::new());
    };
    let of = |entry: &Value| {
        let target = entry.member("target")?.as_str()?;
        let id: i64 = target.strip_prefix("webhooks/")?.parse().ok()?;
        let name = entry.member("name")?.as_str()?.to_owned();
        Some((id, (name, false)))
    };
    let mut hooks: BTreeMap<i64, (String, bool)> = entries.iter().filter_map(of).collect();
    let pages = project.webhooks != tidings_domain::project::WebhookSwitch::Off;
    if pages {
        let names = call.app.webhook_names(call.caller()?, project).await?;
        hooks.extend(names.into_iter().map(|(id, name)| (id.0, (name, true))));
    }
    Ok(hooks)
}

/// Whom and what numbers of the log mean.
struct Names<'h> {
    /// Members by the key of their project and their number.
    members: BTreeMap<(String, i64), String>,
    hooks: &'h BTreeMap<i64, (String, bool)>,
    /// Where pages of webhooks are.
    project: Option<&'h str>,
}

impl<'h> Names<'h> {
    async fn of(
        call: &Call,
        chosen: Option<&'h Project>,
        entries: &[Value],
        hooks: &'h BTreeMap<i64, (String, bool)>,
    ) -> Result<Self, Fault> {
        let mut wanted: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
        for entry in entries {
            let Some(key) = text(entry, "project") else {
                continue;
            };
            wanted
                .entry(key)
                .or_default()
                .extend(changes::members(entry));
        }
        let mut members = BTreeMap::new();
        for (key, ids) in wanted.into_iter().filter(|(_, ids)| !ids.is_empty()) {
            let ids: Vec<i64> = ids.into_iter().collect();
            let found = match chosen {
                Some(project) => call.app.member_names(project, &ids).await?,
                // It may be gone, or another one have its key now.
                None => match call.app.project(call.caller()?, key).await {
                    Ok(project) => call.app.member_names(&project, &ids).await?,
                    Err(_) => Vec::new(),
                },
            };
            members.extend(
                found
                    .into_iter()
                    .map(|(id, name)| ((key.to_owned(), id), name)),
            );
        }
        Ok(Self {
            members,
            hooks,
            project: chosen.map(|p| p.key.as_str()),
        })
    }

    /// What a member is called.
    fn member(&self, project: Option<&str>, id: i64) -> String {
        let known = project.and_then(|key| self.members.get(&(key.to_owned(), id)));
        known.map_or_else(|| format!("member {id}"), Clone::clone)
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.member(name)?.as_str()
}

/// An entry as its sentence, with what changed.
fn entry(entry: &Value, names: &Names<'_>) -> Shown {
    let project = text(entry, "project");
    let actor = entry.member("actor").cloned().unwrap_or_default();
    let member = actor.member("member").and_then(Value::as_int);
    let acted_as = member.map(|id| names.member(project, id));
    let who = sentence::actor(&sentence::read_actor(&actor), acted_as.as_deref());
    let said = sentence::of(entry, &|id| names.member(project, id));
    let hook = text(entry, "target")
        .and_then(|target| target.strip_prefix("webhooks/"))
        .and_then(|id| id.parse::<i64>().ok());
    let there = hook.filter(|id| names.hooks.get(id).is_some_and(|(_, there)| *there));
    let link = there
        .zip(names.project)
        .map(|(id, key)| format!("/projects/{key}/webhooks/{id}"));
    context! {
        at => text(entry, "at"),
        who => json(&who),
        said => json(&said),
        link,
        project,
        address => text(entry, "address"),
        changes => json(&changes::of(entry, &|id| names.member(project, id))),
    }
}

#[cfg(test)]
mod tests;
