//! Where a page of the console has most to show.

use tidings_domain::delivery::{DeliveryState, Trigger};
use tidings_web::route::Row;
use tidings_web::routes;

use super::{BIG, Result, World};

/// The pages that have one address, of a project or of none.
const BARE: &[&str] = &[
    "account_page",
    "accounts_page",
    "admin_tokens_page",
    "docs_page",
    "favicon",
    "home",
    "members_page",
    "new_member_page",
    "new_project_page",
    "project_tokens_page",
    "projects_page",
    "plans_page",
    "server_page",
    "server_settings_page",
    "settings_page",
    "sign_in_again_page",
    "sign_in_page",
    "updates_page",
];

/// A row, of which addresses are wanted.
struct Asked<'w> {
    world: &'w World,
    name: &'w str,
    /// Its path, with the project.
    path: String,
}

/// Where a row is looked at. The empty query comes first.
pub(crate) async fn paths(world: &World, row: &Row) -> Result<Vec<String>> {
    let asked = Asked {
        world,
        name: &row.id,
        path: row.path.replace("{key}", BIG),
    };
    if BARE.contains(&asked.name) {
        return Ok(vec![asked.path]);
    }
    if asked.name == "asset" {
        return assets(world).await;
    }
    let known = [
        asked.of_people(),
        asked.of_work()?,
        asked.of_webhooks(),
        asked.of_log()?,
        asked.of_catalogue(),
    ];
    let paths = known.into_iter().flatten().next();
    paths.ok_or_else(|| {
        let name = asked.name;
        format!("the page {name} is not walked: say here where it has most to show").into()
    })
}

impl Asked<'_> {
    /// The page itself, and with each of some queries.
    fn queries(&self, all: &[&str]) -> Vec<String> {
        let bare = std::iter::once(self.path.clone());
        bare.chain(all.iter().map(|q| format!("{}?{q}", self.path)))
            .collect()
    }

    /// The page with each of some values in its path.
    fn with(&self, name: &str, values: Vec<String>) -> Vec<String> {
        let of = |value: String| self.path.replace(name, &value);
        values.into_iter().map(of).collect()
    }

    /// The page of each webhook that stands out.
    fn each_webhook(&self) -> Vec<String> {
        let hooks = &self.world.hooks;
        let ids = [
            hooks.dead,
            hooks.fine,
            hooks.failing,
            hooks.off,
            hooks.paused,
            hooks.small,
        ];
        self.with("{id}", ids.iter().map(ToString::to_string).collect())
    }

    /// The same, and with something to count since nearly the beginning.
    fn each_webhook_since(&self, more: &str) -> Vec<String> {
        let since = days_ago(self.world, super::DAYS - 1);
        let mut paths = self.each_webhook();
        let counted: Vec<String> = paths
            .iter()
            .map(|path| format!("{path}?since={since}{more}"))
            .collect();
        paths.extend(counted);
        paths
    }

    fn of_people(&self) -> Option<Vec<String>> {
        let world = self.world;
        Some(match self.name {
            "link_page" => self.with("{link}", vec![world.people.link.clone()]),
            "one_account_page" => {
                let path = self.path.replace("{id}", &world.people.account.to_string());
                vec![path.clone(), format!("{path}?project={BIG}")]
            }
            "member_page" => self.with("{id}", vec!["1".into()]),
            "audit_page" | "project_audit_page" => self.queries(&[
                "operation=member",
                "operation=token.create",
                "operation=setting",
                &format!("since={}", days_ago(world, 1)),
                &format!("until={}", days_ago(world, 10)),
            ]),
            _ => return None,
        })
    }

    fn of_work(&self) -> Result<Option<Vec<String>>> {
        let found = &self.world.found;
        Ok(Some(match self.name {
            "event_page" => self.with("{id}", vec![id(found.wide)?, id(found.plain)?]),
            "items_page" => self.queries(&[
                "collection=tasks",
                "collection=defects",
                "collection=tests",
                "collection=sprints",
            ]),
            "edit_comment_page" | "edit_time_page" => self.with("{id}", vec!["1".into()]),
            "new_item_page" => self.with("{collection}", vec!["stories".into(), "sprints".into()]),
            "item_page" => self.with(
                "{collection}/{id}",
                vec!["stories/1".into(), "tasks/2".into(), "sprints/1".into()],
            ),
            _ => return Ok(None),
        }))
    }

    fn of_webhooks(&self) -> Option<Vec<String>> {
        Some(match self.name {
            "webhooks_page" => self.queries(&[
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
            | "execute_page" => self.each_webhook(),
            "new_webhook_page" | "webhooks_by_event_page" => {
                let all = tidings_dialects::all().iter();
                let all: Vec<String> = all.map(|d| format!("dialect={}", d.name())).collect();
                self.queries(&all.iter().map(String::as_str).collect::<Vec<_>>())
            }
            "webhook_health_page" => self.each_webhook_since(""),
            "resend_webhook_page" => self.each_webhook_since("&failed=on&expired=on"),
            _ => return None,
        })
    }

    fn of_log(&self) -> Result<Option<Vec<String>>> {
        let (hooks, found) = (&self.world.hooks, &self.world.found);
        Ok(Some(match self.name {
            "deliveries_page" => {
                let all = log_queries(self.world);
                self.queries(&all.iter().map(String::as_str).collect::<Vec<_>>())
            }
            "delivery_page" => {
                let all = [found.failed, found.waiting, found.arrived, found.parked];
                let all: Result<Vec<String>> = all.into_iter().map(id).collect();
                let mut paths = self.with("{id}", all?);
                let whole = paths.first().map(|path| format!("{path}?all="));
                paths.extend(whole);
                paths
            }
            "live_deliveries" => self.queries(&["all=true", &format!("webhook={}", hooks.dead)]),
            _ => return Ok(None),
        }))
    }

    fn of_catalogue(&self) -> Option<Vec<String>> {
        let all = tidings_dialects::all().iter();
        Some(match self.name {
            "catalogue_page" => self.queries(&["q=story"]),
            "catalogue_dialect_page" => {
                self.with("{dialect}", all.map(|d| d.name().to_owned()).collect())
            }
            "catalogue_event_page" => {
                let all = all.flat_map(|d| {
                    let codes = d.phrases().iter();
                    codes.map(|p| format!("{}/{}", d.name(), p.code))
                });
                self.with("{dialect}/{code}", all.collect())
            }
            "docs_tag_page" => self.with("{tag}", tags()),
            _ => return None,
        })
    }
}

fn id(of: Option<impl ToString>) -> Result<String> {
    Ok(of
        .ok_or("the world lacks something to look at")?
        .to_string())
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
    for state in DeliveryState::ALL.iter().map(|s| s.as_str()) {
        all.push(format!("state={state}"));
        all.push(format!("webhook={}&state={state}", hooks.dead));
    }
    for trigger in Trigger::ALL.iter().map(|t| t.as_str()) {
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
