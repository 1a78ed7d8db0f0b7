//! How a webhook fares: its state in words, its history, what it missed; and its past in bulk.

use std::time::Duration;

use tidings_app::webhooks::SweepAnswer;
use tidings_app::{Access, Paging};
use tidings_domain::fault::FaultKind;
use tidings_domain::{Fault, Time, Value, time};

use super::deliveries::{unzoned, zoned};
use crate::console::Form;
use crate::console::view::{self, json};
use crate::route::{Call, LEAF, Parameter, Reply, Row};
use crate::routes::run;

const HEALTH: &str = "/projects/{key}/webhooks/{id}/health";
const RESEND: &str = "/projects/{key}/webhooks/{id}/resend";
/// Changes of health on a page.
const ON_A_PAGE: usize = 20;
/// Whoever starts something long is shown how far it is after this time.
const PATIENCE: Duration = Duration::from_secs(2);
const DAY_SECONDS: i64 = 86_400;

const fn of(name: &'static str, description: &'static str) -> Parameter {
    Parameter { name, description }
}

const SINCE: Parameter = of("since", "Counts what there is from this time on.");
const UNTIL: Parameter = of("until", "Up to, and without, this time.");
const FAILED: Parameter = of("failed", "What was given up.");
const EXPIRED: Parameter = of("expired", "What waited too long.");

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::page(HEALTH, "webhook_health_page", Access::Watch, run!(health))
            .knows(&LEAF)
            .knows(&[SINCE]),
        Row::action(
            "/projects/{key}/webhooks/{id}/recover",
            "recover_webhook_form",
            Access::Manage,
            run!(recover),
        ),
        Row::page(RESEND, "resend_webhook_page", Access::Manage, run!(bulk))
            .knows(&[SINCE, UNTIL, FAILED, EXPIRED]),
        Row::action(RESEND, "resend_webhook_form", Access::Manage, run!(resend)),
    ]
}

/// What a page shows of what it was asked to count.
#[derive(Default)]
struct Counted {
    count: Option<i64>,
    /// There is more.
    more: bool,
    fault: Option<Fault>,
}

impl Counted {
    fn of(answer: Result<SweepAnswer, Fault>) -> Result<Self, Fault> {
        match answer {
            Ok(answer) => Ok(Self {
                count: Some(i64::try_from(answer.count).unwrap_or(i64::MAX)),
                more: !answer.complete,
                fault: None,
            }),
            Err(fault) if !fault.errors.is_empty() => Ok(Self {
                fault: Some(fault),
                ..Self::default()
            }),
            Err(fault) => Err(fault),
        }
    }

    /// The page, with the fault in its form if there is one.
    fn show(self, call: &Call, template: &str, context: minijinja::Value) -> Result<Reply, Fault> {
        match self.fault {
            Some(fault) => call.show_again(template, context, fault),
            None => call.show(template, context),
        }
    }
}

/// What a use case takes, of named members.
fn body(members: Vec<(&str, Value)>) -> Value {
    let named = |(name, value): (&str, Value)| (name.to_owned(), value);
    Value::Map(members.into_iter().map(named).collect())
}

async fn health(call: Call) -> Result<Reply, Fault> {
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let webhook = call.app.webhook(caller, project, id).await?;
    let day = call.app.webhook_hours(caller, project, id).await?;
    let paging = Paging {
        limit: ON_A_PAGE,
        ..call.paging()?
    };
    let history = call.app.webhook_history(caller, project, id, paging);
    let history = history.await?;
    let sweep = call.app.sweep_progress(caller, project, id).await?;
    let asked = call.query.get("since").map(zoned);
    let counted = match &asked {
        Some(since) if Access::Manage.admits(caller) => {
            let wanted = recovery(since, "deliver", true);
            let count = call.app.count_missed(caller, project, id, &wanted);
            Counted::of(count.await)?
        }
        _ => Counted::default(),
    };
    let since = if let Some(since) = asked {
        since
    } else {
        let since = call.app.missed_since(caller, project, id).await?;
        since.map_or_else(|| call.a_day_ago(), time::show)
    };
    let context = minijinja::context! {
        webhook => json(&webhook),
        day => json(&day),
        history => json(&history.data),
        pages => call.pages(history.next),
        sweep => json(&sweep),
        since => unzoned(&since),
        exact => since,
        count => counted.count,
        more => counted.more,
        faults => (),
    };
    counted.show(&call, "sent/health.html", context)
}

fn recovery(since: &str, mode: &str, dry_run: bool) -> Value {
    body(vec![
        ("since", since.into()),
        ("mode", mode.into()),
        ("dry_run", dry_run.into()),
    ])
}

async fn recover(call: Call) -> Result<Reply, Fault> {
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let form = call.form();
    let wanted = recovery(&zoned(form.get("since")), form.get("mode"), false);
    let done = call.app.recover_webhook(caller, project, id, &wanted);
    let verb = match form.get("mode") {
        "skip" => "skipped",
        _ => "on their way",
    };
    call.begun(id, verb, tokio::time::timeout(PATIENCE, done).await.ok())
}

/// What a form of a resend asks for.
fn given_up(of: &Form, dry_run: bool) -> Value {
    let states = ["failed", "expired"].into_iter().filter(|s| of.has(s));
    let mut members = vec![
        ("since", zoned(of.get("since")).into()),
        (
            "states",
            Value::List(states.map(|s| Value::from(s.to_owned())).collect()),
        ),
        ("dry_run", dry_run.into()),
    ];
    if let Some(until) = of.text("until") {
        members.push(("until", zoned(until).into()));
    }
    body(members)
}

async fn bulk(call: Call) -> Result<Reply, Fault> {
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let webhook = call.app.webhook(caller, project, id).await?;
    let sweep = call.app.sweep_progress(caller, project, id).await?;
    let asked: Form = call.query.pairs().collect();
    let counted = if asked.has("since") {
        let wanted = given_up(&asked, true);
        let count = call.app.resend_webhook(caller, project, id, &wanted).await;
        match count {
            // Said on the page: it is switched off, and can be enabled there.
            Err(fault) if fault.kind == FaultKind::Conflict => Counted::default(),
            count => Counted::of(count)?,
        }
    } else {
        Counted::default()
    };
    let fresh = !asked.has("since");
    let since = asked.text("since").map_or_else(|| call.a_day_ago(), zoned);
    let context = minijinja::context! {
        webhook => json(&webhook),
        sweep => json(&sweep),
        since => unzoned(&since),
        until => unzoned(asked.get("until")),
        failed => fresh || asked.has("failed"),
        expired => asked.has("expired"),
        count => counted.count,
        faults => (),
    };
    counted.show(&call, "sent/resend.html", context)
}

async fn resend(call: Call) -> Result<Reply, Fault> {
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let wanted = given_up(&call.form(), false);
    let done = call.app.resend_webhook(caller, project, id, &wanted);
    let done = tokio::time::timeout(PATIENCE, done).await.ok();
    call.begun(id, "on their way again", done)
}

impl Call {
    /// A day ago, for fields that are empty.
    fn a_day_ago(&self) -> String {
        let now = time::parse(&self.app.now()).map_or(0, Time::as_second);
        Time::from_second(now - DAY_SECONDS).map_or_else(|_| String::new(), time::show)
    }

    /// The answer to something that may take long: to the page that shows how far it is.
    fn begun(
        &self,
        id: i64,
        verb: &str,
        done: Option<Result<SweepAnswer, Fault>>,
    ) -> Result<Reply, Fault> {
        let to = format!("/projects/{}/webhooks/{id}/health", self.project()?.key);
        match done {
            Some(Ok(SweepAnswer { count: 1, .. })) => Ok(self.done(
                &to,
                format!("1 delivery is {}.", verb.replace("their", "its")),
            )),
            Some(Ok(answer)) => {
                let count = i64::try_from(answer.count).unwrap_or(i64::MAX);
                let count = view::count(count);
                Ok(self.done(&to, format!("{count} deliveries are {verb}.")))
            }
            None => Ok(self.done(&to, "It is under way: this page shows how far.")),
            Some(Err(fault)) if fault.errors.is_empty() && fault.kind != FaultKind::Conflict => {
                Err(fault)
            }
            Some(Err(fault)) => Ok(self.refused(&to, &fault)),
        }
    }
}
