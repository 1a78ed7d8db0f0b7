//! Collects everything that is wrong with a request, so that one answer names it all.

use crate::fault::{Fault, FieldFault};

/// Most members that one answer names.
const MOST: usize = 100;

/// What is wrong so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    errors: Vec<FieldFault>,
    conflict: Option<Fault>,
}

impl Faults {
    /// A member whose content is wrong.
    pub(super) fn add(&mut self, at: &str, code: &'static str, detail: impl Into<String>) {
        if self.errors.len() < MOST {
            self.errors.push(FieldFault {
                field: at.to_owned(),
                code,
                detail: detail.into(),
            });
        }
    }

    /// A member at odds with what is stored; told only if nothing is wrong in itself.
    pub(super) fn clash(&mut self, at: &str, code: &'static str, detail: impl Into<String>) {
        if self.conflict.is_none() {
            self.conflict = Some(Fault::conflict(at, code, detail));
        }
    }

    /// Adds what is wrong elsewhere in the request.
    pub(super) fn absorb(&mut self, other: Faults) {
        self.errors.extend(other.errors);
        self.errors.truncate(MOST);
        self.conflict = self.conflict.take().or(other.conflict);
    }

    /// Whether nothing was wrong.
    pub(super) fn finish(self) -> Result<(), Fault> {
        if !self.errors.is_empty() {
            return Err(Fault::invalid(self.errors));
        }
        self.conflict.map_or(Ok(()), Err)
    }

    /// Whether anything was wrong so far.
    pub(super) fn any(&self) -> bool {
        !self.errors.is_empty() || self.conflict.is_some()
    }
}

/// The pointer to a member below `at`.
pub(super) fn below(at: &str, name: &str) -> String {
    let mut place = String::with_capacity(at.len() + 1 + name.len().min(200));
    place.push_str(at);
    place.push('/');
    for c in name.chars().take(200) {
        match c {
            '~' => place.push_str("~0"),
            '/' => place.push_str("~1"),
            c => place.push(c),
        }
    }
    place
}

/// A value from the request, short enough for a message.
pub(super) fn quote(text: &str) -> String {
    let mut chars = text.chars();
    let short: String = chars.by_ref().take(60).collect();
    let dots = if chars.next().is_some() { "..." } else { "" };
    format!("{short:?}{dots}")
}
