//! The JSON of each vendor, byte for byte.

use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};
use tidings_domain::json;

/// One line, no blanks, UTF-8: what most vendors send.
pub fn compact(value: &impl Serialize) -> Vec<u8> {
    // Payloads are structs, lists and maps with string keys; writing them to memory cannot fail.
    json::to_vec(value).unwrap_or_default()
}

fn formatted(value: &impl Serialize, formatter: impl Formatter) -> Vec<u8> {
    let text =
        json::written(|out| value.serialize(&mut Serializer::with_formatter(out, formatter)));
    text.unwrap_or_default()
}

/// One line with blanks after `,` and `:`, everything beyond ASCII escaped: what Python's `json.dumps` writes.
pub fn python(value: &impl Serialize) -> Vec<u8> {
    formatted(value, Python)
}

/// One line, no blanks, `/` and everything beyond ASCII escaped: what PHP's `json_encode` writes when nobody tells it otherwise.
pub fn php(value: &impl Serialize) -> Vec<u8> {
    formatted(value, Php)
}

/// Writes text with UTF-16 escapes for all that is beyond ASCII; DEL stays as it is.
fn write_ascii<W: ?Sized + io::Write>(writer: &mut W, text: &str) -> io::Result<()> {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| !c.is_ascii()) {
        let (plain, tail) = rest.split_at(at);
        writer.write_all(plain.as_bytes())?;
        let mut chars = tail.chars();
        if let Some(c) = chars.next() {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        rest = chars.as_str();
    }
    writer.write_all(rest.as_bytes())
}

struct Php;

impl Formatter for Php {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut parts = fragment.split('/');
        if let Some(first) = parts.next() {
            write_ascii(writer, first)?;
        }
        for part in parts {
            writer.write_all(b"\\/")?;
            write_ascii(writer, part)?;
        }
        Ok(())
    }
}

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_ascii(writer, fragment)
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::Quote => writer.write_all(b"\\\""),
            CharEscape::ReverseSolidus => writer.write_all(b"\\\\"),
            CharEscape::Solidus => writer.write_all(b"\\/"),
            CharEscape::Backspace => writer.write_all(b"\\b"),
            CharEscape::FormFeed => writer.write_all(b"\\f"),
            CharEscape::LineFeed => writer.write_all(b"\\n"),
            CharEscape::CarriageReturn => writer.write_all(b"\\r"),
            CharEscape::Tab => writer.write_all(b"\\t"),
            CharEscape::AsciiControl(byte) => write!(writer, "\\u{byte:04x}"),
        }
    }
}

/// One line, no blanks, UTF-8, `</` as `<\u002f` and the line separators of JavaScript escaped, numbers as Java writes them:
/// what Grails' converter writes.
pub fn grails(value: &impl Serialize) -> Vec<u8> {
    formatted(value, Grails)
}

struct Grails;

impl Formatter for Grails {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        // Java keeps a digit after the point, and turns to exponents from ten million on and below a thousandth.
        let plain = value == 0.0 || (1e-3..1e7).contains(&value.abs());
        if plain {
            write!(writer, "{value:?}")
        } else {
            let text = format!("{value:E}");
            match text.split_once('E') {
                Some((digits, exponent)) if !digits.contains('.') => {
                    write!(writer, "{digits}.0E{exponent}")
                }
                _ => writer.write_all(text.as_bytes()),
            }
        }
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // What is escaped everywhere ends a fragment, so a slash at a fragment's beginning never follows a `<`.
        let mut rest = fragment;
        while let Some(at) = rest.find(['/', '\u{2028}', '\u{2029}']) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut chars = from.chars();
            match chars.next() {
                Some('/') if before.ends_with('<') => writer.write_all(b"\\u002f")?,
                Some('/') => writer.write_all(b"/")?,
                Some('\u{2028}') => writer.write_all(b"\\u2028")?,
                _ => writer.write_all(b"\\u2029")?,
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}
