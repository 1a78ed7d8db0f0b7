//! What GitScrum's payloads share: where they are told from, people, dates, names and identities.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Unit, ZonedDifference};
use serde::Serialize;
use tidings_domain::project::{Entry, slug};
use tidings_domain::{Collection, Doc, ObjectRef, Project, Time, View};

use crate::{ObjectScope, Scope, derived};

/// The collections that GitScrum calls tasks.
pub(super) const ISSUES: &[Collection] =
    &[Collection::Tasks, Collection::Defects, Collection::Tests];

/// Sent for an entry that has no color: GitScrum's samples know none without.
const GREY: &str = "#94A3B8";

/// A chain of replies is at most this long; the API refuses longer ones.
const DEEPEST_REPLY: usize = 20;

/// What a payload is built from.
pub(super) struct Context<'a> {
    /// The objects.
    pub(super) view: &'a dyn View,
    /// The project that the payload names: the one of the objects, but the target of a move.
    pub(super) told_project: &'a Project,
    /// Base of links, without a slash at the end.
    pub(super) base_url: &'a str,
    /// The time to which relative dates relate.
    pub(super) at: Time,
    /// Who acts or asks.
    pub(super) actor: Option<i64>,
    zone: TimeZone,
}

impl<'a> Context<'a> {
    /// For an event. A moved task is told with the project where it went; a moved story is told as deleted, so with its own.
    pub(super) fn of_event(scope: &Scope<'a>) -> Self {
        let moved = scope
            .change()
            .filter(|c| ISSUES.contains(&c.object.collection()));
        let target = moved.and_then(|c| c.moved_to.as_ref());
        Self {
            view: scope.view,
            told_project: target.map_or(scope.view.project(), |to| &to.project),
            base_url: scope.base_url(),
            at: scope.event.at,
            actor: scope.event.actor,
            zone: zone_of(scope.view.project()),
        }
    }

    /// For somebody who asks.
    pub(super) fn of_request(scope: &ObjectScope<'a>) -> Self {
        let project = scope.view.project();
        Self {
            view: scope.view,
            told_project: project,
            base_url: project
                .base_url
                .as_deref()
                .unwrap_or(scope.server_url)
                .trim_end_matches('/'),
            at: scope.at,
            actor: scope.actor,
            zone: zone_of(project),
        }
    }

    /// The project whose vocabularies the objects speak.
    pub(super) fn project(&self) -> &'a Project {
        self.view.project()
    }

    /// `{slug, name}` of the company.
    pub(super) fn company(&self) -> Named {
        Named {
            slug: self.told_project.company.slug.clone(),
            name: self.told_project.company.name.clone(),
        }
    }

    /// `{slug, name}` of the project.
    pub(super) fn project_name(&self) -> Named {
        Named {
            slug: self.told_project.slug.clone(),
            name: self.told_project.name.clone(),
        }
    }

    /// An object's GitScrum identity: the tracker's own UUID, else one made from the place of its creation, so that it
    /// survives a move.
    pub(super) fn uuid(&self, doc: &Doc) -> String {
        derived::uuid(self.project(), doc).to_string()
    }

    /// The member behind a reference.
    pub(super) fn user(&self, id: Option<i64>) -> Option<User> {
        let person = self.view.person(id?)?;
        Some(self.user_of(&person))
    }

    /// The members behind a list of references; those that are unknown are left out.
    pub(super) fn users(&self, ids: &[i64]) -> Vec<User> {
        ids.iter().filter_map(|id| self.user(Some(*id))).collect()
    }

    /// A member as GitScrum shows people.
    pub(super) fn user_of(&self, person: &Doc) -> User {
        let text = |member| person.opt_text(member).map(str::to_owned);
        let name = derived::full_name(person);
        let username = text("username").unwrap_or_else(|| match person.opt_text("email") {
            Some(email) if !email.is_empty() => {
                email.split('@').next().unwrap_or_default().to_owned()
            }
            _ => slug(&name, "member", person.id()),
        });
        User {
            id: person.id(),
            uuid: self.uuid(person),
            name,
            username,
            avatar: text("avatar_url"),
            headline: text("headline"),
            location: text("location"),
            timezone_name: text("time_zone"),
            language: text("language"),
            created_at: self.date_of(person, "created_at"),
        }
    }

    /// An instant.
    pub(super) fn date(&self, time: Time) -> DateObj {
        DateObj::new(relative(time, self.at), time)
    }

    /// The instant in an object's member.
    pub(super) fn date_of(&self, doc: &Doc, member: &str) -> Option<DateObj> {
        doc.time(member).map(|time| self.date(time))
    }

    /// A time of the day in the project's time zone as an instant.
    pub(super) fn instant(&self, local: jiff::civil::DateTime) -> Option<Time> {
        let zoned = local.to_zoned(self.zone.clone()).ok()?;
        Some(zoned.timestamp())
    }

    /// `2026-03-02 10:15:00` in the project's time zone: GitScrum's timers name no zone.
    pub(super) fn clock_time(&self, time: Time) -> String {
        time.to_zoned(self.zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string()
    }

    /// The task, defect or test that a child is on. A reply is on what its first comment is on.
    pub(super) fn issue_of(&self, child: &Doc) -> Option<Arc<Doc>> {
        derived::subject(self.view, child).filter(|on| ISSUES.contains(&on.collection()))
    }

    /// The comments on a comment, by id; none below the depth that replies can have, so that walking ends whatever a store holds.
    pub(super) fn replies(&self, on: ObjectRef, depth: usize) -> Vec<Arc<Doc>> {
        if depth > DEEPEST_REPLY {
            return Vec::new();
        }
        self.view.referrers(on, Collection::Comments, "on")
    }

    /// One for an object that is there no more, else none.
    pub(super) fn gone(&self, doc: &Doc) -> usize {
        usize::from(self.view.get(doc.key()).is_none())
    }

    /// How many votes an object has.
    pub(super) fn votes(&self, on: ObjectRef) -> usize {
        self.view.count_referrers(on, Collection::Votes, "on")
    }
}

fn zone_of(project: &Project) -> TimeZone {
    TimeZone::get(&project.time_zone).unwrap_or(TimeZone::UTC)
}

/// An entry's color.
pub(super) fn color(entry: &Entry) -> String {
    entry.color.as_deref().unwrap_or(GREY).to_owned()
}

/// `{slug, name}` of a company or a project.
#[derive(Serialize)]
pub(super) struct Named {
    slug: String,
    name: String,
}

/// What a comment, attachment or video hangs on.
#[derive(Serialize)]
pub(super) struct Resource {
    #[serde(rename = "type")]
    kind: &'static str,
    uuid: String,
}

impl Resource {
    /// GitScrum's only word here is "task".
    pub(super) fn task(context: &Context<'_>, issue: &Doc) -> Self {
        Self {
            kind: "task",
            uuid: context.uuid(issue),
        }
    }
}

/// A person. GitScrum never sends e-mail addresses.
#[derive(Serialize)]
pub(super) struct User {
    id: i64,
    uuid: String,
    name: String,
    username: String,
    avatar: Option<String>,
    headline: Option<String>,
    location: Option<String>,
    timezone_name: Option<String>,
    language: Option<String>,
    created_at: Option<DateObj>,
}

/// An instant, three ways.
#[derive(Serialize)]
pub(super) struct DateObj {
    date_for_humans: String,
    iso8601: String,
    timestamp: i64,
}

impl DateObj {
    fn new(date_for_humans: String, time: Time) -> Self {
        Self {
            date_for_humans,
            iso8601: iso8601(time),
            timestamp: time.as_second(),
        }
    }

    /// A day of a sprint: people read the date itself.
    pub(super) fn day(date: tidings_domain::time::Date, time: Time) -> Self {
        Self::new(date.strftime("%b %-d, %Y").to_string(), time)
    }
}

/// `2026-03-02T10:15:00+00:00`.
pub(super) fn iso8601(time: Time) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// "2 hours ago", "in 5 days": the largest whole calendar unit between two instants.
pub(super) fn relative(time: Time, now: Time) -> String {
    let [time, now] = [time, now].map(|t| tidings_domain::time::cut(t).to_zoned(TimeZone::UTC));
    let (from, to) = if time <= now {
        (&time, &now)
    } else {
        (&now, &time)
    };
    // Times between the years 0000 and 9999 are never too far apart.
    let span = from
        .until(ZonedDifference::new(to).largest(Unit::Year))
        .unwrap_or_default();
    let days = i64::from(span.get_days());
    let units = [
        (i64::from(span.get_years()), "year"),
        (i64::from(span.get_months()), "month"),
        (days / 7, "week"),
        (days, "day"),
        (i64::from(span.get_hours()), "hour"),
        (span.get_minutes(), "minute"),
        (span.get_seconds().max(1), "second"),
    ];
    let (count, unit) = units
        .into_iter()
        .find(|(count, _)| *count > 0)
        .unwrap_or((1, "second"));
    let plural = if count == 1 { "" } else { "s" };
    if time <= now {
        format!("{count} {unit}{plural} ago")
    } else {
        format!("in {count} {unit}{plural}")
    }
}

#[cfg(test)]
mod tests;
