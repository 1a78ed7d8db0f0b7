//! Custom fields: typed by their first value, added to the project in the order of the body.

use crate::display;
use crate::project::{CustomField, FieldType, next_in_list};
use crate::time;
use crate::value::Value;
use crate::view::View;

use super::check::{Checker, MOST_ENTRIES};
use super::faults::{below, quote};

/// Most custom fields of an item.
const MOST_FIELDS: usize = 100;
/// Most custom fields of a project.
const MOST_IN_PROJECT: usize = 1000;
/// Most options of a choice.
const MOST_OPTIONS: usize = 5000;

impl Checker<'_, '_> {
    /// The custom fields of an item, in the project's order.
    pub(super) fn fields(&mut self, at: &str, value: &Value) -> Option<Value> {
        let Value::Map(members) = value else {
            let detail = format!("must be an object, not {}", value.kind());
            return self.refuse(at, "wrong_type", detail);
        };
        if members.len() > MOST_FIELDS {
            return self.refuse(at, "length", "may have at most 100 members");
        }
        let mut fields = Vec::with_capacity(members.len());
        let mut good = true;
        for (name, value) in members {
            match self.field(&below(at, name), name, value) {
                Some(value) => fields.push((name.clone(), value)),
                None => good = false,
            }
        }
        let order = &self.view.project().custom_fields;
        fields.sort_by_cached_key(|(name, _)| order.iter().position(|f| f.name == *name));
        good.then_some(Value::Map(fields))
    }

    fn field(&mut self, at: &str, name: &str, value: &Value) -> Option<Value> {
        let found = self
            .view
            .project()
            .custom_fields
            .iter()
            .find(|f| f.name == name);
        let kind = match found {
            Some(field) => field.kind,
            None => self.new_field(at, name, value)?,
        };
        if value.is_null() {
            return Some(Value::Null);
        }
        self.fit(at, name, kind, value)
    }

    fn new_field(&mut self, at: &str, name: &str, value: &Value) -> Option<FieldType> {
        let kind = match value {
            Value::Null | Value::Text(_) => FieldType::Text,
            Value::Int(_) | Value::Float(_) => FieldType::Number,
            Value::Bool(_) => FieldType::Boolean,
            Value::List(_) => FieldType::Choices,
            Value::Map(_) => {
                return self.refuse(
                    at,
                    "wrong_type",
                    "must be a string, a number, a boolean, a list of strings or null, not an object",
                );
            }
        };
        self.add_field(at, name, kind, Vec::new()).then_some(kind)
    }

    /// Adds a custom field to the project.
    pub(super) fn add_field(
        &mut self,
        at: &str,
        name: &str,
        kind: FieldType,
        options: Vec<String>,
    ) -> bool {
        let project = self.view.project();
        let refused = if !(1..=100).contains(&name.chars().count()) {
            Some((
                "length",
                "the name of a custom field must have 1 to 100 characters".to_owned(),
            ))
        } else if let Some(member) = display::displayed_as(project, name) {
            let detail = format!(
                "{} is the display name of the member {member:?}; call the custom field something else",
                quote(name)
            );
            Some(("duplicate", detail))
        } else if project.custom_fields.len() >= MOST_IN_PROJECT {
            Some((
                "length",
                "the project has 1000 custom fields; no more fit".to_owned(),
            ))
        } else {
            None
        };
        if let Some((code, detail)) = refused {
            self.faults.add(at, code, detail);
            return false;
        }
        let fields = &mut self.view.project_mut().custom_fields;
        let taken: Vec<i64> = fields.iter().map(|f| f.id).collect();
        fields.push(CustomField {
            id: next_in_list(&taken),
            name: name.to_owned(),
            kind,
            options,
        });
        true
    }

    fn fit(&mut self, at: &str, name: &str, kind: FieldType, value: &Value) -> Option<Value> {
        let wanted = match (kind, value) {
            (FieldType::Text | FieldType::LongText, Value::Text(_)) => {
                return self.text(at, value, 0, 100_000).map(Value::from);
            }
            (FieldType::Number, Value::Int(_) | Value::Float(_))
            | (FieldType::Boolean, Value::Bool(_)) => return Some(value.clone()),
            (FieldType::Date, Value::Text(text)) if time::parse_date(text).is_some() => {
                return Some(value.clone());
            }
            (FieldType::Choice, Value::Text(_)) => {
                let option = self.text(at, value, 1, 100)?;
                return self.option(at, name, option).then(|| value.clone());
            }
            (FieldType::Choices, Value::List(_)) => {
                return self.list(at, value, MOST_ENTRIES, |this, at, entry| {
                    let option = this.text(at, entry, 1, 100)?;
                    this.option(at, name, option).then(|| entry.clone())
                });
            }
            (FieldType::Text | FieldType::LongText | FieldType::Choice, _) => "a string",
            (FieldType::Number, _) => "a number",
            (FieldType::Boolean, _) => "true or false",
            (FieldType::Date, _) => "a date like \"2026-03-02\"",
            (FieldType::Choices, _) => "a list of strings",
        };
        let detail = format!("must be {wanted} or null: that is the type of this custom field");
        self.refuse(at, "wrong_type", detail)
    }

    /// Adds an option to a choice, unless it is there.
    fn option(&mut self, at: &str, field: &str, option: &str) -> bool {
        let place = |fields: &[CustomField]| fields.iter().position(|f| f.name == field);
        let fields = &self.view.project().custom_fields;
        let Some(found) = place(fields).and_then(|i| fields.get(i)) else {
            return true;
        };
        if found.options.iter().any(|o| o == option) {
            return true;
        }
        if found.options.len() >= MOST_OPTIONS {
            let detail = format!("this custom field has {MOST_OPTIONS} options; no more fit");
            self.faults.add(at, "length", detail);
            return false;
        }
        let fields = &mut self.view.project_mut().custom_fields;
        if let Some(found) = place(fields).and_then(|i| fields.get_mut(i)) {
            found.options.push(option.to_owned());
        }
        true
    }
}
