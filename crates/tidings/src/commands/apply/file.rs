//! The file of `webhook apply`, read strictly: every fault is collected with its line.

use std::ops::Range;
use std::path::Path;

use tidings_domain::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A webhook as the file wants it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) line: usize,
    /// Members as the API takes them, but for the name and what is secret.
    pub(super) members: Vec<(String, Value)>,
    /// The variable that holds the secret.
    pub(super) secret_env: Option<String>,
    /// The complete set of headers; `None`: the file says nothing about them.
    pub(super) headers: Option<Vec<(String, Given)>>,
    /// Members that return to their default.
    pub(super) unset: Vec<String>,
}

/// Where the value of a header comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// The file itself.
    Text(String),
    /// A variable of the environment.
    Env(String),
}

/// What a member must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Flag,
    Whole,
    Wholes,
    Events,
    Texts,
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        let all = |is: fn(&Value) -> bool| matches!(value, Value::List(l) if l.iter().all(is));
        let text = |v: &Value| matches!(v, Value::Text(_));
        match self {
            Kind::Text => text(value),
            Kind::Flag => matches!(value, Value::Bool(_)),
            Kind::Whole => matches!(value, Value::Int(_)),
            Kind::Wholes => all(|v| matches!(v, Value::Int(_))),
            Kind::Events => text(value) || all(|v| matches!(v, Value::Text(_))),
            Kind::Texts => {
                matches!(value, Value::Map(m) if m.iter().all(|(_, v)| text(v)))
            }
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Kind::Text => "a string",
            Kind::Flag => "true or false",
            Kind::Whole => "a whole number",
            Kind::Wholes => "a list of whole numbers",
            Kind::Events => "\"all\", \"stories\" or a list of event codes",
            Kind::Texts => "a table of strings",
        }
    }
}

/// What goes to the server as it is.
const MEMBERS: [(&str, Kind); 14] = [
    ("description", Kind::Text),
    ("url", Kind::Text),
    ("dialect", Kind::Text),
    ("events", Kind::Events),
    ("verify_tls", Kind::Flag),
    ("ca_pem", Kind::Text),
    ("enabled", Kind::Flag),
    ("timeout_seconds", Kind::Whole),
    ("ordering", Kind::Text),
    ("max_in_flight", Kind::Whole),
    ("failure_limit", Kind::Whole),
    ("retry_schedule", Kind::Wholes),
    ("options", Kind::Texts),
    ("locked", Kind::Flag),
];
/// What is read here.
const OWN: [&str; 6] = [
    "name",
    "secret_env",
    "ca_file",
    "headers",
    "header_env",
    "unset",
];
/// What can be unset: members whose default TOML cannot say.
pub(super) const UNSET: [&str; 6] = [
    "ca_pem",
    "description",
    "failure_limit",
    "options",
    "retry_schedule",
    "secret",
];

/// Reads the file; paths in it relate to `folder`.
pub(super) fn read(text: &str, folder: &Path) -> Result<Vec<Wanted>, Vec<String>> {
    let mut reader = Reader {
        text,
        folder,
        faults: Vec::new(),
    };
    let root = match DeTable::parse(text) {
        Ok(root) => root,
        Err(error) => {
            let at = error.span().unwrap_or(0..0);
            reader.fault(&at, error.message().to_owned());
            return Err(reader.told());
        }
    };
    let mut wanted = Vec::new();
    for (key, value) in root.get_ref() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("webhook", DeValue::Array(all)) => {
                wanted.extend(all.iter().filter_map(|one| reader.webhook(one)));
            }
            ("webhook", _) => {
                reader.fault(&key.span(), "`webhook` must be a list: write [[webhook]]");
            }
            (other, _) => {
                let said =
                    format!("`{other}` is not known here; write [[webhook]] for each webhook");
                reader.fault(&key.span(), said);
            }
        }
    }
    reader.names(&wanted);
    if reader.faults.is_empty() {
        Ok(wanted)
    } else {
        reader.faults.sort_by_key(|(line, _)| *line);
        Err(reader.told())
    }
}

struct Reader<'a> {
    text: &'a str,
    folder: &'a Path,
    faults: Vec<(usize, String)>,
}

type Entry<'a> = Spanned<DeValue<'a>>;

impl Reader<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or_default();
        before.matches('\n').count() + 1
    }

    fn fault(&mut self, span: &Range<usize>, said: impl Into<String>) {
        let line = self.line(span);
        self.faults.push((line, said.into()));
    }

    fn told(self) -> Vec<String> {
        let faults = self.faults.into_iter();
        faults
            .map(|(line, said)| format!("line {line}: {said}"))
            .collect()
    }

    fn webhook(&mut self, entry: &Entry<'_>) -> Option<Wanted> {
        let DeValue::Table(table) = entry.get_ref() else {
            self.fault(
                &entry.span(),
                "a webhook must be a table: write [[webhook]]",
            );
            return None;
        };
        let mut wanted = Wanted {
            line: self.line(&entry.span()),
            ..Wanted::default()
        };
        for (key, value) in table {
            self.member(key.get_ref(), &key.span(), value, &mut wanted);
        }
        // The file's order is not kept by its reader; this one is read more easily than the alphabet.
        let place = |name: &str| MEMBERS.iter().position(|(known, _)| *known == name);
        wanted.members.sort_by_key(|(name, _)| place(name));
        for member in &wanted.unset {
            let given = wanted.members.iter().any(|(name, _)| name == member);
            if given || (member == "secret" && wanted.secret_env.is_some()) {
                let said = format!("{member} is given and unset at once");
                self.fault(&entry.span(), said);
            }
        }
        if wanted.name.is_empty() && !table.contains_key("name") {
            self.fault(
                &entry.span(),
                "a webhook needs a `name`: by it the file and the server agree",
            );
        }
        Some(wanted)
    }

    fn member(&mut self, name: &str, at: &Range<usize>, entry: &Entry<'_>, wanted: &mut Wanted) {
        match name {
            "name" => wanted.name = self.text_of(name, entry),
            "secret_env" => wanted.secret_env = Some(self.text_of(name, entry)),
            "ca_file" => self.ca_file(entry, wanted),
            "headers" => self.headers(name, entry, Given::Text, wanted),
            "header_env" => self.headers(name, entry, Given::Env, wanted),
            "unset" => self.unset(entry, wanted),
            "secret" => self.fault(at, "a secret is not written into the file; name the variable that holds it: secret_env = \"NAME\""),
            _ => self.plain(name, at, entry, wanted),
        }
    }

    /// A member that goes to the server as it is.
    fn plain(&mut self, name: &str, at: &Range<usize>, entry: &Entry<'_>, wanted: &mut Wanted) {
        let Some((_, kind)) = MEMBERS.iter().find(|(known, _)| *known == name) else {
            let known = OWN.into_iter().chain(MEMBERS.iter().map(|(name, _)| *name));
            let known = known.collect::<Vec<_>>().join(", ");
            let said = format!("`{name}` is not known here; known are {known}");
            self.fault(at, said);
            return;
        };
        let value = value(entry);
        if kind.fits(&value) {
            wanted.members.push((name.to_owned(), value));
        } else {
            self.fault(at, format!("`{name}` must be {}", kind.words()));
        }
    }

    fn text_of(&mut self, name: &str, entry: &Entry<'_>) -> String {
        match entry.get_ref() {
            DeValue::String(text) if !text.is_empty() => text.clone().into_owned(),
            _ => {
                self.fault(
                    &entry.span(),
                    format!("`{name}` must be a string that is not empty"),
                );
                String::new()
            }
        }
    }

    fn ca_file(&mut self, entry: &Entry<'_>, wanted: &mut Wanted) {
        let name = self.text_of("ca_file", entry);
        match std::fs::read_to_string(self.folder.join(&name)) {
            Ok(pem) => wanted.members.push(("ca_pem".to_owned(), pem.into())),
            Err(_) if name.is_empty() => {}
            Err(error) => self.fault(&entry.span(), format!("ca_file {name}: {error}")),
        }
    }

    fn headers(
        &mut self,
        member: &str,
        entry: &Entry<'_>,
        given: fn(String) -> Given,
        wanted: &mut Wanted,
    ) {
        let DeValue::Table(table) = entry.get_ref() else {
            self.fault(
                &entry.span(),
                format!("`{member}` must be a table of strings"),
            );
            return;
        };
        let all = wanted.headers.get_or_insert_default();
        let mut faults = Vec::new();
        for (key, value) in table {
            let name = key.get_ref();
            let twice = all
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name));
            match value.get_ref() {
                DeValue::String(text) if !twice => {
                    all.push((name.clone().into_owned(), given(text.clone().into_owned())));
                }
                DeValue::String(_) => {
                    faults.push((key.span(), format!("the header {name} is there twice")));
                }
                _ => faults.push((key.span(), format!("{member}.{name} must be a string"))),
            }
        }
        for (at, said) in faults {
            self.fault(&at, said);
        }
    }

    fn unset(&mut self, entry: &Entry<'_>, wanted: &mut Wanted) {
        let Value::List(names) = value(entry) else {
            self.fault(&entry.span(), "`unset` must be a list of members");
            return;
        };
        for name in names {
            let name = name.as_str().unwrap_or_default();
            if UNSET.contains(&name) {
                wanted.unset.push(name.to_owned());
            } else {
                let known = UNSET.join(", ");
                let said = format!("{name:?} cannot be unset; these can: {known}");
                self.fault(&entry.span(), said);
            }
        }
    }

    /// Each name once.
    fn names(&mut self, wanted: &[Wanted]) {
        for (place, one) in wanted.iter().enumerate() {
            let first = wanted.iter().take(place).find(|w| w.name == one.name);
            if let Some(first) = first.filter(|_| !one.name.is_empty()) {
                let said = format!("the name {:?} is taken by line {}", one.name, first.line);
                self.faults.push((one.line, said));
            }
        }
    }
}

/// As JSON; null for what JSON has no word for, which is at home in no member.
fn value(entry: &Entry<'_>) -> Value {
    match entry.get_ref() {
        DeValue::String(text) => text.clone().into_owned().into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Integer(n) => {
            i64::from_str_radix(n.as_str(), n.radix()).map_or(Value::Null, Value::from)
        }
        DeValue::Array(all) => Value::List(all.iter().map(value).collect()),
        DeValue::Table(table) => {
            let members = table.iter();
            let members = members.map(|(k, v)| (k.get_ref().to_string(), value(v)));
            Value::Map(members.collect())
        }
        DeValue::Float(_) | DeValue::Datetime(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests;
