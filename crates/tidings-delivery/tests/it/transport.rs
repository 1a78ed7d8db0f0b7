//! Receivers that follow a script, as the engine's transport; and what they saw.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tidings_domain::{Clock, Headers, Time};
use tidings_egress::{Answer, Failure, Outcome, Report, Request, Transport};
use tokio::time::Instant;

use crate::trace;
use crate::world::TestClock;

/// What a receiver does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers with a status.
    Status(u16),
    /// Answers with a status and a `Retry-After`.
    RetryAfter(u16, &'static str),
    /// Refuses the connection.
    Refuse,
    /// Resets after the request was written.
    Reset,
    /// Takes it after a while, and the answer is lost.
    Lost(u64),
    /// The pooled connection was dead.
    Stale,
    /// Never answers.
    Hang,
    /// Our own guard or network is at fault.
    Ours(Outcome),
    /// Answers with a status after a while.
    Slow(u16, u64),
}

/// One request as the transport saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Duration,
    /// The same by the wall clock.
    pub(crate) wall: Time,
    /// Which life of the server sent it.
    pub(crate) life: usize,
    pub(crate) host: String,
    pub(crate) id: String,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
    /// `None` while it is open, and for ever when the server died meanwhile.
    pub(crate) outcome: Option<(Outcome, Option<u16>)>,
    /// The pooled connection was dead: it is repeated at once.
    pub(crate) is_stale: bool,
    pub(crate) ended: Option<Duration>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    pub(crate) fn is_accepted(&self) -> bool {
        matches!(self.outcome, Some((Outcome::Accepted, _)))
    }
}

/// One life of the server's process, as far as its requests go.
pub(crate) struct Life {
    receivers: Arc<Receivers>,
    number: usize,
    over: AtomicBool,
}

impl Life {
    pub(crate) fn new(receivers: &Arc<Receivers>, number: usize) -> Arc<Self> {
        Arc::new(Self {
            receivers: Arc::clone(receivers),
            number,
            over: AtomicBool::new(false),
        })
    }

    /// The process is dead: whatever is open is cut off, nothing more is sent.
    pub(crate) fn end(&self) {
        if !self.over.swap(true, Ordering::Relaxed) {
            self.receivers.cut();
        }
    }

    /// The time by which requests are noted.
    pub(crate) fn now(&self) -> Duration {
        self.receivers.now()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Transport for Life {
    async fn send(&self, request: &Request) -> Report {
        if !self.is_over() {
            let report = self.receivers.answer(request.clone(), self).await;
            if let Some(report) = report {
                return report;
            }
        }
        // The dead do not hear.
        std::future::pending().await
    }
}

type Script = Box<dyn FnMut(&Seen) -> Act + Send>;

/// Receivers by script.
pub(crate) struct Receivers {
    began: Instant,
    clock: Arc<TestClock>,
    pub(crate) seen: Mutex<Vec<Seen>>,
    scripts: Mutex<BTreeMap<String, Script>>,
}

impl Receivers {
    pub(crate) fn new(clock: Arc<TestClock>) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            clock,
            seen: Mutex::default(),
            scripts: Mutex::default(),
        })
    }

    /// What the receiver of that host does; 200 without a script.
    pub(crate) fn script(&self, host: &str, script: impl FnMut(&Seen) -> Act + Send + 'static) {
        self.scripts.lock().insert(host.into(), Box::new(script));
    }

    /// Every receiver is well from now on.
    pub(crate) fn heal(&self) {
        self.scripts.lock().clear();
    }

    /// The time by which requests are noted.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// The requests to a host so far.
    pub(crate) fn to(&self, host: &str) -> Vec<Seen> {
        let seen = self.seen.lock();
        seen.iter().filter(|s| s.host == host).cloned().collect()
    }

    /// What comes back; `None`: the process that asked is dead.
    async fn answer(&self, request: Request, life: &Life) -> Option<Report> {
        let began = Instant::now();
        let (index, act) = self.arrived(&request, life.number);
        trace::note(|| format!("{:?} {act:?} for {:?}", self.now(), self.seen.lock()[index]));
        let mut report = perform(act, &request).await;
        report.took = began.elapsed();
        if life.is_over() {
            return None;
        }
        let mut all = self.seen.lock();
        let status = report.answer.as_ref().map(|a| a.status);
        all[index].outcome = Some((report.outcome, status));
        all[index].is_stale = report.stale;
        all[index].ended = Some(self.now());
        Some(report)
    }

    fn arrived(&self, request: &Request, life: usize) -> (usize, Act) {
        let header = |name: &str| {
            let mut all = request.headers.iter();
            all.find(|(n, _)| *n == name).map(|(_, v)| v.to_owned())
        };
        let seen = Seen {
            at: self.now(),
            wall: self.clock.wall(),
            life,
            host: request.url.host_str().unwrap().to_owned(),
            id: header("webhook-id").unwrap(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            outcome: None,
            is_stale: false,
            ended: None,
        };
        let act = match self.scripts.lock().get_mut(&seen.host) {
            Some(script) => script(&seen),
            None => Act::Status(200),
        };
        let mut all = self.seen.lock();
        all.push(seen);
        (all.len() - 1, act)
    }

    /// Whatever is open is cut off.
    fn cut(&self) {
        let now = self.now();
        for open in self.seen.lock().iter_mut() {
            open.ended.get_or_insert(now);
        }
    }
}

/// What the transport reports of a request.
async fn perform(act: Act, request: &Request) -> Report {
    let reached = |mut report: Report| {
        report.connect = Some(Duration::ZERO);
        report
    };
    let reset = || reached(report(Outcome::Unreachable, None, Some("connect_reset")));
    match act {
        Act::Status(status) => answered(status),
        Act::RetryAfter(status, value) => {
            let mut report = answered(status);
            let headers = &mut report.answer.as_mut().unwrap().headers;
            headers.push("Retry-After", value);
            report
        }
        Act::Refuse => report(Outcome::Unreachable, None, Some("connect_refused")),
        Act::Reset => reset(),
        Act::Lost(ms) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            reset()
        }
        Act::Stale if request.fresh => answered(200),
        Act::Stale => {
            let mut report = report(Outcome::Unreachable, None, Some("connect_reset"));
            report.stale = true;
            report.reused = true;
            report
        }
        Act::Hang => {
            tokio::time::sleep(request.deadline).await;
            reached(report(Outcome::TimedOut, None, Some("deadline_answer")))
        }
        Act::Ours(outcome) => report(outcome, None, Some("ours")),
        Act::Slow(status, ms) => {
            let slow = Duration::from_millis(ms);
            tokio::time::sleep(slow.min(request.deadline)).await;
            if slow < request.deadline {
                answered(status)
            } else {
                reached(report(Outcome::TimedOut, None, Some("deadline_answer")))
            }
        }
    }
}

fn report(outcome: Outcome, status: Option<u16>, error: Option<&'static str>) -> Report {
    Report {
        outcome,
        answer: status.map(|status| Answer {
            status,
            headers: Headers::default(),
            body: Bytes::from_static(b"answer"),
            truncated: false,
        }),
        error: error.map(|code| Failure {
            code,
            detail: code.to_owned(),
        }),
        reused: false,
        stale: false,
        remote: None,
        took: Duration::ZERO,
        dns: None,
        connect: None,
        tls: None,
        first_byte: None,
    }
}

fn answered(status: u16) -> Report {
    let outcome = match status {
        200..=299 => Outcome::Accepted,
        _ => Outcome::Rejected,
    };
    report(outcome, Some(status), None)
}
