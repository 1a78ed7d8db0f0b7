//! The fields of a webhook's form: from a stored webhook, from what a browser sent, and on to the use case.

use tidings_app::reader::object;
use tidings_app::webhooks::MASK;
use tidings_domain::fault::FieldFault;
use tidings_domain::{Fault, Value};

use super::words::text;
use crate::console::Form;
use crate::console::plain::TOLD;

/// Empty rows for more headers on a page without scripts.
const SPARE_HEADERS: usize = 2;

/// What the template shows.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct Fields {
    name: String,
    description: String,
    url: String,
    /// `all`, `stories` or `selected`.
    events: String,
    codes: Vec<String>,
    /// `keep`, `none`, `generate`, `own`.
    secret: String,
    verify_tls: bool,
    ca_pem: String,
    enabled: bool,
    headers: Vec<Header>,
    timeout_seconds: String,
    ordering: String,
    max_in_flight: String,
    failure_limit: String,
    retry_schedule: String,
    options: std::collections::BTreeMap<String, String>,
    /// The code of the test.
    event: String,
    /// The version that was read, so that somebody else's edit is not undone unseen.
    seen: String,
}

#[derive(Debug, Default, serde::Serialize)]
struct Header {
    name: String,
    value: String,
    /// There is a value already; an empty field keeps it.
    stored: bool,
}

impl Fields {
    /// Of a new webhook.
    pub(super) fn blank() -> Self {
        Self {
            events: "all".to_owned(),
            secret: "generate".to_owned(),
            verify_tls: true,
            enabled: true,
            timeout_seconds: "30".to_owned(),
            ordering: "item".to_owned(),
            max_in_flight: "8".to_owned(),
            ..Self::default()
        }
        .with_room()
    }

    /// Of a stored one.
    pub(super) fn of(webhook: &Value) -> Self {
        let flag = |name: &str| webhook.member(name).and_then(Value::as_bool) == Some(true);
        let int = |name: &str| {
            let number = webhook.member(name).and_then(Value::as_int);
            number.map_or_else(String::new, |n| n.to_string())
        };
        let (events, codes) = match webhook.member("events") {
            Some(Value::List(codes)) => ("selected", codes.iter().filter_map(Value::as_str)),
            Some(Value::Text(word)) if word == "stories" => {
                ("stories", [].iter().filter_map(Value::as_str))
            }
            _ => ("all", [].iter().filter_map(Value::as_str)),
        };
        let headers = webhook.member("headers").map_or(&[][..], Value::as_map);
        let options = webhook.member("options").map_or(&[][..], Value::as_map);
        Self {
            name: text(webhook, "name").to_owned(),
            description: text(webhook, "description").to_owned(),
            url: text(webhook, "url").to_owned(),
            events: events.to_owned(),
            codes: codes.map(str::to_owned).collect(),
            secret: if flag("has_secret") { "keep" } else { "none" }.to_owned(),
            verify_tls: flag("verify_tls"),
            ca_pem: text(webhook, "ca_pem").to_owned(),
            enabled: flag("enabled"),
            headers: headers
                .iter()
                .map(|(name, _)| Header {
                    name: name.clone(),
                    value: String::new(),
                    stored: true,
                })
                .collect(),
            timeout_seconds: int("timeout_seconds"),
            ordering: text(webhook, "ordering").to_owned(),
            max_in_flight: int("max_in_flight"),
            failure_limit: int("failure_limit"),
            retry_schedule: schedule_words(webhook.member("retry_schedule")),
            options: options
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            event: String::new(),
            seen: String::new(),
        }
        .with_room()
    }

    /// As they were sent; the secret is not among them.
    pub(super) fn sent(form: &Form, stored: Option<&Value>) -> Self {
        let known = stored
            .and_then(|w| w.member("headers"))
            .map_or(&[][..], Value::as_map);
        let field = |name: &str| form.get(name).to_owned();
        let options = form.fields().filter_map(|(name, value)| {
            let name = name.strip_prefix("options.")?;
            Some((name.to_owned(), value.to_owned()))
        });
        Self {
            name: field("name"),
            description: field("description"),
            url: field("url"),
            events: field("events"),
            codes: form.all("code").map(str::to_owned).collect(),
            secret: field("secret_mode"),
            verify_tls: form.has("verify_tls"),
            ca_pem: field("ca_pem"),
            enabled: form.has("enabled"),
            headers: header_rows(form)
                .filter(|(name, value)| !name.is_empty() || !value.is_empty())
                .map(|(name, value)| Header {
                    stored: known.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)),
                    name: name.to_owned(),
                    value: value.to_owned(),
                })
                .collect(),
            timeout_seconds: field("timeout_seconds"),
            ordering: field("ordering"),
            max_in_flight: field("max_in_flight"),
            failure_limit: field("failure_limit"),
            retry_schedule: field("retry_schedule"),
            options: options.collect(),
            event: field("event"),
            seen: field("seen"),
        }
        .with_room()
    }

    /// With the word for the version that they are of.
    pub(super) fn seen(mut self, seen: &str) -> Self {
        seen.clone_into(&mut self.seen);
        self
    }

    /// What two people may have written differently, without anything secret.
    pub(super) fn said(&self) -> Value {
        let names = self.headers.iter().map(|h| h.name.as_str());
        let names = names.filter(|name| !name.is_empty());
        let events = if self.events == "selected" {
            self.codes.clone().into()
        } else {
            self.events.as_str().into()
        };
        let Value::Map(mut members) = object([
            ("name", self.name.as_str().into()),
            ("description", self.description.as_str().into()),
            ("url", self.url.as_str().into()),
            ("enabled", self.enabled.into()),
            ("events", events),
            ("verify_certificate", self.verify_tls.into()),
            ("certificate_authority", self.ca_pem.as_str().into()),
            ("headers", names.collect::<Vec<_>>().into()),
            ("timeout_in_seconds", self.timeout_seconds.as_str().into()),
            ("order", self.ordering.as_str().into()),
            (
                "requests_at_the_same_time",
                self.max_in_flight.as_str().into(),
            ),
            ("failure_limit", self.failure_limit.as_str().into()),
            (
                "waits_between_tries",
                schedule_words(Some(&schedule(&self.retry_schedule))).into(),
            ),
        ]) else {
            return Value::Null;
        };
        let options = self.options.iter();
        members.extend(options.map(|(name, value)| (name.clone(), value.as_str().into())));
        Value::Map(members)
    }

    fn with_room(mut self) -> Self {
        let spare = (0..SPARE_HEADERS).map(|_| Header::default());
        self.headers.extend(spare);
        self
    }
}

/// Name and value of each header, as the browser sent them in pairs.
fn header_rows(form: &Form) -> impl Iterator<Item = (&str, &str)> {
    let names = form.all("header_name").map(str::trim);
    names.zip(form.all("header_value").map(str::trim))
}

/// What a use case takes, of a form. `stored` is the webhook that is edited; `secret` what a new one is to be, if one was made.
pub(super) fn body(form: &Form, stored: Option<&Value>, secret: Option<&str>) -> Value {
    let Value::Map(mut members) = object([
        ("name", form.text_or_null("name")),
        ("description", form.text_or_null("description")),
        ("url", form.get("url").trim().into()),
        ("events", events(form)),
        ("verify_tls", form.has("verify_tls").into()),
        ("ca_pem", form.text_or_null("ca_pem")),
        ("headers", headers(form, stored)),
        ("timeout_seconds", form.int_or_null("timeout_seconds")),
        ("ordering", form.get("ordering").into()),
        ("max_in_flight", form.int_or_null("max_in_flight")),
        ("failure_limit", form.int_or_null("failure_limit")),
        ("retry_schedule", schedule(form.get("retry_schedule"))),
    ]) else {
        return Value::Null;
    };
    let mut put = |name: &str, value: Value| members.push((name.to_owned(), value));
    let options: Vec<_> = form
        .fields()
        .filter_map(|(name, value)| Some((name.strip_prefix("options.")?.to_owned(), value.into())))
        .collect();
    if !options.is_empty() {
        put("options", Value::Map(options));
    }
    match (form.get("secret_mode"), secret) {
        (_, Some(made)) => put("secret", made.into()),
        // The word of whoever writes a secret: nothing is cut off it.
        ("own", None) => put("secret", form.get("secret").into()),
        ("none", None) => put("secret", Value::Null),
        _ => {}
    }
    // A box that cannot be ticked is not sent: then it stays as it is.
    if form.has("switch") {
        put("enabled", form.has("enabled").into());
    }
    Value::Map(members)
}

fn events(form: &Form) -> Value {
    match form.get("events") {
        "selected" => Value::List(form.all("code").map(Value::from).collect()),
        other => other.into(),
    }
}

/// The patch: what has no row any more is removed, what has no value keeps the stored one.
fn headers(form: &Form, stored: Option<&Value>) -> Value {
    let known = stored
        .and_then(|w| w.member("headers"))
        .map_or(&[][..], Value::as_map);
    let mut patch: Vec<(String, Value)> = header_rows(form)
        .filter(|(name, value)| !name.is_empty() || !value.is_empty())
        .map(|(name, value)| {
            let is_known = known.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
            let value = if value.is_empty() && is_known {
                MASK
            } else {
                value
            };
            (name.to_owned(), value.into())
        })
        .collect();
    for (name, _) in known {
        if !patch.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
            patch.push((name.clone(), Value::Null));
        }
    }
    Value::Map(patch)
}

const UNITS: [(&str, i64); 4] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];

/// Waits as they are written, `5 s, 2 min, 1 h`: seconds, and what is no length of time as it is, so that the use case refuses it.
fn schedule(text: &str) -> Value {
    let text = text.trim();
    if text.is_empty() {
        return Value::Null;
    }
    if text.eq_ignore_ascii_case("none") {
        return Value::List(Vec::new());
    }
    let steps = text.split([',', ';', '\n']).map(str::trim);
    let steps = steps.filter(|step| !step.is_empty());
    Value::List(
        steps
            .map(|step| seconds(step).map_or_else(|| step.into(), Value::Int))
            .collect(),
    )
}

fn seconds(step: &str) -> Option<i64> {
    let end = step.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = step.split_at(end.unwrap_or(step.len()));
    let size = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(size)
}

/// A schedule as [`schedule`] reads it.
pub(super) fn schedule_words(schedule: Option<&Value>) -> String {
    let Some(Value::List(steps)) = schedule else {
        return String::new();
    };
    if steps.is_empty() {
        return "none".to_owned();
    }
    let words = steps.iter().filter_map(Value::as_int).map(|step| {
        let fits = UNITS.iter().find(|(_, size)| step % size == 0);
        fits.map_or_else(
            || format!("{step} s"),
            |(unit, size)| format!("{} {unit}", step / size),
        )
    });
    words.collect::<Vec<_>>().join(", ")
}

/// A refusal in the words of the form: each fault at a field that is there.
pub(super) fn told(mut fault: Fault) -> Fault {
    for error in &mut fault.errors {
        let place = error.field.strip_prefix("/webhook").unwrap_or(&error.field);
        let (field, below) = match place.trim_start_matches('/').split_once('/') {
            Some((field, below)) => (field.to_owned(), Some(below.to_owned())),
            None => (place.trim_start_matches('/').to_owned(), None),
        };
        *error = retell(error, &field, below.as_deref());
    }
    fault
}

fn retell(error: &FieldFault, field: &str, below: Option<&str>) -> FieldFault {
    let detail = match (field, below) {
        ("events", None) if error.code == "events" => {
            "Tick at least one event, or choose all events.".to_owned()
        }
        ("retry_schedule", Some(step)) => {
            let number = step.parse::<usize>().map_or(1, |n| n + 1);
            format!(
                "Wait {number} must be a length of time from 1 s to 7 d: write 30 s, 2 min, 1 h or 1 d, with commas between."
            )
        }
        ("headers", Some("")) => {
            "There is a value without a name: write the header's name beside it, or clear the value.".to_owned()
        }
        ("headers", Some(name)) => format!("“{name}”: {}.", error.detail),
        ("headers", None) => "At most 20 headers, of 8 KiB together: remove some.".to_owned(),
        ("events", Some(_)) => {
            "One of the events that were ticked is not known to this dialect. Tick them again.".to_owned()
        }
        ("event", None) if error.code == "unknown_code" => {
            "Choose an event of the list.".to_owned()
        }
        ("secret", None) if error.code == "length" => {
            "Write the secret: 1 to 1000 characters. Or choose another way above.".to_owned()
        }
        ("url", None) if error.code == "length" => {
            "Write the address that events are sent to, like https://example.com/hook.".to_owned()
        }
        ("dialect", _) => "Choose a dialect of the list.".to_owned(),
        ("ordering", _) => "Choose one of the two orders.".to_owned(),
        _ => error.detail.clone(),
    };
    let field = match below {
        Some(below) if field == "options" => format!("/options/{below}"),
        _ => format!("/{field}"),
    };
    let code = if detail == error.detail {
        error.code
    } else {
        TOLD
    };
    FieldFault {
        field,
        code,
        detail,
    }
}

#[cfg(test)]
mod tests;
