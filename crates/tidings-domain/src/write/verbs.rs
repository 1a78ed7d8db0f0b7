//! Timers are stopped and thrown away; people are told about a comment.

use std::sync::Arc;

use crate::collection::Collection;
use crate::doc::Doc;
use crate::event::{Change, Verb};
use crate::fault::Fault;
use crate::schema::Kind;
use crate::time;
use crate::value::Value;

use super::draft::{Draft, Mode};
use super::faults::below;
use super::rules::span;
use super::target::Target;
use super::{Desk, Done};

impl Desk<'_, '_> {
    /// Stops a timer; the body may hold a note.
    pub fn stop(&mut self, target: &Target, body: &Value) -> Result<Done, Fault> {
        let stored = self.timer(target)?;
        let mut draft = Draft::change(self.view, self.author, &stored, Mode::Merge, self.body_at);
        only(&mut draft, body, &["note"]);
        let (mut doc, faults) = draft.close();
        faults.finish()?;
        doc.set("running", false);
        doc.set("stopped_at", time::value(self.at()));
        let minutes = span(&doc).unwrap_or_default();
        if minutes < 0 {
            return Err(Fault::field(
                below(self.body_at, "stopped_at"),
                "range",
                "the timer would stop before it was started",
            ));
        }
        doc.set("minutes", minutes);
        let version = self.begin();
        let doc = self.next_version(&stored, doc);
        self.view.put(version, Arc::clone(&doc));
        let change = Change {
            before: Some(stored),
            ..Change::plain(Verb::Stopped, Arc::clone(&doc))
        };
        let event = self.tell_change(version, change);
        Ok(Done::of(event, doc, false))
    }

    /// Throws a timer away.
    pub fn cancel(&mut self, target: &Target, body: &Value) -> Result<Done, Fault> {
        let stored = self.timer(target)?;
        let mut draft = Draft::change(self.view, self.author, &stored, Mode::Merge, self.body_at);
        only(&mut draft, body, &[]);
        draft.close().1.finish()?;
        Ok(self.remove(stored, Verb::Cancelled))
    }

    fn timer(&mut self, target: &Target) -> Result<Arc<Doc>, Fault> {
        let stored = target.must(self.view, Collection::TimeEntries)?;
        if stored.flag("running") {
            return Ok(stored);
        }
        let detail = format!("{} is no running timer", stored.key());
        Err(Fault::conflict("/running", "not_running", detail))
    }

    /// Tells more people about a comment.
    pub fn notify(&mut self, target: &Target, body: &Value) -> Result<Done, Fault> {
        let stored = target.must(self.view, Collection::Comments)?;
        let mut draft = Draft::change(self.view, self.author, &stored, Mode::Merge, self.body_at);
        only(&mut draft, body, &["members"]);
        let place = draft.place("members");
        let told = match body.member("members") {
            Some(members) => draft
                .check
                .kind(Kind::People, &place, members, &Value::Null),
            None => draft.check.refuse(&place, "required", "is missing"),
        };
        let (mut doc, faults) = draft.close();
        faults.finish()?;
        let known = stored.ids("notify");
        let told = told.unwrap_or_default();
        let fresh = told.as_list().iter().filter_map(Value::as_int);
        let fresh: Vec<i64> = fresh.filter(|id| !known.contains(id)).collect();
        if fresh.is_empty() {
            return Ok(Done::of(None, stored, false));
        }
        let all: Vec<i64> = known.into_iter().chain(fresh.iter().copied()).collect();
        doc.set("notify", all);
        let version = self.begin();
        let doc = self.next_version(&stored, doc);
        self.view.put(version, Arc::clone(&doc));
        let change = Change {
            before: Some(stored),
            notified: fresh,
            ..Change::plain(Verb::Notified, Arc::clone(&doc))
        };
        let event = self.tell_change(version, change);
        Ok(Done::of(event, doc, false))
    }
}

/// Lays the members of the object that a verb's body may hold; refuses the rest. A verb needs no body.
fn only(draft: &mut Draft<'_, '_>, body: &Value, known: &[&str]) {
    if body.is_null() {
        return;
    }
    for (name, _) in body.as_map() {
        if !known.contains(&name.as_str()) {
            let place = draft.place(name);
            draft.check.unknown(&place, known);
        }
    }
    match body {
        Value::Map(members) => {
            let own = members
                .iter()
                .filter(|(name, _)| known.contains(&name.as_str()) && has(&draft.doc, name));
            let own = Value::Map(own.cloned().collect());
            draft.lay(&own);
        }
        other => draft.lay(other),
    }
}

fn has(doc: &Doc, name: &str) -> bool {
    doc.schema().member(name).is_some()
}
