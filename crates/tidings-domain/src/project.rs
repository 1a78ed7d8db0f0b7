//! A project and its vocabularies.

use serde::{Deserialize, Serialize};

use crate::id::ProjectId;
use crate::schema::Vocabulary;
use crate::value::MAX_SAFE_INTEGER;

/// The name and URL part of the company a project belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Company {
    /// URL part.
    pub slug: String,
    /// Name.
    pub name: String,
}

/// Addresses that turn mail into items; null ones are derived (`{word}-{project id}@{email_domain}`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectEmail {
    /// For the backlog.
    pub backlog: Option<String>,
    /// For defects.
    pub defects: Option<String>,
    /// For stories.
    pub stories: Option<String>,
    /// For tasks.
    pub tasks: Option<String>,
    /// For tests.
    pub tests: Option<String>,
}

/// How text is marked up (Backlog's `textFormattingRule`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextFormatting {
    /// Markdown.
    #[default]
    Markdown,
    /// Backlog's own.
    Backlog,
}

/// The App switch and the plan gate in one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookSwitch {
    /// Events are sent.
    #[default]
    On,
    /// The plan allows to look, not to activate.
    ViewOnly,
    /// The App is not enabled.
    Off,
}

/// What a status or column means, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Not begun.
    Todo,
    /// In work.
    Doing,
    /// Being looked at.
    Review,
    /// Closed.
    Done,
    /// Put aside.
    Frozen,
}

/// An entry of a vocabulary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Unique in its list.
    pub id: i64,
    /// What objects hold; exact case.
    pub name: String,
    /// `#RRGGBB`.
    #[serde(default)]
    pub color: Option<String>,
    /// Statuses and columns only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Efforts only: the points of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

/// The type of a custom field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// One line.
    Text,
    /// Many lines.
    LongText,
    /// A number.
    Number,
    /// A day.
    Date,
    /// One of the options.
    Choice,
    /// Several of the options.
    Choices,
    /// Yes or no.
    Boolean,
}

/// A custom field of a project's items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomField {
    /// Unique in its list.
    pub id: i64,
    /// The key in `fields`.
    pub name: String,
    /// Type.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// Names of the choices; grows with use.
    #[serde(default)]
    pub options: Vec<String>,
}

/// A project as it is stored and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Short name in paths; unique ignoring case.
    pub key: String,
    /// Number, unique in the server.
    pub id: ProjectId,
    /// Name for people.
    pub name: String,
    /// URL part.
    pub slug: String,
    /// Company.
    pub company: Company,
    /// Where people open the tracker, without a slash at the end; null is the server's public URL.
    pub base_url: Option<String>,
    /// Domain of derived mail addresses; when null, the host of the base URL.
    pub email_domain: Option<String>,
    /// Mail addresses.
    pub email: ProjectEmail,
    /// IANA name.
    pub time_zone: String,
    /// Put away.
    pub archived: bool,
    /// Mark-up of texts.
    pub text_formatting: TextFormatting,
    /// Backlog's setting.
    pub chart_enabled: bool,
    /// Backlog's setting.
    pub subtasking_enabled: bool,
    /// GitScrum's visibility.
    pub private: bool,
    /// GitScrum's logo.
    pub logo_url: Option<String>,
    /// App switch and plan gate.
    pub webhooks: WebhookSwitch,
    /// Statuses of items.
    pub statuses: Vec<Entry>,
    /// Columns of the board.
    pub columns: Vec<Entry>,
    /// Priorities.
    pub priorities: Vec<Entry>,
    /// Types of items.
    pub types: Vec<Entry>,
    /// Resolutions.
    pub resolutions: Vec<Entry>,
    /// Labels.
    pub labels: Vec<Entry>,
    /// Efforts.
    pub efforts: Vec<Entry>,
    /// Custom fields.
    pub custom_fields: Vec<CustomField>,
    /// Member name to display name (Squish).
    pub display_names: std::collections::BTreeMap<String, String>,
    /// RFC 3339.
    pub created_at: String,
}

impl Project {
    /// A project with the preloaded vocabularies and every default; `server_url` is shown where no base URL is set.
    pub fn new(id: ProjectId, key: &str, name: &str, created_at: &str) -> Self {
        let entry = |id, name: &str| Entry {
            id,
            name: name.to_owned(),
            color: None,
            category: None,
            value: None,
        };
        let colored = |id, name: &str, color: &str| Entry {
            color: Some(color.to_owned()),
            ..entry(id, name)
        };
        let state = |id, name: &str, category| Entry {
            category: Some(category),
            ..entry(id, name)
        };
        let column = |id, name: &str, color: &str, category| Entry {
            category: Some(category),
            ..colored(id, name, color)
        };
        let effort = |id, name: &str, value| Entry {
            value: Some(value),
            ..entry(id, name)
        };
        Self {
            key: key.to_owned(),
            id,
            name: name.to_owned(),
            slug: slug(name, "project", id.0),
            company: Company {
                slug: "tidings".into(),
                name: "Tidings".into(),
            },
            base_url: None,
            email_domain: None,
            email: ProjectEmail::default(),
            time_zone: "UTC".into(),
            archived: false,
            text_formatting: TextFormatting::default(),
            chart_enabled: true,
            subtasking_enabled: true,
            private: true,
            logo_url: None,
            webhooks: WebhookSwitch::On,
            statuses: vec![
                state(1, "Open", Category::Todo),
                state(2, "In Progress", Category::Doing),
                state(3, "Resolved", Category::Review),
                state(4, "Closed", Category::Done),
            ],
            columns: vec![
                column(1, "Todo", "#DAA724", Category::Todo),
                column(2, "In Progress", "#079A0D", Category::Doing),
                column(3, "Done", "#3745BE", Category::Done),
            ],
            priorities: vec![
                colored(2, "High", "#EF4444"),
                colored(3, "Normal", "#3B82F6"),
                colored(4, "Low", "#94A3B8"),
            ],
            types: vec![
                colored(1, "Bug", "#990000"),
                colored(2, "Task", "#7EA800"),
                colored(3, "Request", "#FF9200"),
                colored(4, "Other", "#2779CA"),
                colored(5, "Story", "#814FBC"),
                colored(6, "Test", "#007E9A"),
            ],
            resolutions: [
                "Fixed",
                "Won't Fix",
                "Invalid",
                "Duplicate",
                "Cannot Reproduce",
            ]
            .iter()
            .zip(0..)
            .map(|(n, id)| entry(id, n))
            .collect(),
            labels: Vec::new(),
            efforts: vec![
                effort(1, "S", 1.0),
                effort(2, "M", 3.0),
                effort(3, "L", 5.0),
                effort(4, "XL", 8.0),
            ],
            custom_fields: Vec::new(),
            display_names: std::collections::BTreeMap::new(),
            created_at: created_at.to_owned(),
        }
    }

    /// A vocabulary.
    pub fn vocabulary(&self, which: Vocabulary) -> &[Entry] {
        match which {
            Vocabulary::Statuses => &self.statuses,
            Vocabulary::Columns => &self.columns,
            Vocabulary::Priorities => &self.priorities,
            Vocabulary::Types => &self.types,
            Vocabulary::Resolutions => &self.resolutions,
            Vocabulary::Labels => &self.labels,
            Vocabulary::Efforts => &self.efforts,
        }
    }

    /// An entry of a vocabulary by its exact name.
    pub fn entry(&self, which: Vocabulary, name: &str) -> Option<&Entry> {
        self.vocabulary(which).iter().find(|e| e.name == name)
    }

    /// The host of derived mail addresses. `server_url` stands in where the project has no base URL.
    pub fn mail_domain(&self, server_url: &str) -> String {
        self.email_domain.clone().unwrap_or_else(|| {
            let base = self.base_url.as_deref().unwrap_or(server_url);
            url::Url::parse(base)
                .ok()
                .and_then(|u| u.host_str().map(str::to_owned))
                .unwrap_or_else(|| "localhost".to_owned())
        })
    }
}

/// The next id of a list: above all others, and when none is left there, the smallest one that is free.
pub fn next_in_list(taken: &[i64]) -> i64 {
    let above = taken.iter().max().copied().unwrap_or(0).saturating_add(1);
    if above <= MAX_SAFE_INTEGER {
        return above;
    }
    (1..above)
        .find(|id| !taken.contains(id))
        .unwrap_or(MAX_SAFE_INTEGER)
}

/// ASCII letters and digits in lower case, the rest one `-`, trimmed, at most 100 characters; `{word}-{id}` when nothing is left.
pub fn slug(text: &str, word: &str, id: i64) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(100);
    let out = out.trim_matches('-');
    if out.is_empty() {
        format!("{word}-{id}")
    } else {
        out.to_owned()
    }
}
