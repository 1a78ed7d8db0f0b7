//! The server: how it does, who may sign in, its tokens and settings.

use tidings_app::reader::object;
use tidings_app::seen::STALE;
use tidings_app::{Access, Edit, Paging};
use tidings_domain::fault::FaultKind;
use tidings_domain::{Fault, Value};

use crate::console::Form;
use crate::console::view::json;
use crate::route::{Call, LEAF, Parameter, Reply, Row};
use crate::routes::run;

const ACCOUNTS: &str = "/admin/accounts";
const ACCOUNT: &str = "/admin/accounts/{id}";
const TOKENS: &str = "/admin/tokens";
const SETTINGS: &str = "/admin/settings";
const PROJECT: [Parameter; 1] = [Parameter {
    name: "project",
    description: "The project whose members to choose from.",
}];
/// Most projects and members to choose from.
const CHOICES: Paging = Paging {
    from: 0,
    limit: 200,
};
const HOUR: i64 = 3600;
const MIB: i64 = 1024 * 1024;

pub(super) fn rows() -> Vec<Row> {
    let admin = Access::Administrator;
    let page = |path, id, handler| Row::page(path, id, admin, handler);
    let verb = |path, id, handler| Row::action(path, id, admin, handler);
    vec![
        page("/admin", "server_page", run!(server)),
        page(ACCOUNTS, "accounts_page", run!(accounts)).knows(&LEAF),
        verb(ACCOUNTS, "new_account", run!(new_account)),
        page(ACCOUNT, "one_account_page", run!(account)).knows(&PROJECT),
        verb(ACCOUNT, "edit_account", run!(edit_account)),
        verb(
            "/admin/accounts/{id}/active",
            "switch_account",
            run!(switch_account),
        ),
        verb(
            "/admin/accounts/{id}/invite",
            "invite_account_here",
            run!(invite),
        ),
        verb("/admin/accounts/{id}/link", "link_account_here", run!(link)),
        verb(
            "/admin/accounts/{id}/unlink",
            "unlink_account_here",
            run!(unlink),
        ),
        verb(
            "/admin/accounts/{id}/delete",
            "delete_account_here",
            run!(delete_account),
        ),
        page(TOKENS, "admin_tokens_page", run!(tokens)).knows(&LEAF),
        verb(TOKENS, "new_admin_token", run!(new_token)),
        verb(
            "/admin/tokens/{id}/revoke",
            "revoke_admin_token_here",
            run!(revoke_token),
        ),
        page(SETTINGS, "server_settings_page", run!(settings)),
        verb(SETTINGS, "edit_server_settings", run!(edit_settings)),
    ]
}

async fn server(call: Call) -> Result<Reply, Fault> {
    let figures = call.app.server_figures(call.caller()?).await?;
    call.show(
        "admin/server.html",
        minijinja::context! { figures => json(&figures) },
    )
}

// === Accounts ===

async fn accounts_context(call: &Call, form: &Form) -> Result<minijinja::Value, Fault> {
    let page = call.app.accounts(call.caller()?, call.paging()?).await?;
    Ok(minijinja::context! {
        accounts => json(&page.data),
        pages => call.pages(page.next),
        form => account_fields(form),
    })
}

async fn accounts(call: Call) -> Result<Reply, Fault> {
    let context = accounts_context(&call, &Form::default()).await?;
    let context = minijinja::context! { faults => (), made => (), ..context };
    call.show("admin/accounts.html", context)
}

async fn new_account(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let mut members = vec![
        ("login".to_owned(), form.text_or_null("login")),
        ("administrator".to_owned(), form.has("administrator").into()),
    ];
    if let Some(name) = form.text("name") {
        members.push(("name".to_owned(), name.into()));
    }
    let body = Value::Map(members);
    match call.app.create_account(call.caller()?, &body, None).await {
        // Not by way of another page: the link is shown here, once, and kept nowhere.
        Ok(made) => {
            let context = accounts_context(&call, &Form::default()).await?;
            let context = minijinja::context! { faults => (), made => json(&made), ..context };
            call.show("admin/accounts.html", context)
        }
        Err(fault) => {
            let context = accounts_context(&call, &form).await?;
            let context = minijinja::context! { made => (), ..context };
            call.show_again("admin/accounts.html", context, fault)
        }
    }
}

async fn account_context(call: &Call) -> Result<minijinja::Value, Fault> {
    let caller = call.caller()?;
    let (account, seen) = call.app.account_to_edit(caller, call.id()?).await?;
    let projects = call.app.projects(caller, CHOICES).await?;
    let mut chosen = call.query.get("project").unwrap_or_default();
    let mut people = Vec::new();
    if !chosen.is_empty() {
        let page = call
            .app
            .objects(caller, chosen, "members", CHOICES.from, CHOICES.limit)
            .await;
        let page = match page {
            // A project that is not there any more was not chosen.
            Err(fault) if fault.kind == FaultKind::NotFound => {
                chosen = "";
                None
            }
            page => Some(page?),
        };
        let docs = page.iter().flat_map(|page| &page.data);
        people.extend(docs.map(|doc| {
            object([
                ("id", doc.id().into()),
                (
                    "name",
                    format!("{} {}", doc.text("first_name"), doc.text("last_name")).into(),
                ),
                ("role", doc.text("role").into()),
            ])
        }));
    }
    let own = call.session()?.account.0;
    let places = places(call, &account).await?;
    Ok(minijinja::context! {
        itself => account.member("id") == Some(&own.into()),
        account => json(&account),
        form => json(&account),
        seen,
        projects => json(&projects.data),
        chosen,
        people => json(&people),
        places => json(&places),
    })
}

/// Whose members an account is, with their names.
async fn places(call: &Call, account: &Value) -> Result<Vec<Value>, Fault> {
    let links = account.member("members").map_or(&[][..], Value::as_list);
    let mut places = Vec::with_capacity(links.len());
    for link in links {
        let key = link.member("project").and_then(Value::as_str);
        let id = link.member("member").and_then(Value::as_int);
        let (Some(key), Some(id)) = (key, id) else {
            continue;
        };
        let project = match call.app.project(call.caller()?, key).await {
            // It was deleted in this moment.
            Err(fault) if fault.kind == FaultKind::NotFound => continue,
            project => project?,
        };
        let names = call.app.member_names(&project, &[id]).await?;
        let name = names.into_iter().next().map(|(_, name)| name);
        places.push(object([
            ("project", key.into()),
            ("member", id.into()),
            ("name", name.into()),
        ]));
    }
    Ok(places)
}

async fn account(call: Call) -> Result<Reply, Fault> {
    let context = account_context(&call).await?;
    let context = minijinja::context! { faults => (), link => (), ..context };
    call.show("admin/account.html", context)
}

/// The fields of the form that changes an account, as they were sent.
fn account_fields(form: &Form) -> minijinja::Value {
    minijinja::context! {
        name => form.get("name"),
        login => form.get("login"),
        administrator => form.has("administrator"),
    }
}

fn place(call: &Call) -> String {
    format!("{ACCOUNTS}/{}", call.param("id"))
}

/// Back to the account: it was done, or why not.
fn outcome(call: &Call, done: Result<(), Fault>, text: &str) -> Result<Reply, Fault> {
    match done {
        Ok(()) => Ok(call.done(&place(call), text)),
        Err(fault) if !fault.errors.is_empty() || fault.code == "inactive" => {
            Ok(call.refused(&place(call), &fault))
        }
        Err(fault) => Err(fault),
    }
}

async fn edit_account(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let body = object([
        ("name", form.text_or_null("name")),
        ("login", form.text_or_null("login")),
        ("administrator", form.has("administrator").into()),
    ]);
    let asked = Edit::of(&body, form.get("seen"));
    let (caller, id) = (call.caller()?, call.id()?);
    let Err(fault) = call.app.update_account(caller, id, asked).await else {
        return Ok(call.done(&place(&call), "The account was saved."));
    };
    let context = account_context(&call).await?;
    let sent = account_fields(&form);
    if fault.code == STALE {
        let theirs = call.app.account(caller, id).await?;
        let context = minijinja::context! { form => sent, link => (), ..context };
        return call.show_clash("admin/account.html", context, (&theirs, &body));
    }
    let seen = form.get("seen");
    let context = minijinja::context! { form => sent, seen, link => (), ..context };
    call.show_again("admin/account.html", context, fault)
}

async fn switch_account(call: Call) -> Result<Reply, Fault> {
    let active = call.form().get("active") == "on";
    let body = object([("active", active.into())]);
    let switched = call
        .app
        .update_account(call.caller()?, call.id()?, &body)
        .await;
    let text = if active {
        "The account may sign in again."
    } else {
        "The account may no longer sign in, and is signed out everywhere."
    };
    outcome(&call, switched.map(drop), text)
}

async fn invite(call: Call) -> Result<Reply, Fault> {
    let body = object([(
        "purpose",
        call.form().text("purpose").unwrap_or("invite").into(),
    )]);
    match call.app.invite(call.caller()?, call.id()?, &body).await {
        Ok(link) => {
            let context = account_context(&call).await?;
            let link = link.show();
            let context = minijinja::context! { faults => (), link => json(&link), ..context };
            call.show("admin/account.html", context)
        }
        Err(fault) => outcome(&call, Err(fault), ""),
    }
}

async fn link(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let body = object([("member", form.int_or_null("member"))]);
    let (caller, id) = (call.caller()?, call.id()?);
    let linked = call
        .app
        .link_member(caller, id, form.get("project"), &body)
        .await;
    outcome(
        &call,
        linked.map(drop),
        "The account is that member now, and may what the member may.",
    )
}

async fn unlink(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let (caller, id) = (call.caller()?, call.id()?);
    call.app
        .unlink_member(caller, id, form.get("project"))
        .await?;
    Ok(call.done(&place(&call), "The account no longer sees that project."))
}

async fn delete_account(call: Call) -> Result<Reply, Fault> {
    match call
        .app
        .delete_account(call.caller()?, call.id()?, None)
        .await
    {
        Ok(()) => Ok(call.done(ACCOUNTS, "The account was deleted.")),
        Err(fault) => outcome(&call, Err(fault), ""),
    }
}

// === Tokens ===

async fn tokens_context(call: &Call, name: &str) -> Result<minijinja::Value, Fault> {
    let page = call
        .app
        .tokens(call.caller()?, None, call.paging()?)
        .await?;
    Ok(minijinja::context! {
        tokens => json(&page.data),
        pages => call.pages(page.next),
        name,
    })
}

async fn tokens(call: Call) -> Result<Reply, Fault> {
    let context = tokens_context(&call, "").await?;
    let context = minijinja::context! { faults => (), made => (), ..context };
    call.show("admin/tokens.html", context)
}

async fn new_token(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let mut members = vec![("name".to_owned(), form.text_or_null("name"))];
    if let Some(day) = form.text("expires_at") {
        members.push(("expires_at".to_owned(), format!("{day}T00:00:00Z").into()));
    }
    let body = Value::Map(members);
    match call
        .app
        .create_token(call.caller()?, None, &body, None)
        .await
    {
        Ok(made) => {
            let context = tokens_context(&call, "").await?;
            let context = minijinja::context! { faults => (), made => json(&made), ..context };
            call.show("admin/tokens.html", context)
        }
        Err(fault) => {
            let context = tokens_context(&call, form.get("name")).await?;
            let context = minijinja::context! { made => (), ..context };
            call.show_again("admin/tokens.html", context, fault)
        }
    }
}

async fn revoke_token(call: Call) -> Result<Reply, Fault> {
    let (caller, id) = (call.caller()?, call.id()?);
    call.app.revoke_token(caller, None, id, None).await?;
    Ok(call.done(TOKENS, "The token was revoked."))
}

// === Settings ===

/// The fields of the form, and the names that people know them by.
const FIELDS: [(&str, &str); 7] = [
    ("failure_limit", "failure_limit"),
    ("disable_after", "hours_of_nothing_but_failures"),
    ("days", "days_of_the_sent_log"),
    ("held_days", "days_of_what_is_put_aside"),
    ("audit_days", "days_of_the_audit_log"),
    ("max_rows", "most_deliveries"),
    ("max_bytes", "most_MiB_of_bodies_and_answers"),
];

/// The settings as the form has them, in its units.
fn fields_of(shown: &Value) -> [String; 7] {
    let kept = shown.member("retention").unwrap_or(&Value::Null);
    FIELDS.map(|(name, _)| {
        let found = shown.member(name).or_else(|| kept.member(name));
        let number = found.and_then(Value::as_int).unwrap_or_default();
        let unit = match name {
            "disable_after" => HOUR,
            "max_bytes" => MIB,
            _ => 1,
        };
        (number / unit).to_string()
    })
}

/// The same as somebody sent it.
fn fields_sent(form: &Form) -> [String; 7] {
    FIELDS.map(|(name, _)| match name {
        "failure_limit" | "disable_after" => form.get(name).trim().to_owned(),
        _ => form.get(&format!("retention.{name}")).trim().to_owned(),
    })
}

/// By the names that people know.
fn told(fields: &[String; 7]) -> Value {
    let names = FIELDS.iter().map(|(_, told)| (*told).to_owned());
    let values = fields.iter().map(|field| field.as_str().into());
    Value::Map(names.zip(values).collect())
}

fn settings_context(fields: &[String; 7], seen: &str, shown: &Value) -> minijinja::Value {
    let [
        failure_limit,
        disable_after,
        days,
        held_days,
        audit_days,
        max_rows,
        max_bytes,
    ] = fields;
    minijinja::context! {
        failure_limit, disable_after, days, held_days, audit_days, max_rows, max_bytes,
        seen,
        faults => (),
        ..allowed(shown)
    }
}

async fn settings(call: Call) -> Result<Reply, Fault> {
    let (shown, seen) = call.app.settings_to_edit(call.caller()?)?;
    let context = settings_context(&fields_of(&shown), &seen, &shown);
    call.show("admin/settings.html", context)
}

/// What only the configuration sets.
fn allowed(shown: &Value) -> minijinja::Value {
    let allow = shown
        .member("egress")
        .and_then(|egress| egress.member("allow"));
    minijinja::context! { allow => json(&allow.cloned().unwrap_or_default()) }
}

/// A number in a larger unit than the use case's.
fn times(value: Value, unit: i64) -> Value {
    match value {
        Value::Int(n) => n.saturating_mul(unit).into(),
        other => other,
    }
}

async fn edit_settings(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let body = object([
        ("failure_limit", form.int_or_null("failure_limit")),
        (
            "disable_after",
            times(form.int_or_null("disable_after"), HOUR),
        ),
        (
            "retention",
            object([
                ("days", form.int_or_null("retention.days")),
                ("held_days", form.int_or_null("retention.held_days")),
                ("audit_days", form.int_or_null("retention.audit_days")),
                ("max_rows", form.int_or_null("retention.max_rows")),
                (
                    "max_bytes",
                    times(form.int_or_null("retention.max_bytes"), MIB),
                ),
            ]),
        ),
    ]);
    let asked = Edit::of(&body, form.get("seen"));
    match call.app.update_settings(call.caller()?, asked).await {
        Ok(_) => Ok(call.done(SETTINGS, "The settings were saved; they act from now on.")),
        Err(fault) => {
            let (shown, now) = call.app.settings_to_edit(call.caller()?)?;
            let sent = fields_sent(&form);
            if fault.code == STALE {
                let both = (&told(&fields_of(&shown)), &told(&sent));
                let context = settings_context(&sent, &now, &shown);
                return call.show_clash("admin/settings.html", context, both);
            }
            let context = settings_context(&sent, form.get("seen"), &shown);
            call.show_again("admin/settings.html", context, fault)
        }
    }
}
