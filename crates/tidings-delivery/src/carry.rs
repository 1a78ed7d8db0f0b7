//! One delivery, one try: prepare, send, judge, note. The only path by which anything is sent, first tries, retries, resends and
//! tests alike.

use std::sync::Arc;

use parking_lot::RwLock;
use tidings_domain::Clock;
use tidings_domain::delivery::{Outcome, Trigger};
use tidings_egress::{Failure, Report, Request, Transport};
use tidings_storage::{Attempt, AttemptError, AttemptResponse};
use tokio_util::sync::CancellationToken;

use crate::log;
use crate::metrics::Metrics;
use crate::request::{Keyring, Letter};
use crate::settings::Settings;
use crate::target::Target;
use crate::verdict::{Verdict, judge};

/// Bytes of an answer's headers in the log.
const KEPT_HEADER_BYTES: usize = 16 * 1024;

/// What every try needs.
pub(crate) struct Carrier {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) keyring: Arc<dyn Keyring>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) settings: Arc<RwLock<Settings>>,
    /// Cuts off what is in flight when the server's patience with its own stop ends.
    pub(crate) cut: CancellationToken,
}

impl Carrier {
    /// Sends a letter: one attempt, or two when a pooled connection turned out to be dead. The last one is judged.
    pub(crate) async fn carry(
        &self,
        target: &Target,
        letter: &Letter<'_>,
        trigger: Trigger,
    ) -> (Vec<Attempt>, Verdict) {
        let (attempt, report) = self.once(target, letter, trigger, false).await;
        if !report.stale {
            return (vec![attempt], judge(&report, self.clock.wall()));
        }
        let (second, report) = self.once(target, letter, Trigger::Reconnect, true).await;
        (vec![attempt, second], judge(&report, self.clock.wall()))
    }

    async fn once(
        &self,
        target: &Target,
        letter: &Letter<'_>,
        trigger: Trigger,
        fresh: bool,
    ) -> (Attempt, Report) {
        let wall = self.clock.wall();
        let started_at = format!("{wall:.3}");
        let user_agent = || self.settings.read().user_agent.clone();
        let recipe = match target.recipe(&*self.keyring, user_agent) {
            Ok(recipe) => recipe,
            Err(failure) => {
                let report = nothing_sent(Outcome::Unsendable, failure.clone());
                let url = target.webhook.url.clone();
                let attempt = attempt(started_at, trigger, url, Vec::new(), &report);
                self.note(target, letter, trigger, &report);
                return (attempt, report);
            }
        };
        let request = recipe.prepare(letter, wall, fresh);
        let report = self.send(&request).await;
        let (url, headers) = recipe.logged(request);
        let attempt = attempt(started_at, trigger, url, headers, &report);
        self.note(target, letter, trigger, &report);
        (attempt, report)
    }

    async fn send(&self, request: &Request) -> Report {
        let begun = self.clock.monotonic();
        tokio::select! {
            biased;
            report = self.transport.send(request) => report,
            () = self.cut.cancelled() => {
                let mut report = nothing_sent(
                    Outcome::Interrupted,
                    Failure {
                        code: "shutdown",
                        detail: "the server stopped before an answer came; it is tried again".into(),
                    },
                );
                report.took = self.clock.monotonic().saturating_sub(begun);
                report
            }
        }
    }

    fn note(&self, target: &Target, letter: &Letter<'_>, trigger: Trigger, report: &Report) {
        let seconds = report.took.as_secs_f64();
        self.metrics
            .attempted(target.dialect(), report.outcome, trigger, seconds);
        log::attempted(target, letter, trigger, report);
    }
}

fn nothing_sent(outcome: Outcome, failure: Failure) -> Report {
    Report {
        outcome,
        answer: None,
        error: Some(failure),
        reused: false,
        stale: false,
        remote: None,
        took: std::time::Duration::ZERO,
        dns: None,
        connect: None,
        tls: None,
        first_byte: None,
    }
}

/// The first headers of an answer, as many as the log keeps: a receiver could send four times as much.
fn kept_headers(headers: &[(String, String)]) -> &[(String, String)] {
    let mut bytes = 0;
    let kept = headers.iter().take_while(|(name, value)| {
        bytes += name.len() + value.len();
        bytes <= KEPT_HEADER_BYTES
    });
    headers.get(..kept.count()).unwrap_or_default()
}

fn attempt(
    started_at: String,
    trigger: Trigger,
    url: String,
    request_headers: Vec<(String, String)>,
    report: &Report,
) -> Attempt {
    let micros = |d: Option<std::time::Duration>| {
        d.map(|d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
    };
    Attempt {
        number: 0,
        trigger: trigger.as_str().to_owned(),
        started_at,
        duration_ms: u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
        outcome: report.outcome.as_str().to_owned(),
        status: report.answer.as_ref().map(|a| a.status),
        error: report.error.as_ref().map(|e| AttemptError {
            code: e.code.to_owned(),
            detail: e.detail.clone(),
        }),
        url,
        request_headers,
        response: report.answer.as_ref().map(|a| {
            let headers = kept_headers(&a.headers);
            AttemptResponse {
                truncated: a.truncated || headers.len() < a.headers.len(),
                headers: headers.to_vec(),
                body: String::from_utf8_lossy(&a.body).into_owned(),
            }
        }),
        timings_us: [
            micros(report.dns),
            micros(report.connect),
            micros(report.tls),
            micros(report.first_byte),
        ],
        remote: report.remote.map(|a| a.to_string()),
    }
}
