//! What a page shows around its own content: who is signed in, where one is, what just happened.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use http::request::Parts;
use tidings_app::{Access, Caller, Session};
use tidings_domain::fault::FieldFault;
use tidings_domain::{Project, Value};

use super::{Flash, clash, plain, view};
use crate::route::{Call, Method, Payload, Reply};

/// Pages that a list knows the way back to; a longer way leads back to the first page.
const LONGEST_WAY: usize = 150;

/// Around a page.
#[derive(Debug, Default)]
pub struct Frame {
    /// Who is signed in.
    pub(crate) session: Option<Session>,
    /// As whom they act here.
    pub(crate) caller: Option<Caller>,
    /// The name of the member they are there, if one.
    pub(crate) acting: Option<String>,
    /// The project of the path.
    pub(crate) project: Option<Arc<Project>>,
    /// From where the request comes.
    pub(crate) address: Option<IpAddr>,
    /// Path and query that were asked for.
    pub(crate) path: String,
    /// Only a part of the page is wanted: htmx asks.
    pub(crate) part: bool,
    /// What just happened.
    pub(crate) flash: Option<Flash>,
    /// The wall clock.
    pub(crate) now: String,
    /// The key of the page's forms: see [`super::once`].
    pub(crate) form_key: String,
}

impl Frame {
    /// The frame of a request that nobody was recognised in yet.
    pub(crate) fn of(
        parts: &Parts,
        from: Option<IpAddr>,
        session: Option<Session>,
        now: String,
    ) -> Self {
        Self {
            session,
            address: from,
            path: parts
                .uri
                .path_and_query()
                .map_or_else(String::new, ToString::to_string),
            part: parts.headers.contains_key("hx-request"),
            flash: Flash::of(&parts.headers),
            now,
            ..Self::default()
        }
    }

    /// What every template knows.
    pub(super) fn context(&self) -> minijinja::Value {
        let may = |access: Access| self.caller.as_ref().is_some_and(|c| access.admits(c));
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        minijinja::context! {
            me => self.session.as_ref().map(|session| minijinja::context! {
                name => session.name.as_str(),
                administrator => session.administrator,
                account => session.account.0,
            }),
            acting => self.acting.as_deref(),
            project => self.project.as_ref().map(|p| view::json(&tidings_app::projects::show(p))),
            may => minijinja::context! {
                write => may(Access::Write),
                watch => may(Access::Watch),
                manage => may(Access::Manage),
                administer => may(Access::Administrator),
            },
            path => path,
            query => query,
            flash => self.flash.as_ref().map(view::json),
            part => self.part,
            clash => (),
            refused => (),
            version => env!("CARGO_PKG_VERSION"),
        }
    }
}

impl Call {
    /// A page: a template with the frame around it. `context` comes first where names meet.
    pub(crate) fn show(
        &self,
        template: &str,
        context: minijinja::Value,
    ) -> Result<Reply, tidings_domain::Fault> {
        view::page(self.frame(), template, context)
    }

    /// Whose page it is.
    pub(crate) fn session(&self) -> Result<&Session, tidings_domain::Fault> {
        self.frame()
            .session
            .as_ref()
            .ok_or_else(tidings_app::auth::unauthorized)
    }

    /// The page of a form again, because of what was wrong with it: `context` has the fields as they were sent, and `faults` maps their
    /// names to what is wrong. A refusal that lies in no field is a page of its own.
    pub(crate) fn show_again(
        &self,
        template: &str,
        context: minijinja::Value,
        fault: tidings_domain::Fault,
    ) -> Result<Reply, tidings_domain::Fault> {
        self.show_undone("Nothing was saved.", template, context, fault)
    }

    /// The same for what is done and not saved: `said` is what it says on top.
    pub(crate) fn show_undone(
        &self,
        said: &str,
        template: &str,
        context: minijinja::Value,
        fault: tidings_domain::Fault,
    ) -> Result<Reply, tidings_domain::Fault> {
        if fault.errors.is_empty() {
            return Err(fault);
        }
        // Fields of forms have the names of the members they become; the first fault of each is enough.
        let form = self.form();
        let faults = fault.errors.iter().rev().map(|error| {
            let name = error.field.trim_start_matches('/').replace('/', ".");
            let sent = form.has(&name).then(|| form.get(&name));
            let said = view::sentence(&plain::beside(error, sent));
            (name, said)
        });
        let faults: BTreeMap<String, String> = faults.collect();
        let context = minijinja::context! { faults => view::json(&faults), ..context };
        // Who only looked for something has nothing to lose.
        let said = if self.row.method == Method::Get {
            ""
        } else {
            said
        };
        let again = |stray: &[String]| {
            let marked = stray.len() < faults.len();
            let refused = minijinja::context! { said, marked, stray => view::json(&stray) };
            self.show(template, minijinja::context! { refused, ..context.clone() })
        };
        let mut page = again(&[])?;
        let stray = strays(&page, &fault);
        if !stray.is_empty() {
            page = again(&stray)?;
        }
        Ok(Reply {
            status: crate::problem::status(fault.kind),
            ..page
        })
    }

    /// The page of a form again, because somebody else changed the thing meanwhile: what they saved beside what was sent. `context` has
    /// the fields as they were sent, and the word for the version that is there now: saving again replaces theirs.
    pub(crate) fn show_clash(
        &self,
        template: &str,
        context: minijinja::Value,
        (theirs, yours): (&Value, &Value),
    ) -> Result<Reply, tidings_domain::Fault> {
        let rows = clash::between(theirs, yours);
        let clash = minijinja::context! { rows => view::json(&rows) };
        let context = minijinja::context! { clash, faults => (), ..context };
        let page = self.show(template, context)?;
        Ok(Reply {
            status: http::StatusCode::CONFLICT,
            ..page
        })
    }

    /// The answer to an action that was done: another page, which says so.
    pub(crate) fn done(&self, to: &str, text: impl Into<String>) -> Reply {
        Flash::good(text).put(super::refuse::see_other(self.frame().part, to))
    }

    /// The answer to an action that was refused and has no form of its own: the page before, which says why.
    pub(crate) fn failed(&self, to: &str, text: impl Into<String>) -> Reply {
        Flash::bad(text).put(super::refuse::see_other(self.frame().part, to))
    }

    /// The same with what was refused.
    pub(crate) fn refused(&self, to: &str, fault: &tidings_domain::Fault) -> Reply {
        self.failed(to, plain::line(fault))
    }

    /// Paths of the pages around this one of a list: `{first, previous, next}`. What was asked for else stays. Cursors only lead on,
    /// so the way here comes along in `back`.
    pub(crate) fn pages(&self, next: Option<i64>) -> minijinja::Value {
        let here = self.query.get("cursor");
        let back = self.query.get("back").unwrap_or_default();
        let mut way: Vec<&str> = back.split('~').filter(|c| !c.is_empty()).collect();
        let next = next.map(|at| {
            let on: Vec<&str> = way.iter().copied().chain(here).collect();
            let first = on.len().saturating_sub(LONGEST_WAY);
            let back = on.get(first..).unwrap_or_default().join("~");
            self.leaf(self.cursor(Some(at)).as_deref(), &back)
        });
        let last = way.pop();
        let previous = here.map(|_| self.leaf(last, &way.join("~")));
        // The page after the first one has it before it.
        let first = last.map(|_| self.leaf(None, ""));
        minijinja::context! { first, previous, next }
    }

    /// The path of a page of this list.
    fn leaf(&self, cursor: Option<&str>, back: &str) -> String {
        let (path, _) = self
            .frame()
            .path
            .split_once('?')
            .unwrap_or((&self.frame().path, ""));
        let mut parts: Vec<String> = self
            .query
            .pairs()
            .filter(|(name, _)| !matches!(*name, "cursor" | "back"))
            .map(|(name, text)| format!("{name}={}", view::percent(text)))
            .collect();
        parts.extend(cursor.map(|at| format!("cursor={}", view::percent(at))));
        if !back.is_empty() {
            parts.push(format!("back={}", view::percent(back)));
        }
        if parts.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", parts.join("&"))
        }
    }

    /// The fields of the form that was sent.
    pub(crate) fn form(&self) -> super::Form {
        match &self.payload {
            Payload::Form(form) => form.clone(),
            Payload::Nothing | Payload::Json(_) | Payload::Lines(_) => super::Form::default(),
        }
    }
}

/// What of a refusal no field of the page shows: it must be said all the same.
fn strays(page: &Reply, fault: &tidings_domain::Fault) -> Vec<String> {
    let text = str::from_utf8(&page.body).unwrap_or_default();
    let is_shown = |error: &&FieldFault| {
        let name = error.field.trim_start_matches('/').replace('/', ".");
        !name.is_empty() && text.contains(&format!("id=\"{name}-fault\""))
    };
    let rest = fault.errors.iter().filter(|error| !is_shown(error));
    rest.map(|error| view::sentence(&plain::named(error)))
        .collect()
}
