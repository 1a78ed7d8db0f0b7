//! The one thread that writes.
//!
//! It takes whatever is queued, runs each request in a savepoint of its own, commits once, tells the listener what was committed,
//! and then answers. Nobody waits for company: a request that comes alone is committed alone.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::Connection;
use tidings_domain::{DeliveryId, ProjectId};
use tidings_storage::{CommitListener, Queued, StoreError, Trouble};
use tokio::sync::{mpsc, oneshot};

use crate::checkpoint;
use crate::codes::{Result, sick};
use crate::memory::News;
use crate::relief::Relief;
use crate::segments::Segment;
use crate::shared::{Fact, Recent, Shared};
use crate::statements::Statements;
use crate::trouble::Complaint;

/// Requests that may wait; who comes later waits outside, in its own task.
const QUEUE: usize = 1024;

/// Requests that share one commit at most, so that the first of them does not wait for ever.
const TOGETHER: usize = 256;

/// What a transaction counts on, and has back when it comes to nothing. But for the segment it is written once per commit, in the row of
/// `server`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) event: i64,
    pub(crate) delivery: i64,
    pub(crate) webhook: i64,
    pub(crate) token: i64,
    pub(crate) time_ms: i64,
    pub(crate) rows: i64,
    pub(crate) bytes: i64,
    /// Deliveries in the queues.
    pub(crate) waiting: i64,
    pub(crate) segment: Segment,
}

impl Totals {
    pub(crate) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let segment = Segment::load(conn)?;
        conn.query_row(
            "SELECT event, delivery, webhook, token, time_ms, log_rows, log_bytes, waiting FROM server",
            [],
            |row| {
                Ok(Self {
                    event: row.get(0)?,
                    delivery: row.get(1)?,
                    webhook: row.get(2)?,
                    token: row.get(3)?,
                    time_ms: row.get(4)?,
                    rows: row.get(5)?,
                    bytes: row.get(6)?,
                    waiting: row.get(7)?,
                    segment,
                })
            },
        )
    }
}

/// The connection that writes, and what goes with it.
pub(crate) struct Writer<'c> {
    pub(crate) conn: &'c Connection,
    statements: Statements<'c>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) totals: Totals,
    pub(crate) recent: Recent,
    /// Number of the request that is running.
    pub(crate) request: u64,
    /// Deliveries of this commit.
    pub(crate) announce: Vec<Queued>,
    /// What is known to be in `webhook_answers`.
    pub(crate) answers: HashSet<(i64, u16)>,
    /// Where the next step of retention goes on looking.
    pub(crate) prune_from: i64,
    /// The same among the states of objects: event and row.
    pub(crate) prune_states_from: (i64, i64),
    /// Events from before this time go where rows or bytes bind: the log reaches no further back.
    pub(crate) prune_events_to: i64,
    /// What this transaction changed.
    pub(crate) news: News,
    /// A project came, changed or went in this transaction.
    pub(crate) projects_changed: bool,
    /// So many more transactions with savepoints.
    careful: u32,
    listener: Arc<dyn CommitListener>,
    /// Set when the disk failed to make a commit durable: what it holds is then unknown, so nothing is acknowledged any more.
    broken: Option<String>,
    complaint: Complaint,
    relief: Relief,
}

/// The request shared a transaction with one that failed half-way: asked for again, it is run.
pub(crate) const AGAIN: &str = "again";

/// So many transactions after such a failure, each request has a savepoint of its own.
const CAREFUL: u32 = 64;

/// Why nothing of a transaction is kept.
enum Failed {
    /// One of the requests failed after it had written something, and had no savepoint.
    Together,
    /// The database failed.
    Commit(StoreError),
}

/// A request under way.
trait Request: Send {
    /// Whether it can be asked for again by itself, should the whole transaction be rolled back.
    fn is_repeatable(&self) -> bool;
    /// Runs it; why it is not to be kept.
    fn run(&mut self, writer: &mut Writer<'_>) -> Result<()>;
    /// Answers, after the commit or in its stead.
    fn answer(self: Box<Self>, failed: Option<&Failed>);
}

struct Ask<T, F> {
    job: Option<F>,
    out: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
    repeatable: bool,
}

impl<T: Send, F: FnOnce(&mut Writer<'_>) -> Result<T> + Send> Request for Ask<T, F> {
    fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    fn run(&mut self, writer: &mut Writer<'_>) -> Result<()> {
        let Some(job) = self.job.take() else {
            return Ok(());
        };
        // A panic is a fault of ours in one request; its savepoint is rolled back and the others go on.
        let guarded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(writer)));
        let out = guarded
            .unwrap_or_else(|_| Err(StoreError::Unavailable("the request failed".to_owned())));
        let kept = out.as_ref().map(drop).map_err(StoreError::clone);
        self.out = Some(out);
        kept
    }

    fn answer(self: Box<Self>, failed: Option<&Failed>) {
        let out = match (self.out, failed) {
            // A refusal is one, whatever became of the commit.
            (Some(Err(refused)), _) => Err(refused),
            (Some(out), None) => out,
            (_, Some(Failed::Together)) if self.repeatable => Err(StoreError::Conflict(AGAIN)),
            (_, Some(Failed::Together) | None) => {
                Err(StoreError::Unavailable("not run".to_owned()))
            }
            (_, Some(Failed::Commit(why))) => Err(why.clone()),
        };
        // Nobody may be waiting any more; what was done stays done.
        drop(self.reply.send(out));
    }
}

enum Command {
    Run(Box<dyn Request>),
    /// Keeps everybody else out until the request comes, or the asker is gone.
    Lease {
        granted: oneshot::Sender<()>,
        request: oneshot::Receiver<Box<dyn Request>>,
    },
}

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct ToWriter(mpsc::Sender<Command>);

fn gone() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

impl ToWriter {
    /// Runs a job in the next commit; answers when that is durable.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writer<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.ask(job, false).await
    }

    /// The same for a job that the caller asks for again when the answer is `Conflict(AGAIN)`: it needs no savepoint, and so less time.
    pub(crate) async fn write_repeatable<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writer<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.ask(job, true).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writer<'_>) -> Result<T> + Send + 'static,
        repeatable: bool,
    ) -> Result<T> {
        let (request, answer) = ask(job, repeatable);
        self.0
            .send(Command::Run(request))
            .await
            .map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Waits until the writer does nothing else, and keeps it so.
    pub(crate) async fn lease(&self) -> Result<Lease> {
        let (granted, turn) = oneshot::channel();
        let (give, request) = oneshot::channel();
        let command = Command::Lease { granted, request };
        self.0.send(command).await.map_err(|_| gone())?;
        turn.await.map_err(|_| gone())?;
        Ok(Lease(give))
    }
}

/// The writer waits for the holder's request; dropping the lease lets it go on.
pub(crate) struct Lease(oneshot::Sender<Box<dyn Request>>);

impl Lease {
    pub(crate) async fn write<T: Send + 'static>(
        self,
        job: impl FnOnce(&mut Writer<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (request, answer) = ask(job, false);
        self.0.send(request).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn ask<T: Send + 'static>(
    job: impl FnOnce(&mut Writer<'_>) -> Result<T> + Send + 'static,
    repeatable: bool,
) -> (Box<dyn Request>, oneshot::Receiver<Result<T>>) {
    let (reply, answer) = oneshot::channel();
    let ask = Ask {
        job: Some(job),
        out: None,
        reply,
        repeatable,
    };
    (Box::new(ask), answer)
}

/// Starts the thread that writes; it ends when every [`ToWriter`] is gone.
pub(crate) fn start(
    mut conn: Connection,
    shared: Arc<Shared>,
    totals: Totals,
    listener: Arc<dyn CommitListener>,
) -> std::io::Result<(ToWriter, std::thread::JoinHandle<()>)> {
    let (sender, mut commands) = mpsc::channel(QUEUE);
    let work = move || {
        let mut writer = Writer::new(&conn, shared, totals, listener);
        writer.serve(&mut commands);
        let broken = writer.broken.is_some();
        drop(writer);
        // One that is under way ends first; should that fail, so does what follows.
        drop(checkpoint::end(&mut conn));
        if broken {
            // The next start looks at what is there; nothing is copied out of a log that may not be what it seems.
            return;
        }
        // Leaves one file behind, and readers of the next start nothing to replay.
        drop(conn.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE)"));
    };
    let thread = std::thread::Builder::new()
        .name("sqlite-writer".to_owned())
        .spawn(work)?;
    Ok((ToWriter(sender), thread))
}

impl<'c> Writer<'c> {
    fn new(
        conn: &'c Connection,
        shared: Arc<Shared>,
        totals: Totals,
        listener: Arc<dyn CommitListener>,
    ) -> Self {
        Self {
            conn,
            statements: Statements::default(),
            shared,
            recent: Recent::new(totals.event),
            totals,
            request: 0,
            announce: Vec::new(),
            answers: HashSet::new(),
            prune_from: 0,
            prune_events_to: 0,
            prune_states_from: (0, 0),
            news: News::default(),
            projects_changed: false,
            careful: 0,
            listener,
            broken: None,
            complaint: Complaint::default(),
            relief: Relief::default(),
        }
    }

    fn serve(&mut self, commands: &mut mpsc::Receiver<Command>) {
        let mut next = commands.blocking_recv();
        while let Some(command) = next.take() {
            match command {
                Command::Lease { granted, request } => {
                    if granted.send(()).is_ok()
                        && let Ok(request) = request.blocking_recv()
                    {
                        self.commit(vec![request]);
                    }
                }
                Command::Run(request) => {
                    let mut together = vec![request];
                    while together.len() < TOGETHER {
                        match commands.try_recv() {
                            Ok(Command::Run(request)) => together.push(request),
                            Ok(lease) => {
                                next = Some(lease);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.commit(together);
                }
            }
            if next.is_none() {
                next = commands.blocking_recv();
            }
        }
    }

    /// Runs requests in one transaction and answers them.
    fn commit(&mut self, mut requests: Vec<Box<dyn Request>>) {
        let before = self.totals;
        let failed = match self.try_commit(&mut requests) {
            Ok(()) => {
                self.complaint.works(self.totals.time_ms);
                // Before anybody hears of the commit, by the number or by an answer.
                self.shared.memory.enter(&mut self.news, self.request);
                self.shared.committed.store(self.request, Ordering::Release);
                if std::mem::take(&mut self.projects_changed) {
                    self.shared.forget_keys();
                }
                if !self.announce.is_empty() {
                    self.listener.committed(&self.announce);
                }
                None
            }
            Err(failed) => {
                self.totals = before;
                self.projects_changed = false;
                self.news.clear();
                // What was entered there was perhaps not written.
                self.answers.clear();
                if !self.conn.is_autocommit() {
                    drop(self.conn.execute_batch("ROLLBACK"));
                }
                if let Failed::Commit(error) = &failed {
                    self.note(error);
                }
                Some(failed)
            }
        };
        self.announce.clear();
        let unwritten = failed.is_some();
        for request in requests {
            request.answer(failed.as_ref());
        }
        if self.broken.is_none() {
            let clock = || self.shared.time.now_ms();
            self.relief.try_now(self.conn, unwritten, clock);
        }
    }

    fn try_commit(&mut self, requests: &mut [Box<dyn Request>]) -> Result<(), Failed> {
        if let Some(why) = &self.broken {
            let why = StoreError::Disk(Trouble::Failing, why.clone());
            return Err(Failed::Commit(why));
        }
        let before = self.totals;
        self.execute("BEGIN IMMEDIATE").map_err(Failed::Commit)?;
        self.totals.time_ms = self.shared.time.now_ms().max(self.totals.time_ms);
        // A savepoint copies every page that its request touches first. Requests that are asked for again by themselves share the
        // transaction without: should one of them fail half-way, all of them go another round.
        self.careful = self.careful.saturating_sub(1);
        let alone = requests.len() == 1;
        let bare = self.careful == 0 && requests.iter().all(|r| r.is_repeatable());
        for request in requests {
            self.request += 1;
            if bare || alone {
                if let Err(refused) = request.run(self) {
                    if is_of_the_disk(&refused) {
                        return Err(Failed::Commit(refused));
                    }
                    self.careful = if alone { self.careful } else { CAREFUL };
                    return Err(Failed::Together);
                }
            } else {
                self.run_guarded(request).map_err(Failed::Commit)?;
            }
        }
        self.end(before).map_err(Failed::Commit)
    }

    /// The database failed: who has to know is told.
    fn note(&mut self, error: &StoreError) {
        self.complaint.failed(error, self.shared.time.now_ms());
        if matches!(error, StoreError::Disk(Trouble::Full, _)) {
            self.shared.was_full.store(true, Ordering::Relaxed);
            self.relief.want();
        }
        if matches!(error, StoreError::Unconfirmed(_)) {
            self.broken = Some(error.to_string());
            self.shared.lost.send_replace(Some(error.clone()));
        }
    }

    /// Runs a request in a savepoint of its own.
    fn run_guarded(&mut self, request: &mut Box<dyn Request>) -> Result<()> {
        let (totals, announced) = (self.totals, self.announce.len());
        let objects = self.news.objects.len();
        self.execute("SAVEPOINT request")?;
        if let Err(refused) = request.run(self) {
            self.totals = totals;
            self.answers.clear();
            self.announce.truncate(announced);
            self.news.objects.truncate(objects);
            if self.conn.is_autocommit() || is_of_the_disk(&refused) {
                // Full disk and I/O errors end the whole transaction, and with it what the others wrote.
                return Err(refused);
            }
            self.execute("ROLLBACK TO request")?;
        }
        self.execute("RELEASE request")
    }

    fn end(&mut self, before: Totals) -> Result<()> {
        if self.totals != before {
            let t = self.totals;
            self.run(
                "UPDATE server SET event = ?1, delivery = ?2, webhook = ?3, token = ?4, time_ms = ?5, log_rows = ?6, log_bytes = ?7, waiting = ?8",
                [t.event, t.delivery, t.webhook, t.token, t.time_ms, t.rows, t.bytes, t.waiting],
            )?;
        }
        self.execute("COMMIT")
    }

    fn execute(&self, sql: &'static str) -> Result<()> {
        self.run(sql, []).map(drop)
    }

    /// Notes that something changed that plans read.
    pub(crate) fn changed(&mut self, fact: &Fact<'_>) {
        match fact {
            Fact::Project(id) => {
                self.projects_changed = true;
                self.news.projects.push(*id);
            }
            Fact::Webhooks(id) => self.news.webhooks.push(*id),
            _ => {}
        }
        self.recent.change(fact.mark(), self.request);
    }

    pub(crate) fn next_delivery(&mut self) -> DeliveryId {
        let id = DeliveryId::next(DeliveryId(self.totals.delivery), self.totals.time_ms);
        self.totals.delivery = id.0;
        id
    }

    /// The set of webhooks of a project changed.
    pub(crate) fn webhooks_changed(&mut self, project: ProjectId) -> Result<()> {
        self.changed(&Fact::Webhooks(project));
        self.run(
            "UPDATE projects SET hooks = hooks + 1 WHERE id = ?1",
            [project.0],
        )
        .map(drop)
    }

    /// Runs one statement; how many rows it changed.
    pub(crate) fn run(&self, sql: &'static str, given: impl rusqlite::Params) -> Result<usize> {
        self.statements.run(self.conn, sql, given).map_err(sick)
    }

    /// Asks for the row of a key.
    pub(crate) fn row<T>(
        &self,
        sql: &'static str,
        given: impl rusqlite::Params,
        read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        self.statements
            .row(self.conn, sql, given, read)
            .map_err(sick)
    }

    /// The same as `run` for a statement whose text is put together.
    pub(crate) fn run_made(&self, sql: &str, given: impl rusqlite::Params) -> Result<usize> {
        self.conn
            .prepare_cached(sql)
            .and_then(|mut s| s.execute(given))
            .map_err(sick)
    }
}

/// Whether it is the disk that failed, and not what was asked.
fn is_of_the_disk(refused: &StoreError) -> bool {
    matches!(refused, StoreError::Disk(..) | StoreError::Unconfirmed(_))
}
