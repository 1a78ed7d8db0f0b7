//! The addresses of the console, from its route table: for each page those where it has most to show.

use serde_json::{Value, json};
use tidings_app::Access;
use tidings_web::console;
use tidings_web::route::{Method, OutputBody, Row};
use tidings_web::routes;

use super::{BIG, Result, World};

/// An address of a page.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Name of the row.
    pub(crate) row: &'static str,
    pub(crate) who: Who,
    pub(crate) path: String,
    /// Everybody may see it, and sees the same.
    pub(crate) open: bool,
    /// It goes on for as long as one listens.
    pub(crate) streams: bool,
}

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Somebody who is not signed in.
    Nobody,
    Administrator,
    /// A product owner: sees what an administrator sees of a project, another way.
    Owner,
    /// A team member.
    Member,
}

impl Who {
    pub(crate) const ALL: [Who; 4] = [Who::Nobody, Who::Administrator, Who::Owner, Who::Member];

    fn name(self) -> &'static str {
        match self {
            Who::Nobody => "nobody",
            Who::Administrator => "administrator",
            Who::Owner => "owner",
            Who::Member => "member",
        }
    }

    pub(crate) fn cookie(self, world: &World) -> &str {
        match self {
            Who::Nobody => "",
            Who::Administrator => &world.people.administrator,
            Who::Owner => &world.people.owner,
            Who::Member => &world.people.member,
        }
    }

    /// Whether a page is walked as them: what anybody sees is walked once.
    fn walks(self, row: &Row) -> bool {
        match (self, row.access) {
            (who, Access::Anyone) => who == Who::Nobody,
            (Who::Nobody, _) => false,
            (Who::Administrator, _) => true,
            (_, Access::Administrator) => false,
            (Who::Owner, _) => true,
            (Who::Member, access) => access != Access::Manage,
        }
    }
}

/// What there is to be told to whoever measures.
pub(crate) async fn told(world: &World) -> Result<Value> {
    let places = places(world).await?;
    let one = |place: &Place| {
        json!({
            "row": place.row, "who": place.who.name(), "cookie": place.who.cookie(world), "path": place.path,
            "open": place.open, "streams": place.streams,
        })
    };
    Ok(json!({
        "deliveries": world.found.deliveries,
        "rows": rows().count(),
        "places": places.iter().map(one).collect::<Vec<_>>(),
    }))
}

/// The rows that are walked: everything that can be got.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    console::table()
        .iter()
        .filter(|row| row.method == Method::Get)
}

/// Every address.
pub(crate) async fn places(world: &World) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for row in rows() {
        let mut paths = paths(world, row).await?;
        let pages = row.query.iter().any(|parameter| parameter.name == "cursor");
        if pages && let Some(first) = paths.first() {
            paths.extend(second_page(world, first).await?);
        }
        let streams =
            matches!(row.output.body, OutputBody::Text(kind) if kind == "text/event-stream");
        for who in Who::ALL.into_iter().filter(|who| who.walks(row)) {
            places.extend(paths.iter().map(|path| Place {
                row: &row.id,
                who,
                path: path.clone(),
                open: row.access == Access::Anyone,
                streams,
            }));
        }
    }
    Ok(places)
}

/// The page after the first one, if there is one.
async fn second_page(world: &World, first: &str) -> Result<Option<String>> {
    let cookie = Who::Administrator.cookie(world);
    let (_, text) = world.house.open_page(cookie, first).await?;
    let Some((_, rest)) = text.split_once("cursor=") else {
        return Ok(None);
    };
    let end = rest.find(|c: char| !c.is_ascii_hexdigit() && c != '.');
    let cursor = rest.get(..end.unwrap_or_default()).unwrap_or_default();
    let between = if first.contains('?') { '&' } else { '?' };
    Ok(Some(format!("{first}{between}cursor={cursor}")))
}

fn id(of: Option<impl ToString>) -> Result<String> {
    Ok(of
        .ok_or("the world lacks something to look at")?
        .to_string())
}

/// Where a row is looked at. The empty query comes first.
async fn paths(world: &World, row: &Row) -> Result<Vec<String>> {
    let in_project = row.path.replace("{key}", BIG);
    let queries = |all: &[&str]| -> Vec<String> {
        let bare = std::iter::once(in_project.clone());
        bare.chain(all.iter().map(|q| format!("{in_project}?{q}")))
            .collect()
    };
    let with = |name: &str, values: Vec<String>| -> Vec<String> {
        let of = |value: String| in_project.replace(name, &value);
        values.into_iter().map(of).collect()
    };
    let (hooks, found) = (&world.hooks, &world.found);
    let great = || {
        let ids = [
            hooks.dead,
            hooks.fine,
            hooks.failing,
            hooks.off,
            hooks.paused,
            hooks.small,
        ];
        ids.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    Ok(match &*row.id {
        "favicon"
        | "home"
        | "sign_in_page"
        | "account_page"
        | "server_page"
        | "server_settings_page"
        | "new_project_page"
        | "docs_page"
        | "new_member_page"
        | "settings_page"
        | "accounts_page"
        | "admin_tokens_page"
        | "projects_page"
        | "updates_page"
        | "members_page"
        | "project_tokens_page" => queries(&[]),
        "asset" => assets(world).await?,
        "link_page" => with("{link}", vec![world.people.link.clone()]),
        "one_account_page" => {
            let path = in_project.replace("{id}", &world.people.account.to_string());
            vec![path.clone(), format!("{path}?project={BIG}")]
        }
        "audit_page" | "project_audit_page" => queries(&[
            "operation=member",
            "operation=token.create",
            "operation=setting",
            &format!("since={}", days_ago(world, 1)),
            &format!("until={}", days_ago(world, 10)),
        ]),
        "event_page" => with("{id}", vec![id(found.wide)?, id(found.plain)?]),
        "items_page" => queries(&[
            "collection=tasks",
            "collection=defects",
            "collection=tests",
            "collection=sprints",
        ]),
        "new_item_page" => with("{collection}", vec!["stories".into(), "sprints".into()]),
        "item_page" => with(
            "{collection}/{id}",
            vec!["stories/1".into(), "tasks/2".into(), "sprints/1".into()],
        ),
        "member_page" => with("{id}", vec!["1".into()]),
        "deliveries_page" => queries(
            &log_queries(world)
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        ),
        "delivery_page" => {
            let mut paths = with(
                "{id}",
                vec![
                    id(found.failed)?,
                    id(found.waiting)?,
                    id(found.arrived)?,
                    id(found.parked)?,
                ],
            );
            let whole = paths.first().map(|path| format!("{path}?all="));
            paths.extend(whole);
            paths
        }
        "live_deliveries" => queries(&["all=true", &format!("webhook={}", hooks.dead)]),
        "webhook_health_page" => {
            let mut paths = with("{id}", great());
            let since = days_ago(world, super::DAYS - 1);
            let counted: Vec<String> = paths.iter().map(|p| format!("{p}?since={since}")).collect();
            paths.extend(counted);
            paths
        }
        "resend_webhook_page" => {
            let mut paths = with("{id}", great());
            let since = days_ago(world, super::DAYS - 1);
            let counted: Vec<String> = paths
                .iter()
                .map(|p| format!("{p}?since={since}&failed=on&expired=on"))
                .collect();
            paths.extend(counted);
            paths
        }
        "catalogue_page" => queries(&["q=story"]),
        "catalogue_dialect_page" => {
            let all = tidings_dialects::all().iter();
            with("{dialect}", all.map(|d| d.name().to_owned()).collect())
        }
        "catalogue_event_page" => {
            let all = tidings_dialects::all().iter().flat_map(|d| {
                let codes = d.phrases().iter();
                codes.map(|p| format!("{}/{}", d.name(), p.code))
            });
            with("{dialect}/{code}", all.collect())
        }
        "docs_tag_page" => with("{tag}", tags()),
        "webhooks_page" => queries(&[
            "limit=200",
            "q=many",
            "q=Hook+77",
            "q=nothing+has+this",
            "state=ok",
            "state=backing_off",
            "state=paused",
            "state=disabled",
            "dialect=gitscrum",
            "dialect=icescrum&state=paused",
        ]),
        "webhook_page"
        | "delete_webhook_page"
        | "edit_webhook_page"
        | "rotate_secret_page"
        | "execute_page" => with("{id}", great()),
        "new_webhook_page" | "webhooks_by_event_page" => {
            let all = tidings_dialects::all().iter();
            let all: Vec<String> = all.map(|d| format!("dialect={}", d.name())).collect();
            queries(&all.iter().map(String::as_str).collect::<Vec<_>>())
        }
        unknown => {
            return Err(format!(
                "the page {unknown} is not walked: say here where it has most to show"
            )
            .into());
        }
    })
}

/// Each filter of the sent log, with values that match much, little and nothing.
fn log_queries(world: &World) -> Vec<String> {
    let (hooks, found) = (&world.hooks, &world.found);
    let mut all: Vec<String> = [
        hooks.dead,
        hooks.fine,
        hooks.failing,
        hooks.off,
        hooks.small,
    ]
    .iter()
    .map(|id| format!("webhook={id}"))
    .collect();
    for state in [
        "pending",
        "held",
        "parked",
        "delivered",
        "failed",
        "skipped",
        "expired",
    ] {
        all.push(format!("state={state}"));
        all.push(format!("webhook={}&state={state}", hooks.dead));
    }
    for trigger in ["event", "retry", "probe", "resend", "test"] {
        all.push(format!("trigger={trigger}"));
    }
    let (day, middle) = (days_ago(world, 1), days_ago(world, 10));
    all.extend(
        found
            .wide
            .iter()
            .chain(&found.plain)
            .map(|id| format!("event={id}")),
    );
    for query in [
        "code=story.updated",
        "code=wiki_page.created",
        "code=none",
        "object=stories/1",
        "object=tasks/2",
        "object=defects/999999",
        "status=204",
        "status=500",
        "status=404",
        "q=Turn",
        "q=%22turn+17+of+tasks+17%22",
        "q=nothing+has+this+text",
        "q=did+not+go",
    ] {
        all.push(query.to_owned());
    }
    for narrowed in [
        format!("since={day}"),
        format!("until={middle}"),
        format!("since={middle}&until={day}"),
        format!("since={day}&q=nothing+has+this+text"),
        format!("since={middle}&q=nothing+has+this+text"),
        format!("webhook={}&q=nothing+has+this+text", hooks.dead),
        format!("webhook={}&code=release.created", hooks.dead),
        format!("webhook={}&code=none", hooks.fine),
        format!("webhook={}&status=404", hooks.failing),
        format!("webhook={}&trigger=test", hooks.fine),
        format!("webhook={}&trigger=retry", hooks.small),
        format!("webhook={}&object=stories/1", hooks.fine),
        format!("state=failed&code=none&webhook={}", hooks.failing),
        "state=delivered&status=500".to_owned(),
        "state=failed&code=story.updated".to_owned(),
        "code=story.updated&status=404".to_owned(),
        "code=story.updated&q=nothing+has+this+text".to_owned(),
        "trigger=retry&code=none".to_owned(),
        "trigger=event&status=500&code=none".to_owned(),
        "object=stories/1&status=404".to_owned(),
    ] {
        all.push(narrowed);
    }
    all
}

/// A time so many days before the world's end.
fn days_ago(world: &World, days: u64) -> String {
    let days = i64::try_from(days).unwrap_or_default();
    let at = world.house.clock_ms() - days * 86_400_000;
    let at = tidings_domain::Time::from_millisecond(at).unwrap_or_default();
    tidings_domain::time::show(tidings_domain::time::cut(at))
}

/// The files that pages name.
async fn assets(world: &World) -> Result<Vec<String>> {
    let (_, text) = world.house.open_page("", "/sign-in").await?;
    let names = text.split("\"/assets/").skip(1);
    let names = names.filter_map(|rest| rest.split('"').next());
    let mut all: Vec<String> = names.map(|name| format!("/assets/{name}")).collect();
    all.sort();
    all.dedup();
    Ok(all)
}

/// The pages of the API's description: what its routes are about.
fn tags() -> Vec<String> {
    let tags = routes::table().iter().map(|row| row.tag);
    let tags = tags.filter(|tag| !tag.is_empty());
    let mut all: Vec<String> = tags
        .map(|tag| tag.to_ascii_lowercase().replace(' ', "-"))
        .collect();
    all.sort();
    all.dedup();
    all
}
