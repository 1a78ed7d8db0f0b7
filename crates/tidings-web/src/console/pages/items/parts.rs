//! What hangs on an item: comments, timers, time that was spent; written on its page, changed on pages of their own.

use tidings_app::Access;
use tidings_app::objects::{Entry, Op, Written};
use tidings_app::reader::object;
use tidings_app::refusal;
use tidings_app::seen::STALE;
use tidings_domain::{Collection, Fault, ObjectRef, Value};

use super::{SHOWN, again, blank_entry, collection, number_or_null, place, then_event, write};
use crate::console::Form;
use crate::console::pages::deliveries::{unzoned, zoned};
use crate::console::view::json;
use crate::route::{Call, Reply, Row};
use crate::routes::run;

const COMMENT: &str = "/projects/{key}/comments/{id}/edit";
const TIME: &str = "/projects/{key}/times/{id}/edit";

pub(super) fn rows() -> Vec<Row> {
    let page = |path, id, handler| Row::page(path, id, Access::Write, handler);
    let verb = |path, id, handler| Row::action(path, id, Access::Write, handler);
    vec![
        verb(
            "/projects/{key}/items/{collection}/{id}/comment",
            "comment_item",
            run!(comment),
        ),
        page(COMMENT, "edit_comment_page", run!(comment_page)),
        verb(COMMENT, "edit_comment_form", run!(edit_comment)),
        verb(
            "/projects/{key}/comments/{id}/delete",
            "delete_comment_form",
            run!(delete_comment),
        ),
        verb(
            "/projects/{key}/items/{collection}/{id}/timer",
            "start_item_timer",
            run!(start),
        ),
        verb(
            "/projects/{key}/timers/{id}/stop",
            "stop_item_timer",
            run!(stop),
        ),
        verb(
            "/projects/{key}/timers/{id}/cancel",
            "cancel_item_timer",
            run!(cancel),
        ),
        verb(
            "/projects/{key}/items/{collection}/{id}/time",
            "write_item_time",
            run!(write_time),
        ),
        page(TIME, "edit_time_page", run!(time_page)),
        verb(TIME, "edit_time_form", run!(edit_time)),
        verb(
            "/projects/{key}/times/{id}/delete",
            "delete_time_form",
            run!(delete_time),
        ),
    ]
}

/// The item that an action of its page is about.
fn on(call: &Call) -> Result<Value, Fault> {
    let on = ObjectRef::new(collection(call)?, call.id()?);
    Ok(on.to_value())
}

/// Makes something on the item; refused, its page comes again with what was written.
async fn put_on(
    call: &Call,
    to: Collection,
    members: Vec<(&str, Value)>,
    done: &str,
) -> Result<Reply, Fault> {
    let mut data = vec![("on".to_owned(), on(call)?)];
    let members = members.into_iter();
    data.extend(members.map(|(name, value)| (name.to_owned(), value)));
    let entry = Entry {
        data: Value::Map(data),
        ..blank_entry(Op::Post, to)
    };
    match write(call, entry).await {
        Ok(written) => {
            let back = place(call, collection(call)?, call.id()?)?;
            then_event(call, &back, &written, done)
        }
        Err(fault) => again(call, fault).await,
    }
}

// === Comments ===

async fn comment(call: Call) -> Result<Reply, Fault> {
    let body = call.form().text_or_null("body");
    let members = vec![("body", body)];
    put_on(
        &call,
        Collection::Comments,
        members,
        "The comment was posted",
    )
    .await
}

async fn comment_page(call: Call) -> Result<Reply, Fault> {
    Part::comment(&call).await?.show(&call)
}

async fn edit_comment(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let body = object([("body", form.text_or_null("body"))]);
    Part::comment(&call).await?.save(&call, &form, &body).await
}

async fn delete_comment(call: Call) -> Result<Reply, Fault> {
    Part::comment(&call).await?.delete(&call).await
}

// === Time ===

async fn start(call: Call) -> Result<Reply, Fault> {
    let mut members = vec![("running", true.into())];
    members.extend(whose(&call.form()));
    put_on(&call, Collection::TimeEntries, members, "The timer runs").await
}

/// An administrator is nobody's member unless they say whose time it is.
fn whose(form: &Form) -> Option<(&'static str, Value)> {
    let member = form.int_or_null("member");
    (!member.is_null()).then_some(("member", member))
}

async fn stop(call: Call) -> Result<Reply, Fault> {
    end(call, Op::Stop, "The timer was stopped").await
}

async fn cancel(call: Call) -> Result<Reply, Fault> {
    end(call, Op::Cancel, "The timer was thrown away").await
}

async fn end(call: Call, op: Op, done: &'static str) -> Result<Reply, Fault> {
    let part = Part::time(&call).await?;
    let back = part.home(&call)?;
    let written = part.write(&call, op, Value::Null).await;
    match written {
        Ok(written) => then_event(&call, &back, &written, done),
        // Somebody else was faster: its item shows how it is now.
        Err(fault) if !fault.errors.is_empty() => Ok(call.refused(&back, &fault)),
        Err(fault) => Err(fault),
    }
}

/// What a form says of time that was spent.
fn spent(form: &Form) -> Value {
    let moment = |name: &str| {
        form.text(name)
            .map_or(Value::Null, |text| zoned(text).into())
    };
    object([
        ("minutes", number_or_null(form, "minutes")),
        ("started_at", moment("started_at")),
        ("stopped_at", moment("stopped_at")),
        ("note", form.text_or_null("note")),
    ])
}

async fn write_time(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let spent = spent(&form);
    let said = spent.as_map().iter().filter(|(_, value)| !value.is_null());
    let mut members: Vec<(&str, Value)> = said
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    members.extend(whose(&form));
    put_on(
        &call,
        Collection::TimeEntries,
        members,
        "The time was written down",
    )
    .await
}

async fn time_page(call: Call) -> Result<Reply, Fault> {
    Part::time(&call).await?.show(&call)
}

async fn edit_time(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let body = spent(&form);
    Part::time(&call).await?.save(&call, &form, &body).await
}

async fn delete_time(call: Call) -> Result<Reply, Fault> {
    Part::time(&call).await?.delete(&call).await
}

/// A comment, or time that was spent, and the item that it is on.
struct Part {
    collection: Collection,
    object: Value,
}

impl Part {
    async fn comment(call: &Call) -> Result<Self, Fault> {
        Self::find(call, Collection::Comments).await
    }

    async fn time(call: &Call) -> Result<Self, Fault> {
        Self::find(call, Collection::TimeEntries).await
    }

    async fn find(call: &Call, collection: Collection) -> Result<Self, Fault> {
        let (caller, key) = (call.caller()?, &call.project()?.key);
        let id = call.id()?.to_string();
        let text = call.app.object(caller, key, collection.path(), &id, None);
        let object = Value::parse(&text.await?).map_err(|_| refusal::internal())?;
        Ok(Self { collection, object })
    }

    /// The page of the item that it is on; the project's where that has none.
    fn home(&self, call: &Call) -> Result<String, Fault> {
        let on = self.object.member("on").and_then(ObjectRef::from_value);
        match on.filter(|on| SHOWN.contains(&on.collection)) {
            Some(on) => place(call, on.collection, on.id),
            None => Ok(format!("/projects/{}", call.project()?.key)),
        }
    }

    fn context(&self, call: &Call, form: minijinja::Value) -> Result<minijinja::Value, Fault> {
        let id = call.id()?;
        let (path, noun) = match self.collection {
            Collection::Comments => ("comments", "comment"),
            _ => ("times", "time"),
        };
        Ok(minijinja::context! {
            here => format!("/projects/{}/{path}/{id}", call.project()?.key),
            back => self.home(call)?,
            noun,
            form,
            seen => json(&self.sequence()),
            faults => (),
        })
    }

    fn sequence(&self) -> Value {
        self.object.member("sequence").cloned().unwrap_or_default()
    }

    fn show(&self, call: &Call) -> Result<Reply, Fault> {
        let context = self.context(call, self.fields())?;
        call.show("project/part.html", context)
    }

    /// Its fields as the template shows them.
    fn fields(&self) -> minijinja::Value {
        let text = |name: &str| match self.object.member(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::Text(text)) => text.to_string(),
            Some(other) => serde_json::to_string(other).unwrap_or_default(),
        };
        minijinja::context! {
            body => text("body"),
            minutes => text("minutes"),
            started_at => unzoned(&text("started_at")),
            stopped_at => unzoned(&text("stopped_at")),
            note => text("note"),
        }
    }

    async fn write(&self, call: &Call, op: Op, data: Value) -> Result<Written, Fault> {
        let entry = Entry {
            id: Some(call.id()?.to_string()),
            data,
            ..blank_entry(op, self.collection)
        };
        write(call, entry).await
    }

    async fn save(self, call: &Call, form: &Form, body: &Value) -> Result<Reply, Fault> {
        let mut members = self.changed(body);
        if form.has("sequence") {
            members.push(("sequence".to_owned(), form.int_or_null("sequence")));
        }
        let fault = match self.write(call, Op::Patch, Value::Map(members)).await {
            Ok(written) => {
                return then_event(call, &self.home(call)?, &written, self.done("changed"));
            }
            Err(fault) => fault,
        };
        let sent = written_fields(form);
        if fault.code == STALE {
            let now = Self::find(call, self.collection).await?;
            let context = now.context(call, sent)?;
            let both = (&now.object, body);
            return call.show_clash("project/part.html", context, both);
        }
        let seen = form.get("sequence");
        let context = minijinja::context! { seen, ..self.context(call, sent)? };
        call.show_again("project/part.html", context, fault)
    }

    /// What the form says differently. A field for times has no seconds: one that was not touched must not cut them off.
    fn changed(&self, body: &Value) -> Vec<(String, Value)> {
        let text = |value: &Value| value.as_str().map(unzoned);
        let same = |name: &str, value: &Value| {
            let stored = self.object.member(name).unwrap_or(&Value::Null);
            stored == value || (name.ends_with("_at") && text(stored) == text(value))
        };
        let said = body.as_map().iter().filter(|(n, v)| !same(n, v));
        said.cloned().collect()
    }

    async fn delete(self, call: &Call) -> Result<Reply, Fault> {
        let written = self.write(call, Op::Delete, Value::Null).await?;
        then_event(call, &self.home(call)?, &written, self.done("deleted"))
    }

    fn done(&self, verb: &str) -> &'static str {
        match (self.collection, verb) {
            (Collection::Comments, "changed") => "The comment was changed",
            (Collection::Comments, _) => "The comment was deleted",
            (_, "changed") => "The time was changed",
            _ => "The time was deleted",
        }
    }
}

/// The fields as they were sent.
pub(super) fn written_fields(form: &Form) -> minijinja::Value {
    minijinja::context! {
        body => form.get("body"),
        minutes => form.get("minutes"),
        started_at => form.get("started_at"),
        stopped_at => form.get("stopped_at"),
        note => form.get("note"),
        member => form.get("member"),
    }
}
