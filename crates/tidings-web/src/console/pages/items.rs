//! The objects of a project that people work on most, with quick forms: to cause events by hand and watch them go out.

use tidings_app::objects::{Entry, Op, Written};
use tidings_app::reader::object;
use tidings_app::seen::STALE;
use tidings_app::{Access, Caller, refusal};
use tidings_domain::{Collection, Fault, Value};

use crate::console::Form;
use crate::console::view::json;
use crate::route::{Call, LEAF, Parameter, Reply, Row};
use crate::routes::run;

mod parts;

const ALL: &str = "/projects/{key}/items";
const NEW: &str = "/projects/{key}/items/{collection}/new";
const ONE: &str = "/projects/{key}/items/{collection}/{id}";
const COLLECTION: Parameter = Parameter {
    name: "collection",
    description: "stories, tasks, defects, tests or sprints.",
};
/// What has a form.
const SHOWN: [Collection; 5] = [
    Collection::Stories,
    Collection::Tasks,
    Collection::Defects,
    Collection::Tests,
    Collection::Sprints,
];
const ON_A_PAGE: usize = 50;

pub(super) fn rows() -> Vec<Row> {
    let verb = |path, id, handler| Row::action(path, id, Access::Write, handler);
    let mut rows = vec![
        Row::page(ALL, "items_page", Access::Project, run!(list))
            .knows(&LEAF)
            .knows(&[COLLECTION]),
        Row::page(NEW, "new_item_page", Access::Write, run!(blank)),
        verb(NEW, "new_item", run!(create)),
        Row::page(ONE, "item_page", Access::Project, run!(show)),
        verb(ONE, "edit_item", run!(edit)),
        verb(
            "/projects/{key}/items/{collection}/{id}/delete",
            "delete_item",
            run!(delete),
        ),
    ];
    rows.extend(parts::rows());
    rows
}

fn collection(call: &Call) -> Result<Collection, Fault> {
    let name = call.param("collection");
    let found = SHOWN.into_iter().find(|c| c.path() == name);
    found.ok_or_else(refusal::absent)
}

async fn list(call: Call) -> Result<Reply, Fault> {
    let name = call.query.get("collection").unwrap_or_default();
    let shown = SHOWN.into_iter().find(|c| c.path() == name);
    let shown = shown.unwrap_or(Collection::Stories);
    let from = call.paging()?.from;
    let key = &call.project()?.key;
    let page = call
        .app
        .objects(call.caller()?, key, shown.path(), from, ON_A_PAGE)
        .await?;
    let docs: Vec<&tidings_domain::Doc> = page.data.iter().map(|doc| &**doc).collect();
    let context = minijinja::context! {
        collection => shown.path(),
        collections => SHOWN.map(Collection::path).to_vec(),
        objects => json(&docs),
        pages => call.pages(page.next),
        cursor => call.query.get("cursor"),
    };
    call.show("project/items.html", context)
}

/// Where an object's page is.
fn place(call: &Call, collection: Collection, id: impl std::fmt::Display) -> Result<String, Fault> {
    let key = &call.project()?.key;
    Ok(format!("/projects/{key}/items/{collection}/{id}"))
}

async fn bench(call: &Call, collection: Collection, id: Option<&str>) -> Result<Value, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    call.app.workbench(caller, project, collection, id).await
}

async fn blank(call: Call) -> Result<Reply, Fault> {
    let shown = collection(&call)?;
    let bench = bench(&call, shown, None).await?;
    let context = minijinja::context! {
        collection => shown.path(),
        noun => shown.singular(),
        bench => json(&bench),
        form => minijinja::context! {},
        faults => (),
    };
    call.show("project/item_new.html", context)
}

async fn create(call: Call) -> Result<Reply, Fault> {
    let (shown, form) = (collection(&call)?, call.form());
    let entry = Entry {
        data: body_of(shown, &form),
        ..blank_entry(Op::Post, shown)
    };
    match write(&call, entry).await {
        Ok(written) => then(&call, shown, &written, "was created"),
        Err(fault) => {
            let bench = bench(&call, shown, None).await?;
            let context = minijinja::context! {
                collection => shown.path(),
                noun => shown.singular(),
                bench => json(&bench),
                form => sent(&form),
            };
            call.show_again("project/item_new.html", context, fault)
        }
    }
}

async fn show(call: Call) -> Result<Reply, Fault> {
    let bench = bench(&call, collection(&call)?, Some(call.param("id"))).await?;
    call.show("project/item.html", context(&call, &bench)?)
}

/// An item's page as it is.
fn context(call: &Call, bench: &Value) -> Result<minijinja::Value, Fault> {
    let shown = collection(call)?;
    Ok(minijinja::context! {
        collection => shown.path(),
        noun => shown.singular(),
        bench => json(bench),
        form => bench.member("object").map(json),
        seen => json(&sequence(bench)),
        wrote => parts::written_fields(&Form::default()),
        faults => (),
    })
}

/// An item's page with what was written about it and not taken.
async fn again(call: &Call, fault: Fault) -> Result<Reply, Fault> {
    let bench = bench(call, collection(call)?, Some(call.param("id"))).await?;
    let wrote = parts::written_fields(&call.form());
    let context = minijinja::context! { wrote, ..context(call, &bench)? };
    call.show_again("project/item.html", context, fault)
}

async fn edit(call: Call) -> Result<Reply, Fault> {
    let (shown, form) = (collection(&call)?, call.form());
    let body = body_of(shown, &form);
    let mut data = body.clone();
    if let Value::Map(members) = &mut data {
        // Whoever saves an old page is told, instead of undoing what others did since.
        if form.has("sequence") {
            members.push(("sequence".to_owned(), form.int_or_null("sequence")));
        }
        if let Some(text) = form.text("comment") {
            let comment = object([("body", text.into())]);
            members.push(("comment".to_owned(), comment));
        }
    }
    let id = call.param("id");
    let entry = Entry {
        id: Some(id.to_owned()),
        data,
        ..blank_entry(Op::Patch, shown)
    };
    match write(&call, entry).await {
        Ok(written) => then(&call, shown, &written, "was changed"),
        Err(fault) => {
            let bench = bench(&call, shown, Some(id)).await?;
            let stale = fault.code == STALE;
            let seen = if stale {
                sequence(&bench)
            } else {
                form.int_or_null("sequence")
            };
            let context = minijinja::context! {
                form => sent(&form),
                seen => json(&seen),
                ..context(&call, &bench)?
            };
            if stale {
                let theirs = bench.member("object").cloned().unwrap_or_default();
                let both = (&named(&bench, &theirs), &named(&bench, &body));
                return call.show_clash("project/item.html", context, both);
            }
            call.show_again("project/item.html", context, fault)
        }
    }
}

/// The version of the object that a page shows.
fn sequence(bench: &Value) -> Value {
    let object = bench.member("object");
    let version = object.and_then(|object| object.member("sequence"));
    version.cloned().unwrap_or_default()
}

/// What a form says of an object, with the names of what it refers to.
fn named(bench: &Value, said: &Value) -> Value {
    let called = |list: &str, id: &Value| {
        let all = bench.member(list).map_or(&[][..], Value::as_list);
        let found = all.iter().find(|one| one.member("id") == Some(id));
        found
            .and_then(|one| one.member("name"))
            .unwrap_or(id)
            .clone()
    };
    let members = said.as_map().iter().map(|(name, value)| {
        let value = match (name.as_str(), value) {
            ("sprint", id) => called("sprints", id),
            ("assignees", Value::List(ids)) => {
                let names: Vec<Value> = ids.iter().map(|id| called("members", id)).collect();
                names.into()
            }
            _ => value.clone(),
        };
        (name.clone(), value)
    });
    Value::Map(members.collect())
}

async fn delete(call: Call) -> Result<Reply, Fault> {
    let shown = collection(&call)?;
    let entry = Entry {
        id: Some(call.param("id").to_owned()),
        ..blank_entry(Op::Delete, shown)
    };
    let back = format!("/projects/{}/items?collection={shown}", call.project()?.key);
    let written = write(&call, entry).await?;
    then_event(&call, &back, &written, "It was deleted")
}

fn blank_entry(op: Op, collection: Collection) -> Entry {
    Entry {
        op,
        collection: collection.path().into(),
        id: None,
        data: Value::Null,
        comment: None,
        by: None,
        at: None,
        key: None,
        silent: false,
    }
}

/// Carries out a write as the person who is signed in: an administrator as the member that they are here, if any.
async fn write(call: &Call, entry: Entry) -> Result<Written, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let by = match caller {
        Caller::Admin { .. } => call.app.member_in(call.session()?, project).await?,
        _ => None,
    };
    let entry = Entry {
        by: by.map(Value::from),
        ..entry
    };
    let wrote = call
        .app
        .write(caller, project, vec![entry], false, None)
        .await?;
    wrote
        .written
        .into_iter()
        .next()
        .ok_or_else(refusal::internal)
}

/// After a write of a form: to its event, where one sees it go out.
fn then(call: &Call, shown: Collection, written: &Written, done: &str) -> Result<Reply, Fault> {
    let title = written.doc.as_ref().and_then(|doc| {
        let title = doc.opt_text("title").or(doc.opt_text("name"));
        title.map(str::to_owned)
    });
    let title = title.unwrap_or_else(|| format!("The {}", shown.singular()));
    let key = &call.project()?.key;
    Ok(match (written.event, written.object) {
        (Some(event), _) => call.done(
            &format!("/projects/{key}/events/{event}"),
            format!("“{title}” {done}. Below is what it sent."),
        ),
        (None, Some(at)) => call.done(
            &place(call, shown, at.id)?,
            "Nothing was different, so nothing happened.",
        ),
        (None, None) => call.done(&format!("/projects/{key}"), "Nothing happened."),
    })
}

/// After a button: to its event, or back where there is none.
fn then_event(call: &Call, back: &str, written: &Written, done: &str) -> Result<Reply, Fault> {
    Ok(match written.event {
        Some(event) => {
            let to = format!("/projects/{}/events/{event}", call.project()?.key);
            call.done(&to, format!("{done}. Below is what it sent."))
        }
        None => call.done(back, "Nothing was different, so nothing happened."),
    })
}

/// What the fields of a form say of an object of that collection.
fn body_of(collection: Collection, form: &Form) -> Value {
    let mut members: Vec<(&str, Value)> = Vec::new();
    let mut take = |names: &[&'static str], read: fn(&Form, &str) -> Value| {
        for name in names.iter().filter(|name| form.has(name)) {
            members.push((name, read(form, name)));
        }
    };
    if collection == Collection::Sprints {
        take(
            &["name", "start_date", "end_date", "status"],
            Form::text_or_null,
        );
        take(&["goal"], Form::text_or_null);
    } else {
        take(
            &["title", "status", "priority", "due_date"],
            Form::text_or_null,
        );
        // "As usual": the type that the collection has.
        if form.text("type").is_some() {
            take(&["type"], Form::text_or_null);
        }
        take(&["description"], |form, name| form.get(name).into());
        take(&["sprint"], Form::int_or_null);
        take(&["score"], number_or_null);
        // A form says with a field of its own that it has boxes: none ticked sends nothing.
        if form.has("with_assignees") {
            let ids = form
                .all("assignees")
                .filter_map(|id| id.parse::<i64>().ok());
            members.push(("assignees", Value::List(ids.map(Value::from).collect())));
        }
        if form.has("tags") {
            let tags = form.get("tags").split(',').map(str::trim);
            let tags = tags.filter(|tag| !tag.is_empty()).map(Value::from);
            members.push(("tags", Value::List(tags.collect())));
        }
    }
    let members = members.into_iter().map(|(n, v)| (n.to_owned(), v));
    Value::Map(members.collect())
}

/// A number as JSON has it, or the text as it was sent: some members take both.
fn number_or_null(form: &Form, name: &str) -> Value {
    form.text(name).map_or(Value::Null, |text| {
        let number = Value::parse(text.as_bytes()).ok();
        number
            .filter(|value| value.as_number().is_some())
            .unwrap_or_else(|| text.into())
    })
}

/// The fields as they were sent, for the form's second showing.
fn sent(form: &Form) -> minijinja::Value {
    let mut members: Vec<(String, Value)> = form
        .fields()
        .filter(|(name, _)| *name != "assignees")
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let ids = form
        .all("assignees")
        .filter_map(|id| id.parse::<i64>().ok());
    let ids = ids.map(Value::from).collect();
    members.push(("assignees".to_owned(), Value::List(ids)));
    json(&Value::Map(members))
}
