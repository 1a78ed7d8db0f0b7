//! An object in the making: a body laid over it by the tables of the schema.

use std::borrow::Cow;
use std::sync::Arc;

use crate::collection::Collection;
use crate::doc::Doc;
use crate::schema::{COMMENTABLE, Kind, Member, SetBy, Standard};
use crate::time;
use crate::value::Value;

use super::check::Checker;
use super::faults::{Faults, below, quote};
use super::overlay::Overlay;
use super::rules;
use super::who::Author;

/// How a body is laid over an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A new object: what is left out gets its default.
    Create,
    /// What is left out returns to its default, but for what the server counts and what is fixed.
    Replace,
    /// What is left out stays (RFC 7396).
    Merge,
}

/// An object in the making.
pub(super) struct Draft<'c, 'v> {
    pub(super) check: Checker<'c, 'v>,
    pub(super) author: &'c Author,
    /// Where the body lies.
    pub(super) at: String,
    pub(super) mode: Mode,
    /// The object as it was.
    pub(super) stored: Option<Arc<Doc>>,
    pub(super) doc: Doc,
    /// Members that the body set to something.
    given: Vec<&'static str>,
    /// The statuses whose date the body gave.
    pub(super) dates: Vec<String>,
    /// Values that the server sets and the caller may only confirm.
    claims: Vec<(&'static Member, Value)>,
}

impl<'c, 'v> Draft<'c, 'v> {
    /// A new object.
    pub(super) fn create(
        view: &'c mut Overlay<'v>,
        author: &'c Author,
        collection: Collection,
        at: &str,
    ) -> Self {
        Self::begin(
            view,
            author,
            (Mode::Create, None),
            Doc::empty(collection),
            at,
        )
    }

    /// Changes of an object that is there.
    pub(super) fn change(
        view: &'c mut Overlay<'v>,
        author: &'c Author,
        stored: &Arc<Doc>,
        mode: Mode,
        at: &str,
    ) -> Self {
        let was = (mode, Some(Arc::clone(stored)));
        Self::begin(view, author, was, Doc::clone(stored), at)
    }

    fn begin(
        view: &'c mut Overlay<'v>,
        author: &'c Author,
        (mode, stored): (Mode, Option<Arc<Doc>>),
        doc: Doc,
        at: &str,
    ) -> Self {
        Self {
            check: Checker {
                view,
                faults: Faults::default(),
            },
            author,
            at: at.to_owned(),
            mode,
            stored,
            doc,
            given: Vec::new(),
            dates: Vec::new(),
            claims: Vec::new(),
        }
    }

    /// The place of a member in the body.
    pub(super) fn place(&self, name: &str) -> String {
        below(&self.at, name)
    }

    /// Notes a fault of a member.
    pub(super) fn refuse(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        let place = self.place(name);
        self.check.faults.add(&place, code, detail);
    }

    /// Notes that a member is at odds with what is stored.
    pub(super) fn clash(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        let place = self.place(name);
        self.check.faults.clash(&place, code, detail);
    }

    /// Whether the body set the member.
    pub(super) fn given(&self, name: &str) -> bool {
        self.given.contains(&name)
    }

    /// Whether it is new.
    pub(super) fn creates(&self) -> bool {
        self.stored.is_none()
    }

    /// Whether the member is not what it was.
    pub(super) fn changed(&self, name: &str) -> bool {
        match &self.stored {
            Some(stored) => stored.get(name) != self.doc.get(name),
            None => true,
        }
    }

    /// Sets a member that follows from others, unless the body gave it.
    pub(super) fn follow(&mut self, name: &'static str, value: impl Into<Value>) {
        if !self.given(name) {
            self.doc.set(name, value);
        }
    }

    /// Lays the body over the object.
    pub(super) fn lay(&mut self, body: &Value) {
        let Value::Map(members) = body else {
            let detail = format!("must be an object, not {}", body.kind());
            let at = self.at.clone();
            self.check.faults.add(&at, "wrong_type", detail);
            return;
        };
        let schema = self.doc.schema();
        for (name, value) in members {
            match schema.member(name) {
                Some(member) => self.member(member, value, body),
                None => self.unknown(name),
            }
        }
        match self.mode {
            Mode::Create => {
                for member in &schema.members {
                    let left_out = body.member(member.name).is_none()
                        || self
                            .claims
                            .iter()
                            .any(|(claim, _)| claim.name == member.name);
                    if left_out && self.doc.get(member.name).is_null() {
                        self.fill(member);
                    }
                }
            }
            Mode::Replace => {
                for member in &schema.members {
                    if body.member(member.name).is_none() && returns(member) {
                        self.fill(member);
                    }
                }
            }
            Mode::Merge => {}
        }
    }

    fn unknown(&mut self, name: &str) {
        let collection = self.doc.collection();
        let detail = if name == "comment" && COMMENTABLE.contains(&collection) {
            "is no member of the object: send it with a PATCH, or post it to comments".to_owned()
        } else {
            format!("{} has no member {}", collection.singular(), quote(name))
        };
        self.refuse(name, "unknown_member", detail);
    }

    fn member(&mut self, member: &'static Member, value: &Value, body: &Value) {
        let place = self.place(member.name);
        let stored = self
            .stored
            .as_ref()
            .map(|s| s.get(member.name).clone())
            .unwrap_or_default();
        let merged = match (self.mode, &stored, value) {
            (Mode::Merge, Value::Map(_), Value::Map(_)) => Cow::Owned(merge(&stored, value)),
            _ => Cow::Borrowed(value),
        };
        let judged = if value.is_null() {
            self.null(member, &place)
        } else {
            self.check.kind(member.kind, &place, &merged, &stored)
        };
        let Some(judged) = judged else { return };
        match (rules::set_by(self, member, body), self.creates()) {
            (SetBy::Caller, _) | (SetBy::CallerOnce, true) => self.set(member, judged),
            (SetBy::Import | SetBy::ImportOnce, true) if self.author.imports => {
                self.dates_of(member, value, &stored);
                self.set(member, judged);
            }
            (SetBy::Import, false) if self.author.imports => {
                // What the caller merely read and wrote back is not given: the server goes on setting it.
                if !same(member.kind, &judged, &stored) {
                    self.dates_of(member, value, &stored);
                    self.set(member, judged);
                }
            }
            (_, true) => self.claims.push((member, judged)),
            (set_by, false) => self.confirm(member, set_by, &judged, &stored),
        }
    }

    fn set(&mut self, member: &'static Member, value: Value) {
        self.given.push(member.name);
        self.doc.set(member.name, value);
    }

    fn dates_of(&mut self, member: &Member, value: &Value, stored: &Value) {
        if member.kind != Kind::StatusDates {
            return;
        }
        let is_new = |(name, date): &&(String, Value)| {
            self.mode != Mode::Replace || stored.member(name) != Some(date)
        };
        let given = value.as_map().iter().filter(is_new);
        self.dates = given
            .filter(|(_, date)| !date.is_null())
            .map(|(name, _)| name.clone())
            .collect();
    }

    /// A value that is fixed or the server's: it may only be what it is.
    fn confirm(&mut self, member: &Member, set_by: SetBy, judged: &Value, stored: &Value) {
        if same(member.kind, judged, stored) {
            return;
        }
        match (member.name, set_by) {
            ("sequence" | "updated_at", _) => self.clash(
                member.name,
                "stale",
                "the object was changed since you read it; read it again",
            ),
            (_, SetBy::CallerOnce | SetBy::ImportOnce) => {
                self.refuse(member.name, "read_only", "is fixed at creation");
            }
            _ => self.refuse(member.name, "read_only", SERVERS),
        }
    }

    /// What null means for a member.
    fn null(&mut self, member: &'static Member, place: &str) -> Option<Value> {
        if member.nullable {
            return Some(Value::Null);
        }
        let changeable = matches!(member.set_by, SetBy::Caller | SetBy::Import);
        if self.mode != Mode::Merge || !changeable {
            return self.check.refuse(place, "wrong_type", "must not be null");
        }
        match self.default(member) {
            Some(default) => Some(default),
            None => self
                .check
                .refuse(place, "required", "has no default and must stay"),
        }
    }

    /// Gives a member its default.
    fn fill(&mut self, member: &'static Member) {
        match self.default(member) {
            Some(value) => self.doc.set(member.name, value),
            // The id is given at the end, when all is well.
            None if member.kind == Kind::Id => {}
            None => self.refuse(member.name, "required", "is missing"),
        }
    }

    fn default(&mut self, member: &'static Member) -> Option<Value> {
        Some(match member.standard {
            Standard::Required => return None,
            Standard::Null => Value::Null,
            Standard::Text(text) => text.into(),
            Standard::Int(n) => n.into(),
            Standard::Bool(b) => b.into(),
            Standard::EmptyList => Value::List(Vec::new()),
            Standard::EmptyMap => Value::Map(Vec::new()),
            Standard::At => time::value(self.author.at),
            Standard::Actor => self.author.actor.into(),
            Standard::Rule => rules::default(self, member.name),
        })
    }

    /// Works out what follows from the body, and hands over the object and what is wrong.
    pub(super) fn close(mut self) -> (Doc, Faults) {
        rules::finish(&mut self);
        self.unique_external_id();
        for (member, claimed) in std::mem::take(&mut self.claims) {
            if !same(member.kind, &claimed, self.doc.get(member.name)) {
                self.refuse(member.name, "read_only", SERVERS);
            }
        }
        (self.doc, self.check.faults)
    }

    fn unique_external_id(&mut self) {
        if !self.changed("external_id") {
            return;
        }
        let collection = self.doc.collection();
        let taken = self.doc.opt_text("external_id").and_then(|external| {
            use crate::view::View;
            self.check.view.by_external_id(collection, external)
        });
        if let Some(id) = taken {
            self.clash(
                "external_id",
                "taken",
                format!("{collection}/{id} has it already"),
            );
        }
    }
}

const SERVERS: &str = "is set by the server; leave it out, or give the value it has";

/// Whether a member that a PUT leaves out returns to its default.
fn returns(member: &Member) -> bool {
    let kept = matches!(
        member.name,
        "external_id" | "rank" | "number" | "starts_at" | "member"
    );
    member.set_by == SetBy::Caller && !kept
}

/// Whether two values say the same; the order of members of an object says nothing.
fn same(kind: Kind, a: &Value, b: &Value) -> bool {
    if kind != Kind::StatusDates {
        return a == b;
    }
    let (a, b) = (a.as_map(), b.as_map());
    a.len() == b.len() && a.iter().all(|entry| b.contains(entry))
}

/// RFC 7396, one object over another.
fn merge(stored: &Value, patch: &Value) -> Value {
    let mut members = stored.as_map().to_vec();
    for (name, value) in patch.as_map() {
        if value.is_null() {
            members.retain(|(n, _)| n != name);
        } else if let Some((_, place)) = members.iter_mut().find(|(n, _)| n == name) {
            *place = value.clone();
        } else {
            members.push((name.clone(), value.clone()));
        }
    }
    Value::Map(members)
}
