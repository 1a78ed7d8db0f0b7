//! The people of a project and their roles.

use tidings_app::objects::{Entry, Op};
use tidings_app::seen::STALE;
use tidings_app::{Access, refusal};
use tidings_domain::{Collection, Doc, Fault, Value};

use crate::console::Form;
use crate::console::view::json;
use crate::route::{Call, LEAF, Reply, Row};
use crate::routes::run;

const ALL: &str = "/projects/{key}/members";
const NEW: &str = "/projects/{key}/members/new";
const ONE: &str = "/projects/{key}/members/{id}";
const MEMBERS: &str = "members";

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::page(ALL, "members_page", Access::Project, run!(list)).knows(&LEAF),
        Row::page(NEW, "new_member_page", Access::Manage, run!(blank)),
        Row::action(NEW, "new_member", Access::Manage, run!(create)),
        Row::page(ONE, "member_page", Access::Manage, run!(show)),
        Row::action(ONE, "edit_member", Access::Manage, run!(edit)),
        Row::action(
            "/projects/{key}/members/{id}/delete",
            "remove_member",
            Access::Manage,
            run!(delete),
        ),
    ]
}

async fn list(call: Call) -> Result<Reply, Fault> {
    let paging = call.paging()?;
    let key = &call.project()?.key;
    let page = call
        .app
        .objects(call.caller()?, key, MEMBERS, paging.from, paging.limit)
        .await?;
    let docs: Vec<&Doc> = page.data.iter().map(|doc| &**doc).collect();
    let context = minijinja::context! {
        members => json(&docs),
        pages => call.pages(page.next),
    };
    call.show("project/members.html", context)
}

async fn blank(call: Call) -> Result<Reply, Fault> {
    let form = fields(&Form::default());
    let context = minijinja::context! { id => (), form, seen => (), faults => () };
    call.show("project/member.html", context)
}

async fn create(call: Call) -> Result<Reply, Fault> {
    save(call, Op::Post, None).await
}

async fn show(call: Call) -> Result<Reply, Fault> {
    let id = call.param("id");
    let member = stored(&call, id).await?;
    let seen = json(&sequence(&member));
    let context = minijinja::context! { id, form => json(&member), seen, faults => () };
    call.show("project/member.html", context)
}

fn sequence(member: &Value) -> Value {
    member.member("sequence").cloned().unwrap_or_default()
}

async fn stored(call: &Call, id: &str) -> Result<Value, Fault> {
    let key = &call.project()?.key;
    let found = call.app.object(call.caller()?, key, MEMBERS, id, None);
    Value::parse(&found.await?).map_err(|_| refusal::internal())
}

async fn edit(call: Call) -> Result<Reply, Fault> {
    let id = call.param("id").to_owned();
    save(call, Op::Patch, Some(id)).await
}

async fn save(call: Call, op: Op, id: Option<String>) -> Result<Reply, Fault> {
    let form = call.form();
    let body = body_of(&form, id.is_some());
    let saved = write(&call, op, id.clone(), seen_as(&form, &body)).await;
    match saved {
        Ok(()) => {
            let to = format!("/projects/{}/members", call.project()?.key);
            let name = form.get("first_name").to_owned();
            Ok(call.done(&to, format!("{name} was saved.")))
        }
        Err(fault) if fault.code == STALE => {
            let theirs = stored(&call, id.as_deref().unwrap_or_default()).await?;
            let seen = json(&sequence(&theirs));
            let context = minijinja::context! { id, form => fields(&form), seen };
            call.show_clash("project/member.html", context, (&theirs, &body))
        }
        Err(fault) => {
            let seen = form.get("sequence");
            let context = minijinja::context! { id, form => fields(&form), seen };
            call.show_again("project/member.html", context, fault)
        }
    }
}

async fn delete(call: Call) -> Result<Reply, Fault> {
    let id = Some(call.param("id").to_owned());
    write(&call, Op::Delete, id, Value::Null).await?;
    let to = format!("/projects/{}/members", call.project()?.key);
    Ok(call.done(
        &to,
        "The member was removed; what they did keeps their name.",
    ))
}

async fn write(call: &Call, op: Op, id: Option<String>, data: Value) -> Result<(), Fault> {
    let entry = Entry {
        op,
        collection: Collection::Members.path().into(),
        id,
        data,
        comment: None,
        by: None,
        at: None,
        key: None,
        silent: false,
    };
    let (caller, project) = (call.caller()?, call.project()?);
    let written = call.app.write(caller, project, vec![entry], false, None);
    written.await.map(drop)
}

/// The change with the version that it was made for.
fn seen_as(form: &Form, body: &Value) -> Value {
    let mut members = body.as_map().to_vec();
    if form.has("sequence") {
        members.push(("sequence".to_owned(), form.int_or_null("sequence")));
    }
    Value::Map(members)
}

fn body_of(form: &Form, known: bool) -> Value {
    let mut members = vec![
        ("first_name", form.text_or_null("first_name")),
        ("last_name", form.get("last_name").trim().into()),
        ("email", form.text_or_null("email")),
        ("username", form.text_or_null("username")),
        ("role", form.text_or_null("role")),
    ];
    if known {
        members.push(("active", form.has("active").into()));
    }
    let members = members.into_iter().map(|(n, v)| (n.to_owned(), v));
    Value::Map(members.collect())
}

/// The fields as the template shows them.
fn fields(form: &Form) -> minijinja::Value {
    minijinja::context! {
        first_name => form.get("first_name"),
        last_name => form.get("last_name"),
        email => form.get("email"),
        username => form.get("username"),
        role => form.text("role").unwrap_or("team_member"),
        active => form.has("active"),
    }
}
