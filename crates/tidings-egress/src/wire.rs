//! HTTP/1.1 on the wire: writing a request's head, reading an answer's head and body. Pure; no sockets.
//!
//! Own code because every limit here is a promise (bytes of a head, fields, interim answers, bytes of a body), because header
//! names must go out in the case in which a vendor sends them, which hyper keeps to itself, and because a request on a kept
//! connection then costs no task and no channel.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};
use tidings_domain::Headers;

/// The most bytes of an answer's head, interim answers included.
pub(crate) const MAX_HEAD: usize = 64 * 1024;
/// The most fields of a head.
pub(crate) const MAX_FIELDS: usize = 100;
/// The most interim (1xx) answers.
pub(crate) const MAX_INTERIM: usize = 10;
/// The most bytes of a body that are read, framing included.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// The most bytes of a body that are kept.
pub const KEEP_BODY: usize = 16 * 1024;
/// The longest line with the size of a chunk.
const MAX_CHUNK_LINE: usize = 1024;

/// Room for what this client says itself in a head.
const OURS: usize = 128;

/// Writes the head of a POST. `Err` names a header that must not go out.
pub(crate) fn write_head(
    out: &mut BytesMut,
    url: &url::Url,
    headers: &Headers,
    length: usize,
) -> Result<(), String> {
    out.reserve(url.as_str().len() + headers.bytes() + 4 * headers.len() + OURS);
    out.put_slice(b"POST ");
    out.put_slice(url.path().as_bytes());
    if let Some(query) = url.query() {
        out.put_u8(b'?');
        out.put_slice(query.as_bytes());
    }
    out.put_slice(b" HTTP/1.1\r\nHost: ");
    out.put_slice(url.host_str().unwrap_or_default().as_bytes());
    if let Some(port) = url.port() {
        put_decimal(out, u64::from(port), b':');
    }
    out.put_slice(b"\r\n");
    for (name, value) in headers.iter() {
        if !crate::headers::is_token(name) || value.bytes().any(|b| b < b' ' || b == 0x7f) {
            return Err(name.to_owned());
        }
        out.put_slice(name.as_bytes());
        out.put_slice(b": ");
        out.put_slice(value.as_bytes());
        out.put_slice(b"\r\n");
    }
    out.put_slice(b"Accept-Encoding: identity\r\nContent-Length:");
    put_decimal(out, length as u64, b' ');
    out.put_slice(b"\r\n\r\n");
    Ok(())
}

fn put_decimal(out: &mut BytesMut, number: u64, before: u8) {
    out.put_u8(before);
    let mut digits = [0_u8; 20];
    let mut rest = number;
    let mut used = 0;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// Finds the end of a head without looking at any byte twice.
#[derive(Debug, Default)]
pub(crate) struct HeadEnd {
    at: usize,
    /// Bytes of the current line, carriage returns not counted.
    line: usize,
    lines: usize,
}

impl HeadEnd {
    /// The length of the head, blank line included, once it is all there.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        for byte in bytes.get(self.at..)? {
            self.at += 1;
            match byte {
                b'\n' if self.line == 0 && self.lines > 0 => return Some(self.at),
                b'\n' => {
                    self.lines += usize::from(self.line > 0);
                    self.line = 0;
                }
                b'\r' => {}
                _ => self.line += 1,
            }
        }
        None
    }
}

/// Why an answer's head cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadFault {
    /// Not HTTP/1.x.
    Invalid,
    /// More than [`MAX_FIELDS`].
    TooManyFields,
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    /// Until the connection ends.
    Close,
}

/// An answer's head.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) framing: Framing,
    /// The connection may carry another request afterwards.
    pub(crate) keep: bool,
    /// `Keep-Alive: timeout=`.
    pub(crate) idle_seconds: Option<u64>,
}

/// Reads a whole head.
pub(crate) fn read_head(bytes: &[u8]) -> Result<Head, HeadFault> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut answer = httparse::Response::new(&mut fields);
    let mut parser = httparse::ParserConfig::default();
    parser.allow_obsolete_multiline_headers_in_responses(true);
    match parser.parse_response(&mut answer, bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(HeadFault::TooManyFields),
        Ok(httparse::Status::Partial) | Err(_) => return Err(HeadFault::Invalid),
    }
    let status = answer.code.ok_or(HeadFault::Invalid)?;
    // Not that of the whole head, which may be anything: results wait in memory until they are written.
    let room = answer.headers.iter();
    let room = room.map(|field| field.name.len() + field.value.len()).sum();
    let mut head = Head {
        status,
        headers: Headers::with_capacity(answer.headers.len(), room),
        framing: Framing::Close,
        keep: answer.version == Some(1),
        idle_seconds: None,
    };
    let mut lengths = Lengths::None;
    let mut coded = None;
    for field in answer.headers.iter() {
        let value = unfolded(String::from_utf8_lossy(field.value));
        if field.name.eq_ignore_ascii_case("content-length") {
            lengths = lengths.and(&value);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            coded = value
                .rsplit(',')
                .next()
                .map(|last| last.trim().eq_ignore_ascii_case("chunked"));
        } else if field.name.eq_ignore_ascii_case("connection") {
            head.keep &= !value
                .split(',')
                .any(|word| word.trim().eq_ignore_ascii_case("close"));
        } else if field.name.eq_ignore_ascii_case("keep-alive") {
            for (name, number) in value
                .split(',')
                .filter_map(|part| part.trim().split_once('='))
            {
                let number = number.trim().parse().ok();
                if name.eq_ignore_ascii_case("timeout") {
                    head.idle_seconds = number;
                } else if name.eq_ignore_ascii_case("max") {
                    head.keep &= number != Some(0);
                }
            }
        }
        head.headers.push(field.name, &value);
    }
    head.framing = match (coded, lengths) {
        _ if matches!(status, 100..=199 | 204 | 304) => Framing::Length(0),
        (Some(chunked), lengths) => {
            // Both framings, or a coding that is none we know: take what can be shown, and part.
            head.keep &= chunked && matches!(lengths, Lengths::None);
            if chunked {
                Framing::Chunked
            } else {
                Framing::Close
            }
        }
        (None, Lengths::One(length)) => Framing::Length(length),
        (None, Lengths::None | Lengths::Bad) => {
            head.keep = false;
            Framing::Close
        }
    };
    // Switching protocols leaves HTTP.
    head.keep &= status != 101;
    Ok(head)
}

/// A value on several lines is one with spaces: RFC 9112 section 5.2.
fn unfolded(value: Cow<'_, str>) -> Cow<'_, str> {
    if value.contains('\n') {
        return value.replace(['\r', '\n'], " ").into();
    }
    value
}

/// What the `Content-Length` fields say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    None,
    One(u64),
    Bad,
}

impl Lengths {
    fn and(self, value: &str) -> Self {
        let digits = value.trim();
        let number = digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())
            .flatten();
        match (self, number) {
            (Lengths::None, Some(length)) => Lengths::One(length),
            (Lengths::One(before), Some(length)) if before == length => self,
            _ => Lengths::Bad,
        }
    }
}

/// How far a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    /// All of it came; the connection stands at the next answer.
    Done,
    /// Enough was read, or the framing is broken.
    Stop,
}

/// Takes a body apart and keeps its beginning.
#[derive(Debug)]
pub(crate) struct Body {
    state: State,
    kept: BytesMut,
    cut: bool,
    taken: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Plain(u64),
    Endless,
    ChunkSize {
        size: u64,
        digits: u32,
        line: usize,
        extension: bool,
    },
    ChunkData(u64),
    ChunkEnd,
    /// Bytes in the current trailer line.
    Trailer(usize),
    Done,
}

const CHUNK: State = State::ChunkSize {
    size: 0,
    digits: 0,
    line: 0,
    extension: false,
};

impl Body {
    pub(crate) fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Plain(length),
            Framing::Chunked => CHUNK,
            Framing::Close => State::Endless,
        };
        Self {
            state,
            kept: BytesMut::new(),
            cut: false,
            taken: 0,
        }
    }

    /// What was kept, and whether more came or was announced.
    pub(crate) fn finish(self) -> (Bytes, bool) {
        let whole = matches!(self.state, State::Done | State::Endless) && !self.cut;
        (self.kept.freeze(), !whole)
    }

    /// No more will be read: what was kept is not all.
    pub(crate) fn cut_off(&mut self) {
        self.cut = true;
    }

    /// Takes bytes; says how many it used.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> (usize, Progress) {
        let before = bytes.len();
        loop {
            let used = before - bytes.len();
            match self.state {
                State::Done => {
                    self.taken += used;
                    return (used, Progress::Done);
                }
                _ if self.taken + used >= MAX_BODY => {
                    self.cut = true;
                    return (used, Progress::Stop);
                }
                // A long body is not read to its end only to keep the connection.
                State::Plain(left)
                    if self.kept.len() >= KEEP_BODY
                        && left > (MAX_BODY - self.taken - used) as u64 =>
                {
                    self.cut = true;
                    return (used, Progress::Stop);
                }
                _ => {}
            }
            let Some((&first, after)) = bytes.split_first() else {
                self.taken += used;
                return (used, Progress::More);
            };
            match self.state {
                State::Plain(left) => {
                    let now = self.keep(bytes, left);
                    bytes = bytes.get(now..).unwrap_or_default();
                    let left = left - now as u64;
                    self.state = if left == 0 {
                        State::Done
                    } else {
                        State::Plain(left)
                    };
                }
                State::Endless => {
                    let now = self.keep(bytes, u64::MAX);
                    bytes = bytes.get(now..).unwrap_or_default();
                }
                State::ChunkData(left) => {
                    let now = self.keep(bytes, left);
                    bytes = bytes.get(now..).unwrap_or_default();
                    let left = left - now as u64;
                    self.state = if left == 0 {
                        State::ChunkEnd
                    } else {
                        State::ChunkData(left)
                    };
                }
                state => {
                    bytes = after;
                    let Some(next) = step(state, first) else {
                        self.cut = true;
                        return (before - bytes.len(), Progress::Stop);
                    };
                    self.state = next;
                }
            }
        }
    }

    /// Keeps what fits of the next `left` bytes; says how many they are.
    fn keep(&mut self, bytes: &[u8], left: u64) -> usize {
        let limit = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(MAX_BODY.saturating_sub(self.taken).max(1));
        let now = bytes.get(..limit).unwrap_or(bytes);
        let room = KEEP_BODY - self.kept.len().min(KEEP_BODY);
        self.kept.extend_from_slice(now.get(..room).unwrap_or(now));
        self.cut |= now.len() > room;
        now.len()
    }
}

/// The next state of the chunked coding's lines; `None`: broken.
fn step(state: State, byte: u8) -> Option<State> {
    match (state, byte) {
        (State::ChunkSize { size, digits, .. }, b'\n') => match (digits, size) {
            (0, _) => None,
            (_, 0) => Some(State::Trailer(0)),
            (_, size) => Some(State::ChunkData(size)),
        },
        (State::ChunkSize { line, .. }, _) if line >= MAX_CHUNK_LINE => None,
        (
            State::ChunkSize {
                size,
                digits,
                line,
                extension,
            },
            byte,
        ) => {
            let line = line + 1;
            match char::from(byte).to_digit(16) {
                Some(digit) if !extension => (digits < 15).then(|| State::ChunkSize {
                    size: size << 4 | u64::from(digit),
                    digits: digits + 1,
                    line,
                    extension,
                }),
                _ if extension || matches!(byte, b';' | b' ' | b'\t' | b'\r') => {
                    Some(State::ChunkSize {
                        size,
                        digits,
                        line,
                        extension: true,
                    })
                }
                _ => None,
            }
        }
        (State::ChunkEnd, b'\r') => Some(State::ChunkEnd),
        (State::ChunkEnd, b'\n') => Some(CHUNK),
        (State::Trailer(0), b'\n') => Some(State::Done),
        (State::Trailer(_), b'\n') => Some(State::Trailer(0)),
        (State::Trailer(length), b'\r') => Some(State::Trailer(length)),
        (State::Trailer(length), _) => Some(State::Trailer(length + 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
