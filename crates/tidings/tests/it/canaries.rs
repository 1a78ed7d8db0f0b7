//! The hunt for canaries: fifty marked secrets go in on every way there is, and are found nowhere in the clear.

use std::fmt::Write;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::world::{Receiver, Server, TOKEN, call, operator};

/// Values that must be found nowhere: `n` letters and digits that are nowhere else.
fn canaries(n: u64) -> Vec<String> {
    let mut state = 0x0123_4567_89ab_cdef_u64;
    (0..n)
        .map(|number| {
            let mut letters = format!("Cnry{number:02}");
            for _ in 0..18 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                letters.push(char::from(
                    b"abcdefghjkmnpqrstuvwxyz23456789"[(state >> 33) as usize % 31],
                ));
            }
            letters
        })
        .collect()
}

/// The forms in which a value might lie somewhere: plain (which URL encoding leaves as it is), hex, base64 in any alignment, a list of
/// bytes.
fn forms(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut hex = String::new();
    for byte in value.bytes() {
        write!(hex, "{byte:02x}").unwrap();
    }
    let list: Vec<String> = value.bytes().map(|b| b.to_string()).collect();
    let mut forms = vec![
        ("plain", value.as_bytes().to_vec()),
        ("upper hex", hex.to_uppercase().into_bytes()),
        ("hex", hex.into_bytes()),
        ("bytes", list.join(",").into_bytes()),
        ("spaced bytes", list.join(", ").into_bytes()),
    ];
    for shift in 0..3 {
        let text = STANDARD.encode([&vec![0; shift], value.as_bytes()].concat());
        // The letters at both ends depend on what is around.
        let inner = text[if shift == 0 { 0 } else { 4 }..text.len() - 4].to_owned();
        forms.push(("base64", inner.clone().into_bytes()));
        forms.push((
            "URL base64",
            inner.replace('+', "-").replace('/', "_").into_bytes(),
        ));
    }
    forms
}

/// Where to look: names and contents.
type Places = Vec<(String, Vec<u8>)>;

/// Where which value is, in which form. One pass over each place, for all of them at once.
fn hunt(places: &Places, canaries: &[String]) -> Vec<String> {
    let wanted: Vec<(String, Vec<u8>)> = canaries
        .iter()
        .flat_map(|c| {
            forms(c)
                .into_iter()
                .map(move |(form, bytes)| (format!("{c} ({form})"), bytes))
        })
        .collect();
    let pair = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    let mut by_pair: Vec<Vec<usize>> = vec![Vec::new(); 1 << 16];
    for (number, (_, bytes)) in wanted.iter().enumerate() {
        by_pair[pair(bytes)].push(number);
    }
    let mut hits = Vec::new();
    for (place, content) in places {
        for at in 0..content.len().saturating_sub(1) {
            for number in &by_pair[pair(&content[at..])] {
                let (what, bytes) = &wanted[*number];
                if content[at..].starts_with(bytes) {
                    hits.push(format!("{what} is in {place}"));
                }
            }
        }
    }
    hits
}

const DIALECTS: [&str; 6] = [
    "standard", "icescrum", "gitscrum", "sprintly", "backlog", "squish",
];

/// Webhooks with a secret and a header each, a pair of marks to each webhook; some of receivers that refuse.
async fn given_at_creation(server: &Server, receiver: &Receiver, marks: &[String]) {
    server
        .call("POST", "/projects", &json!({"key": "HUNT", "name": "Hunt"}))
        .await;
    for (number, mark) in marks.chunks(2).enumerate() {
        let url = if number % 5 == 4 {
            "http://127.0.0.1:9/".to_owned()
        } else {
            receiver.url()
        };
        let webhook = json!({"name": format!("w{number}"), "url": url, "dialect": DIALECTS[number % 6], "events": "all",
            "secret": mark[0], "headers": {"X-Key": mark[1]}});
        server
            .call("POST", "/projects/HUNT/webhooks", &webhook)
            .await;
    }
}

fn hook(id: usize, verb: &str) -> String {
    format!("/projects/HUNT/webhooks/{id}{verb}")
}

/// Given later, rotated, tried without being saved.
async fn given_later(server: &Server, receiver: &Receiver, marks: &[String]) {
    server
        .call("PATCH", &hook(1, ""), &json!({"secret": marks[0]}))
        .await;
    let headers = json!({"headers": {"X-Key": marks[1]}});
    server.call("PATCH", &hook(2, ""), &headers).await;
    let rotate = json!({"secret": marks[2], "overlap_seconds": 600});
    server
        .call("POST", &hook(3, "/secret/rotate"), &rotate)
        .await;
    let unsaved = json!({"event": "task.created", "webhook": {"name": "u", "url": receiver.url(), "dialect": "standard",
        "events": "all", "secret": marks[3], "headers": {"X-Key": marks[4]}}});
    server
        .call("POST", "/projects/HUNT/webhooks/test", &unsaved)
        .await;
}

/// Given where they do not belong; what the refusals say is a place to look at.
async fn given_wrongly(server: &Server, marks: &[String], places: &mut Places) {
    for wrong in [
        json!({"secret": [marks[0]]}),
        json!({"headers": {"Host": marks[1]}}),
        json!({"headers": marks[2]}),
        json!({"headers": {"X-Key": format!("{}\n", marks[3])}}),
    ] {
        let (status, answer) = call(server.address, "PATCH", &hook(4, ""), &wrong)
            .await
            .unwrap();
        assert_eq!(status, 422, "{answer}");
        places.push(("a refusal".into(), answer.to_string().into_bytes()));
    }
    let query = format!("/projects?token={}", marks[4]);
    let (status, answer) = call(server.address, "GET", &query, &Value::Null)
        .await
        .unwrap();
    assert_eq!(status, 422, "{answer}");
}

/// Everything that the API shows.
async fn shown(server: &Server, webhooks: usize, places: &mut Places) {
    let deliveries = "/projects/HUNT/deliveries?limit=200";
    let mut paths: Vec<String> = [
        "/projects",
        "/projects/HUNT/webhooks?limit=200",
        deliveries,
        "/projects/HUNT/activities",
        "/projects/HUNT/tokens",
        "/tokens",
        "/settings",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.extend((1..=webhooks).map(|id| hook(id, "")));
    let list = server.call("GET", deliveries, &Value::Null).await;
    let ids = list["data"].as_array().unwrap().iter();
    paths.extend(ids.map(|d| format!("/projects/HUNT/deliveries/{}", d["id"].as_str().unwrap())));
    for path in paths {
        let answer = server.call("GET", &path, &Value::Null).await;
        places.push((path, answer.to_string().into_bytes()));
    }
}

/// Every file but the one that the key may be in, and the key.
fn files(folder: &Path, places: &mut Places) -> String {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name != "tidings.db.key" {
            places.push((name, std::fs::read(&path).unwrap()));
        }
    }
    for name in ["tidings.db", "tidings.db-wal", "copy.db", "log"] {
        let place = places.iter().find(|(n, _)| n == name);
        let there = place.is_some_and(|(_, content)| content.len() > 4000);
        assert!(there, "{name} is not there, or empty");
    }
    let key = std::fs::read_to_string(folder.join("tidings.db.key")).unwrap();
    key.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_marked_secrets_are_nowhere_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let receiver = Receiver::start().await;
    let log = folder.join("log");
    let server = Server::logged(folder, &log);
    let mut marks = canaries(50);
    let mut places = Places::new();
    given_at_creation(&server, &receiver, &marks[..40]).await;
    given_later(&server, &receiver, &marks[40..45]).await;
    given_wrongly(&server, &marks[45..], &mut places).await;
    for (collection, title) in [("tasks", "A task"), ("stories", "A story")] {
        let path = format!("/projects/HUNT/{collection}");
        server.call("POST", &path, &json!({"title": title})).await;
    }
    let carried = |got: &[super::world::Got], mark: &String| {
        got.iter().any(|g| g.header("x-key") == mark.as_str())
    };
    receiver
        .until("signed requests with their headers", |got| {
            marks.iter().filter(|mark| carried(got, mark)).count() >= 12 && carried(got, &marks[44])
        })
        .await;

    shown(&server, 20, &mut places).await;
    let copy = folder.join("copy.db").display().to_string();
    for arguments in [&["backup", &copy][..], &["doctor", "--json"]] {
        let output = operator(folder, arguments);
        let said = [output.stdout, output.stderr].concat();
        places.push((arguments[0].to_owned(), said));
    }
    // Killed, so that the last commits lie in the write-ahead log.
    server.kill();
    let key = files(folder, &mut places);
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("DEBUG"), "the log does not say everything");

    // Whoever hunts with a blind eye finds nothing: each form is found where it is.
    for (form, bytes) in forms(&marks[0]) {
        let bait = [b"x".to_vec(), bytes, b"y".to_vec()].concat();
        let found = hunt(&vec![("bait".into(), bait)], &marks[..1]);
        assert!(!found.is_empty(), "{form}");
    }
    // The administrator's token and the key are as secret as the rest.
    marks.extend([TOKEN.to_owned(), key]);
    let hits = hunt(&places, &marks);
    assert!(hits.is_empty(), "{hits:#?}");
    println!("{} secrets, {} places, 0 hits", marks.len(), places.len());
}
