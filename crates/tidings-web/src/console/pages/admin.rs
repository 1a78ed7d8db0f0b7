//! The server: how it does, who may sign in, its tokens and settings.

use tidings_app::reader::object;
use tidings_app::{Access, Paging};
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
        form => minijinja::context! {
            name => form.get("name"),
            login => form.get("login"),
            administrator => form.has("administrator"),
        },
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
    let account = call.app.account(caller, call.id()?).await?;
    let projects = call.app.projects(caller, CHOICES).await?;
    let chosen = call.query.get("project").unwrap_or_default();
    let mut people = Vec::new();
    if !chosen.is_empty() {
        let page = call
            .app
            .objects(caller, chosen, "members", CHOICES.from, CHOICES.limit)
            .await?;
        people.extend(page.data.iter().map(|doc| {
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
    Ok(minijinja::context! {
        itself => account.member("id") == Some(&own.into()),
        account => json(&account),
        projects => json(&projects.data),
        chosen,
        people => json(&people),
    })
}

async fn account(call: Call) -> Result<Reply, Fault> {
    let context = account_context(&call).await?;
    let context = minijinja::context! { faults => (), link => (), ..context };
    call.show("admin/account.html", context)
}

fn place(call: &Call) -> String {
    format!("{ACCOUNTS}/{}", call.param("id"))
}

/// Back to the account: it was done, or why not.
fn outcome(call: &Call, done: Result<(), Fault>, text: &str) -> Result<Reply, Fault> {
    match done {
        Ok(()) => Ok(call.done(&place(call), text)),
        Err(fault) if !fault.errors.is_empty() || fault.code == "inactive" => {
            Ok(call.failed(&place(call), fault.detail))
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
    let edited = call
        .app
        .update_account(call.caller()?, call.id()?, &body)
        .await;
    outcome(&call, edited.map(drop), "The account was saved.")
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

async fn settings(call: Call) -> Result<Reply, Fault> {
    let shown = call.app.show_settings(call.caller()?)?;
    let number = |path: &[&str]| {
        let found = path
            .iter()
            .try_fold(&shown, |value, name| value.member(name));
        found.and_then(Value::as_int).unwrap_or_default()
    };
    let context = minijinja::context! {
        failure_limit => number(&["failure_limit"]),
        disable_after => number(&["disable_after"]) / HOUR,
        days => number(&["retention", "days"]),
        held_days => number(&["retention", "held_days"]),
        audit_days => number(&["retention", "audit_days"]),
        max_rows => number(&["retention", "max_rows"]),
        max_bytes => number(&["retention", "max_bytes"]) / MIB,
        ..allowed(&shown)
    };
    call.show(
        "admin/settings.html",
        minijinja::context! { faults => (), ..context },
    )
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
    match call.app.update_settings(call.caller()?, &body).await {
        Ok(_) => Ok(call.done(SETTINGS, "The settings were saved; they act from now on.")),
        Err(fault) => {
            let shown = call.app.show_settings(call.caller()?)?;
            let context = minijinja::context! {
                failure_limit => form.get("failure_limit"),
                disable_after => form.get("disable_after"),
                days => form.get("retention.days"),
                held_days => form.get("retention.held_days"),
                audit_days => form.get("retention.audit_days"),
                max_rows => form.get("retention.max_rows"),
                max_bytes => form.get("retention.max_bytes"),
                ..allowed(&shown)
            };
            call.show_again("admin/settings.html", context, fault)
        }
    }
}
