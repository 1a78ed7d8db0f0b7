//! A webhook from a request.

use tidings_dialects::Dialect;
use tidings_domain::webhook::{
    DEFAULT_IN_FLIGHT, DEFAULT_TIMEOUT_SECONDS, Ordering, Selection, Webhook,
};
use tidings_domain::{Fault, Value};
use tidings_egress::tls;

use super::headers::{self, HeaderValue};
use crate::caller::Caller;
use crate::guard;
use crate::reader::{Reader, merge, pointer};

const MAX_IN_FLIGHT: i64 = 100;
const MAX_FAILURE_LIMIT: i64 = 1000;
const MAX_STEPS: usize = 30;
const MAX_STEP_SECONDS: i64 = 7 * 24 * 3600;
const MAX_SECRET: usize = 1000;

/// What is read: a new webhook, or changes of one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// What is left out gets its default.
    Create,
    /// What is left out stays.
    Edit,
    /// As an edit, to be tried out and not saved: a stored secret goes to no other host.
    Try,
}

/// What becomes of the secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum SecretChange {
    /// As stored.
    Keep,
    /// None any more.
    Remove,
    /// This one, at once.
    Set(String),
}

/// A webhook that was read and is not sealed yet.
pub(super) struct Draft {
    /// Everything but secret and headers.
    pub(super) webhook: Webhook,
    /// The secret.
    pub(super) secret: SecretChange,
    /// The headers.
    pub(super) headers: Vec<(String, HeaderValue)>,
    /// Whether the guard must look at the URL.
    pub(super) judge_url: bool,
    /// Pointer of the URL.
    pub(super) url_at: String,
}

/// `body` laid over `base`. `at` is the pointer of the webhook in the request.
pub(super) fn read(
    body: &Value,
    base: &Webhook,
    mode: Mode,
    caller: &Caller,
    at: &str,
) -> Result<Draft, Fault> {
    let mut r = Reader::new(body, at)?;
    let mut w = base.clone();
    let dialect = dialect(&mut r, &mut w, mode);
    if let Some(text) = r.text("url", 1, 2000) {
        let url = guard::parse(&text, &format!("{at}/url"));
        if let Some(url) = r.absorb(url) {
            w.url = url.into();
        }
    } else if w.url.is_empty() {
        r.require::<String>("url", None);
    }
    let moved = mode != Mode::Create && !guard::same_place(&w.url, &base.url);
    match r.text_or_null("name", 1, 100) {
        Some(Some(name)) => w.name = name,
        Some(None) => w.name = default_name(&w.url),
        None if w.name.is_empty() => w.name = default_name(&w.url),
        None => {}
    }
    if let Some(text) = r.text_or_null("description", 0, 1000) {
        w.description = text.unwrap_or_default();
    }
    if let Some(dialect) = dialect {
        events(&mut r, &mut w, dialect);
        options(&mut r, &mut w, dialect);
    } else {
        // Without a dialect nothing can be said about these two; they are known names all the same.
        r.raw("events");
        r.raw("options");
    }
    let secret = match r.text_or_null("secret", 1, MAX_SECRET) {
        Some(Some(text)) => SecretChange::Set(text),
        Some(None) => SecretChange::Remove,
        None if moved && mode == Mode::Try => SecretChange::Remove,
        None => SecretChange::Keep,
    };
    let patch = r.raw("headers");
    let headers = headers::read(patch, &base.headers, !moved, &format!("{at}/headers"));
    let headers = r.absorb(headers).unwrap_or_default();
    sending(&mut r, &mut w);
    locked(&mut r, &mut w, caller);
    read_only(&mut r, base, mode);
    r.finish().map_err(sharpened)?;
    Ok(Draft {
        judge_url: mode != Mode::Edit || w.url != base.url,
        webhook: w,
        secret,
        headers,
        url_at: format!("{at}/url"),
    })
}

/// A fault with a code of its own is known by it as a whole.
fn sharpened(mut fault: Fault) -> Fault {
    if let [only] = fault.errors.as_slice()
        && only.code == "dialect_fixed"
    {
        fault.code = only.code;
    }
    fault
}

fn default_name(url: &str) -> String {
    url::Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .map_or_else(
            || "webhook".to_owned(),
            |host| host.chars().take(100).collect(),
        )
}

fn dialect(r: &mut Reader<'_>, w: &mut Webhook, mode: Mode) -> Option<&'static dyn Dialect> {
    let given = r.text("dialect", 1, 100);
    if mode != Mode::Create && !w.dialect.is_empty() {
        if given.is_some_and(|name| name != w.dialect) {
            r.refuse(
                "dialect",
                "dialect_fixed",
                "is fixed when the webhook is created; make another webhook for another dialect",
            );
        }
        return tidings_dialects::find(&w.dialect);
    }
    let name = r.require("dialect", given)?;
    let found = tidings_dialects::find(&name);
    if let Some(dialect) = found {
        dialect.name().clone_into(&mut w.dialect);
    } else {
        let known: Vec<_> = tidings_dialects::all().iter().map(|d| d.name()).collect();
        let detail = format!("must be one of {}", known.join(", "));
        r.refuse("dialect", "unknown_word", detail);
    }
    found
}

fn events(r: &mut Reader<'_>, w: &mut Webhook, dialect: &dyn Dialect) {
    match r.raw("events") {
        None => {}
        Some(Value::Null) => w.events = Selection::All,
        Some(Value::Text(word)) if word == "all" => w.events = Selection::All,
        Some(Value::Text(word)) if word == "stories" && !dialect.story_codes().is_empty() => {
            w.events = Selection::Stories;
        }
        Some(Value::List(entries)) if (1..=200).contains(&entries.len()) => {
            let mut codes: Vec<String> = Vec::new();
            for (i, entry) in entries.iter().enumerate() {
                let code = entry.as_str().unwrap_or_default();
                if dialect.phrases().iter().any(|p| p.code == code) {
                    if !codes.iter().any(|c| c == code) {
                        codes.push(code.to_owned());
                    }
                } else {
                    let list = format!("GET /api/v1/dialects/{}/events lists them", dialect.name());
                    r.refuse_at(
                        &format!("events/{i}"),
                        "unknown_code",
                        format!("is no event code of {}; {list}", dialect.title()),
                    );
                }
            }
            w.events = Selection::Codes(codes);
        }
        Some(_) => {
            let words = if dialect.story_codes().is_empty() {
                "\"all\""
            } else {
                "\"all\", \"stories\""
            };
            let detail = format!("must be {words}, or a list of 1 to 200 event codes");
            r.refuse("events", "events", detail);
        }
    }
}

fn options(r: &mut Reader<'_>, w: &mut Webhook, dialect: &dyn Dialect) {
    let Some(patch) = r.raw("options") else {
        return;
    };
    if patch.is_null() {
        w.options = Value::Null;
        return;
    }
    if !matches!(patch, Value::Map(_)) {
        r.refuse("options", "wrong_type", "must be an object");
        return;
    }
    for (name, value) in patch.as_map() {
        let place = format!("options/{}", pointer(name));
        let Some(option) = dialect.options().iter().find(|o| o.name == name) else {
            let known: Vec<_> = dialect.options().iter().map(|o| o.name).collect();
            let detail = if known.is_empty() {
                format!("is not known: {} has no options", dialect.title())
            } else {
                format!("is not known; known are {}", known.join(", "))
            };
            r.refuse_at(&place, "unknown_member", detail);
            continue;
        };
        let good = value.is_null() || value.as_str().is_some_and(|v| option.values.contains(&v));
        if !good {
            let detail = format!("must be one of {}", option.values.join(", "));
            r.refuse_at(&place, "unknown_word", detail);
        }
    }
    let merged = merge(&w.options, patch);
    w.options = if merged.as_map().is_empty() {
        Value::Null
    } else {
        merged
    };
}

/// How requests are sent.
fn sending(r: &mut Reader<'_>, w: &mut Webhook) {
    if let Some(flag) = r.flag("verify_tls") {
        w.verify_tls = flag;
    }
    match r.text_or_null("ca_pem", 1, tls::MAX_PEM) {
        Some(Some(pem)) => match tls::check_pem(&pem) {
            Ok(_) => w.ca_pem = Some(pem),
            Err(detail) => r.refuse("ca_pem", "pem", detail),
        },
        Some(None) => w.ca_pem = None,
        None => {}
    }
    if let Some(flag) = r.flag("enabled") {
        w.enabled = flag;
    }
    let small = |n: i64| u32::try_from(n).unwrap_or_default();
    if let Some(n) = r.int_or_null("timeout_seconds", 1, 60) {
        w.timeout_seconds = n.map_or(DEFAULT_TIMEOUT_SECONDS, small);
    }
    match r.word("ordering", &["item", "none"]) {
        Some("none") => w.ordering = Ordering::None,
        Some(_) => w.ordering = Ordering::Item,
        None => {}
    }
    if let Some(n) = r.int_or_null("max_in_flight", 1, MAX_IN_FLIGHT) {
        w.max_in_flight = n.map_or(DEFAULT_IN_FLIGHT, small);
    }
    if let Some(n) = r.int_or_null("failure_limit", 0, MAX_FAILURE_LIMIT) {
        w.failure_limit = n.map(small);
    }
    match r.raw("retry_schedule") {
        None => {}
        Some(Value::Null) => w.retry_schedule = None,
        Some(Value::List(steps)) if steps.len() <= MAX_STEPS => {
            let mut schedule = Vec::with_capacity(steps.len());
            for (i, step) in steps.iter().enumerate() {
                match step.as_int().filter(|n| (1..=MAX_STEP_SECONDS).contains(n)) {
                    Some(seconds) => schedule.push(seconds.unsigned_abs()),
                    None => r.refuse_at(
                        &format!("retry_schedule/{i}"),
                        "range",
                        "must be whole seconds from 1 to 604800",
                    ),
                }
            }
            w.retry_schedule = Some(schedule);
        }
        Some(_) => r.refuse(
            "retry_schedule",
            "wrong_type",
            "must be null or a list of at most 30 waits in seconds; an empty list means one try",
        ),
    }
}

fn locked(r: &mut Reader<'_>, w: &mut Webhook, caller: &Caller) {
    let Some(wanted) = r.flag("locked") else {
        return;
    };
    let own = matches!(caller, Caller::App { .. }) && w.origin == super::origin_of(caller);
    let unlocks = !wanted && matches!(caller, Caller::Admin { .. });
    if wanted != w.locked && !own && !unlocks {
        r.refuse(
            "locked",
            "read_only",
            "is set by an app on its own webhooks",
        );
        return;
    }
    w.locked = wanted;
}

/// What the server sets: fine when it is what is stored (so that what was read can be edited and written back), else refused. What
/// changes by itself is not looked at.
fn read_only(r: &mut Reader<'_>, base: &Webhook, mode: Mode) {
    for name in ["warnings", "health"] {
        r.raw(name);
    }
    let stored = [
        ("id", Value::from(base.id.0)),
        ("origin", base.origin.as_str().into()),
        ("has_secret", base.secrets.is_some().into()),
        ("created_at", base.created_at.as_str().into()),
        ("updated_at", base.updated_at.as_str().into()),
    ];
    for (name, value) in stored {
        // A webhook to be tried out may say that it has no id yet.
        let given = r.raw(name).filter(|given| !given.is_null());
        let same = mode != Mode::Create && given == Some(&value);
        if given.is_some() && !same {
            r.refuse(name, "read_only", "is set by the server");
        }
    }
}
