//! Recording changes: planned on a snapshot, checked and written by the writer.
//!
//! The planner runs on the caller's thread, in a read transaction, and everything is made ready there: texts, differences of links
//! and tallies. The writer only compares what the plan read with what was changed since its snapshot, and writes. A plan that lost
//! the race is made again; after a few losses the writer waits for it.
//!
//! What was read means sets too: which objects refer to one, which are in a collection, how many hold a value. A rule such as "one
//! running timer" rests on what is not there. Only `max_rank` is not compared: plans that append at once may give the same rank,
//! which is no worse than a caller who does, and comparing it would let no two of them share a commit.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::params;
use tidings_domain::delivery::Trigger;
use tidings_domain::{Collection, DeliveryId, Doc, EventId, Fault, ObjectRef, Project, ProjectId};
use tidings_storage::stored::write_event;
use tidings_storage::{
    AsOf, EventIds, Message, NewMessage, Plan, Planner, Queued, RecordError, Recorded, Snapshot,
    StoreError, TokenKind, WriteWhat,
};

use crate::codes::{PENDING, Result, collection_code, sick, to_json};
use crate::reader::Reader;
use crate::shared::{Fact, Series, Shared, committed};
use crate::snapshot::{Current, FOREVER, Shot, is_tallied};
use crate::writer::{ToWriter, Writer};

/// Plans made in vain before the writer is asked to wait.
const RACES: usize = 4;

type Link = (&'static str, ObjectRef);

/// A change of an object, ready to write.
struct Row {
    project: ProjectId,
    key: ObjectRef,
    version: i64,
    /// The version before, if there was a row.
    old: Option<i64>,
    deleted: bool,
    /// It comes into being or goes.
    appears_or_goes: bool,
    external_id: Option<String>,
    number: Option<i64>,
    rank: Option<i64>,
    /// Whether any of the three differs: only then are their indexes touched.
    keys_differ: bool,
    /// External id and number that it had.
    old_keys: (Option<String>, Option<i64>),
    body: Vec<u8>,
    doc: Arc<Doc>,
    gained: Vec<Link>,
    lost: Vec<Link>,
    /// Member, value, by how much.
    tallies: Vec<(&'static str, String, i64)>,
}

/// An object with a new state that its row does not point to yet: a message about it changes the same row, so both are one write.
pub(crate) struct Moved {
    project: ProjectId,
    key: ObjectRef,
    version: i64,
    deleted: bool,
    state: i64,
    /// The last message about it so far: its row in `trails`.
    pub(crate) trail: Option<i64>,
}

impl Moved {
    /// The one of that object, if it is among them.
    pub(crate) fn take(moved: &mut Vec<Self>, project: ProjectId, key: ObjectRef) -> Option<Self> {
        let at = moved
            .iter()
            .position(|m| m.project == project && m.key == key)?;
        Some(moved.swap_remove(at))
    }
}

enum Step {
    Object(Box<Row>),
    Project {
        version: i64,
        project: Arc<Project>,
        body: String,
    },
}

/// A plan made ready, with what it rests on.
struct Ready {
    plan: Plan,
    steps: Vec<Step>,
    events: Vec<String>,
    read: Vec<u64>,
    since: u64,
    first_event: i64,
    last_event: i64,
    held: Held,
}

/// Numbers that no other plan is given until this one is written or dropped.
struct Held {
    shared: Arc<Shared>,
    own: Vec<(Series, i64)>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.release(&mut self.own);
    }
}

struct Ids<'a> {
    shared: &'a Shared,
    first: i64,
    last: i64,
}

impl EventIds for Ids<'_> {
    fn next(&mut self) -> EventId {
        self.last = self.shared.next_event();
        if self.first == 0 {
            self.first = self.last;
        }
        EventId(self.last)
    }
}

pub(crate) async fn record(
    shared: &Arc<Shared>,
    writer: &ToWriter,
    projects: &[ProjectId],
    mut planner: Planner<'_>,
) -> Result<Recorded, RecordError> {
    for _ in 0..RACES {
        let ready = plan(shared, projects, &mut planner)?;
        match writer
            .write_repeatable(move |w| w.record(ready, true))
            .await
        {
            Ok(Some((recorded, _held))) => return Ok(recorded),
            // Lost the race: by what it read, or by what the tables hold unique.
            Ok(None) | Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let lease = writer.lease().await?;
    let ready = plan_on(shared, projects, &mut planner, false)?;
    let recorded = lease.write(move |w| w.record(ready, false)).await?;
    let recorded = recorded.map(|(recorded, _held)| recorded);
    recorded.ok_or_else(|| StoreError::Unavailable("too many changes at once".to_owned()).into())
}

/// Makes a plan from what is remembered. A refusal may rest on states that never were together, so it is made sure of.
fn plan(
    shared: &Arc<Shared>,
    projects: &[ProjectId],
    planner: &mut Planner<'_>,
) -> Result<Ready, RecordError> {
    match plan_on(shared, projects, planner, true) {
        Err(RecordError::Refused(_)) => plan_on(shared, projects, planner, false),
        made => made,
    }
}

fn plan_on(
    shared: &Arc<Shared>,
    projects: &[ProjectId],
    planner: &mut Planner<'_>,
    memory: bool,
) -> Result<Ready, RecordError> {
    // Read before the snapshot begins: the snapshot, and memory, have at least this.
    let since = committed(shared);
    let reader = Reader::new(shared, since);
    let mut make = || {
        let shots = projects
            .iter()
            .map(|id| {
                if memory {
                    Shot::for_plan(&reader, shared, *id)
                } else {
                    Shot::new(reader.conn()?, shared, *id, AsOf::Now)
                }
            })
            .collect::<Result<Vec<_>>>()?;
        let mut ids = Ids {
            shared,
            first: 0,
            last: 0,
        };
        let plan = {
            let snapshots: Vec<&dyn Snapshot> = shots.iter().map(|s| s as &dyn Snapshot).collect();
            planner(&snapshots, &mut ids)
        };
        if let Some(error) = shots.iter().find_map(Shot::error) {
            return Err(error);
        }
        let plan = match plan {
            Ok(plan) => plan,
            Err(fault) => return Ok(Err(fault)),
        };
        let ours = |project: &ProjectId| projects.contains(project);
        if !plan.writes.iter().all(|w| ours(&w.project))
            || !plan.messages.iter().all(|m| ours(&m.project))
            || !plan.events.iter().all(|e| ours(&e.event.project))
        {
            return Err(StoreError::Conflict("project"));
        }
        let steps = steps(&plan, projects, &shots)?;
        let events = plan
            .events
            .iter()
            .map(|e| write_event(&e.event, &plan))
            .collect::<Result<_>>()?;
        let mut read = Vec::new();
        let mut held = Held {
            shared: Arc::clone(shared),
            own: Vec::new(),
        };
        for shot in &shots {
            let (shot_read, own) = shot.taken();
            read.extend(shot_read);
            held.own.extend(own);
        }
        read.sort_unstable();
        read.dedup();
        Ok(Ok(Ready {
            plan,
            steps,
            events,
            read,
            since,
            first_event: ids.first,
            last_event: ids.last,
            held,
        }))
    };
    let ready: Result<Result<Ready, Fault>> = make();
    Ok(ready??)
}

/// Makes the writes of a plan ready. What they replace is read, and so noted, here if the planner did not.
fn steps(plan: &Plan, projects: &[ProjectId], shots: &[Shot<'_>]) -> Result<Vec<Step>> {
    let mut latest: HashMap<(ProjectId, ObjectRef), Option<Current>> = HashMap::new();
    let mut steps = Vec::with_capacity(plan.writes.len());
    for write in &plan.writes {
        let shot = projects.iter().position(|p| *p == write.project);
        let shot = shot
            .and_then(|i| shots.get(i))
            .ok_or(StoreError::Conflict("project"))?;
        let version = write.version.0;
        let (key, doc) = match &write.what {
            WriteWhat::Project(project) => {
                steps.push(Step::Project {
                    version,
                    project: Arc::clone(project),
                    body: to_json(&**project)?,
                });
                continue;
            }
            WriteWhat::Put(doc) => (doc.key(), Some(doc)),
            WriteWhat::Delete(key) => (*key, None),
        };
        let old = match latest.remove(&(write.project, key)) {
            Some(old) => old,
            None => shot.row(key)?,
        };
        let Some(current) = doc.or(old.as_ref().map(|o| &o.doc)) else {
            continue;
        };
        let current = Current {
            version,
            deleted: doc.is_none(),
            doc: Arc::clone(current),
        };
        steps.push(Step::Object(Box::new(row(
            write.project,
            old.as_ref(),
            &current,
        ))));
        latest.insert((write.project, key), Some(current));
    }
    Ok(steps)
}

fn row(project: ProjectId, old: Option<&Current>, new: &Current) -> Row {
    let key = new.doc.key();
    let there = |current: &&Current| !current.deleted;
    let was = old.filter(there).map(|o| &*o.doc);
    let is = Some(new).filter(there).map(|n| &*n.doc);
    let old_keys = was.map(keys).unwrap_or_default();
    let (external_id, number, rank) = is.map(keys).unwrap_or_default();
    let had = was.map(Doc::references).unwrap_or_default();
    let has = is.map(Doc::references).unwrap_or_default();
    let less = |all: &[Link], without: &[Link]| -> Vec<Link> {
        let kept = all.iter().filter(|l| !without.contains(l));
        kept.copied().collect()
    };
    Row {
        project,
        key,
        version: new.version,
        old: old.map(|o| o.version),
        deleted: new.deleted,
        appears_or_goes: was.is_some() != is.is_some(),
        keys_differ: old_keys != (external_id.clone(), number, rank),
        old_keys: (old_keys.0, old_keys.1),
        external_id,
        number,
        rank,
        body: new.doc.to_stored(),
        doc: Arc::clone(&new.doc),
        gained: less(&has, &had),
        lost: less(&had, &has),
        tallies: tallies(was, is),
    }
}

/// External id, number (of items only) and rank.
fn keys(doc: &Doc) -> (Option<String>, Option<i64>, Option<i64>) {
    let number = doc.int("number").filter(|_| doc.collection().is_item());
    let external_id = doc.opt_text("external_id").map(str::to_owned);
    (external_id, number, doc.int("rank"))
}

fn tallies(was: Option<&Doc>, is: Option<&Doc>) -> Vec<(&'static str, String, i64)> {
    let mut tallies = Vec::new();
    let Some(any) = is.or(was) else {
        return tallies;
    };
    for member in &any.schema().members {
        if !is_tallied(any.collection(), member.name) {
            continue;
        }
        let old = was.and_then(|d| d.opt_text(member.name));
        let new = is.and_then(|d| d.opt_text(member.name));
        if old != new {
            tallies.extend(old.map(|value| (member.name, value.to_owned(), -1)));
            tallies.extend(new.map(|value| (member.name, value.to_owned(), 1)));
        }
    }
    tallies
}

impl Writer<'_> {
    /// Writes a plan; `None` when what it rests on has changed.
    fn record(&mut self, ready: Ready, checked: bool) -> Result<Option<(Recorded, Held)>> {
        if checked && !self.still_holds(&ready) {
            return Ok(None);
        }
        let mut moved = Vec::new();
        for step in &ready.steps {
            match step {
                Step::Object(row) => self.write_object(row, &mut moved)?,
                Step::Project {
                    version,
                    project,
                    body,
                } => self.write_project(*version, project, body)?,
            }
        }
        // Somebody may have begun to refer to what this plan deletes.
        for step in &ready.steps {
            if let Step::Object(row) = step
                && row.deleted
                && checked
                && self.is_referred_to(row)?
            {
                return Err(StoreError::Conflict("referred"));
            }
        }
        for (recorded, body) in ready.plan.events.iter().zip(&ready.events) {
            let event = &recorded.event;
            self.run(
                "INSERT INTO events (id, project, recorded_ms, listed, body) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![event.id.0, event.project.0, self.totals.time_ms, recorded.listed, body],
            )?;
        }
        for memo in &ready.plan.memos {
            self.keep(memo)?;
        }
        for entry in &ready.plan.audit {
            self.note_change(entry)?;
        }
        let mut deliveries = Vec::new();
        for message in &ready.plan.messages {
            self.write_message(message, &mut moved, &mut deliveries)?;
        }
        for moved in &moved {
            self.point_to(moved, None)?;
        }
        self.totals.event = self.totals.event.max(ready.last_event);
        self.announce.extend(deliveries.iter().cloned());
        let recorded = Recorded {
            plan: ready.plan,
            deliveries,
        };
        // The numbers stay held until the commit shows them.
        Ok(Some((recorded, ready.held)))
    }

    fn still_holds(&self, ready: &Ready) -> bool {
        let in_order = |message: &NewMessage| {
            message.event.0 < ready.first_event
                || message.roots.iter().all(|root| {
                    let mark = Fact::Root(message.project, *root).mark();
                    self.recent.in_order(mark, message.event.0)
                })
        };
        self.recent.unchanged_since(ready.since, &ready.read)
            && ready.plan.messages.iter().all(in_order)
    }

    fn write_object(&mut self, row: &Row, moved: &mut Vec<Moved>) -> Result<()> {
        let (project, collection) = (row.project, collection_code(row.key.collection));
        self.changed(&Fact::Object(project, row.key));
        if row.appears_or_goes {
            self.changed(&Fact::Members(project, collection));
        }
        if row.appears_or_goes && row.key.collection == Collection::Members {
            // Whoever gets the number next is somebody else.
            let kind = TokenKind::Member { member: row.key.id };
            self.run(
                "DELETE FROM tokens WHERE project = ?1 AND kind = ?2",
                params![project.0, to_json(&kind)?],
            )?;
        }
        if row.deleted && row.key.collection == Collection::Members {
            self.run(
                "DELETE FROM memberships WHERE project = ?1 AND member = ?2",
                [project.0, row.key.id],
            )?;
        }
        if row.keys_differ {
            let (old_external, old_number) = (&row.old_keys.0, row.old_keys.1);
            for external_id in [old_external, &row.external_id].into_iter().flatten() {
                self.changed(&Fact::ExternalId(project, collection, external_id));
            }
            for number in [old_number, row.number].into_iter().flatten() {
                self.changed(&Fact::Number(project, number));
            }
            if let Some(number) = old_number.filter(|_| old_number != row.number) {
                self.shared.lower_floor(Series { project, of: -1 }, number);
            }
        }
        self.write_state(row, collection, moved)?;
        let current = Current {
            version: row.version,
            deleted: row.deleted,
            doc: Arc::clone(&row.doc),
        };
        self.news.objects.push((project, current, row.body.len()));
        self.write_links(row, collection)?;
        for (member, value, by) in &row.tallies {
            self.changed(&Fact::Tally(project, collection, member, value));
            self.run(
                "INSERT INTO tallies (project, collection, member, value, number) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET number = number + excluded.number",
                params![project.0, collection, member, value, by],
            )?;
        }
        Ok(())
    }

    fn write_state(&self, row: &Row, collection: i64, moved: &mut Vec<Moved>) -> Result<()> {
        let (project, id) = (row.project.0, row.key.id);
        if let Some(earlier) = Moved::take(moved, row.project, row.key) {
            self.point_to(&earlier, None)?;
        }
        match row.old {
            None => {
                self.run(
                    "INSERT INTO states (project, collection, object, since, before, deleted, body)
                     VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6)",
                    params![project, collection, id, row.version, row.deleted, row.body],
                )?;
                self.run(
                    "INSERT INTO objects (project, collection, id, version, deleted, external_id, number, rank, state)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, last_insert_rowid())",
                    params![
                        project, collection, id, row.version, row.deleted, row.external_id, row.number, row.rank
                    ],
                )?;
                return Ok(());
            }
            Some(old) if old == row.version => {
                self.run(
                    "UPDATE states SET deleted = ?4, body = ?5 WHERE id =
                     (SELECT state FROM objects WHERE project = ?1 AND collection = ?2 AND id = ?3)",
                    params![project, collection, id, row.deleted, row.body],
                )?;
                self.run(
                    "UPDATE objects SET deleted = ?4 WHERE project = ?1 AND collection = ?2 AND id = ?3",
                    params![project, collection, id, row.deleted],
                )?;
            }
            Some(_) => {
                // One look at the row, not an INSERT that selects: SQLite would copy each page it changes first, to take back a
                // statement that fails between two rows.
                let (before, trail) = self
                    .row(
                        "SELECT state, trail FROM objects WHERE project = ?1 AND collection = ?2 AND id = ?3",
                        params![project, collection, id],
                        |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)),
                    )?
                    .ok_or(StoreError::Conflict("object"))?;
                self.run(
                    "INSERT INTO states (project, collection, object, since, before, deleted, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![
                        project,
                        collection,
                        id,
                        row.version,
                        before,
                        row.deleted,
                        row.body
                    ],
                )?;
                moved.push(Moved {
                    project: row.project,
                    key: row.key,
                    version: row.version,
                    deleted: row.deleted,
                    state: self.conn.last_insert_rowid(),
                    trail,
                });
            }
        }
        if row.keys_differ {
            self.run(
                "UPDATE objects SET external_id = ?4, number = ?5, rank = ?6
                 WHERE project = ?1 AND collection = ?2 AND id = ?3",
                params![
                    project,
                    collection,
                    id,
                    row.external_id,
                    row.number,
                    row.rank
                ],
            )?;
        }
        Ok(())
    }

    /// Lets an object's row point to its new state, and to the last message about it if that is new too.
    pub(crate) fn point_to(&self, moved: &Moved, trail: Option<i64>) -> Result<()> {
        let at = params![
            moved.project.0,
            collection_code(moved.key.collection),
            moved.key.id,
            moved.version,
            moved.deleted,
            moved.state,
            trail
        ];
        self.run(
            "UPDATE objects SET version = ?4, deleted = ?5, state = ?6, trail = coalesce(?7, trail)
             WHERE project = ?1 AND collection = ?2 AND id = ?3",
            at,
        )
        .map(drop)
    }

    fn write_links(&mut self, row: &Row, collection: i64) -> Result<()> {
        for (member, to) in row.lost.iter().chain(&row.gained) {
            self.changed(&Fact::Referrers(row.project, *to, collection, member));
        }
        for (member, to) in &row.lost {
            let at = params![
                row.project.0,
                collection_code(to.collection),
                to.id,
                collection,
                member,
                row.key.id,
                FOREVER,
                row.version
            ];
            self.run(
                "UPDATE links SET until = ?8 WHERE project = ?1 AND to_collection = ?2 AND to_id = ?3
                 AND from_collection = ?4 AND member = ?5 AND from_id = ?6 AND until = ?7",
                at,
            )?;
        }
        for (member, to) in &row.gained {
            let link = params![
                row.project.0,
                collection_code(to.collection),
                to.id,
                collection,
                member,
                row.key.id,
                row.version,
                FOREVER
            ];
            self.run(
                "INSERT OR REPLACE INTO links (project, to_collection, to_id, from_collection, member, from_id, since, until)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                link,
            )?;
        }
        Ok(())
    }

    fn is_referred_to(&self, row: &Row) -> Result<bool> {
        let key = params![
            row.project.0,
            collection_code(row.key.collection),
            row.key.id,
            FOREVER
        ];
        self.conn
            .prepare_cached(
                "SELECT 1 FROM links WHERE project = ?1 AND to_collection = ?2 AND to_id = ?3 AND until = ?4 LIMIT 1",
            )
            .and_then(|mut s| s.exists(key))
            .map_err(sick)
    }

    fn write_project(&mut self, version: i64, project: &Arc<Project>, body: &str) -> Result<()> {
        self.changed(&Fact::Project(project.id));
        self.note_switch(version, project)?;
        self.run(
            "INSERT OR REPLACE INTO old_projects (project, until, since, body)
             SELECT id, ?2, version, body FROM projects WHERE id = ?1 AND version <> ?2",
            params![project.id.0, version],
        )?;
        self.run(
            "UPDATE projects SET version = ?2, body = ?3 WHERE id = ?1",
            params![project.id.0, version, body],
        )?;
        Ok(())
    }

    fn write_message(
        &mut self,
        new: &NewMessage,
        moved: &mut Vec<Moved>,
        deliveries: &mut Vec<Queued>,
    ) -> Result<()> {
        let ids: Vec<DeliveryId> = new.webhooks.iter().map(|_| self.next_delivery()).collect();
        let (Some(first), Some(last)) = (ids.first().copied(), ids.last().copied()) else {
            return Ok(());
        };
        let message = Arc::new(new.numbered(first.0));
        self.insert_message(&message, last, &new.title, moved)?;
        let trigger = Trigger::Event;
        for root in &new.roots {
            let mark = Fact::Root(new.project, *root).mark();
            self.recent.tell(mark, new.event.0);
        }
        for (id, webhook) in ids.into_iter().zip(&new.webhooks) {
            self.insert_delivery(id, &message, Some(*webhook), PENDING, trigger)?;
            let message = Arc::clone(&message);
            deliveries.push(Queued::new(id, *webhook, message, trigger));
        }
        Ok(())
    }

    pub(crate) fn insert_message(
        &mut self,
        message: &Message,
        last: DeliveryId,
        title: &str,
        moved: &mut Vec<Moved>,
    ) -> Result<()> {
        self.insert_without_trail(message, last, title)?;
        self.lay_trails(message, moved)
    }

    /// The log does not find it by its object yet.
    pub(crate) fn insert_without_trail(
        &mut self,
        message: &Message,
        last: DeliveryId,
        title: &str,
    ) -> Result<()> {
        let roots: Vec<String> = message.roots.iter().map(ObjectRef::to_string).collect();
        self.run(
            "INSERT INTO messages (id, last, project, event, dialect, code, object, sequence, roots, title, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                message.id,
                last.0,
                message.project.0,
                message.event.map(|e| e.0),
                message.dialect.as_str(),
                message.code.as_str(),
                message.object.as_str(),
                message.sequence,
                roots.join(" "),
                title,
                &message.body[..],
            ],
        )?;
        self.totals.bytes += i64::try_from(message.body.len()).unwrap_or_default();
        Ok(())
    }
}
