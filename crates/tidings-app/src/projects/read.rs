//! A project from a request.

use std::collections::BTreeMap;

use tidings_domain::project::{
    Company, CustomField, FieldType, ProjectEmail, TextFormatting, WebhookSwitch, next_in_list,
};
use tidings_domain::schema::Vocabulary;
use tidings_domain::{Fault, Project, ProjectId, Value, link, time};

use super::vocabulary;
use crate::reader::{Reader, merge};

/// Whether the members of a new project are read, or changes of one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// All that is left out gets its default.
    Create,
    /// All that is left out stays.
    Edit,
}

const MAX_URL: usize = 1000;

/// `body` laid over `base`.
pub(super) fn project(base: &Project, body: &Value, mode: Mode) -> Result<Project, Fault> {
    let body = normalised(base, body);
    let mut r = Reader::new(&body, "")?;
    let mut p = base.clone();
    identity(&mut r, &mut p, mode);
    if let Some(name) = r.text("name", 1, 100) {
        p.name = name;
    } else if mode == Mode::Create {
        r.require::<String>("name", None);
    }
    match r.raw("slug") {
        Some(Value::Null) => p.slug = super::default_slug(&p.name, p.id),
        Some(_) => set(&mut p.slug, slug(&mut r)),
        None if mode == Mode::Create => p.slug = super::default_slug(&p.name, p.id),
        None => {}
    }
    set(&mut p.company, company(&mut r));
    set(&mut p.base_url, base_url(&mut r));
    set(&mut p.email_domain, r.text_or_null("email_domain", 1, 100));
    set(&mut p.email, email(&mut r));
    if let Some(zone) = r.text("time_zone", 1, 100) {
        if time::is_zone(&zone) {
            p.time_zone = zone;
        } else {
            r.refuse(
                "time_zone",
                "unknown_word",
                "must be an IANA name like \"Europe/Vienna\"",
            );
        }
    }
    set(&mut p.archived, r.flag("archived"));
    match r.word("text_formatting", &["markdown", "backlog"]) {
        Some("backlog") => p.text_formatting = TextFormatting::Backlog,
        Some(_) => p.text_formatting = TextFormatting::Markdown,
        None => {}
    }
    set(&mut p.chart_enabled, r.flag("chart_enabled"));
    set(&mut p.subtasking_enabled, r.flag("subtasking_enabled"));
    set(&mut p.private, r.flag("private"));
    set(&mut p.logo_url, logo_url(&mut r));
    match r.word("webhooks", &["on", "view_only", "off"]) {
        Some("on") => p.webhooks = WebhookSwitch::On,
        Some("view_only") => p.webhooks = WebhookSwitch::ViewOnly,
        Some(_) => p.webhooks = WebhookSwitch::Off,
        None => {}
    }
    let b = base;
    set(
        &mut p.statuses,
        vocabulary::read(&mut r, b, "statuses", Vocabulary::Statuses),
    );
    set(
        &mut p.columns,
        vocabulary::read(&mut r, b, "columns", Vocabulary::Columns),
    );
    set(
        &mut p.priorities,
        vocabulary::read(&mut r, b, "priorities", Vocabulary::Priorities),
    );
    set(
        &mut p.types,
        vocabulary::read(&mut r, b, "types", Vocabulary::Types),
    );
    set(
        &mut p.resolutions,
        vocabulary::read(&mut r, b, "resolutions", Vocabulary::Resolutions),
    );
    set(
        &mut p.labels,
        vocabulary::read(&mut r, b, "labels", Vocabulary::Labels),
    );
    set(
        &mut p.efforts,
        vocabulary::read(&mut r, b, "efforts", Vocabulary::Efforts),
    );
    set(&mut p.custom_fields, custom_fields(&mut r, base));
    set(&mut p.display_names, display_names(&mut r));
    vocabulary::check_keys(&mut r, &p);
    r.finish()?;
    Ok(p)
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// The body with nulls of members that have a default replaced by it, and members of members merged.
fn normalised(base: &Project, body: &Value) -> Value {
    let Value::Map(members) = body else {
        return body.clone();
    };
    let blank = super::show(&Project::new(base.id, "", "", &base.created_at));
    let stored = super::show(base);
    let known = |from: &Value, name: &str| from.member(name).cloned().unwrap_or_default();
    let laid = members.iter().map(|(name, value)| {
        let value = match (name.as_str(), value) {
            ("key" | "id" | "name" | "slug" | "created_at", value) => value.clone(),
            (name, Value::Null) => known(&blank, name),
            ("company" | "email" | "display_names", patch) => merge(&known(&stored, name), patch),
            (_, value) => value.clone(),
        };
        (name.clone(), value)
    });
    Value::Map(laid.collect())
}

/// Key, id and time of creation: given at creation or never.
fn identity(r: &mut Reader<'_>, p: &mut Project, mode: Mode) {
    match mode {
        Mode::Create => {
            let key = r.text("key", 1, 32);
            if let Some(key) = r.require("key", key) {
                let first = key
                    .bytes()
                    .next()
                    .is_some_and(|b| b.is_ascii_alphanumeric());
                let rest = key
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
                if first && rest {
                    p.key = key;
                } else {
                    r.refuse(
                        "key",
                        "format",
                        "must begin with a letter or digit, then letters, digits, _ and -",
                    );
                }
            }
            let id = r.int("id", 1, tidings_domain::value::MAX_SAFE_INTEGER);
            set(&mut p.id, id.map(ProjectId));
            set(&mut p.created_at, r.time("created_at").map(time::show));
        }
        Mode::Edit => {
            let stored = [
                ("key", Value::from(p.key.as_str())),
                ("id", p.id.0.into()),
                ("created_at", p.created_at.as_str().into()),
            ];
            for (name, value) in stored {
                if r.raw(name).is_some_and(|given| *given != value) {
                    r.refuse(name, "read_only", "is fixed when the project is created");
                }
            }
        }
    }
}

fn slug(r: &mut Reader<'_>) -> Option<String> {
    let slug = r.text("slug", 1, 100)?;
    let plain = slug
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if plain {
        return Some(slug);
    }
    r.refuse("slug", "format", "may hold a to z, 0 to 9 and -");
    None
}

#[expect(clippy::option_option, reason = "not given, null, or a URL")]
fn base_url(r: &mut Reader<'_>) -> Option<Option<String>> {
    let Some(text) = r.text_or_null("base_url", 1, MAX_URL)? else {
        return Some(None);
    };
    if link::is_base(&text) {
        return Some(Some(text.trim_end_matches('/').to_owned()));
    }
    r.refuse(
        "base_url",
        "url",
        "must be an http or https URL of host and path only, like \"https://tracker.example.com\"",
    );
    None
}

#[expect(clippy::option_option, reason = "not given, null, or a URL")]
fn logo_url(r: &mut Reader<'_>) -> Option<Option<String>> {
    let Some(text) = r.text_or_null("logo_url", 1, MAX_URL)? else {
        return Some(None);
    };
    if link::is_plain_link(&text) {
        return Some(Some(text));
    }
    r.refuse(
        "logo_url",
        "url",
        "must be an http or https URL without white space, user and password",
    );
    None
}

fn company(r: &mut Reader<'_>) -> Option<Company> {
    let value = r.raw("company")?;
    let read = || {
        let mut inner = Reader::new(value, "/company")?;
        let slug = slug(&mut inner);
        let slug = inner.require("slug", slug);
        let name = inner.text("name", 1, 100);
        let name = inner.require("name", name);
        inner.finish()?;
        Ok(Company {
            slug: slug.unwrap_or_default(),
            name: name.unwrap_or_default(),
        })
    };
    r.absorb(read())
}

fn email(r: &mut Reader<'_>) -> Option<ProjectEmail> {
    let value = r.raw("email")?;
    let read = || {
        let mut inner = Reader::new(value, "/email")?;
        let mut address = |name| inner.text_or_null(name, 1, 254).flatten();
        let email = ProjectEmail {
            backlog: address("backlog"),
            defects: address("defects"),
            stories: address("stories"),
            tasks: address("tasks"),
            tests: address("tests"),
        };
        inner.finish()?;
        Ok(email)
    };
    r.absorb(read())
}

const TYPES: [(&str, FieldType); 7] = [
    ("text", FieldType::Text),
    ("long_text", FieldType::LongText),
    ("number", FieldType::Number),
    ("date", FieldType::Date),
    ("choice", FieldType::Choice),
    ("choices", FieldType::Choices),
    ("boolean", FieldType::Boolean),
];

fn custom_fields(r: &mut Reader<'_>, base: &Project) -> Option<Vec<CustomField>> {
    let entries = vocabulary::list(r, "custom_fields")?;
    let mut taken: Vec<i64> = entries
        .iter()
        .filter_map(|e| e.member("id")?.as_int())
        .chain(base.custom_fields.iter().map(|f| f.id))
        .collect();
    let mut fields: Vec<CustomField> = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        let read = || {
            let mut inner = Reader::new(entry, &format!("/custom_fields/{i}"))?;
            let id = inner.int("id", 0, tidings_domain::value::MAX_SAFE_INTEGER);
            let name = inner.text("name", 1, 100);
            let name = inner.require("name", name).unwrap_or_default();
            let kind = inner.word("type", &TYPES.map(|(word, _)| word));
            let kind = inner.require("type", kind);
            let options = vocabulary::names(&mut inner, "options").unwrap_or_default();
            if fields.iter().any(|f| f.name == name) {
                inner.refuse("name", "duplicate", "is there twice");
            }
            let stored = base.custom_fields.iter().find(|f| f.name == name);
            let id = id.or(stored.map(|f| f.id)).unwrap_or_else(|| {
                let next = next_in_list(&taken);
                taken.push(next);
                next
            });
            if fields.iter().any(|f| f.id == id) {
                inner.refuse("id", "duplicate", "is there twice");
            }
            inner.finish()?;
            let kind = TYPES.iter().find(|(word, _)| Some(*word) == kind);
            Ok(CustomField {
                id,
                name,
                kind: kind.map_or(FieldType::Text, |(_, k)| *k),
                options,
            })
        };
        let read = { read }();
        if let Some(field) = r.absorb(read) {
            fields.push(field);
        }
    }
    Some(fields)
}

fn display_names(r: &mut Reader<'_>) -> Option<BTreeMap<String, String>> {
    let value = r.raw("display_names")?;
    let Value::Map(members) = value else {
        r.refuse("display_names", "wrong_type", "must be an object");
        return None;
    };
    let mut names = BTreeMap::new();
    for (member, name) in members {
        let place = format!("display_names/{}", crate::reader::pointer(member));
        let fault = if vocabulary::has_display_name(member) {
            match name.as_str() {
                Some(name) if (1..=100).contains(&name.chars().count()) => {
                    names.insert(member.clone(), name.to_owned());
                    None
                }
                _ => Some(("length", "must be a string of 1 to 100 characters")),
            }
        } else {
            Some(("unknown_member", "has no display name of its own"))
        };
        if let Some((code, detail)) = fault {
            r.refuse_at(&place, code, detail);
        }
    }
    Some(names)
}
