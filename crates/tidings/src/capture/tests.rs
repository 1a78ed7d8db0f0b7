//! Captured requests, those of the dialects' own samples and mutations of them.

use tidings_dialects::sample;
use tidings_domain::Value;
use tidings_testkit::mutate::mutations;

use super::check::{self, SECRET};

/// A genuine capture of every dialect, as `tidings trigger` would send it.
fn genuine() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for dialect in tidings_dialects::all() {
        let code = dialect.phrases()[0].code;
        let message = sample::message(*dialect, code, &Value::Null).unwrap();
        let signed = dialect.signature(SECRET, &message.body);
        let headers = dialect.headers(code).into_iter().chain(signed);
        let lines: Vec<String> = headers
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!(
            "POST /hook HTTP/1.1\r\nHost: example.org\r\n{}",
            lines.concat()
        );
        all.push([head.as_bytes(), b"\r\n", &message.body].concat());
    }
    all
}

#[test]
fn genuine_captures_verify_and_mutations_of_their_bodies_do_not() {
    let mut verified = 0;
    for capture in genuine() {
        verified += usize::from(check::verify(&capture));
        let mut changed = capture.clone();
        let last = changed.len() - 2;
        changed[last] ^= 1;
        assert!(!check::verify(&changed), "a changed body verified");
    }
    // Those whose vendor signs.
    assert!(verified >= 2, "{verified}");
}

#[test]
fn mutated_captures_are_read_or_refused() {
    for input in mutations(&genuine(), 20_000) {
        check::verify(&input);
    }
}
