//! The words of a project's vocabularies: those that are there, those that are added on use, those that are refused.

use crate::project::{Entry, Project, next_in_list};
use crate::schema::Vocabulary;
use crate::status;
use crate::view::View;

use super::check::Checker;
use super::faults::quote;

/// Most entries of a list that grows with use.
const MOST_WORDS: usize = 5000;
/// Most names that a refusal lists.
const MOST_TOLD: usize = 50;

impl Checker<'_, '_> {
    /// Whether an object may hold that name; a new one is added to its list where lists grow with use.
    pub(super) fn use_name(&mut self, list: Vocabulary, at: &str, name: &str) -> bool {
        if self.view.project().entry(list, name).is_some() {
            return true;
        }
        let category = match list {
            Vocabulary::Statuses | Vocabulary::Columns => {
                let Some(known) = status::known(name) else {
                    self.unknown_status(list, at, name);
                    return false;
                };
                Some(known.category)
            }
            Vocabulary::Efforts => {
                self.unknown_status(list, at, name);
                return false;
            }
            _ => None,
        };
        let entry = Entry {
            id: 0,
            name: name.to_owned(),
            color: None,
            category,
            value: None,
        };
        self.add_entry(list, at, entry)
    }

    /// Adds an entry with the next id.
    pub(super) fn add_entry(&mut self, list: Vocabulary, at: &str, entry: Entry) -> bool {
        if self.view.project().vocabulary(list).len() >= MOST_WORDS {
            let detail = format!("the project's list has {MOST_WORDS} entries; no more fit");
            self.faults.add(at, "length", detail);
            return false;
        }
        let entries = entries_mut(self.view.project_mut(), list);
        let taken: Vec<i64> = entries.iter().map(|e| e.id).collect();
        let id = next_in_list(&taken);
        entries.push(Entry { id, ..entry });
        true
    }

    /// Refuses a name that its list does not have, and says which it has.
    pub(super) fn unknown_status(&mut self, list: Vocabulary, at: &str, name: &str) {
        let known: Vec<&str> = self
            .view
            .project()
            .vocabulary(list)
            .iter()
            .take(MOST_TOLD)
            .map(|e| e.name.as_str())
            .collect();
        let word = match list {
            Vocabulary::Statuses => "status",
            Vocabulary::Columns => "column",
            _ => "effort",
        };
        let detail = format!(
            "{} is no {word} of this project; known are: {}. Add it to the project first",
            quote(name),
            known.join(", ")
        );
        self.faults.add(at, "unknown_word", detail);
    }
}

fn entries_mut(project: &mut Project, list: Vocabulary) -> &mut Vec<Entry> {
    match list {
        Vocabulary::Statuses => &mut project.statuses,
        Vocabulary::Columns => &mut project.columns,
        Vocabulary::Priorities => &mut project.priorities,
        Vocabulary::Types => &mut project.types,
        Vocabulary::Resolutions => &mut project.resolutions,
        Vocabulary::Labels => &mut project.labels,
        Vocabulary::Efforts => &mut project.efforts,
    }
}
