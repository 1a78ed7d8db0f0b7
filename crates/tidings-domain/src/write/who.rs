//! Who writes, and when.

use crate::collection::{Collection, ObjectRef};
use crate::fault::Fault;
use crate::time::{self, Time};
use crate::value::Value;
use crate::view::View;

use super::target::Target;

/// How far ahead of the server's clock a reported time may be.
const AHEAD_SECONDS: i64 = 24 * 60 * 60;

/// Who writes, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Author {
    /// The member who did it.
    pub actor: Option<i64>,
    /// When, in whole seconds.
    pub at: Time,
    /// Whether members that the server sets may be given (administrator and app tokens).
    pub imports: bool,
}

/// What a request says about who and when; each with the place to which a fault points.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'c> {
    /// The actor: an integer, its text, or `ext:X`.
    pub by: Option<&'c Value>,
    /// RFC 3339.
    pub at: Option<&'c str>,
    /// Where `by` stood.
    pub by_place: &'c str,
    /// Where `at` stood.
    pub at_place: &'c str,
}

impl Author {
    /// The author that a request of an administrator or app token names.
    pub fn claimed(view: &dyn View, claim: Claim<'_>, now: Time) -> Result<Author, Fault> {
        let actor = claim
            .by
            .filter(|by| !by.is_null())
            .map(|by| actor(view, by, claim.by_place))
            .transpose()?;
        let at = match claim.at {
            Some(text) => moment(text, now, claim.at_place)?,
            None => time::cut(now),
        };
        Ok(Author {
            actor,
            at,
            imports: true,
        })
    }

    /// The member whose token it is, now.
    pub fn member(member: Option<i64>, now: Time) -> Author {
        Author {
            actor: member,
            at: time::cut(now),
            imports: false,
        }
    }
}

fn actor(view: &dyn View, by: &Value, place: &str) -> Result<i64, Fault> {
    let target = match by {
        Value::Text(text) => Target::parse(text),
        other => Target::from_value(other),
    };
    let target = target.ok_or_else(|| {
        Fault::field(
            place,
            "wrong_type",
            "must be the id of a member, as an integer or as \"ext:EXTERNAL_ID\"",
        )
    })?;
    let id = target.id(view, Collection::Members);
    id.filter(|id| view.get(ObjectRef::new(Collection::Members, *id)).is_some())
        .ok_or_else(|| {
            let detail =
                format!("there is no member {target} in this project; add the member first");
            Fault::field(place, "not_found", detail)
        })
}

fn moment(text: &str, now: Time, place: &str) -> Result<Time, Fault> {
    let at = time::parse(text).ok_or_else(|| {
        Fault::field(
            place,
            "time",
            "must be a time like \"2026-03-02T10:15:00Z\" (RFC 3339)",
        )
    })?;
    if at.as_second() > now.as_second().saturating_add(AHEAD_SECONDS) {
        return Err(Fault::field(
            place,
            "range",
            "is more than 24 hours ahead of the server's clock",
        ));
    }
    Ok(at)
}
