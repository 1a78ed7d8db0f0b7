//! `/projects/{key}/{collection}`: the same rows for each collection, and the verbs.

use http::{HeaderName, StatusCode, header};
use tidings_app::Access;
use tidings_app::first_tries::Awaited;
use tidings_app::objects::{Entry, Op, Written};
use tidings_app::reader::object;
use tidings_domain::collection::ITEMS;
use tidings_domain::{Collection, Fault, Project, Text, Value};

use super::run;
use crate::prefer::{self, Shape, Wait};
use crate::problem;
use crate::route::{Call, Input, Method, Parameter, Payload, Reply, Row};
use crate::schema_names::{input_name, name, patch_name, put_name, words};

const EVENT: HeaderName = HeaderName::from_static("tidings-event");
const ACTOR: &str = "tidings-actor";
const AT: &str = "tidings-at";

const DIALECT: Parameter = Parameter {
    name: "dialect",
    description: "In the shape of that vendor's own API, for example icescrum.",
};
const SILENT: Parameter = Parameter {
    name: "silent",
    description: "true stores without telling anybody (administrator and app tokens).",
};
const INVALID: (u16, &str) = (422, "invalid");
const CONFLICT: (u16, &str) = (409, "conflict");

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for collection in Collection::ALL {
        rows.extend(collection_rows(*collection));
    }
    for items in ITEMS {
        let one = word(items);
        rows.push(
            verb(
                Row::new(
                    Method::Post,
                    path(items, "/{id}/move"),
                    format!("move_{one}"),
                    Access::Write,
                    run!(move_to),
                )
                .about(
                    "Items",
                    format!("Moves a {} to another project.", words(items)),
                )
                .takes("MoveInput")
                .gives(200, name(items)),
            )
            .of(items),
        );
    }
    let timers = Collection::TimeEntries;
    rows.extend([
        verb(
            Row::new(Method::Post, path(timers, "/{id}/stop"), "stop_time_entry", Access::Write, run!(stop))
                .about(tag(timers), "Stops a timer.")
                .may_take("StopInput")
                .gives(200, name(timers)),
        )
        .of(timers),
        verb(
            Row::new(Method::Post, path(timers, "/{id}/cancel"), "cancel_time_entry", Access::Write, run!(cancel))
                .about(tag(timers), "Throws a running timer away.")
                .gives_nothing(204),
        )
        .of(timers),
        verb(
            Row::new(Method::Post, path(Collection::Comments, "/{id}/notify"), "notify_comment", Access::Write, run!(notify))
                .about(tag(Collection::Comments), "Tells more people about a comment.")
                .takes("NotifyInput")
                .gives(200, name(Collection::Comments)),
        )
        .of(Collection::Comments),
        verb(
            Row::new(Method::Patch, "/api/v1/projects/{key}/items", "update_items", Access::Write, run!(bulk))
                .about("Items", "Updates several items in one request: one event each, and one bulk event that only Backlog speaks.")
                .takes("BulkInput")
                .gives(200, "Changes"),
        ),
        changes_row(),
    ]);
    rows
}

fn collection_rows(collection: Collection) -> Vec<Row> {
    let one = word(collection);
    let many = collection.path().replace('-', "_");
    let (noun, nouns) = (words(collection), collection.path().replace('-', " "));
    let all = path(collection, "");
    let id = path(collection, "/{id}");
    let write = match collection {
        Collection::Members | Collection::Teams => Access::Manage,
        _ => Access::Write,
    };
    let rows = [
        Row::new(
            Method::Get,
            all.clone(),
            format!("list_{many}"),
            Access::Project,
            run!(list),
        )
        .about(tag(collection), format!("Lists {nouns} by ascending id."))
        .lists(name(collection)),
        verb(
            Row::new(
                Method::Post,
                all,
                format!("create_{one}"),
                write,
                run!(post),
            )
            .about(
                tag(collection),
                format!("Creates a {noun}; without an id the server gives one."),
            )
            .takes(input_name(collection))
            .gives(201, name(collection))
            .or(&[(200, "It was there already (votes, favorites, blocks)")])
            .knows(&[SILENT]),
        ),
        Row::new(
            Method::Get,
            id.clone(),
            format!("get_{one}"),
            Access::Project,
            run!(get),
        )
        .about(
            tag(collection),
            format!("Reads a {noun}; with `dialect` in a vendor's own shape."),
        )
        .gives(200, name(collection))
        .knows(&[DIALECT])
        .refuses(&[INVALID]),
        verb(
            Row::new(
                Method::Put,
                id.clone(),
                format!("put_{one}"),
                write,
                run!(put),
            )
            .about(
                tag(collection),
                format!("Creates or replaces a {noun}; what is left out returns to its default."),
            )
            .takes(put_name(collection))
            .gives(200, name(collection))
            .or(&[(201, "Created")])
            .knows(&[SILENT]),
        ),
        verb(
            Row::new(
                Method::Patch,
                id.clone(),
                format!("update_{one}"),
                write,
                run!(patch),
            )
            .about(
                tag(collection),
                format!("Changes a {noun} by a merge patch; `comment` posts a comment with it."),
            )
            .takes(patch_name(collection))
            .gives(200, name(collection))
            .knows(&[SILENT]),
        ),
        verb(
            Row::new(
                Method::Delete,
                id,
                format!("delete_{one}"),
                write,
                run!(delete),
            )
            .about(
                tag(collection),
                format!("Deletes a {noun} and what is on it."),
            )
            .gives_nothing(204)
            .knows(&[SILENT]),
        ),
    ];
    rows.map(|row| row.of(collection)).into()
}

fn changes_row() -> Row {
    let mut row = Row::new(Method::Post, "/api/v1/projects/{key}/changes", "apply_changes", Access::Write, run!(changes))
        .about("Batches", "Applies up to 1,000 writes in order, all or none. A JSON array, or NDJSON; errors point at `/57/data/status`.")
        .gives(200, "Changes")
        .refuses(&[INVALID, CONFLICT, (413, "too_large")]);
    row.input = Input::Changes;
    row.waits = true;
    row
}

/// A row of a write of objects.
fn verb(mut row: Row) -> Row {
    row.acts = true;
    row.waits = true;
    row.refuses(&[INVALID, CONFLICT])
}

impl Row {
    /// A row about one collection.
    fn of(mut self, collection: Collection) -> Self {
        self.collection = Some(collection);
        self
    }
}

fn path(collection: Collection, rest: &str) -> String {
    format!("/api/v1/projects/{{key}}/{collection}{rest}")
}

fn word(collection: Collection) -> &'static str {
    collection.singular()
}

fn tag(collection: Collection) -> &'static str {
    if collection.is_item() {
        "Items"
    } else {
        collection.path()
    }
}

fn collection(call: &Call) -> Result<&'static str, Fault> {
    call.row
        .collection
        .map(Collection::path)
        .ok_or_else(tidings_app::refusal::internal)
}

/// The write that a request asks for; takes the body out of it.
fn entry(call: &mut Call, op: Op) -> Result<Entry, Fault> {
    let data = match std::mem::replace(&mut call.payload, Payload::Nothing) {
        Payload::Json(value) => value,
        Payload::Nothing | Payload::Lines(_) | Payload::Form(_) => Value::Null,
    };
    let collection = call.row.collection.map_or("items", Collection::path);
    let id = call.param("id");
    Ok(Entry {
        op,
        collection: Text::new_static(collection),
        id: (!id.is_empty()).then(|| id.to_owned()),
        data,
        comment: None,
        by: call.header(ACTOR)?.map(Value::from),
        at: call.header(AT)?.map(str::to_owned),
        key: None,
        silent: call.query.flag("silent")?,
    })
}

/// How a request of writes is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// With the object.
    One,
    /// With what became of each item.
    Bulk,
    /// With what became of each entry.
    Batch,
}

impl Kind {
    fn answer(self, project: &Project, written: &[Written]) -> Reply {
        match self {
            Kind::One => answer(project, written),
            Kind::Bulk => bulk_answer(written),
            Kind::Batch => batch_answer(written),
        }
    }

    fn shape(self, written: &[Written]) -> Shape {
        match self {
            Kind::One => Shape::Object(written.first().and_then(|w| w.event)),
            Kind::Bulk | Kind::Batch => Shape::List,
        }
    }
}

/// Carries out writes and answers, after the first tries where the client prefers that.
async fn write(call: &Call, entries: Vec<Entry>, kind: Kind) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let keep = {
        let project = call.project.clone();
        call.keep(move |written: &[Written]| match &project {
            Some(project) => kind.answer(project, written),
            None => problem::reply(&tidings_app::refusal::internal()),
        })
    };
    let (app, batch) = (&call.app, kind == Kind::Batch);
    let wrote = app.write(caller, project, entries, batch, keep).await?;
    let mut reply = call.kept(kind.answer(project, &wrote.written));
    if let Some(seconds) = prefer::seconds(&call.headers) {
        let deliveries = Awaited::of(&wrote.deliveries);
        let shape = kind.shape(&wrote.written);
        reply.wait = Some(Box::new(Wait::new(seconds, deliveries, shape)));
    }
    Ok(reply)
}

/// The object as it is now, or nothing when it is gone.
fn answer(project: &Project, written: &[Written]) -> Reply {
    let Some(written) = written.first() else {
        return problem::reply(&tidings_app::refusal::internal());
    };
    let reply = match &written.doc {
        None => Reply::empty(StatusCode::NO_CONTENT),
        Some(doc) if written.created => {
            let key = &project.key;
            let location = format!("/api/v1/projects/{key}/{}", doc.key());
            Reply::bytes(StatusCode::CREATED, doc.to_json()).with(header::LOCATION, &location)
        }
        Some(doc) => Reply::bytes(StatusCode::OK, doc.to_json()),
    };
    with_event(reply, written)
}

/// What became of each item of a bulk update.
fn bulk_answer(written: &[Written]) -> Reply {
    let each = written.first().map(|bulk| bulk.each.as_slice());
    let data = each.unwrap_or_default().iter().map(show).collect();
    let reply = Reply::json(StatusCode::OK, &object([("data", Value::List(data))]));
    match written.first() {
        Some(bulk) => with_event(reply, bulk),
        None => reply,
    }
}

/// What became of each entry of a batch.
fn batch_answer(written: &[Written]) -> Reply {
    let data = written.iter().map(show).collect();
    Reply::json(StatusCode::OK, &object([("data", Value::List(data))]))
}

fn with_event(reply: Reply, written: &Written) -> Reply {
    match written.event {
        Some(event) => reply.with_number(EVENT, event.0),
        None => reply,
    }
}

async fn run_op(mut call: Call, op: Op) -> Result<Reply, Fault> {
    let entry = entry(&mut call, op)?;
    write(&call, vec![entry], Kind::One).await
}

async fn list(call: Call) -> Result<Reply, Fault> {
    let paging = call.paging()?;
    let (caller, project) = (call.caller()?, call.project()?);
    let page = call
        .app
        .objects(
            caller,
            &project.key,
            collection(&call)?,
            paging.from,
            paging.limit,
        )
        .await?;
    let docs: Vec<_> = page.data.iter().map(|doc| &**doc).collect();
    Ok(call.page(&docs, page.next))
}

async fn get(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let (id, dialect) = (call.param("id"), call.query.get("dialect"));
    let body = call
        .app
        .object(caller, &project.key, collection(&call)?, id, dialect)
        .await?;
    Ok(Reply::bytes(StatusCode::OK, body))
}

fn post(call: Call) -> impl Future<Output = Result<Reply, Fault>> {
    run_op(call, Op::Post)
}

fn put(call: Call) -> impl Future<Output = Result<Reply, Fault>> {
    run_op(call, Op::Put)
}

fn patch(call: Call) -> impl Future<Output = Result<Reply, Fault>> {
    run_op(call, Op::Patch)
}

fn delete(call: Call) -> impl Future<Output = Result<Reply, Fault>> {
    run_op(call, Op::Delete)
}

fn move_to(call: Call) -> impl Future<Output = Result<Reply, Fault>> {
    run_op(call, Op::Move)
}

fn stop(call: Call) -> impl Future<Output = Result<Reply, Fault>> {
    run_op(call, Op::Stop)
}

fn cancel(call: Call) -> impl Future<Output = Result<Reply, Fault>> {
    run_op(call, Op::Cancel)
}

fn notify(call: Call) -> impl Future<Output = Result<Reply, Fault>> {
    run_op(call, Op::Notify)
}

async fn bulk(mut call: Call) -> Result<Reply, Fault> {
    let entry = entry(&mut call, Op::Bulk)?;
    write(&call, vec![entry], Kind::Bulk).await
}

async fn changes(call: Call) -> Result<Reply, Fault> {
    let entries = match &call.payload {
        Payload::Lines(lines) => crate::changes::entries(lines)?,
        Payload::Json(Value::List(list)) => crate::changes::entries(list)?,
        Payload::Json(_) | Payload::Nothing | Payload::Form(_) => {
            return Err(Fault::field(
                "",
                "wrong_type",
                "must be a list of changes, or NDJSON",
            ));
        }
    };
    write(&call, entries, Kind::Batch).await
}

fn show(written: &Written) -> Value {
    object([
        ("event", written.event.map(|e| e.0).into()),
        (
            "object",
            written
                .object
                .map_or(Value::Null, tidings_domain::ObjectRef::to_value),
        ),
        ("sequence", written.sequence.into()),
    ])
}
