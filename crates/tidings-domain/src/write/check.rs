//! Judges one value against the type of its member, and brings it into the form in which it is stored.

use crate::collection::{Collection, ObjectRef};
use crate::link;
use crate::schema::{Kind, Vocabulary};
use crate::time;
use crate::value::Value;
use crate::view::View;

use super::faults::{Faults, below, quote};
use super::overlay::Overlay;
use super::target::Target;

/// Most entries of a list.
pub(super) const MOST_ENTRIES: usize = 200;
/// Most characters of a URL or a directory.
const LONGEST_URL: usize = 1000;
/// Most revisions of a push.
const MOST_REVISIONS: usize = 100;

/// Judges values against a state; new words of the vocabularies are added to it.
pub(super) struct Checker<'c, 'v> {
    pub(super) view: &'c mut Overlay<'v>,
    pub(super) faults: Faults,
}

impl Checker<'_, '_> {
    /// Notes a fault; `None`, for it is what every judgement answers then.
    pub(super) fn refuse<T>(
        &mut self,
        at: &str,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Option<T> {
        self.faults.add(at, code, detail);
        None
    }

    fn wrong_type<T>(&mut self, at: &str, wanted: &str, value: &Value) -> Option<T> {
        self.refuse(
            at,
            "wrong_type",
            format!("must be {wanted}, not {}", value.kind()),
        )
    }

    /// The value as it is stored, unless it does not fit. What `stored` holds already may stay, even a person who left.
    pub(super) fn kind(
        &mut self,
        kind: Kind,
        at: &str,
        value: &Value,
        stored: &Value,
    ) -> Option<Value> {
        match kind {
            Kind::Id => self.int(at, value, 1, crate::value::MAX_SAFE_INTEGER),
            Kind::Int { min, max } => self.int(at, value, min, max),
            Kind::Number { max } => self.number(at, value, max),
            Kind::Text { min, max } => self.text(at, value, min, max).map(Value::from),
            Kind::Bool => match value {
                Value::Bool(_) => Some(value.clone()),
                _ => self.wrong_type(at, "true or false", value),
            },
            Kind::Date => self.date(at, value),
            Kind::Time => self.time(at, value),
            Kind::Color => self.color(at, value),
            Kind::Url => self.url(at, value),
            Kind::Word(words) => self.word(at, value, words),
            Kind::Directory => self.directory(at, value),
            Kind::Person => {
                let id = self.link(at, value, Collection::Members, |id| {
                    stored.as_int() == Some(id)
                });
                id.map(Value::Int)
            }
            Kind::People => self.links(at, value, Collection::Members, stored),
            Kind::Link(to) => self.link(at, value, to, |_| false).map(Value::Int),
            Kind::Links(to) => self.links(at, value, to, &Value::Null),
            Kind::Ref(to) => self.reference(at, value, to).map(ObjectRef::to_value),
            Kind::Parent => self.parent(at, value),
            Kind::Entry(list) => {
                let name = self.text(at, value, 1, 100)?;
                self.use_name(list, at, name).then(|| name.into())
            }
            Kind::Entries(list) => self.list(at, value, MOST_ENTRIES, |this, at, entry| {
                let name = this.text(at, entry, 1, 100)?;
                this.use_name(list, at, name).then(|| name.into())
            }),
            Kind::Names => self.list(at, value, MOST_ENTRIES, |this, at, entry| {
                this.text(at, entry, 1, 100).map(Value::from)
            }),
            Kind::Score => self.score(at, value),
            Kind::Fields => self.fields(at, value),
            Kind::StatusDates => self.status_dates(at, value, stored),
            Kind::ItemEmail => self.record(at, value, &["discussion", "files"]),
            Kind::NulabAccount => self.record(at, value, &["nulab_id", "name", "unique_id"]),
            Kind::Revisions => self.list(at, value, MOST_REVISIONS, Self::revision),
        }
    }

    fn int(&mut self, at: &str, value: &Value, min: i64, max: i64) -> Option<Value> {
        match value {
            Value::Int(n) if (min..=max).contains(n) => Some(Value::Int(*n)),
            Value::Int(_) | Value::Float(_) => self.refuse(
                at,
                "range",
                format!("must be a whole number from {min} to {max}"),
            ),
            _ => self.wrong_type(at, "a whole number", value),
        }
    }

    fn number(&mut self, at: &str, value: &Value, max: f64) -> Option<Value> {
        match value.as_number() {
            Some(x) if (0.0..=max).contains(&x) => Some(value.clone()),
            Some(_) => self.refuse(at, "range", format!("must be a number from 0 to {max}")),
            None => self.wrong_type(at, "a number", value),
        }
    }

    pub(super) fn text<'t>(
        &mut self,
        at: &str,
        value: &'t Value,
        min: usize,
        max: usize,
    ) -> Option<&'t str> {
        let Some(text) = value.as_str() else {
            return self.wrong_type(at, "a string", value);
        };
        // Bytes bound characters from above, so most texts need no counting.
        let fits = text.len() <= max || text.chars().nth(max).is_none();
        if fits && (min == 0 || !text.is_empty()) {
            return Some(text);
        }
        let range = if min == 0 {
            format!("at most {max} characters")
        } else {
            format!("{min} to {max} characters")
        };
        self.refuse(at, "length", format!("must have {range}"))
    }

    fn date(&mut self, at: &str, value: &Value) -> Option<Value> {
        let Some(text) = value.as_str() else {
            return self.wrong_type(at, "a date like \"2026-03-02\"", value);
        };
        match time::parse_date(text) {
            Some(date) => Some(date.to_string().into()),
            None => self.refuse(at, "date", "must be a date like \"2026-03-02\""),
        }
    }

    pub(super) fn time(&mut self, at: &str, value: &Value) -> Option<Value> {
        let Some(text) = value.as_str() else {
            return self.wrong_type(at, "a time like \"2026-03-02T10:15:00Z\"", value);
        };
        match time::parse(text) {
            Some(time) => Some(time::value(time)),
            None => self.refuse(
                at,
                "time",
                "must be a time like \"2026-03-02T10:15:00Z\" (RFC 3339)",
            ),
        }
    }

    fn color(&mut self, at: &str, value: &Value) -> Option<Value> {
        let text = self.text(at, value, 1, 100)?;
        let hex = text.strip_prefix('#').unwrap_or_default();
        if hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            Some(text.into())
        } else {
            self.refuse(at, "format", "must be a color like \"#DAA724\"")
        }
    }

    fn url(&mut self, at: &str, value: &Value) -> Option<Value> {
        let text = self.text(at, value, 1, LONGEST_URL)?;
        if link::is_link(text) {
            Some(text.into())
        } else {
            self.refuse(
                at,
                "url",
                "must be an http or https URL without white space, like \"https://example.com/a\"",
            )
        }
    }

    fn word(&mut self, at: &str, value: &Value, words: &[&str]) -> Option<Value> {
        let Some(text) = value.as_str() else {
            return self.wrong_type(at, "a string", value);
        };
        if words.contains(&text) {
            return Some(text.into());
        }
        self.refuse(
            at,
            "unknown_word",
            format!("must be one of: {}", words.join(", ")),
        )
    }

    fn directory(&mut self, at: &str, value: &Value) -> Option<Value> {
        let text = self.text(at, value, 1, LONGEST_URL)?;
        if text.starts_with('/') && text.ends_with('/') {
            Some(text.into())
        } else {
            self.refuse(at, "format", "must begin and end with \"/\"")
        }
    }

    /// The id of an object that is there; `known` says which ids may stay although they are not.
    fn link(
        &mut self,
        at: &str,
        value: &Value,
        to: Collection,
        known: impl Fn(i64) -> bool,
    ) -> Option<i64> {
        let Some(target) = Target::from_value(value) else {
            return self.refuse(
                at,
                "wrong_type",
                format!(
                    "must be the id of one of the {to}, as an integer or as \"ext:EXTERNAL_ID\""
                ),
            );
        };
        let id = target.id(self.view, to);
        let there = id.filter(|id| known(*id) || self.view.get(ObjectRef::new(to, *id)).is_some());
        there.or_else(|| self.absent(at, to, &target))
    }

    fn absent<T>(&mut self, at: &str, to: Collection, target: &Target) -> Option<T> {
        let named = quote(&target.to_string());
        self.refuse(
            at,
            "not_found",
            format!("there is no {named} in {to} of this project; create it first"),
        )
    }

    fn links(&mut self, at: &str, value: &Value, to: Collection, stored: &Value) -> Option<Value> {
        self.list(at, value, MOST_ENTRIES, |this, at, entry| {
            let known = |id| stored.as_list().contains(&Value::Int(id));
            this.link(at, entry, to, known).map(Value::Int)
        })
    }

    /// A reference `{collection, id}` to an object that is there.
    pub(super) fn reference(
        &mut self,
        at: &str,
        value: &Value,
        to: &[Collection],
    ) -> Option<ObjectRef> {
        let Value::Map(members) = value else {
            return self.wrong_type(at, "an object {\"collection\", \"id\"}", value);
        };
        let mut whole = true;
        for (name, _) in members {
            if !matches!(name.as_str(), "collection" | "id") {
                whole = false;
                self.unknown(&below(at, name), &["collection", "id"]);
            }
        }
        let collection = match value.member("collection") {
            Some(name) => self.collection(&below(at, "collection"), name, to),
            None => self.refuse(&below(at, "collection"), "required", "is missing"),
        };
        let Some(id) = value.member("id") else {
            return self.refuse(&below(at, "id"), "required", "is missing");
        };
        let collection = collection?;
        let id = self.link(&below(at, "id"), id, collection, |_| false)?;
        whole.then(|| ObjectRef::new(collection, id))
    }

    fn collection(&mut self, at: &str, name: &Value, to: &[Collection]) -> Option<Collection> {
        let found = name.as_str().and_then(|name| name.parse().ok());
        found.filter(|c| to.contains(c)).or_else(|| {
            let known: Vec<&str> = to.iter().map(|c| c.path()).collect();
            let detail = format!("must be one of: {}", known.join(", "));
            self.refuse(at, "unknown_word", detail)
        })
    }

    fn parent(&mut self, at: &str, value: &Value) -> Option<Value> {
        if let Value::Map(_) = value {
            let parent = self.reference(at, value, &crate::collection::ITEMS)?;
            return Some(match parent.collection {
                Collection::Stories => Value::Int(parent.id),
                _ => parent.to_value(),
            });
        }
        self.link(at, value, Collection::Stories, |_| false)
            .map(Value::Int)
    }

    fn score(&mut self, at: &str, value: &Value) -> Option<Value> {
        match value {
            Value::Text(text) if text == "~" => Some(Value::Null),
            Value::Text(text) => self
                .use_name(Vocabulary::Efforts, at, text)
                .then(|| value.clone()),
            _ => self.number(at, value, 999.99),
        }
    }

    fn status_dates(&mut self, at: &str, value: &Value, stored: &Value) -> Option<Value> {
        let Value::Map(members) = value else {
            return self.wrong_type(at, "an object from status name to time", value);
        };
        if members.len() > MOST_ENTRIES {
            return self.refuse(at, "length", "may have at most 200 members");
        }
        let mut dates = Some(Vec::new());
        for (name, time) in members {
            let place = below(at, name);
            let listed = self.view.project().entry(Vocabulary::Statuses, name);
            let known = listed.is_some()
                || crate::status::known(name).is_some()
                || stored.member(name).is_some();
            if !known {
                self.unknown_status(Vocabulary::Statuses, &place, name);
                dates = None;
            }
            match (self.time(&place, time), &mut dates) {
                (Some(time), Some(dates)) => dates.push((name.clone(), time)),
                _ => dates = None,
            }
        }
        dates.map(Value::Map)
    }

    /// An object of texts that may be null.
    fn record(&mut self, at: &str, value: &Value, names: &[&'static str]) -> Option<Value> {
        let Value::Map(members) = value else {
            return self.wrong_type(at, "an object", value);
        };
        let mut good = true;
        for (name, value) in members {
            if !names.contains(&name.as_str()) {
                self.unknown(&below(at, name), names);
                good = false;
            } else if !value.is_null() {
                good &= self.text(&below(at, name), value, 0, 254).is_some();
            }
        }
        let member = |name: &&str| {
            let value = value.member(name).cloned().unwrap_or_default();
            ((*name).to_owned(), value)
        };
        good.then(|| Value::Map(names.iter().map(member).collect()))
    }

    fn revision(&mut self, at: &str, value: &Value) -> Option<Value> {
        let Value::Map(members) = value else {
            return self.wrong_type(at, "an object {\"rev\", \"message\"}", value);
        };
        for (name, _) in members {
            if !matches!(name.as_str(), "rev" | "message") {
                self.unknown(&below(at, name), &["rev", "message"]);
            }
        }
        let rev = match value.member("rev") {
            Some(rev) => self.text(&below(at, "rev"), rev, 1, 64),
            None => self.refuse(&below(at, "rev"), "required", "is missing"),
        };
        let message = match value.member("message") {
            Some(message) => self.text(&below(at, "message"), message, 0, 100_000)?,
            None => "",
        };
        Some(Value::Map(vec![
            ("rev".to_owned(), rev?.into()),
            ("message".to_owned(), message.into()),
        ]))
    }

    /// A list; a repeated entry is dropped, the order is kept.
    pub(super) fn list(
        &mut self,
        at: &str,
        value: &Value,
        most: usize,
        mut entry: impl FnMut(&mut Self, &str, &Value) -> Option<Value>,
    ) -> Option<Value> {
        let Value::List(entries) = value else {
            return self.wrong_type(at, "a list", value);
        };
        if entries.len() > most {
            return self.refuse(at, "length", format!("may have at most {most} entries"));
        }
        let mut kept: Option<Vec<Value>> = Some(Vec::with_capacity(entries.len()));
        for (i, value) in entries.iter().enumerate() {
            match (entry(self, &format!("{at}/{i}"), value), &mut kept) {
                (Some(value), Some(kept)) => {
                    if !kept.contains(&value) {
                        kept.push(value);
                    }
                }
                _ => kept = None,
            }
        }
        kept.map(Value::List)
    }

    /// A member that is not known here.
    pub(super) fn unknown(&mut self, at: &str, known: &[&str]) {
        let detail = format!("is not known here; known are {}", known.join(", "));
        self.faults.add(at, "unknown_member", detail);
    }
}
