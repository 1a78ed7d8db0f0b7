//! The exact request of every code of every dialect, as a file that people read.
//!
//! `TIDINGS_BLESS=1 cargo test -p tidings-dialects` writes the files anew. A file that is missing, differs or belongs to no code
//! fails the test, so what a receiver would notice is always seen in a review.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tidings_dialects::{Dialect, Message, all, sample, signature};
use tidings_domain::{DeliveryId, Value};

const SECRET: &str = "whsec_aGFyYm9yLWhhcmJvci1oYXJib3ItaGFyYm9y";
const TIMESTAMP: i64 = 1_772_451_601;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/golden")
}

/// The request as bytes: the head a line each, an empty line, the body. Host and user agent are the sender's.
fn request(dialect: &dyn Dialect, message: &Message) -> Vec<u8> {
    let id = DeliveryId::next(DeliveryId(0), TIMESTAMP * 1000).to_string();
    let key = signature::Key::new(SECRET);
    let mut head: Vec<(&str, String)> = dialect.headers(message.code);
    head.extend(dialect.signature(SECRET, &message.body));
    head.push(("webhook-id", id.clone()));
    head.push(("webhook-timestamp", TIMESTAMP.to_string()));
    head.push((
        "webhook-signature",
        signature::standard(&[key], &id, TIMESTAMP, &message.body),
    ));
    head.push(("x-tidings-event", message.code.to_owned()));
    head.push(("x-tidings-object", message.about.object()));
    if let Some(sequence) = message.about.sequence() {
        head.push(("x-tidings-sequence", sequence.to_string()));
    }
    head.push(("content-length", message.body.len().to_string()));
    let mut out = Vec::new();
    for (name, value) in head {
        out.extend_from_slice(format!("{name}: {value}\n").as_bytes());
    }
    out.push(b'\n');
    out.extend_from_slice(&message.body);
    out
}

/// Path below the folder and content, for every code with every value of every option.
fn expected() -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for dialect in all() {
        let mut variants = vec![(dialect.name().to_owned(), Value::Null)];
        for option in dialect.options() {
            for value in option.values.iter().skip(1) {
                variants.push((
                    format!("{}+{}={value}", dialect.name(), option.name),
                    Value::Map(vec![(option.name.to_owned(), (*value).into())]),
                ));
            }
        }
        for (folder, options) in variants {
            for phrase in dialect.phrases() {
                let message =
                    sample::message(*dialect, phrase.code, &options).unwrap_or_else(|| {
                        panic!("{folder} says nothing about its sample of {}", phrase.code)
                    });
                let path = Path::new(&folder).join(format!("{}.txt", phrase.code));
                files.insert(path, request(*dialect, &message));
            }
        }
    }
    files
}

fn found() -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for folder in fs::read_dir(root()).into_iter().flatten() {
        let folder = folder.unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            files.insert(Path::new(&folder.file_name()).join(file.unwrap().file_name()));
        }
    }
    files
}

#[test]
fn every_request_is_the_one_in_its_file() {
    let expected = expected();
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of this test, not of the product"
    )]
    let bless = std::env::var("TIDINGS_BLESS").is_ok();
    let mut faults = Vec::new();
    for (path, bytes) in &expected {
        let file = root().join(path);
        let old = fs::read(&file).ok();
        if old.as_ref() == Some(bytes) {
            continue;
        }
        if bless {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, bytes).unwrap();
        } else {
            let what = if old.is_some() {
                "differs"
            } else {
                "is missing"
            };
            faults.push(format!("{} {what}", path.display()));
        }
    }
    for path in found() {
        if expected.contains_key(&path) {
            continue;
        }
        if bless {
            fs::remove_file(root().join(&path)).unwrap();
        } else {
            faults.push(format!("{} belongs to no code", path.display()));
        }
    }
    assert!(
        faults.is_empty(),
        "run with TIDINGS_BLESS=1, then read what changed:\n{}",
        faults.join("\n")
    );
}
