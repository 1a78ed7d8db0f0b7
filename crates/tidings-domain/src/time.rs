//! Instants and dates in the forms the API promises.

use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::Offset;

use crate::value::{Text, Value};

/// An instant; objects carry whole seconds.
pub type Time = jiff::Timestamp;
/// A day without a time.
pub type Date = jiff::civil::Date;

/// `2012-08-13T23:14:26Z`: whole seconds, UTC.
pub fn show(time: Time) -> String {
    text(time).into()
}

/// The same as a text of an object; it takes no memory of its own.
pub fn text(time: Time) -> Text {
    let time = cut(time);
    let at = Offset::UTC.to_datetime(time);
    let Ok(year @ 0..=9999) = u16::try_from(at.year()) else {
        return time.to_string().into();
    };
    let [century, year] = [year / 100, year % 100].map(|part| u8::try_from(part).unwrap_or(0));
    let mut shown = *b"0000-00-00T00:00:00Z";
    let numbers = [
        (0, century),
        (2, year),
        (5, at.month().unsigned_abs()),
        (8, at.day().unsigned_abs()),
        (11, at.hour().unsigned_abs()),
        (14, at.minute().unsigned_abs()),
        (17, at.second().unsigned_abs()),
    ];
    for (place, number) in numbers {
        if let Some([tens, ones]) = shown.get_mut(place..place + 2) {
            *tens += number / 10;
            *ones += number % 10;
        }
    }
    str::from_utf8(&shown).unwrap_or_default().into()
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
    Value::Text(text(time))
}

/// Whether that is the name of a time zone (IANA).
pub fn is_zone(name: &str) -> bool {
    jiff::tz::TimeZone::get(name).is_ok()
}

#[cfg(test)]
mod tests;
