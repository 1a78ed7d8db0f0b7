//! `/projects/{key}/webhooks`.

use http::{StatusCode, header};
use tidings_app::Access;
use tidings_app::reader::object;
use tidings_app::webhooks::{Answer, SweepAnswer, Switch};
use tidings_domain::{Fault, Value, WebhookId};

use super::run;
use crate::route::{Call, Method, Reply, Row};

const TAG: &str = "Webhooks";
const ALL: &str = "/api/v1/projects/{key}/webhooks";
const ONE: &str = "/api/v1/projects/{key}/webhooks/{id}";
const OFF: (u16, &str) = (403, "webhooks_off");
const PLAN: (u16, &str) = (403, "plan_view_only");
const LOCKED: (u16, &str) = (403, "webhook_locked");
const INVALID: (u16, &str) = (422, "invalid");
const FORBIDDEN_URL: (u16, &str) = (422, "url_forbidden");

pub(super) fn rows() -> Vec<Row> {
    let verb = |verb: &str| format!("{ONE}/{verb}");
    vec![
        Row::new(Method::Get, ALL, "list_webhooks", Access::Watch, run!(list))
            .about(TAG, "Lists the project's webhooks with their health and warnings.")
            .lists("Webhook")
            .refuses(&[OFF]),
        Row::new(Method::Post, ALL, "create_webhook", Access::Manage, run!(create))
            .about(TAG, "Creates a webhook. The secret is never shown again.")
            .takes("WebhookInput")
            .gives(201, "Webhook")
            .refuses(&[OFF, PLAN, INVALID, FORBIDDEN_URL]),
        Row::new(Method::Post, "/api/v1/projects/{key}/webhooks/test", "test_unsaved_webhook", Access::Manage, run!(test_unsaved))
            .about(TAG, "Sends a sample to a webhook that is not saved, or to a saved one (`id`) with changed members; a stored secret and stored headers go to no other host.")
            .takes("UnsavedWebhookTest")
            .gives(200, "Delivery")
            .refuses(&[OFF, PLAN, INVALID, FORBIDDEN_URL, (409, "no_event")]),
        Row::new(Method::Get, ONE, "get_webhook", Access::Watch, run!(get))
            .about(TAG, "Reads a webhook.")
            .gives(200, "Webhook")
            .refuses(&[OFF]),
        Row::new(Method::Get, verb("hours"), "get_webhook_hours", Access::Watch, run!(hours))
            .about(TAG, "Counts the webhook's accepted and failed tries of the last 24 hours by hour, tests left out, and says how fast its receiver was lately. Up to this moment; a crash of the server costs at most its last minute.")
            .gives(200, "WebhookHours")
            .refuses(&[OFF]),
        Row::new(Method::Get, verb("history"), "list_webhook_history", Access::Watch, run!(history))
            .about(TAG, "Lists the changes of the webhook's health, newest first: when, why, and by whom if a person or a program did it. The last 200 are kept, as long as the log; the last one always.")
            .lists("HealthChange")
            .refuses(&[OFF]),
        Row::new(Method::Get, verb("progress"), "get_webhook_progress", Access::Watch, run!(progress))
            .about(TAG, "Says how far the webhook's recovery or resend in bulk is, or how the last one ended.")
            .gives(200, "SweepProgress")
            .refuses(&[OFF]),
        Row::new(Method::Patch, ONE, "update_webhook", Access::Manage, run!(update))
            .about(TAG, "Changes a webhook by a merge patch. URL, headers, TLS, secret and timeout apply to the next try of everything that waits; another host in the URL drops the stored headers.")
            .takes("WebhookPatch")
            .gives(200, "Webhook")
            .refuses(&[OFF, PLAN, LOCKED, INVALID, (422, "dialect_fixed"), FORBIDDEN_URL, (409, "conflict")]),
        Row::new(Method::Delete, ONE, "delete_webhook", Access::Manage, run!(delete))
            .about(TAG, "Deletes a webhook: what waits is skipped, the log stays.")
            .gives_nothing(204)
            .refuses(&[OFF]),
        Row::new(Method::Post, verb("test"), "test_webhook", Access::Manage, run!(test))
            .about(TAG, "Sends a sample of a code, or what last happened to an object, now, once, outside order and limits.")
            .takes("WebhookTest")
            .gives(200, "Delivery")
            .refuses(&[OFF, PLAN, INVALID, (409, "no_event")]),
        Row::new(Method::Post, verb("enable"), "enable_webhook", Access::Manage, run!(enable))
            .about(TAG, "Enables a webhook: failures count from 0, what is parked stays parked.")
            .gives(200, "Webhook")
            .refuses(&[OFF, PLAN, LOCKED]),
        Row::new(Method::Post, verb("disable"), "disable_webhook", Access::Manage, run!(disable))
            .about(TAG, "Disables a webhook: what waits is parked.")
            .gives(200, "Webhook")
            .refuses(&[OFF]),
        Row::new(Method::Post, verb("pause"), "pause_webhook", Access::Manage, run!(pause))
            .about(TAG, "Puts a webhook on hold: nothing is lost, order is kept.")
            .gives(200, "Webhook")
            .refuses(&[OFF, (409, "webhook_disabled")]),
        Row::new(Method::Post, verb("resume"), "resume_webhook", Access::Manage, run!(resume))
            .about(TAG, "Takes a webhook off hold.")
            .gives(200, "Webhook")
            .refuses(&[OFF, (409, "webhook_disabled")]),
        Row::new(Method::Post, verb("recover"), "recover_webhook", Access::Manage, run!(recover))
            .about(TAG, "Delivers or skips what was missed since a time: what was parked, and events recorded while the webhook was off. It goes first, in event order; on a disabled webhook `deliver` also enables. Repeating adds nothing.")
            .takes("RecoverInput")
            .gives(202, "Count")
            .refuses(&[OFF, PLAN, LOCKED, INVALID, (422, "before_retention"), (409, "recovering")]),
        Row::new(Method::Post, verb("resend"), "resend_webhook", Access::Manage, run!(resend))
            .about(TAG, "Sends again what was given up since a time, in event order: each in its old place, or late.")
            .takes("ResendInput")
            .gives(202, "Count")
            .refuses(&[OFF, PLAN, INVALID, (422, "before_retention"), (409, "webhook_disabled"), (409, "recovering")]),
        Row::new(Method::Post, verb("secret/rotate"), "rotate_secret", Access::Manage, run!(rotate))
            .about(TAG, "Changes the signing secret, with an overlap in which webhook-signature carries both. Without a secret in the request one is made and shown, here only.")
            .may_take("RotateInput")
            .gives(200, "Rotated")
            .refuses(&[OFF, LOCKED, INVALID, (409, "rotation_running")]),
    ]
}

async fn list(call: Call) -> Result<Reply, Fault> {
    let paging = call.paging()?;
    let page = call
        .app
        .webhooks(call.caller()?, call.project()?, paging)
        .await?;
    Ok(call.page(&page.data, page.next))
}

async fn create(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let all = format!("/api/v1/projects/{}/webhooks", project.key);
    let answer = move |(id, made): &(WebhookId, Value)| {
        Reply::json(StatusCode::CREATED, made).with(header::LOCATION, &format!("{all}/{id}"))
    };
    let keep = call.keep(answer.clone());
    let made = call
        .app
        .create_webhook(caller, project, &call.json(), keep)
        .await?;
    Ok(call.kept(answer(&made)))
}

async fn get(call: Call) -> Result<Reply, Fault> {
    let webhook = call
        .app
        .webhook(call.caller()?, call.project()?, call.id()?)
        .await?;
    Ok(Reply::json(StatusCode::OK, &webhook))
}

async fn hours(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let hours = call.app.webhook_hours(caller, project, call.id()?).await?;
    Ok(Reply::json(StatusCode::OK, &hours))
}

async fn history(call: Call) -> Result<Reply, Fault> {
    let paging = call.paging()?;
    let (caller, project) = (call.caller()?, call.project()?);
    let page = call
        .app
        .webhook_history(caller, project, call.id()?, paging)
        .await?;
    Ok(call.page(&page.data, page.next))
}

async fn progress(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let progress = call.app.sweep_progress(caller, project, call.id()?).await?;
    Ok(Reply::json(StatusCode::OK, &progress))
}

async fn update(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let keep = call.keep(shown);
    let changed = call
        .app
        .update_webhook_keeping((caller, project), call.id()?, (&call.json()).into(), keep)
        .await?;
    Ok(answered(&call, &changed))
}

fn shown(webhook: &Value) -> Reply {
    Reply::json(StatusCode::OK, webhook)
}

fn answered(call: &Call, answer: &Answer) -> Reply {
    let reply = shown(&answer.shown);
    if answer.kept { call.kept(reply) } else { reply }
}

async fn delete(call: Call) -> Result<Reply, Fault> {
    let keep = call.keep(|(): &()| Reply::empty(StatusCode::NO_CONTENT));
    call.app
        .delete_webhook(call.caller()?, call.project()?, call.id()?, keep)
        .await?;
    Ok(call.kept(Reply::empty(StatusCode::NO_CONTENT)))
}

async fn test(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let sent = call
        .app
        .test_webhook(caller, project, call.id()?, &call.json())
        .await?;
    Ok(Reply::json(StatusCode::OK, &sent))
}

async fn test_unsaved(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let sent = call.app.test_unsaved(caller, project, &call.json()).await?;
    Ok(Reply::json(StatusCode::OK, &sent))
}

async fn enable(call: Call) -> Result<Reply, Fault> {
    switch(call, Switch::Enable).await
}

async fn disable(call: Call) -> Result<Reply, Fault> {
    switch(call, Switch::Disable).await
}

async fn pause(call: Call) -> Result<Reply, Fault> {
    switch(call, Switch::Pause).await
}

async fn resume(call: Call) -> Result<Reply, Fault> {
    switch(call, Switch::Resume).await
}

async fn switch(call: Call, switch: Switch) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let keep = call.keep(shown);
    let switched = call
        .app
        .switch_webhook_keeping((caller, project), call.id()?, switch, keep)
        .await?;
    Ok(answered(&call, &switched))
}

async fn recover(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let done = call
        .app
        .recover_webhook(caller, project, call.id()?, &call.json())
        .await?;
    Ok(swept(done))
}

async fn resend(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let done = call
        .app
        .resend_webhook(caller, project, call.id()?, &call.json())
        .await?;
    Ok(swept(done))
}

fn swept(done: SweepAnswer) -> Reply {
    let count = i64::try_from(done.count).unwrap_or(i64::MAX);
    let shown = object([
        ("count", count.into()),
        ("dry_run", done.dry_run.into()),
        ("complete", done.complete.into()),
    ]);
    Reply::json(StatusCode::ACCEPTED, &shown)
}

async fn rotate(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let answer = |rotated: &Value| Reply::json(StatusCode::OK, rotated);
    let keep = call.keep(answer);
    let rotated = call
        .app
        .rotate_secret(caller, project, call.id()?, &call.json(), keep)
        .await?;
    Ok(call.kept(answer(&rotated)))
}
