//! A request as something to run: the same request with curl, and programs that verify it.
//!
//! The programs hold this very request and take the secret from the environment, so that what is tried out on it can be carried over
//! into a receiver. They need nothing but their language.

use serde::Serialize;

/// A program that verifies a request.
#[derive(Debug, Serialize)]
pub(super) struct Program {
    pub(super) language: &'static str,
    pub(super) id: &'static str,
    /// How to run it.
    pub(super) run: &'static str,
    pub(super) text: String,
}

/// A vendor's own signature: dialect, header, hash.
const VENDORS: [(&str, &str, &str); 2] = [
    ("icescrum", "x-icescrum-signature", "sha1"),
    ("squish", "x-squish-signature", "md5"),
];

const PYTHON: &str = include_str!("verify.py.txt");
const PYTHON_VENDOR: &str = include_str!("verify_vendor.py.txt");
const NODE: &str = include_str!("verify.js.txt");
const NODE_VENDOR: &str = include_str!("verify_vendor.js.txt");
const GO: &str = include_str!("verify.go.txt");
const GO_VENDOR: &str = include_str!("verify_vendor.go.txt");

/// The request with curl, for a POSIX shell.
pub(super) fn curl(url: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("curl {}", shell(url));
    for (name, value) in headers {
        text.push_str(" \\\n  -H ");
        text.push_str(&shell(&format!("{name}: {value}")));
    }
    text.push_str(" \\\n  --data-raw ");
    text.push_str(&shell(body));
    text
}

/// One word of a POSIX shell, whatever is in it.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A string literal of Python, JavaScript and Go: JSON's is one of each of them.
fn literal(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap_or_default();
    // Go takes no byte order mark in the middle of a file, and line separators are confusing in all of them.
    json.replace('\u{feff}', "\\ufeff")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// Programs that verify the request; none when it was not signed.
pub(super) fn verify(dialect: &str, headers: &[(&str, &str)], body: &str) -> Vec<Program> {
    let find = |wanted: &str| {
        let mut found = headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(wanted));
        found.next().map(|(_, value)| *value)
    };
    let standard = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(find);
    let [Some(id), Some(timestamp), Some(signature)] = standard else {
        return Vec::new();
    };
    let vendor = VENDORS.iter().find(|(of, ..)| *of == dialect);
    let vendor = vendor.and_then(|(_, name, hash)| Some((*name, *hash, find(name)?)));
    let fill = |program: &str, own: &str, go_import: bool| {
        let own = match vendor {
            Some((name, hash, value)) => own
                .replace("{{name}}", name)
                .replace("{{hash}}", hash)
                .replace("{{vendor}}", &literal(value)),
            None => String::new(),
        };
        let import = match vendor {
            Some((_, hash, _)) if go_import => format!("\t\"crypto/{hash}\"\n"),
            _ => String::new(),
        };
        let hex = if import.is_empty() {
            ""
        } else {
            "\t\"encoding/hex\"\n"
        };
        // The body last: nothing in it is a place to fill.
        program
            .replace("{{import}}", &import)
            .replace("{{hex}}", hex)
            .replace("{{own}}", &own)
            .replace("{{id}}", &literal(id))
            .replace("{{timestamp}}", &literal(timestamp))
            .replace("{{signature}}", &literal(signature))
            .replace("{{body}}", &literal(body))
    };
    vec![
        Program {
            language: "Python",
            id: "python",
            run: "TIDINGS_SECRET=... python3 verify.py",
            text: fill(PYTHON, PYTHON_VENDOR, false),
        },
        Program {
            language: "Node",
            id: "node",
            run: "TIDINGS_SECRET=... node verify.js",
            text: fill(NODE, NODE_VENDOR, false),
        },
        Program {
            language: "Go",
            id: "go",
            run: "TIDINGS_SECRET=... go run verify.go",
            text: fill(GO, GO_VENDOR, true),
        },
    ]
}
