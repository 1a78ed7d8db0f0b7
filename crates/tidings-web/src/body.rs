//! Reads request bodies: bounded in size and time, strict in type and syntax.

use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tidings_domain::fault::FaultKind;
use tidings_domain::{Fault, Value};

use crate::console::Form;
use crate::route::{Input, Method, Payload, Row};

/// Most bytes of a body.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Most bytes of a batch.
pub const MAX_CHANGES_BYTES: usize = 8 * 1024 * 1024;
/// How the lines of a batch are called.
const NDJSON: [&str; 3] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
];
/// Most lines of a batch; the use case says the same with the entry's number.
const MAX_LINES: usize = 1000;
/// How long a body may take to arrive.
pub const TIME: Duration = Duration::from_secs(30);
/// Most bytes that are taken in and thrown away.
const MOST_WASTED: usize = 16 * 1024 * 1024;
/// How long that may take.
const WASTE_TIME: Duration = Duration::from_secs(5);

/// Why a body was not read.
#[derive(Debug)]
pub enum BodyError {
    /// It is wrong.
    Fault(Fault),
    /// It did not arrive in time: 408.
    Slow,
}

impl From<Fault> for BodyError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The text that a request to that route carries; empty where none is taken.
pub async fn read(row: &Row, headers: &HeaderMap, body: &mut Body) -> Result<Bytes, BodyError> {
    let limit = limit(row);
    if limit == 0 {
        return Ok(Bytes::new());
    }
    if declared_length(headers).is_some_and(|length| length > limit) {
        return Err(too_large(limit).into());
    }
    check_encoding(headers)?;
    let declared = declared_length(headers).unwrap_or(0);
    let collected = tokio::time::timeout(TIME, collect(Limited::new(body, limit), declared)).await;
    match collected {
        Err(_) => Err(BodyError::Slow),
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limit).into()),
        Ok(Err(_)) => Err(malformed("the body broke off, or its framing is wrong").into()),
    }
}

/// Takes in the rest of a body that nobody wants, for who is still sending sees a broken connection instead of the answer. One that is
/// endless, slow or was not to be sent without leave breaks it.
pub async fn waste(waits: bool, mut body: Body) {
    let known = body.size_hint().exact();
    let vast = known.is_some_and(|bytes| bytes > MOST_WASTED as u64);
    if waits || vast || body.is_end_stream() {
        return;
    }
    let rest = async {
        let mut wasted = 0;
        while let Some(Ok(frame)) = body.frame().await {
            wasted += frame.data_ref().map_or(0, Bytes::len);
            if wasted > MOST_WASTED {
                break;
            }
        }
    };
    // In time or not: what was to be said is said now.
    tokio::time::timeout(WASTE_TIME, rest).await.ok();
}

/// Whether the client waits for leave to send its body.
pub fn waits(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

/// A body in one piece, of which no second copy is ever in memory: the pieces go as they come.
async fn collect(mut body: Limited<&mut Body>, declared: usize) -> Result<Bytes, BoxError> {
    let mut first = Bytes::new();
    while first.is_empty() {
        match body.frame().await.transpose()? {
            Some(frame) => first = frame.into_data().unwrap_or_default(),
            None => return Ok(first),
        }
    }
    // Small ones come in one piece, which is not copied at all.
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut text = Vec::with_capacity(declared.max(first.len()));
    text.extend_from_slice(&first);
    drop(first);
    while let Some(frame) = body.frame().await.transpose()? {
        if let Ok(piece) = frame.into_data() {
            text.extend_from_slice(&piece);
        }
    }
    Ok(text.into())
}

/// What that text says.
pub fn parse(row: &Row, headers: &HeaderMap, text: &Bytes) -> Result<Payload, Fault> {
    if limit(row) == 0 {
        return Ok(Payload::Nothing);
    }
    if row.input == Input::Form {
        return form(headers, text).map(Payload::Form);
    }
    if text.is_empty() && matches!(row.input, Input::Optional(_) | Input::None) {
        return Ok(Payload::Nothing);
    }
    let payload = values(row, headers, text)?;
    if row.input == Input::None {
        return nothing(&payload);
    }
    Ok(payload)
}

/// The most bytes that a route takes.
fn limit(row: &Row) -> usize {
    match row.input {
        // A verb without a body takes `{}`, which many clients send, and refuses members by name like every other write.
        Input::None if row.method == Method::Post => SMALL_BYTES,
        Input::None => 0,
        Input::Changes => MAX_CHANGES_BYTES,
        Input::Json(_) | Input::Optional(_) | Input::Form => MAX_BYTES,
    }
}

/// Refuses what a verb without a body was given.
fn nothing(payload: &Payload) -> Result<Payload, Fault> {
    match payload {
        Payload::Json(Value::Map(members)) => match members.first() {
            None => Ok(Payload::Nothing),
            Some((name, _)) => {
                let field = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
                Err(Fault::field(
                    field,
                    "unknown_member",
                    "is not known here: this call takes no body",
                ))
            }
        },
        _ => Err(Fault::field(
            "",
            "wrong_type",
            "this call takes no body, or {}",
        )),
    }
}

/// The most that is read of what should be `{}`.
const SMALL_BYTES: usize = 8 * 1024;

/// The most that a request's body may have.
pub fn most_bytes(row: &Row, headers: &HeaderMap) -> usize {
    let limit = limit(row);
    match declared_length(headers) {
        Some(length) => length.min(limit),
        // Without a length a body is chunked, or there is none.
        None if headers.contains_key(header::TRANSFER_ENCODING) => limit,
        None => 0,
    }
}

fn values(row: &Row, headers: &HeaderMap, bytes: &Bytes) -> Result<Payload, Fault> {
    let batch = row.input == Input::Changes;
    let kind = media_type(headers).unwrap_or_default();
    let is_one_of = |kinds: &[&str]| kinds.iter().any(|k| kind.eq_ignore_ascii_case(k));
    match row.method {
        _ if is_one_of(&["application/json"]) => json(bytes).map(Payload::Json),
        Method::Patch if is_one_of(&["application/merge-patch+json"]) => {
            json(bytes).map(Payload::Json)
        }
        _ if batch && is_one_of(&NDJSON) => lines(bytes).map(Payload::Lines),
        _ => {
            let wanted = if batch {
                "application/json or application/x-ndjson"
            } else {
                "application/json"
            };
            Err(Fault::new(
                FaultKind::WrongMediaType,
                "wrong_media_type",
                format!("send the body as Content-Type: {wanted}, in UTF-8"),
            ))
        }
    }
}

/// The fields of a form. One that is sent without any field has no body and no type.
fn form(headers: &HeaderMap, bytes: &[u8]) -> Result<Form, Fault> {
    let kind = media_type(headers).unwrap_or_default();
    let typed = kind.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if !typed && !bytes.is_empty() {
        return Err(Fault::new(
            FaultKind::WrongMediaType,
            "wrong_media_type",
            "send the form as application/x-www-form-urlencoded; programs use the API under /api/v1",
        ));
    }
    Form::parse(bytes).ok_or_else(|| malformed("the form is not percent-encoded UTF-8"))
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Fault> {
    let plain = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if plain {
        return Ok(());
    }
    Err(Fault::new(
        FaultKind::WrongMediaType,
        "wrong_encoding",
        "send the body uncompressed, without Content-Encoding",
    ))
}

/// The media type, in any case; `None` when it is missing, there twice, or in another charset than UTF-8.
fn media_type(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let text = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next()?;
    parts
        .all(|part| match part.split_once('=') {
            Some((name, charset)) if name.eq_ignore_ascii_case("charset") => {
                let charset = charset.trim_matches('"');
                charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
            }
            _ => true,
        })
        .then_some(kind)
}

fn json(bytes: &[u8]) -> Result<Value, Fault> {
    if bytes.is_empty() {
        return Err(malformed("the body is empty; send JSON"));
    }
    Value::parse(bytes).map_err(|error| malformed(&format!("the body is not JSON: {error}")))
}

fn lines(bytes: &[u8]) -> Result<Vec<Value>, Fault> {
    let mut values = Vec::new();
    for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if values.len() == MAX_LINES {
            return Err(Fault::new(
                FaultKind::TooLarge,
                "too_large",
                "a batch may have at most 1,000 entries; send several",
            ));
        }
        let value = Value::parse(line)
            .map_err(|error| malformed(&format!("line {} is not JSON: {error}", number + 1)))?;
        values.push(value);
    }
    Ok(values)
}

fn malformed(detail: &str) -> Fault {
    Fault::new(FaultKind::Malformed, "malformed", detail)
}

fn too_large(limit: usize) -> Fault {
    Fault::new(
        FaultKind::TooLarge,
        "too_large",
        format!("the body may have at most {limit} bytes"),
    )
}
