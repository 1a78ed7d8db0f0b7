//! One delivery, one try: prepare, send, judge, note. The only path by which anything is sent, first tries, retries, resends and
//! tests alike.

use std::fmt::Write;
use std::sync::Arc;

use parking_lot::RwLock;
use tidings_domain::delivery::{Outcome, Trigger};
use tidings_domain::{Clock, Headers, Time};
use tidings_egress::{Answer, Failure, KEEP_BODY, Report, Request, Transport};
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
        let (attempt, verdict, is_stale) = self.once(target, letter, trigger, false).await;
        if !is_stale {
            return (vec![attempt], verdict);
        }
        let again = self.once(target, letter, Trigger::Reconnect, true).await;
        (vec![attempt, again.0], again.1)
    }

    /// One try, judged, and whether it met a dead connection.
    async fn once(
        &self,
        target: &Target,
        letter: &Letter<'_>,
        trigger: Trigger,
        fresh: bool,
    ) -> (Attempt, Verdict, bool) {
        let wall = self.clock.wall();
        let user_agent = || self.settings.read().user_agent.clone();
        let ((url, headers), report) = match target.recipe(&*self.keyring, user_agent) {
            Ok(recipe) => {
                let request = recipe.prepare(letter, wall, fresh);
                let report = self.send(&request).await;
                (recipe.logged(request), report)
            }
            Err(failure) => {
                let report = nothing_sent(Outcome::Unsendable, failure.clone());
                let url = Arc::from(&*target.webhook.url);
                ((url, Headers::default()), report)
            }
        };
        self.metrics.attempted(target, trigger, &report);
        log::attempted(target, letter, trigger, &report);
        let verdict = judge(&report, self.clock.wall());
        let is_stale = report.stale;
        let begun = (wall, trigger);
        (attempt(begun, url, headers, report), verdict, is_stale)
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

/// What the log keeps of an answer: its first headers, of which a receiver could send four times as many, and its body as text.
fn kept(answer: Answer) -> AttemptResponse {
    let Answer {
        mut headers,
        body,
        mut truncated,
        ..
    } = answer;
    let mut bytes = 0;
    let fit = headers.iter().take_while(|(name, value)| {
        bytes += name.len() + value.len();
        bytes <= KEPT_HEADER_BYTES
    });
    let fit = fit.count();
    if fit < headers.len() {
        truncated = true;
        headers.truncate(fit);
        headers.shrink_to_fit();
    }
    let body = String::from_utf8(body.into()).unwrap_or_else(|odd| {
        let mut text = String::from_utf8_lossy(odd.as_bytes()).into_owned();
        // What stands for a byte that is no text has three.
        let end = text.floor_char_boundary(KEEP_BODY);
        truncated |= end < text.len();
        text.truncate(end);
        text.shrink_to_fit();
        text
    });
    AttemptResponse {
        headers,
        body,
        truncated,
    }
}

/// A time as the log has it, with milliseconds.
fn show(wall: Time) -> String {
    let mut text = String::with_capacity("2026-01-01T00:00:00.000Z".len());
    // Writing to a String cannot fail.
    let _ = write!(text, "{wall:.3}");
    text
}

fn attempt(
    (wall, trigger): (Time, Trigger),
    url: Arc<str>,
    request_headers: Headers,
    report: Report,
) -> Attempt {
    let micros = |d: Option<std::time::Duration>| {
        d.map(|d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
    };
    Attempt {
        number: 0,
        trigger: trigger.as_str().into(),
        started_at: show(wall),
        duration_ms: u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
        outcome: report.outcome.as_str().into(),
        status: report.answer.as_ref().map(|a| a.status),
        error: report.error.map(|e| AttemptError {
            code: e.code.to_owned(),
            detail: e.detail,
        }),
        url,
        request_headers,
        response: report.answer.map(kept),
        timings_us: [
            micros(report.dns),
            micros(report.connect),
            micros(report.tls),
            micros(report.first_byte),
        ],
        remote: report.remote,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept_body(body: &[u8]) -> (String, bool) {
        let kept = kept(Answer {
            status: 200,
            headers: Headers::default(),
            body: body.to_vec().into(),
            truncated: false,
        });
        (kept.body, kept.truncated)
    }

    #[test]
    fn a_body_that_is_no_text_is_kept_in_no_more_bytes() {
        let exact = "x".repeat(KEEP_BODY);
        assert_eq!(kept_body(exact.as_bytes()), (exact, false));
        assert_eq!(kept_body(b"a\xffb"), ("a\u{fffd}b".into(), false));
        let (text, truncated) = kept_body(&[0xff; KEEP_BODY]);
        assert_eq!((text.len(), truncated), (KEEP_BODY / 3 * 3, true));
        assert!(text.capacity() <= KEEP_BODY, "{}", text.capacity());
    }
}
