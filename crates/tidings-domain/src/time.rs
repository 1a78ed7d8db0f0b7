//! Instants and dates in the forms the API promises.

use jiff::fmt::temporal::DateTimeParser;

use crate::value::Value;

/// An instant; objects carry whole seconds.
pub type Time = jiff::Timestamp;
/// A day without a time.
pub type Date = jiff::civil::Date;

/// `2012-08-13T23:14:26Z`: whole seconds, UTC.
pub fn show(time: Time) -> String {
    cut(time).to_string()
}

/// The instant without its fraction of a second.
pub fn cut(time: Time) -> Time {
    Time::from_second(time.as_second()).unwrap_or(time)
}

/// Before the year 0, which no RFC 3339 text can say.
const FIRST_SECOND: i64 = -62_167_219_200;

/// Reads RFC 3339 in any offset; a fraction of a second is cut.
pub fn parse(text: &str) -> Option<Time> {
    // RFC 3339 wants date, time and offset; jiff alone would also take time zone annotations and week dates.
    let plain = text.len() >= 20
        && text.len() <= 40
        && text.bytes().all(|b| {
            b.is_ascii_digit()
                || matches!(
                    b,
                    b'-' | b':' | b'T' | b't' | b'Z' | b'z' | b'+' | b'.' | b' '
                )
        });
    static PARSER: DateTimeParser = DateTimeParser::new();
    if plain {
        // In UTC it may be the year before: then it could not be shown.
        let time = PARSER.parse_timestamp(text).ok().map(cut);
        time.filter(|time| time.as_second() >= FIRST_SECOND)
    } else {
        None
    }
}

/// Reads `YYYY-MM-DD`.
pub fn parse_date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let plain = bytes.len() == 10 && bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-');
    if plain { text.parse().ok() } else { None }
}

/// The instant as a JSON value.
pub fn value(time: Time) -> Value {
    Value::Text(show(time))
}

/// Whether that is the name of a time zone (IANA).
pub fn is_zone(name: &str) -> bool {
    jiff::tz::TimeZone::get(name).is_ok()
}

#[cfg(test)]
mod tests;
