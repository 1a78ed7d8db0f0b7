//! `/projects/{key}/deliveries`, `/activities`, `/events` and why they reached whom.

use http::StatusCode;
use serde_json::value::RawValue;
use tidings_app::{Access, deliveries};
use tidings_domain::Fault;

use super::run;
use crate::route::{Call, Method, Parameter, Reply, Row};

const LOG: &str = "Sent log";
const NEWS: &str = "Activities";
const DELIVERIES: &str = "/api/v1/projects/{key}/deliveries";
const OFF: (u16, &str) = (403, "webhooks_off");

/// The filters of the sent log, here and in the console.
pub(crate) const FILTERS: [Parameter; 10] = [
    Parameter {
        name: "webhook",
        description: "To this webhook.",
    },
    Parameter {
        name: "state",
        description: "In this state: pending, held, parked, delivered, failed, skipped, expired.",
    },
    Parameter {
        name: "event",
        description: "Of this event.",
    },
    Parameter {
        name: "code",
        description: "Under this event code.",
    },
    Parameter {
        name: "object",
        description: "About this object, or rooted in it: tasks/42.",
    },
    Parameter {
        name: "trigger",
        description: "With a try of this trigger: event, retry, probe, restart, reconnect, resend, recover, test.",
    },
    Parameter {
        name: "status",
        description: "Whose last answer had this status.",
    },
    Parameter {
        name: "since",
        description: "Made at or after this time.",
    },
    Parameter {
        name: "until",
        description: "Made before this time.",
    },
    Parameter {
        name: "q",
        description: "With this text in title, number, code or error; inside a time window also in bodies.",
    },
];

pub(super) fn rows() -> Vec<Row> {
    let one = format!("{DELIVERIES}/{{id}}");
    vec![
        Row::new(Method::Get, DELIVERIES, "list_deliveries", Access::Watch, run!(list))
            .about(LOG, "Lists deliveries and tests, newest first.")
            .lists("DeliveryRow")
            .knows(&FILTERS)
            .refuses(&[OFF]),
        Row::new(Method::Get, one.clone(), "get_delivery", Access::Watch, run!(get))
            .about(LOG, "Reads a delivery with its exact body and every attempt. Team members see neither bodies nor headers.")
            .gives(200, "Delivery")
            .refuses(&[OFF]),
        Row::new(Method::Post, format!("{one}/resend"), "resend_delivery", Access::Manage, run!(resend))
            .about(LOG, "Sends a delivery once more: same id, same bytes. What was not delivered takes its old place with a fresh schedule.")
            .gives_nothing(202)
            .refuses(&[OFF, (403, "plan_view_only"), (409, "waiting"), (409, "webhook_disabled"), (409, "webhook_deleted")]),
        Row::new(Method::Get, "/api/v1/projects/{key}/activities", "list_activities", Access::Project, run!(activities))
            .about(NEWS, "Lists recent updates, newest first; with `dialect` as the bodies that a vendor's webhooks send.")
            .lists("Activity")
            .knows(&[Parameter { name: "dialect", description: "In that vendor's words, for example backlog." }])
            .refuses(&[(422, "invalid")]),
        Row::new(Method::Get, "/api/v1/projects/{key}/events/{id}", "get_event", Access::Project, run!(event))
            .about(NEWS, "Reads one event.")
            .gives(200, "Activity"),
        Row::new(Method::Get, "/api/v1/projects/{key}/events/{id}/explain", "explain_event", Access::Watch, run!(explain))
            .about(LOG, "Says for each webhook why the event reached it or did not, by webhook; deleted ones are there with their deliveries.")
            .lists("Explained")
            .knows(&[Parameter { name: "webhook", description: "For this webhook alone; 404 when it is not there and has no delivery of the event." }])
            .refuses(&[OFF]),
    ]
}

async fn list(call: Call) -> Result<Reply, Fault> {
    let paging = call.paging()?;
    let filter = deliveries::filter(call.query.pairs())?;
    let (caller, project) = (call.caller()?, call.project()?);
    let page = call
        .app
        .deliveries(caller, project, &filter, paging)
        .await?;
    Ok(call.page(&page.data, page.next))
}

async fn get(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let delivery = call.app.delivery(caller, project, call.param("id")).await?;
    Ok(Reply::json(StatusCode::OK, &delivery))
}

async fn resend(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    call.app
        .resend_delivery(caller, project, call.param("id"))
        .await?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

async fn activities(call: Call) -> Result<Reply, Fault> {
    let paging = call.paging()?;
    let (caller, project) = (call.caller()?, call.project()?);
    let Some(dialect) = call.query.get("dialect") else {
        let page = call.app.activities(caller, project, paging).await?;
        return Ok(call.page(&page.data, page.next));
    };
    let (bodies, next) = call
        .app
        .activities_as(caller, project, dialect, paging)
        .await?;
    let bodies: Vec<&RawValue> = bodies
        .iter()
        .filter_map(|body| serde_json::from_slice(body).ok())
        .collect();
    Ok(call.page(&bodies, next))
}

async fn event(call: Call) -> Result<Reply, Fault> {
    let event = call
        .app
        .event(call.caller()?, call.project()?, call.id()?)
        .await?;
    Ok(Reply::json(StatusCode::OK, &event))
}

async fn explain(call: Call) -> Result<Reply, Fault> {
    let paging = call.paging()?;
    let webhook = deliveries::filter(call.query.pairs())?.webhook;
    let (caller, project) = (call.caller()?, call.project()?);
    let page = call
        .app
        .explain(caller, project, call.id()?, webhook.map(|w| w.0), paging)
        .await?;
    Ok(call.page(&page.data, page.next))
}

#[cfg(test)]
#[test]
fn the_filters_are_those_of_the_use_case() {
    assert_eq!(FILTERS.map(|f| f.name), deliveries::FILTERS);
}
