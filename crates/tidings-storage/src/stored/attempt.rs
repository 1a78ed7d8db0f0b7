//! Attempts as text. There is one for nearly every delivery and it is written in full each time, so it is kept short: values in a
//! fixed order without their names, and a number for each header name that Tidings itself sends.

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidings_domain::DeliveryId;

use crate::{Attempt, AttemptError, AttemptResponse, StoreError};

/// Names that are kept as their place here. New ones go to the end.
const NAMES: &[&str] = &[
    "Content-Type",
    "User-Agent",
    "webhook-id",
    "webhook-timestamp",
    "x-tidings-event",
    "x-tidings-object",
    "x-tidings-sequence",
    "x-tidings-late",
    "webhook-signature",
    "x-icescrum-event",
    "x-icescrum-signature",
    "X-Header",
    "X-Squish-Action",
    "X-Squish-Signature",
];
/// The header whose value the delivery has anyway.
const ID: &str = "webhook-id";

/// Started at, took, trigger, outcome, status, error, URL, request headers, response, timings, remote.
type Row<'a, Headers> = (
    &'a str,
    u64,
    &'a str,
    &'a str,
    Option<u16>,
    Option<(&'a str, &'a str)>,
    &'a str,
    Headers,
    Option<(&'a [(String, String)], &'a str, bool)>,
    [Option<u64>; 4],
    Option<&'a str>,
);

type OwnedRow = (
    String,
    u64,
    String,
    String,
    Option<u16>,
    Option<(String, String)>,
    String,
    Flat,
    Option<(Vec<(String, String)>, String, bool)>,
    [Option<u64>; 4],
    Option<String>,
);

/// An attempt of that delivery as text; without its number.
///
/// # Errors
/// [`StoreError::Corrupt`] for values that JSON cannot hold; there are none.
pub fn write_attempt(attempt: &Attempt, delivery: DeliveryId) -> Result<String, StoreError> {
    let id = delivery.to_string();
    let row: Row<'_, Headers<'_>> = (
        &attempt.started_at,
        attempt.duration_ms,
        &attempt.trigger,
        &attempt.outcome,
        attempt.status,
        attempt
            .error
            .as_ref()
            .map(|e| (e.code.as_str(), e.detail.as_str())),
        &attempt.url,
        Headers {
            all: &attempt.request_headers,
            id: &id,
        },
        attempt
            .response
            .as_ref()
            .map(|r| (r.headers.as_slice(), r.body.as_str(), r.truncated)),
        attempt.timings_us,
        attempt.remote.as_deref(),
    );
    serde_json::to_string(&row).map_err(odd)
}

/// Reads what [`write_attempt`] wrote.
///
/// # Errors
/// [`StoreError::Corrupt`] when the text is no attempt.
pub fn read_attempt(text: &str, delivery: DeliveryId, number: u32) -> Result<Attempt, StoreError> {
    let row: OwnedRow = serde_json::from_str(text).map_err(odd)?;
    let (
        started_at,
        duration_ms,
        trigger,
        outcome,
        status,
        error,
        url,
        headers,
        answer,
        timings,
        remote,
    ) = row;
    let id = delivery.to_string();
    let headers = headers.0.into_iter();
    Ok(Attempt {
        number,
        trigger,
        started_at,
        duration_ms,
        outcome,
        status,
        error: error.map(|(code, detail)| AttemptError { code, detail }),
        url,
        request_headers: headers
            .map(|(name, value)| (name, value.unwrap_or_else(|| id.clone())))
            .collect(),
        response: answer.map(|(headers, body, truncated)| AttemptResponse {
            headers,
            body,
            truncated,
        }),
        timings_us: timings,
        remote,
    })
}

fn odd(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("attempt: {what}"))
}

/// Headers to write: name, value, name, value; the delivery's own id is null.
struct Headers<'a> {
    all: &'a [(String, String)],
    id: &'a str,
}

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_seq(Some(self.all.len() * 2))?;
        for (name, value) in self.all {
            match NAMES.iter().position(|known| known == name) {
                Some(place) => row.serialize_element(&place)?,
                None => row.serialize_element(name)?,
            }
            if name == ID && value == self.id {
                row.serialize_element(&())?;
            } else {
                row.serialize_element(value)?;
            }
        }
        row.end()
    }
}

/// Headers as they were written.
struct Flat(Vec<(String, Option<String>)>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Known(usize),
    Other(String),
}

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Flat;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("names and values in turn")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut row: A) -> Result<Flat, A::Error> {
                let mut pairs = Vec::new();
                while let Some(name) = row.next_element()? {
                    let name = match name {
                        Name::Known(place) => (*NAMES
                            .get(place)
                            .ok_or_else(|| A::Error::custom("unknown header name"))?)
                        .to_owned(),
                        Name::Other(name) => name,
                    };
                    let value = row
                        .next_element()?
                        .ok_or_else(|| A::Error::custom("a header without a value"))?;
                    pairs.push((name, value));
                }
                Ok(Flat(pairs))
            }
        }
        deserializer.deserialize_seq(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Attempt {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Attempt {
            number: 3,
            trigger: "retry".to_owned(),
            started_at: "2026-11-21T07:06:43.386Z".to_owned(),
            duration_ms: 12,
            outcome: "rejected".to_owned(),
            status: Some(500),
            error: Some(AttemptError {
                code: "status".to_owned(),
                detail: "the receiver answered 500".to_owned(),
            }),
            url: "https://example.org/hook".to_owned(),
            request_headers: vec![
                header("Content-Type", "application/json"),
                header("webhook-id", &DeliveryId(7 << 20).to_string()),
                header("X-Mine", "***"),
                header("webhook-id", "another"),
                // A name in another case is another name.
                header("content-type", "text/plain"),
            ],
            response: Some(AttemptResponse {
                headers: vec![header("Date", "now"), header("set-cookie", "\u{fffd}\"\n")],
                body: "no \u{1f600}".to_owned(),
                truncated: true,
            }),
            timings_us: [None, Some(1), None, Some(4)],
            remote: Some("192.0.2.1:443".to_owned()),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let id = DeliveryId(7 << 20);
        let bare = Attempt {
            status: None,
            error: None,
            request_headers: Vec::new(),
            response: None,
            timings_us: [None; 4],
            remote: None,
            ..full()
        };
        for attempt in [full(), bare] {
            let text = write_attempt(&attempt, id).unwrap();
            let read = read_attempt(&text, id, 3).unwrap();
            assert_eq!(format!("{read:?}"), format!("{attempt:?}"), "{text}");
        }
    }

    #[test]
    fn names_and_the_own_id_take_no_room() {
        let text = write_attempt(&full(), DeliveryId(7 << 20)).unwrap();
        assert!(text.contains(r#"[0,"application/json",2,null,"X-Mine","***",2,"another","content-type","text/plain"]"#), "{text}");
    }

    #[test]
    fn damaged_text_is_told() {
        let id = DeliveryId(1);
        let whole = write_attempt(&full(), id).unwrap();
        for damaged in [
            "",
            "[]",
            "{}",
            &whole[..whole.len() - 1],
            &whole.replace("[0,", "[99,"),
        ] {
            assert!(read_attempt(damaged, id, 1).is_err(), "{damaged}");
        }
    }
}
