//! The one line per attempt. Every fact, no secret: no body, no header, no query string.

use tidings_domain::delivery::{Outcome, Trigger};
use tidings_egress::Report;

use crate::request::Letter;
use crate::target::Target;

/// Writes `delivery.attempted`. A receiver's failure is no error of ours: `info`. What is our own fault is a warning.
pub(crate) fn attempted(target: &Target, letter: &Letter<'_>, trigger: Trigger, report: &Report) {
    let webhook = &target.webhook;
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                delivery.id = %letter.id,
                webhook.id = %webhook.id,
                project.id = %webhook.project,
                dialect = %webhook.dialect,
                code = letter.code,
                object = letter.object,
                sequence = letter.sequence,
                trigger = trigger.as_str(),
                outcome = report.outcome.as_str(),
                status = report.answer.as_ref().map(|a| a.status),
                error = report.error.as_ref().map(|e| e.code),
                late = letter.late,
                host = target.host(),
                remote = report.remote.map(tracing::field::display),
                reused = report.reused,
                size_bytes = letter.body.len(),
                duration_ms = u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
                "delivery.attempted"
            )
        };
    }
    match report.outcome {
        Outcome::Blocked | Outcome::Unsendable => line!(warn),
        Outcome::Accepted
        | Outcome::Rejected
        | Outcome::TimedOut
        | Outcome::Unreachable
        | Outcome::Interrupted => line!(info),
    }
}
