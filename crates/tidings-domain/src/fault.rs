//! What is wrong with a request: the one refusal type of the domain and the use cases, shown as a problem document (RFC 9457).

/// The class of a refusal; the API maps each to one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The request cannot be read at all: 400.
    Malformed,
    /// No token, or one that is not good: 401.
    Unauthorized,
    /// Known, but not allowed: 403.
    Forbidden,
    /// Not there, or not yours: 404.
    NotFound,
    /// At odds with what is there: 409.
    Conflict,
    /// Too large: 413.
    TooLarge,
    /// Not JSON: 415.
    WrongMediaType,
    /// Read, but wrong: 422.
    Invalid,
    /// More than the server takes right now: 429.
    TooMany,
    /// The server cannot do it right now; nothing was stored: 503.
    Unavailable,
    /// The server is at fault: 500.
    Internal,
}

/// One member at fault.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FieldFault {
    /// JSON pointer into the request's body (`/status`, `/57/data/status`); for a query parameter its name.
    pub field: String,
    /// Closed word for programs.
    pub code: &'static str,
    /// What is wrong and what to do, for people.
    pub detail: String,
}

impl FieldFault {
    /// The fault as one sentence; one of the whole body or request has no place to name.
    fn told(&self) -> String {
        if self.field.is_empty() {
            self.detail.clone()
        } else {
            format!("{}: {}", self.field, self.detail)
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Fault {
    /// Class.
    pub kind: FaultKind,
    /// Closed word for programs: `invalid`, `not_found`, `url_forbidden`, ...
    pub code: &'static str,
    /// What is wrong and what to do, for people.
    pub detail: String,
    /// The members at fault, if the fault lies in some.
    pub errors: Vec<FieldFault>,
    /// Seconds after which trying again makes sense (429 and 503).
    pub retry_after: Option<u32>,
}

impl Fault {
    /// A refusal without members.
    pub fn new(kind: FaultKind, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// Wrong content in one member: 422.
    pub fn field(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldFault {
            field: field.into(),
            code,
            detail: detail.into(),
        }])
    }

    /// Wrong content in several members: 422. The detail is that of the first.
    pub fn invalid(errors: Vec<FieldFault>) -> Self {
        let detail = errors
            .first()
            .map_or_else(|| "the request is not valid".to_owned(), FieldFault::told);
        Self {
            errors,
            ..Self::new(FaultKind::Invalid, "invalid", detail)
        }
    }

    /// Not there: 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(FaultKind::NotFound, "not_found", detail)
    }

    /// At odds with what is there, in one member: 409.
    pub fn conflict(
        field: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let error = FieldFault {
            field: field.into(),
            code,
            detail: detail.into(),
        };
        Self {
            detail: error.told(),
            errors: vec![error],
            ..Self::new(FaultKind::Conflict, code, "")
        }
    }

    /// Known but not allowed: 403.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(FaultKind::Forbidden, code, detail)
    }

    /// The same refusal with `prefix` before each member's pointer, for entries of a batch.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        if self.errors.is_empty() {
            self.errors.push(FieldFault {
                field: String::new(),
                code: self.code,
                detail: self.detail.clone(),
            });
        }
        // The detail says where, too: in a batch of a thousand, the member alone is no help.
        let repeats = self.errors.first().map(FieldFault::told).as_ref() == Some(&self.detail);
        for error in &mut self.errors {
            error.field.insert_str(0, prefix);
        }
        if let Some(first) = self.errors.first().filter(|_| repeats) {
            self.detail = first.told();
        }
        self
    }
}

#[cfg(test)]
mod tests;
