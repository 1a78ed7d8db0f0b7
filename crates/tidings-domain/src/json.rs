//! JSON text, written into a buffer that each thread keeps: what comes out is as large as the text and was never moved about while
//! it grew.
//!
//! Values, and objects with them, write themselves here rather than through serde: an object is written three times with each of its
//! changes, and most of that is texts in which nothing has to be escaped. The text is the same, byte for byte.

use std::cell::Cell;

use serde::Serialize;

use crate::value::Value;

/// A buffer that grew larger is not kept.
const MOST_KEPT: usize = 64 * 1024;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What `write` writes. Where one is written while another is, each has a buffer of its own.
pub fn written<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Vec<u8>, E> {
    let mut buffer = BUFFER.take();
    buffer.clear();
    let text = write(&mut buffer).map(|()| buffer.as_slice().to_vec());
    if buffer.capacity() <= MOST_KEPT {
        BUFFER.set(buffer);
    }
    text
}

/// A value as JSON: one line, no blanks.
///
/// # Errors
/// Those of the value; strings, numbers, lists and maps with string keys have none.
pub fn to_vec(value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, serde_json::Error> {
    written(|buffer| serde_json::to_writer(buffer, value))
}

/// Adds what serde writes.
pub fn add(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let start = out.len();
    // Only keys that are no strings could not be written, and there are none.
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

/// Adds a text.
pub fn add_text(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        add_plain(out, text);
    } else {
        add(out, text);
    }
}

/// Adds a value.
pub fn add_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(n) => add(out, n),
        Value::Float(x) => add(out, x),
        Value::Text(text) => add_text(out, text),
        Value::List(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                add_value(out, item);
            }
            out.push(b']');
        }
        Value::Map(members) => add_object(out, |object| {
            for (name, value) in members {
                object.put(name, |out| add_value(out, value));
            }
        }),
    }
}

/// Adds an object of the members that `write` writes.
pub fn add_object(out: &mut Vec<u8>, write: impl FnOnce(&mut Members<'_>)) {
    out.push(b'{');
    let start = out.len();
    write(&mut Members { out, start });
    out.push(b'}');
}

/// An object of the members that `write` writes.
pub fn object(write: impl FnOnce(&mut Members<'_>)) -> Vec<u8> {
    let written = written(|out| {
        add_object(out, write);
        Ok::<_, std::convert::Infallible>(())
    });
    match written {
        Ok(text) => text,
        Err(never) => match never {},
    }
}

/// The members of an object, written one after the other.
#[derive(Debug)]
pub struct Members<'b> {
    out: &'b mut Vec<u8>,
    /// Where the first begins.
    start: usize,
}

impl Members<'_> {
    fn next(&mut self) {
        if self.out.len() > self.start {
            self.out.push(b',');
        }
    }

    /// A member that serde writes.
    pub fn add(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.put(name, |out| add(out, value));
    }

    /// A member that is an object.
    pub fn within(&mut self, name: &str, write: impl FnOnce(&mut Members<'_>)) {
        self.put(name, |out| add_object(out, write));
    }

    /// A member that `write` writes.
    pub fn put(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.next();
        add_text(self.out, name);
        self.out.push(b':');
        write(self.out);
    }

    /// A member whose name is a plain word.
    pub(crate) fn value(&mut self, name: &'static str, value: &Value) {
        debug_assert!(is_plain(name.as_bytes()), "{name}");
        self.next();
        add_plain(self.out, name);
        self.out.push(b':');
        add_value(self.out, value);
    }
}

fn add_plain(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 3);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Bytes that are looked at together, in a few instructions.
const BLOCK: usize = 32;

/// Whether nothing in a text is escaped.
fn is_plain(text: &[u8]) -> bool {
    // Numbers and no conditions: so the compiler looks at a block at once.
    let odd =
        |byte: &u8| u8::from(*byte < b' ') | u8::from(*byte == b'"') | u8::from(*byte == b'\\');
    let has_odd = |bytes: &[u8]| bytes.iter().fold(0, |all, byte| all | odd(byte)) != 0;
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    !blocks.iter().any(|block| has_odd(block)) && !has_odd(rest)
}

#[cfg(test)]
mod tests {
    use serde::{Serialize, Serializer};

    use super::*;

    struct Within;

    impl Serialize for Within {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let inner = to_vec(&[1, 2]).map_err(serde::ser::Error::custom)?;
            serializer.collect_seq(inner)
        }
    }

    #[test]
    fn texts_do_not_run_into_each_other() {
        assert_eq!(to_vec("a").unwrap(), br#""a""#);
        assert_eq!(to_vec(&[Within, Within]).unwrap().len(), 35);
        assert_eq!(to_vec(&"b".repeat(MOST_KEPT)).unwrap().len(), MOST_KEPT + 2);
        assert_eq!(to_vec(&()).unwrap(), b"null");
    }

    #[test]
    fn values_are_written_as_serde_writes_them() {
        let long = "x".repeat(BLOCK);
        let mut texts: Vec<String> = (0..=0x2030)
            .filter_map(char::from_u32)
            .map(String::from)
            .collect();
        // At each place of a block and behind it.
        for place in 0..=2 * BLOCK {
            for odd in ['"', '\\', '\n', '\u{1f}', '\u{7f}', 'ä'] {
                let mut text = "y".repeat(place);
                text.push(odd);
                text.push_str(&long);
                texts.push(text);
            }
        }
        texts.extend([String::new(), long]);
        let mut members: Vec<(String, Value)> =
            texts.into_iter().map(|t| (t.clone(), t.into())).collect();
        members.push((
            "list".into(),
            vec![1.5, -0.0, 1e300]
                .into_iter()
                .map(Value::Float)
                .collect::<Vec<_>>()
                .into(),
        ));
        let odds = vec![
            Value::Null,
            true.into(),
            false.into(),
            i64::MIN.into(),
            Value::List(vec![]),
            Value::Map(vec![]),
        ];
        members.push(("odd".into(), Value::List(odds)));
        let value = Value::Map(members);
        let mut text = Vec::new();
        add_value(&mut text, &value);
        assert_eq!(text, serde_json::to_vec(&value).unwrap());
    }

    /// `SplitMix64`.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let n = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            n ^ (n >> 31)
        }

        fn below(&mut self, end: u64) -> u64 {
            self.roll() % end
        }

        fn text(&mut self) -> String {
            const ODD: [char; 12] = [
                '"',
                '\\',
                '/',
                '\u{1}',
                '\u{1f}',
                '\u{7f}',
                '\n',
                '\u{85}',
                '\u{2028}',
                '\u{2029}',
                '\u{ffff}',
                '\u{10ffff}',
            ];
            let length = self.below(80);
            (0..length)
                .map(|_| match self.below(40) {
                    n @ 0..12 => ODD[usize::try_from(n).unwrap()],
                    12..16 => char::from_u32(u32::try_from(self.below(0x11_0000)).unwrap())
                        .filter(|c| *c != '\0')
                        .unwrap_or('\u{fffd}'),
                    _ => 'x',
                })
                .collect()
        }

        fn number(&mut self) -> Value {
            // Half of all with as many digits as people write, half with as many as fit.
            let x = match self.below(2) {
                #[expect(clippy::cast_precision_loss, reason = "any number will do")]
                0 => self.below(1_000_000) as f64 / 1000.0,
                _ => f64::from_bits(self.roll()),
            };
            if x.is_finite() {
                crate::value::number(x)
            } else {
                Value::Int(self.roll().cast_signed())
            }
        }

        fn value(&mut self, depth: u64) -> Value {
            match self.below(if depth == 0 { 5 } else { 8 }) {
                0 => Value::Null,
                1 => Value::Bool(self.below(2) == 0),
                2 | 3 => self.number(),
                4 => self.text().into(),
                5 => (0..self.below(5))
                    .map(|_| self.value(depth - 1))
                    .collect::<Vec<_>>()
                    .into(),
                _ => {
                    let mut members: Vec<(String, Value)> = Vec::new();
                    for _ in 0..self.below(40) {
                        let name = self.text();
                        if members.iter().all(|(other, _)| *other != name) {
                            members.push((name, self.value(depth - 1)));
                        }
                    }
                    Value::Map(members)
                }
            }
        }
    }

    #[test]
    fn any_document_is_written_as_serde_writes_it_and_read_as_it_was() {
        for seed in 0..300 {
            let value = Dice(seed).value(4);
            let mut text = Vec::new();
            add_value(&mut text, &value);
            // Documents of many pages: the seed finds them again.
            assert!(text == serde_json::to_vec(&value).unwrap(), "seed {seed}");
            assert!(Value::parse(&text).unwrap() == value, "seed {seed}");
        }
    }

    /// The last digit counts: a number that is read back as another one is a change that nobody made.
    #[test]
    fn every_number_is_read_as_it_was_written() {
        let mut dice = Dice(1);
        for _ in 0..20_000 {
            let number = dice.number();
            let mut text = Vec::new();
            add_value(&mut text, &number);
            let shown = String::from_utf8_lossy(&text);
            assert_eq!(Value::parse(&text).unwrap(), number, "{shown}");
        }
    }
}
