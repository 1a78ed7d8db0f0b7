//! Writes through the planner into a store in memory: what is stored, told, answered and refused.

mod messages;
mod rules;
mod samples;

use std::sync::Arc;
use std::time::Duration;

use tidings_domain::webhook::{Health, Selection, Webhook};
use tidings_domain::{Clock, Fault, Project, ProjectId, Time, TokenId, Value, time};
use tidings_storage::memory::MemoryStore;
use tidings_storage::{CommitListener, DeliveryFilter, Queued, Store};

use super::record::Writer;
use super::{Entry, Op, Written};
use crate::{Caller, Credential, Key, Role};

const SERVER: &str = "https://tidings.example";

struct Still(Time);

impl Clock for Still {
    fn wall(&self) -> Time {
        self.0
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

struct Deaf;

impl CommitListener for Deaf {
    fn committed(&self, _deliveries: &[Queued]) {}
}

/// A server without doors.
struct House {
    store: MemoryStore,
    clock: Still,
    runtime: tokio::runtime::Runtime,
}

fn json(text: &str) -> Value {
    Value::parse(text.as_bytes()).unwrap()
}

impl House {
    fn new() -> Self {
        let now = time::parse("2026-03-02T10:00:00Z").unwrap();
        Self {
            store: MemoryStore::new(Arc::new(Still(now)), Arc::new(Deaf)),
            clock: Still(now),
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
        }
    }

    fn project(&self, id: i64, key: &str) -> ProjectId {
        self.made(Project::new(
            ProjectId(id),
            key,
            key,
            "2026-01-01T00:00:00Z",
        ))
    }

    fn made(&self, project: Project) -> ProjectId {
        self.runtime
            .block_on(self.store.create_project(project))
            .unwrap()
            .id
    }

    fn webhook(&self, project: ProjectId, dialect: &str, events: Selection) -> i64 {
        self.runtime.block_on(async {
            let id = self.store.next_webhook_id().await.unwrap();
            let webhook = Webhook {
                name: dialect.to_owned(),
                url: "https://receiver.example/".to_owned(),
                dialect: dialect.to_owned(),
                events,
                ..Webhook::new(id, project, "2026-01-01T00:00:00Z")
            };
            self.store
                .create_webhook(webhook, Health::default())
                .await
                .unwrap();
            id.0
        })
    }

    fn write(
        &self,
        caller: &Caller,
        project: ProjectId,
        entries: Vec<Entry>,
        batch: bool,
    ) -> Result<Vec<Written>, Fault> {
        let writer = Writer {
            store: &self.store,
            clock: &self.clock,
            server_url: SERVER,
            caller,
            keep: None,
            plans: &super::Plans::default(),
        };
        let wrote = self.runtime.block_on(writer.write(project, entries, batch));
        wrote.map(|wrote| wrote.written)
    }

    /// One request of the administrator: `PUT tasks/1 @7 2026-03-02T10:00:00Z {...}`.
    fn request(&self, project: ProjectId, line: &str) -> Result<Written, Fault> {
        let mut written = self.write(&admin(), project, vec![entry(line)], false)?;
        Ok(written.remove(0))
    }

    /// The messages recorded so far, oldest first: dialect, code and what they are about.
    fn said(&self, project: ProjectId) -> Vec<String> {
        let deliveries = self.deliveries(project);
        deliveries
            .iter()
            .map(|d| format!("{} {} {}", d.0, d.1, d.2))
            .collect()
    }

    fn deliveries(&self, project: ProjectId) -> Vec<(String, String, String, Value)> {
        self.runtime.block_on(async {
            let filter = DeliveryFilter::default();
            let page = self
                .store
                .deliveries(project, &filter, 0, 200)
                .await
                .unwrap();
            let mut all = Vec::new();
            for row in page.data.iter().rev() {
                let one = self.store.delivery(project, row.id).await.unwrap().unwrap();
                let body = Value::parse(&one.body).unwrap();
                all.push((
                    row.dialect.clone(),
                    row.code.clone(),
                    row.object.clone(),
                    body,
                ));
            }
            all
        })
    }

    fn bodies(&self, project: ProjectId) -> Vec<Value> {
        self.deliveries(project).into_iter().map(|d| d.3).collect()
    }
}

fn admin() -> Caller {
    Caller::Admin {
        credential: Credential::new(Key::Configured),
    }
}

fn token(id: i64) -> Credential {
    Credential::new(Key::Token {
        id: TokenId(id),
        name: "ci".to_owned(),
    })
}

fn member(project: ProjectId, member: i64, role: Role) -> Caller {
    Caller::Member {
        credential: token(5),
        project,
        member: Some(member),
        role,
    }
}

fn app(project: ProjectId) -> Caller {
    Caller::App {
        credential: token(6),
        name: "zapier".to_owned(),
        project,
    }
}

/// An entry from `METHOD path [@actor at] [body]`; `VERB path` for the verbs.
fn entry(line: &str) -> Entry {
    let (head, body) = line.find('{').map_or((line, ""), |at| line.split_at(at));
    let mut words = head.split_whitespace();
    let op = match words.next().unwrap() {
        "POST" => Op::Post,
        "PUT" => Op::Put,
        "PATCH" => Op::Patch,
        "DELETE" => Op::Delete,
        "STOP" => Op::Stop,
        "CANCEL" => Op::Cancel,
        "NOTIFY" => Op::Notify,
        "MOVE" => Op::Move,
        "BULK" => Op::Bulk,
        other => panic!("{other}"),
    };
    let path = words.next().unwrap();
    let (collection, id) = match path.split_once('/') {
        Some((collection, id)) => (collection, Some(id.to_owned())),
        None => (path, None),
    };
    let by = words.next().map(|w| Value::from(w.trim_start_matches('@')));
    Entry {
        op,
        collection: collection.into(),
        id,
        data: if body.is_empty() {
            Value::Null
        } else {
            json(body)
        },
        comment: None,
        by,
        at: words.next().map(str::to_owned),
        key: None,
        silent: false,
    }
}

/// A refusal as `KIND code pointer...`.
fn refusal<T>(result: Result<T, Fault>) -> String {
    match result {
        Ok(_) => "accepted".to_owned(),
        Err(fault) => {
            let place = |e: &tidings_domain::fault::FieldFault| format!(" {}={}", e.field, e.code);
            let places = fault.errors.iter().map(place).collect::<Vec<_>>().concat();
            format!("{:?} {}{places}", fault.kind, fault.code)
        }
    }
}
