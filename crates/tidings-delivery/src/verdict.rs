//! What a try means: for the delivery, for the health of its webhook, for the time of the next try. Pure.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tidings_domain::Time;
use tidings_egress::{Outcome, Report};

/// `Retry-After` is honoured up to a day.
const LONGEST_RETRY_AFTER_MS: i64 = 24 * 3_600 * 1_000;

/// The three forms of a date that RFC 9110 section 5.6.7 makes recipients accept.
const DATE_FORMS: [&str; 3] = [
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
];

/// A judged try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// Status of the answer.
    pub status: Option<u16>,
    /// The receiver asks for less: refused connections, 429, 502, 503, 504.
    pub overwhelmed: bool,
    /// A connection stood and the request went out: it may be this very message that the receiver cannot take.
    pub reached: bool,
    /// 410: the receiver wants no more, ever.
    pub gone: bool,
    /// How long the receiver asked to be left alone; at most a day.
    pub retry_after_ms: Option<i64>,
}

impl Verdict {
    /// 2xx.
    pub fn accepted(&self) -> bool {
        self.outcome == Outcome::Accepted
    }

    /// Whether it counts against the receiver.
    pub fn counts(&self) -> bool {
        self.outcome.counts()
    }
}

/// Judges what came back, at that time of the wall clock (a `Retry-After` may be a date).
pub fn judge(report: &Report, wall: Time) -> Verdict {
    let status = report.answer.as_ref().map(|a| a.status);
    let rejected = report.outcome == Outcome::Rejected;
    let refused = report.outcome == Outcome::Unreachable
        && report
            .error
            .as_ref()
            .is_some_and(|e| e.code == "connect_refused");
    Verdict {
        outcome: report.outcome,
        status,
        overwhelmed: refused || (rejected && matches!(status, Some(429 | 502 | 503 | 504))),
        reached: report.answer.is_some() || report.connect.is_some() || report.reused,
        gone: rejected && status == Some(410),
        retry_after_ms: report
            .answer
            .as_ref()
            .filter(|_| rejected)
            .and_then(|answer| retry_after_ms(answer.header("retry-after")?, wall)),
    }
}

/// Reads a `Retry-After`: seconds or a date, at most a day; what is neither, or lies in the past, is ignored.
pub fn retry_after_ms(value: &str, wall: Time) -> Option<i64> {
    let value = value.trim_matches([' ', '\t']);
    let ms = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are more than a day too.
        value
            .parse::<i64>()
            .map_or(i64::MAX, |s| s.saturating_mul(1_000))
    } else {
        date(value)?
            .as_millisecond()
            .saturating_sub(wall.as_millisecond())
    };
    (ms > 0).then_some(ms.min(LONGEST_RETRY_AFTER_MS))
}

fn date(text: &str) -> Option<Time> {
    // The longest legal date has 33 characters ("Wednesday, 09-Nov-94 08:49:37 GMT").
    if text.len() > 40 {
        return None;
    }
    DATE_FORMS
        .iter()
        .find_map(|form| DateTime::strptime(form, text).ok())
        .and_then(|civil| civil.to_zoned(TimeZone::UTC).ok())
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests;
