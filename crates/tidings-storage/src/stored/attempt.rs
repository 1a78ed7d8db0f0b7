//! Attempts as text. There is one for nearly every delivery and it is written in full each time, so it is kept short: values in a
//! fixed order without their names, and a number for each header name that Tidings itself sends.

use std::net::SocketAddr;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidings_domain::{DeliveryId, Headers};

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
/// Room for everything but headers and bodies.
const USUAL: usize = 256;
/// The header whose value the delivery has anyway.
const ID: &str = "webhook-id";

/// Started at, took, trigger, outcome, status, error, URL, request headers, response, timings, remote.
type Row<'a> = (
    &'a str,
    u64,
    &'a str,
    &'a str,
    Option<u16>,
    Option<(&'a str, &'a str)>,
    &'a str,
    Sent<'a>,
    Option<(&'a Headers, &'a str, bool)>,
    [Option<u64>; 4],
    Option<SocketAddr>,
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
    Option<(Headers, String, bool)>,
    [Option<u64>; 4],
    Option<SocketAddr>,
);

/// An attempt of that delivery as text; without its number.
///
/// # Errors
/// [`StoreError::Corrupt`] for values that JSON cannot hold; there are none.
pub fn write_attempt(attempt: &Attempt, delivery: DeliveryId) -> Result<String, StoreError> {
    let id = delivery.text();
    let row: Row<'_> = (
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
        Sent {
            all: &attempt.request_headers,
            id: &id,
        },
        attempt
            .response
            .as_ref()
            .map(|r| (&r.headers, r.body.as_str(), r.truncated)),
        attempt.timings_us,
        attempt.remote,
    );
    let answer = attempt.response.as_ref();
    let answer = answer.map_or(0, |r| r.headers.bytes() + r.body.len());
    let mut text = Vec::with_capacity(USUAL + attempt.request_headers.bytes() + answer);
    serde_json::to_writer(&mut text, &row).map_err(odd)?;
    String::from_utf8(text).map_err(odd)
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
    let id = delivery.text();
    let sent = headers.0.iter();
    let sent = sent.map(|(name, value)| (&**name, value.as_deref().unwrap_or(&id)));
    Ok(Attempt {
        number,
        trigger: trigger.into(),
        started_at,
        duration_ms,
        outcome: outcome.into(),
        status,
        error: error.map(|(code, detail)| AttemptError { code, detail }),
        url: url.into(),
        request_headers: sent.collect(),
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
struct Sent<'a> {
    all: &'a Headers,
    id: &'a str,
}

impl Serialize for Sent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_seq(Some(self.all.len() * 2))?;
        for (name, value) in self.all.iter() {
            match NAMES.iter().position(|known| *known == name) {
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
            trigger: "retry".into(),
            started_at: "2026-11-21T07:06:43.386Z".to_owned(),
            duration_ms: 12,
            outcome: "rejected".into(),
            status: Some(500),
            error: Some(AttemptError {
                code: "status".to_owned(),
                detail: "the receiver answered 500".to_owned(),
            }),
            url: "https://example.org/hook".into(),
            request_headers: Headers::from_iter([
                header("Content-Type", "application/json"),
                header("webhook-id", &DeliveryId(7 << 20).to_string()),
                header("X-Mine", "***"),
                header("webhook-id", "another"),
                // A name in another case is another name.
                header("content-type", "text/plain"),
            ]),
            response: Some(AttemptResponse {
                headers: [header("Date", "now"), header("set-cookie", "\u{fffd}\"\n")]
                    .into_iter()
                    .collect(),
                body: "no \u{1f600}".to_owned(),
                truncated: true,
            }),
            timings_us: [None, Some(1), None, Some(4)],
            remote: Some("192.0.2.1:443".parse().unwrap()),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let id = DeliveryId(7 << 20);
        let bare = Attempt {
            status: None,
            error: None,
            request_headers: Headers::default(),
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
    fn attempts_are_read_and_written_as_ever() {
        let id = DeliveryId(7 << 20);
        for text in [
            r#"["2026-11-21T07:06:43.386Z",12,"retry","rejected",500,["status","the receiver answered 500"],"https://example.org/hook",[0,"application/json",2,null,"X-Mine","***",8,"v1,a="],[[["Date","now"],["set-cookie","\"\n"]],"body \u0001",true],[null,1,null,4],"192.0.2.1:443"]"#,
            r#"["2026-11-21T07:06:43.386Z",0,"event","unreachable",null,["refused",""],"https://example.org/",[],null,[null,null,null,null],"[2001:db8::1]:8443"]"#,
            r#"["",0,"","",null,null,"",[],null,[null,null,null,null],null]"#,
        ] {
            let read = read_attempt(text, id, 1).unwrap();
            assert_eq!(write_attempt(&read, id).unwrap(), text);
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
