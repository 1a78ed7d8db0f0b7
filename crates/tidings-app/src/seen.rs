//! What somebody saw of a thing when they began to change it.
//!
//! Two people open the same form; whoever saves last must not undo the other unseen. So a form carries a word for the version that it
//! shows, and the change is refused when the thing is another one by then: in the change's own transaction, not before it, and
//! whatever the clock says. Objects have such a word of their own, `sequence`.

use tidings_domain::{Fault, Value};

use crate::keep::fingerprint;

/// A merge patch, and the version it was made for.
#[derive(Clone, Copy, Debug)]
pub struct Edit<'e> {
    /// The patch.
    pub body: &'e Value,
    /// The version that its sender saw; `None`: whatever it is.
    pub seen: Option<&'e str>,
}

impl<'e> Edit<'e> {
    /// A patch of what was seen; an empty word says nothing.
    pub fn of(body: &'e Value, seen: &'e str) -> Self {
        Self {
            body,
            seen: Some(seen).filter(|seen| !seen.is_empty()),
        }
    }

    /// Refuses it when the thing is another one by now.
    pub(crate) fn check(&self, now: &str) -> Result<(), Fault> {
        if self.seen.is_none_or(|seen| seen == now) {
            return Ok(());
        }
        let detail = "somebody else changed it since you opened it; look at what they changed, and save again";
        Err(Fault::conflict("/seen", STALE, detail))
    }
}

impl<'e> From<&'e Value> for Edit<'e> {
    fn from(body: &'e Value) -> Self {
        Self { body, seen: None }
    }
}

/// The code of the refusal.
pub const STALE: &str = "stale";

/// The word for a value that has no version of its own.
pub(crate) fn word(value: &Value) -> String {
    let text = serde_json::to_vec(value).unwrap_or_default();
    fingerprint(&[&text])
}
