//! Where the time of a try went, as parts of a bar.

use tidings_domain::Value;

/// A part of the bar, in thousandths of its width.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Part {
    /// Its class.
    pub(super) kind: &'static str,
    /// What it is, for people.
    pub(super) words: &'static str,
    pub(super) start: u64,
    pub(super) width: u64,
    /// How long it took.
    pub(super) took: String,
}

const PARTS: [(&str, &str, &str); 4] = [
    ("dns_us", "dns", "name"),
    ("connect_us", "connect", "connection"),
    ("tls_us", "tls", "TLS"),
    ("first_byte_us", "wait", "first byte"),
];

/// The parts that are known, and the rest.
pub(super) fn of(attempt: &Value) -> Vec<Part> {
    let timings = attempt.member("timings");
    let known = |name: &str| timings?.member(name)?.as_int().map(i64::unsigned_abs);
    let mut all: Vec<(&str, &str, u64)> = Vec::new();
    for (member, kind, words) in PARTS {
        all.extend(known(member).map(|us| (kind, words, us)));
    }
    if all.is_empty() {
        return Vec::new();
    }
    let took_ms = attempt.member("duration_ms").and_then(Value::as_int);
    let took = took_ms.map_or(0, |ms| ms.unsigned_abs().saturating_mul(1000));
    let told: u64 = all.iter().map(|(_, _, us)| us).sum();
    // The whole is known to the millisecond only.
    if took > told.saturating_add(1000) {
        all.push(("rest", "the rest", took - told));
    }
    let whole = took.max(told).max(1);
    let mut start = 0;
    let part = |(kind, words, us): (&'static str, &'static str, u64)| {
        let width = us.saturating_mul(1000) / whole;
        let part = Part {
            kind,
            words,
            start,
            width,
            took: spell(us),
        };
        start += width;
        part
    };
    all.into_iter().map(part).collect()
}

/// `0.4 ms`, `38 ms`, `2.4 s`.
fn spell(us: u64) -> String {
    match us {
        ..100 => "under 0.1 ms".to_owned(),
        100..10_000 => format!("{}.{} ms", us / 1000, us % 1000 / 100),
        10_000..1_000_000 => format!("{} ms", us / 1000),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}
