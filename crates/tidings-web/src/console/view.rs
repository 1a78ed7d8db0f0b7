//! Templates, and what they can say beyond their language.
//!
//! minijinja rather than compiled templates: the use cases answer with JSON documents, which it shows as they are. What templates name
//! must be there (`strict`), so a misspelt name fails the test that opens the page.

use std::fmt::Write as _;
use std::sync::LazyLock;

use http::StatusCode;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, escape_formatter,
};
use tidings_app::refusal::internal;
use tidings_domain::{Fault, Time, time};

use super::embedded::TEMPLATES;
use super::{Flash, Frame, assets};
use crate::route::{HTML, Reply};

/// What a use case answered, for a template.
pub(super) fn json(value: &impl serde::Serialize) -> Value {
    Value::from(Serde(value))
}

/// A page as an answer.
pub(super) fn page(frame: &Frame, template: &str, context: Value) -> Result<Reply, Fault> {
    let reply = Reply::text(StatusCode::OK, HTML, render(frame, template, context)?);
    Ok(match frame.flash {
        Some(_) => Flash::clear(reply),
        None => reply,
    })
}

/// A template's text.
pub(super) fn render(frame: &Frame, template: &str, context: Value) -> Result<String, Fault> {
    let context = minijinja::context! { ..context, ..frame.context() };
    let rendered = prepared().and_then(|mut environment| {
        // A global, so that macros of other files know it too.
        environment.add_global("now", frame.now.as_str());
        environment.add_global("form_key", frame.form_key.as_str());
        environment.get_template(template)?.render(&context)
    });
    rendered.map_err(|error| {
        tracing::error!("the page {template} failed: {error:#}");
        internal()
    })
}

/// An environment with every template. In a debug build they come from the source folder each time, so that a reload shows an edit.
fn prepared() -> Result<Environment<'static>, Error> {
    static PREPARED: LazyLock<Result<Environment<'static>, Error>> = LazyLock::new(prepare);
    if cfg!(debug_assertions) {
        return prepare();
    }
    // A copy shares the templates.
    match &*PREPARED {
        Ok(environment) => Ok(environment.clone()),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn prepare() -> Result<Environment<'static>, Error> {
    let mut environment = environment();
    for (name, bytes) in TEMPLATES {
        let text = source(name).unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned());
        environment.add_template_owned(*name, text)?;
    }
    Ok(environment)
}

/// A template as it lies in the source folder, for debug builds.
fn source(name: &str) -> Option<String> {
    if !cfg!(debug_assertions) {
        return None;
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/console/templates/");
    std::fs::read_to_string(format!("{folder}{name}")).ok()
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    if let Ok(syntax) = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
    {
        environment.set_syntax(syntax);
    }
    environment.set_formatter(write_escaped);
    environment.add_function("asset", asset);
    environment.add_filter("ago", ago);
    environment.add_filter("moment", moment);
    environment.add_filter("count", count);
    environment.add_filter("counted", counted);
    environment.add_filter("millis", millis);
    environment.add_filter("bytes", bytes);
    environment.add_filter("spent", spent);
    environment.add_filter("words", words);
    environment.add_filter("sentence", sentence);
    environment.add_filter("percent", |text: &str| percent(text));
    environment.add_filter("dated", super::prose::dated);
    environment.add_filter("browser", super::agent::words);
    environment.add_filter("pretty", pretty);
    environment.add_filter("pieces", pieces);
    environment.add_filter("bars", |hours: &Value| super::chart::bars(hours));
    environment.add_function("link", link);
    environment
}

fn wrong(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, what)
}

/// Writes a value as text of a page. Beside what minijinja does this leaves slashes alone: pages are full of paths.
fn write_escaped(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    let text = match value.as_str() {
        Some(text) if *state.auto_escape() == AutoEscape::Html && !value.is_safe() => text,
        _ => return escape_formatter(out, state, value),
    };
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (plain, special) = rest.split_at(at);
        out.write_str(plain)?;
        out.write_str(match special.as_bytes().first() {
            Some(b'&') => "&amp;",
            Some(b'<') => "&lt;",
            Some(b'>') => "&gt;",
            Some(b'"') => "&quot;",
            _ => "&#39;",
        })?;
        rest = special.get(1..).unwrap_or_default();
    }
    Ok(out.write_str(rest)?)
}

/// `asset("console.css")`: its path.
fn asset(name: &str) -> Result<String, Error> {
    assets::path(name).ok_or_else(|| wrong(format!("there is no asset {name}")))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "how a function takes named arguments"
)]
/// `link(path, name=value, ...)`: a path with those parameters, percent-encoded; what is null or empty is left out.
fn link(path: &str, parameters: Kwargs) -> Result<String, Error> {
    let mut text = path.to_owned();
    let mut between = if path.contains('?') { '&' } else { '?' };
    for name in parameters.args() {
        let value: Value = parameters.get(name)?;
        let value = if value.is_none() || value.is_undefined() {
            String::new()
        } else {
            value.to_string()
        };
        if !value.is_empty() {
            text.push(between);
            let _ = write!(text, "{name}={}", percent(&value));
            between = '&';
        }
    }
    parameters.assert_all_used()?;
    Ok(text)
}

/// A URL in the pieces between which a line may break: after what separates its parts.
fn pieces(url: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for part in url.split_inclusive(['/', '?', '&', '=']) {
        match pieces.last_mut() {
            // `https://` and the host stay together.
            Some(last) if last.ends_with(":/") || last.ends_with("://") => last.push_str(part),
            _ => pieces.push(part.to_owned()),
        }
    }
    pieces
}

/// Percent-encoded, for a path's segment or a query's value.
pub(super) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn now(state: &State<'_, '_>) -> Option<Time> {
    let now = state.lookup("now")?;
    time::parse(now.as_str()?)
}

/// `2 minutes ago`, `in 5 seconds`; of what is no time nothing.
fn ago(state: &State<'_, '_>, at: &Value) -> String {
    let Some((at, now)) = at.as_str().and_then(time::parse).zip(now(state)) else {
        return String::new();
    };
    let seconds = now.as_second() - at.as_second();
    let long = spell(seconds.unsigned_abs());
    match seconds {
        -1..=1 => "just now".to_owned(),
        2.. => format!("{long} ago"),
        _ => format!("in {long}"),
    }
}

/// A length of time in its largest unit.
fn spell(seconds: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (365 * 86_400, "year"),
        (86_400, "day"),
        (3600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let (size, name) = UNITS
        .into_iter()
        .find(|(size, _)| seconds >= *size)
        .unwrap_or((1, "second"));
    let number = seconds / size;
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {name}{ending}")
}

/// `21 Nov 2026, 10:04:05`: a time as people read it, in UTC.
fn moment(at: &Value) -> String {
    let parsed = at.as_str().and_then(time::parse);
    parsed.map_or_else(String::new, |at| {
        at.strftime("%-d %b %Y, %H:%M:%S").to_string()
    })
}

/// `1,234,567`.
pub(super) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if number < 0 { format!("-{out}") } else { out }
}

/// A number that was counted only so far: `10,000 or more`.
fn counted(number: i64) -> String {
    let most = i64::try_from(tidings_app::webhooks::COUNTED).unwrap_or(i64::MAX);
    let text = count(number);
    if number >= most {
        format!("{text} or more")
    } else {
        text
    }
}

/// Milliseconds as `840 ms` or `2.4 s`.
fn millis(ms: i64) -> String {
    match ms {
        0 => "< 1 ms".to_owned(),
        ..1000 => format!("{ms} ms"),
        1000..100_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => spell((ms / 1000).unsigned_abs()),
    }
}

/// Minutes as `35 min` or `2 h 5 min`.
fn spent(minutes: Option<i64>) -> String {
    let minutes = minutes.unwrap_or(0);
    match (minutes / 60, minutes % 60) {
        (0, rest) => format!("{rest} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, rest) => format!("{hours} h {rest} min"),
    }
}

/// `312 B`, `4.1 KiB`, `16 MiB`.
fn bytes(size: i64) -> String {
    const KIB: i64 = 1024;
    const UNITS: [(i64, &str); 3] = [(KIB * KIB * KIB, "GiB"), (KIB * KIB, "MiB"), (KIB, "KiB")];
    match UNITS.into_iter().find(|(unit, _)| size >= *unit) {
        None => format!("{size} B"),
        Some((unit, name)) if size / unit < 10 => {
            format!("{}.{} {name}", size / unit, size % unit * 10 / unit)
        }
        Some((unit, name)) => format!("{} {name}", size / unit),
    }
}

/// A word of the API as people write it: `backing_off` is `backing off`.
fn words(word: &str) -> String {
    word.replace(['_', '-'], " ")
}

/// With a capital at its beginning.
pub(super) fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars.as_str().chars()).collect()
}

/// What a refusal says, as a sentence: those of the API begin small and end without a stop.
pub(super) fn sentence(text: &str) -> String {
    let mut out = sentence_case(text);
    if !out.is_empty() && !out.ends_with(['.', '!', '?', ':']) {
        out.push('.');
    }
    out
}

/// JSON with one member a line; what is no JSON stays as it is.
pub(super) fn pretty(text: &str) -> String {
    tidings_domain::Value::parse(text.as_bytes())
        .ok()
        .and_then(|value| serde_json::to_string_pretty(&value).ok())
        .unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests;
