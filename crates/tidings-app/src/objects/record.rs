//! One planner for every write: works the entries out in order on one consistent state, and says each event as it happens.

use std::sync::Arc;

use serde_json::json;
use tidings_domain::write::who::Claim;
use tidings_domain::write::{Author, Desk, Done, Overlay, Recorder, Target, Written as Writing};
use tidings_domain::{
    Clock, Collection, Event, EventId, Fault, ObjectRef, Project, ProjectId, Time, Value, View,
};
use tidings_storage::{
    EventIds, Memo, NewMessage, Plan, RecordedEvent, Snapshot, Store, Write, WriteWhat,
};

use super::plans::{Plans, Weight};
use super::tell::{Audience, recorded};
use super::{Entry, Op, Written, Wrote, entry, read, rights};
use crate::refusal::{Refusals, absent, internal, record_refusal, refusal};
use crate::{App, Caller, Keep};

/// Most entries of a batch.
const MOST_ENTRIES: usize = 1000;

impl App {
    /// Carries out writes in a project that the caller sees, in order, all or none; later entries see earlier ones. In a batch, faults
    /// name the entry (`/57/data/status`). The answer is kept with the change.
    pub async fn write(
        &self,
        caller: &Caller,
        project: &Project,
        entries: Vec<Entry>,
        batch: bool,
        keep: Option<Keep<[Written]>>,
    ) -> Result<Wrote, Fault> {
        if !caller.sees(project.id) {
            return Err(absent());
        }
        let writer = Writer {
            store: &*self.store,
            clock: &*self.clock,
            server_url: &self.server_url,
            caller,
            keep,
            plans: &self.plans,
        };
        let wrote = writer.write(project.id, entries, batch).await?;
        self.tell_watchers(project.id, &wrote.written);
        Ok(wrote)
    }
}

/// What a write needs of the server.
pub(super) struct Writer<'w> {
    pub(super) store: &'w dyn Store,
    pub(super) clock: &'w dyn Clock,
    pub(super) server_url: &'w str,
    pub(super) caller: &'w Caller,
    pub(super) keep: Option<Keep<[Written]>>,
    pub(super) plans: &'w Plans,
}

impl Writer<'_> {
    /// See [`App::write`]; the project is one that the caller sees.
    pub(super) async fn write(
        &self,
        project: ProjectId,
        mut entries: Vec<Entry>,
        batch: bool,
    ) -> Result<Wrote, Fault> {
        if entries.len() > MOST_ENTRIES {
            let detail =
                format!("at most {MOST_ENTRIES} changes at once; send the rest in another request");
            return Err(Fault::field("", "too_many", detail));
        }
        entry::tidy(&mut entries, batch);
        let mut steps = steps(self.caller, &entries, batch)?;
        let mut projects = vec![project];
        for step in &mut steps {
            step.there = self.destination(step).await?;
            projects.extend(step.there.filter(|id| !projects.contains(id)));
        }
        let work = Work {
            writer: self,
            steps: &steps,
            scope: self.scope(project, &entries),
            batch,
        };
        let mut answers = Vec::new();
        let mut weight = self.plans.begin();
        let planner = Box::new(|states: &[&dyn Snapshot], ids: &mut dyn EventIds| {
            answers.clear();
            weight.clear();
            work.plan(states, ids, &mut answers, &mut weight)
        });
        let recorded = self.store.record(&projects, planner).await;
        let deliveries = recorded.map_err(record_refusal)?.deliveries;
        Ok(Wrote {
            written: answers,
            deliveries,
        })
    }

    /// Whose batch keys these are, if there are any.
    fn scope(&self, project: ProjectId, entries: &[Entry]) -> String {
        if entries.iter().all(|entry| entry.key.is_none()) {
            return String::new();
        }
        format!("{}/{project}", self.caller.holder())
    }

    /// The project a move leads to.
    async fn destination(&self, step: &Step<'_>) -> Result<Option<ProjectId>, Fault> {
        let Some(key) = step.destination() else {
            return Ok(None);
        };
        let found = self.store.project(key).await.map_err(refusal)?;
        let found = found.filter(|p| self.caller.sees(p.id)).ok_or_else(|| {
            let fault = Fault::field(
                format!("{}/project", step.body_at),
                "not_found",
                format!("there is no project {key:?}"),
            );
            step.place(fault)
        })?;
        Ok(Some(found.id))
    }
}

/// An entry whose words were understood and whose caller may ask for it.
struct Step<'e> {
    entry: &'e Entry,
    /// The project a move leads to.
    there: Option<ProjectId>,
    /// None for a bulk update.
    collection: Option<Collection>,
    /// None for a creation without an id and a bulk update.
    target: Option<Target>,
    /// `/57` in a batch.
    prefix: String,
    /// Where the body lies in the request, below the prefix.
    body_at: &'static str,
}

impl Step<'_> {
    fn place(&self, fault: Fault) -> Fault {
        if self.prefix.is_empty() {
            fault
        } else {
            fault.within(&self.prefix)
        }
    }

    /// The key of the project a move leads to.
    fn destination(&self) -> Option<&str> {
        if self.entry.op != Op::Move {
            return None;
        }
        self.entry.data.member("project").and_then(Value::as_str)
    }
}

fn steps<'e>(caller: &Caller, entries: &'e [Entry], batch: bool) -> Result<Vec<Step<'e>>, Fault> {
    let step = |(place, entry): (usize, &'e Entry)| {
        let prefix = if batch {
            format!("/{place}")
        } else {
            String::new()
        };
        let put = |fault: Fault| {
            if prefix.is_empty() {
                fault
            } else {
                fault.within(&prefix)
            }
        };
        let (collection, target) = object(entry, batch).map_err(put)?;
        rights::check(caller, entry, collection, batch).map_err(put)?;
        entry::check(entry, batch).map_err(put)?;
        Ok(Step {
            there: None,
            entry,
            collection,
            target,
            body_at: if batch { "/data" } else { "" },
            prefix,
        })
    };
    let mut refusals = Refusals::default();
    let mut steps = Vec::with_capacity(entries.len());
    for entry in entries.iter().enumerate() {
        steps.extend(refusals.take(step(entry)));
        if refusals.is_full() {
            break;
        }
    }
    refusals.finish().map(|()| steps)
}

/// What an entry is about.
fn object(entry: &Entry, batch: bool) -> Result<(Option<Collection>, Option<Target>), Fault> {
    if entry.op == Op::Bulk {
        return if entry.collection == "items" {
            Ok((None, None))
        } else {
            Err(unfit(entry.op, batch))
        };
    }
    let collection = match read::known(&entry.collection) {
        Ok(collection) => collection,
        Err(_) if batch => {
            let names: Vec<&str> = Collection::ALL.iter().map(|c| c.path()).collect();
            let detail = format!("is not a collection; collections are {}", names.join(", "));
            return Err(Fault::field("/collection", "unknown_word", detail));
        }
        Err(fault) => return Err(fault),
    };
    let target = match &entry.id {
        Some(text) => Some(Target::parse(text).ok_or_else(|| bad_id(batch))?),
        None if matches!(entry.op, Op::Post) || (batch && entry.op == Op::Put) => None,
        None => {
            return Err(Fault::field(
                "/id",
                "required",
                "say which object: its integer id or \"ext:EXTERNAL_ID\"",
            ));
        }
    };
    Ok((Some(collection), target))
}

/// An id that cannot be one: in a path it leads nowhere, in a batch it is a wrong member.
fn bad_id(batch: bool) -> Fault {
    if batch {
        Fault::field(
            "/id",
            "wrong_type",
            "must be an integer from 1 to 9007199254740991, or \"ext:EXTERNAL_ID\"",
        )
    } else {
        absent()
    }
}

struct Work<'w> {
    writer: &'w Writer<'w>,
    steps: &'w [Step<'w>],
    /// Whose batch keys these are.
    scope: String,
    batch: bool,
}

impl Work<'_> {
    fn plan(
        &self,
        states: &[&dyn Snapshot],
        ids: &mut dyn EventIds,
        answers: &mut Vec<Written>,
        weight: &mut Weight<'_>,
    ) -> Result<Plan, Fault> {
        let (Some(first), rest) = (states.first(), states.get(1..).unwrap_or_default()) else {
            return Err(internal());
        };
        let webhooks: Vec<_> = states.iter().map(|s| s.webhooks()).collect();
        let mut overlay = Overlay::new(*first);
        let mut others: Vec<Overlay<'_>> = rest.iter().map(|s| Overlay::new(*s)).collect();
        let audiences = states
            .iter()
            .zip(&webhooks)
            .map(|(s, webhooks)| (s.project().id, Audience::of(*s, webhooks)))
            .collect();
        let mut scribe = Scribe {
            ids,
            audiences,
            server_url: self.writer.server_url,
            events: Vec::new(),
            messages: Vec::new(),
            bytes: 0,
        };
        let mut memos = Vec::new();
        let mut blemishes = Blemishes::default();
        let now = self.writer.clock.wall();
        for step in self.steps {
            let known = step
                .entry
                .key
                .as_ref()
                .and_then(|key| self.remembered(*first, key, &memos));
            if let Some(answer) = known {
                answers.push(answer);
                continue;
            }
            let there = others
                .iter_mut()
                .find(|o| Some(o.project_id()) == step.there);
            let done = self
                .carry_out(step, &mut overlay, there, &mut scribe, now)
                .map_err(|fault| step.place(fault));
            let done = match done {
                Ok(done) => done,
                Err(fault) => {
                    blemishes.add(step, fault);
                    if blemishes.refusals.is_full() {
                        break;
                    }
                    // Nothing of this will be written or told: the rest is only judged.
                    scribe.audiences.clear();
                    continue;
                }
            };
            let told = std::mem::take(&mut scribe.bytes);
            let kept = done.doc.as_ref().map_or(0, |doc| doc.weight());
            weight.add(told + kept)?;
            let written = written(done);
            if let Some(key) = &step.entry.key {
                memos.push(Memo {
                    scope: self.scope.clone(),
                    key: key.clone(),
                    answer: memo(&written),
                });
            }
            answers.push(written);
        }
        blemishes.refusals.finish()?;
        memos.extend(self.writer.keep.as_ref().map(|keep| keep(answers)));
        let Scribe {
            mut events,
            messages,
            ..
        } = scribe;
        // A bulk update takes its id first and is told last.
        events.sort_by_key(|recorded| recorded.event.id);
        let mut writes = Vec::new();
        for overlay in std::iter::once(overlay).chain(others) {
            let project = overlay.project_id();
            writes.extend(
                overlay
                    .into_written()
                    .into_iter()
                    .map(|w| write(project, w)),
            );
        }
        Ok(Plan {
            audit: crate::audit::of_people(self.writer.caller, states, &writes),
            writes,
            events,
            messages,
            memos,
        })
    }

    fn carry_out(
        &self,
        step: &Step<'_>,
        overlay: &mut Overlay<'_>,
        there: Option<&mut Overlay<'_>>,
        scribe: &mut Scribe<'_>,
        now: Time,
    ) -> Result<Done, Fault> {
        let entry = step.entry;
        let author = self.author(step, overlay, now)?;
        let mut desk = Desk {
            view: overlay,
            author: &author,
            silent: entry.silent,
            body_at: step.body_at,
            recorder: scribe,
        };
        let (comment, body) = (entry.comment.as_ref(), &entry.data);
        match (entry.op, step.collection, &step.target) {
            (Op::Bulk, _, _) => desk.bulk(body, comment),
            (Op::Post | Op::Put, Some(collection), None) => desk.post(collection, body),
            (Op::Put, Some(collection), Some(target)) => desk.put(collection, target, body),
            (Op::Patch, Some(collection), Some(target)) => {
                desk.patch(collection, target, body, comment)
            }
            (Op::Delete, Some(collection), Some(target)) => desk.delete(collection, target),
            (Op::Stop, Some(Collection::TimeEntries), Some(target)) => desk.stop(target, body),
            (Op::Cancel, Some(Collection::TimeEntries), Some(target)) => desk.cancel(target, body),
            (Op::Notify, Some(Collection::Comments), Some(target)) => desk.notify(target, body),
            (Op::Move, Some(collection), Some(target)) if collection.is_item() => match there {
                Some(there) => desk.relocate(collection, target, there),
                None => Err(Fault::field(
                    format!("{}/project", step.body_at),
                    "range",
                    "must be the key of another project",
                )),
            },
            (op, _, _) => Err(unfit(op, self.batch)),
        }
    }

    fn author(&self, step: &Step<'_>, view: &dyn View, now: Time) -> Result<Author, Fault> {
        if !self.writer.caller.imports() {
            return Ok(Author::member(self.writer.caller.member(), now));
        }
        let (by_place, at_place) = if self.batch {
            ("/by", "/at")
        } else {
            ("Tidings-Actor", "Tidings-At")
        };
        let claim = Claim {
            by: step.entry.by.as_ref(),
            at: step.entry.at.as_deref(),
            by_place,
            at_place,
        };
        Author::claimed(view, claim, now)
    }

    /// What was answered to that key before: in the store, or earlier in this batch.
    fn remembered(&self, state: &dyn Snapshot, key: &str, memos: &[Memo]) -> Option<Written> {
        let here = memos
            .iter()
            .find(|memo| memo.key == key)
            .map(|memo| memo.answer.clone());
        let text = here.or_else(|| state.memo(&self.scope, key))?;
        let answer = Value::parse(text.as_bytes()).ok()?;
        let number = |name| answer.member(name).and_then(Value::as_int);
        let object = answer.member("object").and_then(Value::as_str);
        Some(Written {
            event: number("event").map(EventId),
            object: object.and_then(|object| object.parse::<ObjectRef>().ok()),
            sequence: number("sequence"),
            doc: None,
            created: false,
            each: Vec::new(),
        })
    }
}

/// What is wrong with the entries of a batch, judged one after the other although some of them fail.
#[derive(Default)]
struct Blemishes {
    refusals: Refusals,
    /// Something was not created: who refers to it finds nothing, through no fault of its own.
    lacking: bool,
}

impl Blemishes {
    fn add(&mut self, step: &Step<'_>, mut fault: Fault) {
        if self.lacking {
            fault.errors.retain(|error| error.code != "not_found");
        }
        if self.refusals.is_empty() || !fault.errors.is_empty() {
            self.refusals.add(fault);
        }
        self.lacking |= matches!(step.entry.op, Op::Post | Op::Put);
    }
}

fn unfit(op: Op, batch: bool) -> Fault {
    let place = if batch { "/collection" } else { "" };
    let detail = match op {
        Op::Stop | Op::Cancel => "only time-entries can be stopped or cancelled",
        Op::Notify => "only comments can notify people",
        Op::Move => "only stories, tasks, defects and tests can be moved",
        Op::Bulk => "only items can be updated in bulk",
        _ => "that cannot be done with this collection",
    };
    Fault::field(place, "not_allowed", detail)
}

/// Ids and events of one plan.
struct Scribe<'s> {
    ids: &'s mut dyn EventIds,
    audiences: Vec<(ProjectId, Audience<'s>)>,
    server_url: &'s str,
    events: Vec<RecordedEvent>,
    messages: Vec<NewMessage>,
    /// Of what was told since somebody looked.
    bytes: usize,
}

impl Recorder for Scribe<'_> {
    fn next_id(&mut self) -> EventId {
        self.ids.next()
    }

    fn tell(&mut self, view: &Overlay<'_>, event: Arc<Event>) {
        let audience = self
            .audiences
            .iter()
            .find(|(project, _)| *project == event.project);
        if let Some((_, audience)) = audience {
            for message in audience.tell(&event, view, self.server_url) {
                self.bytes += message.body.len();
                self.messages.push(message);
            }
        }
        self.events.push(recorded(event));
    }
}

fn write(project: ProjectId, writing: Writing) -> Write {
    let (version, what) = match writing {
        Writing::Put(version, doc) => (version, WriteWhat::Put(doc)),
        Writing::Delete(version, key) => (version, WriteWhat::Delete(key)),
        Writing::Project(version, project) => (version, WriteWhat::Project(project)),
    };
    Write {
        project,
        version,
        what,
    }
}

fn written(done: Done) -> Written {
    Written {
        event: done.event,
        object: done.key,
        sequence: done.doc.as_ref().map(|d| d.sequence()),
        doc: done.doc,
        created: done.created,
        each: done.each.into_iter().map(written).collect(),
    }
}

/// An answer as it is kept for its key.
fn memo(written: &Written) -> String {
    json!({
        "event": written.event.map(|e| e.0),
        "object": written.object.map(|o| o.to_string()),
        "sequence": written.sequence,
    })
    .to_string()
}
