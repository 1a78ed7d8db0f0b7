//! What is to be done, so that the server has what the file says. Pure.

use tidings_app::guard::same_place;
use tidings_domain::Value;

use super::file::{Given, Wanted};
use super::{name_of, shown};

/// What becomes of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Do {
    Create,
    Change,
    /// It is as it should be.
    Nothing,
    /// It is not in the file and stays.
    Keep,
    Delete,
}

impl Do {
    pub(super) const fn writes(self) -> bool {
        matches!(self, Do::Create | Do::Change | Do::Delete)
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Do::Create => "create",
            Do::Change => "change",
            Do::Nothing => "unchanged",
            Do::Keep => "keep",
            Do::Delete => "delete",
        }
    }

    pub(super) const fn past(self) -> &'static str {
        match self {
            Do::Create => "created",
            Do::Change => "changed",
            Do::Nothing => "unchanged",
            Do::Keep => "kept",
            Do::Delete => "deleted",
        }
    }
}

/// A member that is not as it should be; secret values are only named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) member: String,
    pub(super) old: Option<String>,
    pub(super) new: String,
}

/// One webhook.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) id: Option<i64>,
    pub(super) what: Do,
    pub(super) differences: Vec<Difference>,
    /// What is sent.
    pub(super) body: Value,
}

/// What the command line says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Choices {
    pub(super) prune: bool,
    pub(super) rotate_secrets: bool,
}

/// Reads a variable of the environment; an empty one is none.
pub(super) type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Compares file and server: a step for each webhook, those of the file first. Nothing is to be done if anything is wrong.
pub(super) fn plan(
    wanted: &[Wanted],
    stored: &[Value],
    choices: Choices,
    environment: &Environment<'_>,
) -> Result<Vec<Step>, Vec<String>> {
    let mut faults = Vec::new();
    let mut steps = Vec::new();
    for one in wanted {
        let mut same = stored.iter().filter(|w| name_of(w) == one.name);
        let (first, others) = (same.next(), same.map(id).collect::<Vec<_>>());
        if let (Some(first), false) = (first, others.is_empty()) {
            let ids: Vec<String> = std::iter::once(id(first))
                .chain(others)
                .map(|i| i.to_string())
                .collect();
            faults.push(format!(
                "line {}: the project has several webhooks named {:?} ({}); rename all but one",
                one.line,
                one.name,
                ids.join(", ")
            ));
            continue;
        }
        let mut draft = Draft {
            wanted: one,
            stored: first,
            rotate: choices.rotate_secrets,
            environment,
            differences: Vec::new(),
            body: Vec::new(),
            faults: Vec::new(),
        };
        draft.work_out();
        faults.append(&mut draft.faults);
        steps.push(draft.step());
    }
    let absent = stored
        .iter()
        .filter(|w| !wanted.iter().any(|one| one.name == name_of(w)));
    steps.extend(absent.map(|webhook| {
        let locked = webhook.member("locked").and_then(Value::as_bool) == Some(true);
        Step {
            name: name_of(webhook),
            id: Some(id(webhook)),
            what: if choices.prune && !locked {
                Do::Delete
            } else {
                Do::Keep
            },
            differences: Vec::new(),
            body: Value::Null,
        }
    }));
    if faults.is_empty() {
        Ok(steps)
    } else {
        Err(faults)
    }
}

fn id(webhook: &Value) -> i64 {
    let id = webhook.member("id").and_then(Value::as_int);
    id.unwrap_or_default()
}

/// One webhook of the file, being compared.
struct Draft<'a> {
    wanted: &'a Wanted,
    stored: Option<&'a Value>,
    rotate: bool,
    environment: &'a Environment<'a>,
    differences: Vec<Difference>,
    body: Vec<(String, Value)>,
    faults: Vec<String>,
}

impl Draft<'_> {
    fn work_out(&mut self) {
        if self.stored.is_none() {
            self.body
                .push(("name".to_owned(), self.wanted.name.as_str().into()));
            for needed in ["url", "dialect"] {
                if !self.wanted.members.iter().any(|(name, _)| name == needed) {
                    self.fault(&format!("a webhook that is not there yet needs `{needed}`"));
                }
            }
        }
        for (name, value) in &self.wanted.members {
            self.member(name, value);
        }
        for name in &self.wanted.unset {
            self.unset(name);
        }
        self.secret();
        self.headers();
    }

    fn step(self) -> Step {
        Step {
            name: self.wanted.name.clone(),
            id: self.stored.map(id),
            what: match self.stored {
                None => Do::Create,
                Some(_) if self.body.is_empty() => Do::Nothing,
                Some(_) => Do::Change,
            },
            differences: self.differences,
            body: Value::Map(self.body),
        }
    }

    fn fault(&mut self, said: &str) {
        let Wanted { name, line, .. } = self.wanted;
        self.faults.push(format!("line {line}: {name:?}: {said}"));
    }

    /// What the server has; null on a new webhook.
    fn old(&self, name: &str) -> Value {
        let member = self.stored.and_then(|w| w.member(name));
        member.cloned().unwrap_or_default()
    }

    fn put(&mut self, member: &str, old: String, new: String, value: Value) {
        self.note(member, old, new);
        self.body.push((member.to_owned(), value));
    }

    fn note(&mut self, member: &str, old: String, new: String) {
        self.differences.push(Difference {
            member: member.to_owned(),
            old: self.stored.map(|_| old),
            new,
        });
    }

    fn member(&mut self, name: &str, value: &Value) {
        let old = self.old(name);
        if self.stored.is_some() {
            if name == "dialect" && old != *value {
                let said = format!(
                    "the dialect is {} on the server and is fixed when a webhook is made; give the new one another name",
                    shown(&old)
                );
                self.fault(&said);
                return;
            }
            if is_same(name, &old, value) {
                return;
            }
        }
        self.put(name, shown(&old), shown(value), value.clone());
    }

    fn unset(&mut self, name: &str) {
        if self.stored.is_none() {
            return;
        }
        if name == "secret" {
            if self.old("has_secret") == Value::Bool(true) {
                self.put("secret", "***".to_owned(), "none".to_owned(), Value::Null);
            }
            return;
        }
        let old = self.old(name);
        let is_default = match &old {
            Value::Null => true,
            Value::Text(text) => text.is_empty(),
            Value::Map(members) => members.is_empty(),
            _ => false,
        };
        if !is_default {
            self.put(name, shown(&old), "none".to_owned(), Value::Null);
        }
    }

    fn secret(&mut self) {
        let Some(variable) = &self.wanted.secret_env else {
            return;
        };
        let has = self.old("has_secret") == Value::Bool(true);
        if has && !self.rotate {
            return;
        }
        if let Some(secret) = self.variable(variable) {
            let old = if has { "***" } else { "none" };
            let new = format!("*** (from {variable})");
            self.put("secret", old.to_owned(), new, secret.into());
        }
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        let value = (self.environment)(name).filter(|v| !v.is_empty());
        if value.is_none() {
            self.fault(&format!("the variable {name} is not set"));
        }
        value
    }

    /// The file's set of headers is the whole set. Values are not compared: they cannot be read back.
    fn headers(&mut self) {
        let Some(wanted) = &self.wanted.headers else {
            return;
        };
        let stored = self.old("headers");
        // The server drops stored headers when the URL leads elsewhere.
        let moved = self.body.iter().any(|(name, url)| {
            let (old, new) = (self.old("url"), url.as_str().unwrap_or_default());
            name == "url" && !same_place(old.as_str().unwrap_or_default(), new)
        });
        let mut patch = Vec::new();
        for (name, given) in wanted {
            let known = stored.as_map().iter();
            let known = known.filter(|(n, _)| n.eq_ignore_ascii_case(name)).count() > 0;
            if known && !moved && !self.rotate {
                continue;
            }
            let (value, new) = match given {
                Given::Text(text) => (Some(text.clone()), "***".to_owned()),
                Given::Env(variable) => (self.variable(variable), format!("*** (from {variable})")),
            };
            let old = if known { "***" } else { "none" };
            self.note(&format!("headers.{name}"), old.to_owned(), new);
            patch.push((name.clone(), value.into()));
        }
        for (name, _) in stored.as_map() {
            let stays = wanted.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
            if !stays {
                let member = format!("headers.{name}");
                self.note(&member, "***".to_owned(), "none".to_owned());
                // Dropped with the host, it need not be taken away.
                if !moved {
                    patch.push((name.clone(), Value::Null));
                }
            }
        }
        if !patch.is_empty() {
            self.body.push(("headers".to_owned(), Value::Map(patch)));
        }
    }
}

/// Whether the server has what the file says, as the server writes it.
fn is_same(name: &str, old: &Value, new: &Value) -> bool {
    match (name, old, new) {
        ("url", Value::Text(old), Value::Text(new)) => {
            let canonical = tidings_egress::target::parse(new);
            old == new || canonical.is_ok_and(|url| url.as_str() == old)
        }
        ("events", Value::List(old), Value::List(new)) => {
            old.iter().all(|code| new.contains(code)) && new.iter().all(|code| old.contains(code))
        }
        ("options", Value::Map(old), Value::Map(new)) => {
            new.iter().all(|given| old.contains(given))
        }
        _ => old == new,
    }
}

#[cfg(test)]
mod tests;
