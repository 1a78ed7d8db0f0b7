//! A row of the route table, what a handler gets, and what it answers with.
//!
//! Router, OpenAPI document, API page and permission test are all derived from the rows: a route that has no row does not exist, and a
//! row says everything about its route.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tidings_app::{Access, App, Caller, Keep, Paging};
use tidings_domain::{Collection, Fault, Project, Value, json};

use crate::console::{Form, Frame};
use crate::idempotency::Ticket;
use crate::paths::Params;
use crate::prefer::Wait;
use crate::query::Query;

/// The methods of the API. `HEAD` is a `GET` without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read.
    Get,
    /// Create, or do.
    Post,
    /// Create or replace.
    Put,
    /// Merge.
    Patch,
    /// Remove.
    Delete,
}

impl Method {
    /// The method as HTTP writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    /// The row's method that answers a request's method.
    pub fn of(method: &http::Method) -> Option<Method> {
        Some(match *method {
            http::Method::GET | http::Method::HEAD => Method::Get,
            http::Method::POST => Method::Post,
            http::Method::PUT => Method::Put,
            http::Method::PATCH => Method::Patch,
            http::Method::DELETE => Method::Delete,
            _ => return None,
        })
    }
}

/// Who a route is for; decides how a caller is known, how a body is written, and how a refusal is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Surface {
    /// Programs: a token, JSON, problem documents.
    #[default]
    Api,
    /// People: a session, forms, pages.
    Console,
}

/// What a request may carry.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Nothing; a body is not read.
    None,
    /// One JSON value in the shape of that schema.
    Json(Cow<'static, str>),
    /// As `Json`, or nothing at all.
    Optional(Cow<'static, str>),
    /// A batch: a JSON array or NDJSON.
    Changes,
    /// The fields of a form.
    Form,
}

/// What the route answers when all is well.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The usual status.
    pub status: u16,
    /// Other good statuses, with their meaning.
    pub or: &'static [(u16, &'static str)],
    /// What the body is.
    pub body: OutputBody,
}

/// The body of a good answer.
#[derive(Clone, Debug, PartialEq)]
pub enum OutputBody {
    /// Nothing.
    None,
    /// One value of that schema.
    One(Cow<'static, str>),
    /// A page of a list of that schema.
    List(Cow<'static, str>),
    /// Text of that media type.
    Text(&'static str),
}

/// The media type of pages.
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// A query parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Name.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
}

/// What a handler answers.
pub type Answer = Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send>>;

/// A handler: takes the call apart, asks one use case, shapes the answer.
pub type Handler = fn(Call) -> Answer;

/// A route.
#[derive(Debug)]
pub struct Row {
    /// Method.
    pub method: Method,
    /// Who it is for.
    pub surface: Surface,
    /// Path, with `{name}` for parameters.
    pub path: Cow<'static, str>,
    /// Name of the operation, unique.
    pub id: Cow<'static, str>,
    /// Group on the API page.
    pub tag: &'static str,
    /// What it does, in one sentence.
    pub summary: Cow<'static, str>,
    /// Who may.
    pub access: Access,
    /// Query parameters it knows; others are refused.
    pub query: Vec<Parameter>,
    /// Whether the headers `Tidings-Actor` and `Tidings-At` are read.
    pub acts: bool,
    /// Whether `Prefer: wait` is read: it writes objects.
    pub waits: bool,
    /// What a request may carry.
    pub input: Input,
    /// What a good answer carries.
    pub output: Output,
    /// Codes of refusals beyond those that every route shares.
    pub faults: Vec<(u16, &'static str)>,
    /// The collection it is about, for routes that exist once per collection.
    pub collection: Option<Collection>,
    /// The handler.
    pub handler: Handler,
}

impl Row {
    /// A row that takes nothing, knows no query and answers 200.
    pub fn new(
        method: Method,
        path: impl Into<Cow<'static, str>>,
        id: impl Into<Cow<'static, str>>,
        access: Access,
        handler: Handler,
    ) -> Self {
        Self {
            method,
            surface: Surface::Api,
            path: path.into(),
            id: id.into(),
            tag: "",
            summary: Cow::Borrowed(""),
            access,
            query: Vec::new(),
            acts: false,
            waits: false,
            input: Input::None,
            output: Output {
                status: 200,
                or: &[],
                body: OutputBody::None,
            },
            faults: Vec::new(),
            collection: None,
            handler,
        }
    }

    /// A page of the console.
    pub fn page(path: &'static str, id: &'static str, access: Access, handler: Handler) -> Self {
        Self {
            surface: Surface::Console,
            ..Self::new(Method::Get, path, id, access, handler).gives_text(HTML)
        }
    }

    /// What a form of the console does. It answers with a redirect, or with the page again where the form was wrong.
    pub fn action(path: &'static str, id: &'static str, access: Access, handler: Handler) -> Self {
        Self {
            surface: Surface::Console,
            input: Input::Form,
            ..Self::new(Method::Post, path, id, access, handler).gives_text(HTML)
        }
    }

    /// With what people read.
    #[must_use]
    pub fn about(mut self, tag: &'static str, summary: impl Into<Cow<'static, str>>) -> Self {
        self.tag = tag;
        self.summary = summary.into();
        self
    }

    /// Takes one JSON value of that schema.
    #[must_use]
    pub fn takes(mut self, schema: impl Into<Cow<'static, str>>) -> Self {
        self.input = Input::Json(schema.into());
        self
    }

    /// May take one JSON value of that schema.
    #[must_use]
    pub fn may_take(mut self, schema: impl Into<Cow<'static, str>>) -> Self {
        self.input = Input::Optional(schema.into());
        self
    }

    /// Answers with one value of that schema.
    #[must_use]
    pub fn gives(mut self, status: u16, schema: impl Into<Cow<'static, str>>) -> Self {
        self.output.status = status;
        self.output.body = OutputBody::One(schema.into());
        self
    }

    /// Answers with nothing.
    #[must_use]
    pub fn gives_nothing(mut self, status: u16) -> Self {
        self.output.status = status;
        self.output.body = OutputBody::None;
        self
    }

    /// Answers with a page of a list.
    #[must_use]
    pub fn lists(mut self, schema: impl Into<Cow<'static, str>>) -> Self {
        self.output.body = OutputBody::List(schema.into());
        self.query.extend(PAGE);
        self
    }

    /// Answers with text.
    #[must_use]
    pub fn gives_text(mut self, media_type: &'static str) -> Self {
        self.output.body = OutputBody::Text(media_type);
        self
    }

    /// Other good statuses.
    #[must_use]
    pub fn or(mut self, statuses: &'static [(u16, &'static str)]) -> Self {
        self.output.or = statuses;
        self
    }

    /// Knows these query parameters.
    #[must_use]
    pub fn knows(mut self, parameters: &[Parameter]) -> Self {
        self.query.extend_from_slice(parameters);
        self
    }

    /// Refuses with these codes too.
    #[must_use]
    pub fn refuses(mut self, faults: &[(u16, &'static str)]) -> Self {
        self.faults.extend_from_slice(faults);
        self
    }

    /// Whether the path lies in a project.
    pub fn in_project(&self) -> bool {
        self.path.contains("{key}")
    }
}

/// The parameters of every list.
pub const PAGE: [Parameter; 2] = [
    Parameter {
        name: "limit",
        description: "Most entries of a page, 1 to 200; 50 when left out.",
    },
    Parameter {
        name: "cursor",
        description: "Where the page begins: next_cursor of the page before.",
    },
];

/// The parameters of a page with a list, which also leads back.
pub const LEAF: [Parameter; 3] = [
    PAGE[0],
    PAGE[1],
    Parameter {
        name: "back",
        description: "Where the pages before this one begin.",
    },
];

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 200;

/// What a request carried.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// Nothing.
    Nothing,
    /// One JSON value.
    Json(Value),
    /// The lines of an NDJSON batch.
    Lines(Vec<Value>),
    /// The fields of a form.
    Form(Form),
}

/// A request whose sender is known and may, read and ready for a handler.
pub struct Call {
    /// The use cases.
    pub app: Arc<App>,
    /// The row.
    pub row: &'static Row,
    /// Who asks; `None` only where no token is needed.
    pub caller: Option<Caller>,
    /// The project of the path.
    pub project: Option<Arc<Project>>,
    /// Parameters of the path, decoded.
    pub params: Params,
    /// Query.
    pub(crate) query: Query,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub payload: Payload,
    /// The request's idempotency key, if it came with one.
    pub ticket: Option<Arc<Ticket>>,
    /// Text of `/metrics`.
    pub metrics: Arc<crate::metrics::Metrics>,
    /// What the pages around an answer of the console show; the API has none: see [`Call::frame`].
    pub(crate) frame: Option<Arc<Frame>>,
}

impl Call {
    /// Who asks.
    pub fn caller(&self) -> Result<&Caller, Fault> {
        self.caller
            .as_ref()
            .ok_or_else(tidings_app::auth::unauthorized)
    }

    /// The project of the path.
    pub fn project(&self) -> Result<&Project, Fault> {
        self.project
            .as_deref()
            .ok_or_else(tidings_app::refusal::absent)
    }

    /// What the pages around an answer show.
    pub(crate) fn frame(&self) -> &Frame {
        static NONE: LazyLock<Frame> = LazyLock::new(Frame::default);
        self.frame.as_deref().unwrap_or(&NONE)
    }

    /// A parameter of the path.
    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).unwrap_or_default()
    }

    /// The `{id}` of the path as a whole number; what is none names nothing.
    pub fn id(&self) -> Result<i64, Fault> {
        let text = self.param("id");
        let plain =
            !text.is_empty() && text.len() <= 16 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|n| plain && *n > 0)
            .ok_or_else(tidings_app::refusal::absent)
    }

    /// Makes the answer that is kept of what a use case did, where the request came with a key. What the use case so keeps with
    /// its change is said with [`Call::kept`].
    pub(crate) fn keep<T: ?Sized>(
        &self,
        render: impl Fn(&T) -> Reply + Send + Sync + 'static,
    ) -> Option<Keep<T>> {
        self.ticket.as_ref().map(|ticket| ticket.keep(render))
    }

    /// The answer of a use case that was given [`Call::keep`].
    pub(crate) fn kept(&self, reply: Reply) -> Reply {
        Reply {
            kept: self.ticket.is_some(),
            ..reply
        }
    }

    /// The body as one JSON value; an empty object when there was none.
    pub fn json(&self) -> Value {
        match &self.payload {
            Payload::Json(value) => value.clone(),
            Payload::Nothing | Payload::Lines(_) | Payload::Form(_) => Value::Map(Vec::new()),
        }
    }

    /// Which page is asked for.
    pub fn paging(&self) -> Result<Paging, Fault> {
        let asked = self.asked_paging();
        match asked {
            // An old address of a page still opens it, at its beginning.
            Err(_) if self.row.surface == Surface::Console => Ok(Paging {
                from: 0,
                limit: DEFAULT_LIMIT,
            }),
            asked => asked,
        }
    }

    fn asked_paging(&self) -> Result<Paging, Fault> {
        let limit = match self.query.get("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|n| (1..=MAX_LIMIT).contains(n) && text.len() <= 3)
                .ok_or_else(|| {
                    Fault::field("limit", "query", "must be a whole number from 1 to 200")
                })?,
        };
        let from = match self.query.get("cursor") {
            None => 0,
            Some(text) => crate::query::read_cursor(text, &self.list_name())
                .ok_or_else(|| Fault::field("cursor", "query", "is not a cursor of this list; take next_cursor of the page before, or leave it out"))?,
        };
        Ok(Paging { from, limit })
    }

    /// What a cursor belongs to: the route and the project.
    fn list_name(&self) -> String {
        let project = self.project.as_ref().map_or(0, |p| p.id.0);
        format!("{}/{project}", self.row.id)
    }

    /// The answer with a page of a list: `data` is one in JSON.
    pub fn page(&self, data: &impl serde::Serialize, next: Option<i64>) -> Reply {
        #[derive(serde::Serialize)]
        struct List<'a, T> {
            data: &'a T,
            next_cursor: Option<String>,
        }
        let next_cursor = self.cursor(next);
        Reply::json(StatusCode::OK, &List { data, next_cursor })
    }

    /// The cursor of the page that begins at a position.
    pub(crate) fn cursor(&self, next: Option<i64>) -> Option<String> {
        next.map(|position| crate::query::write_cursor(position, &self.list_name()))
    }

    /// The text of a header; refused when it is not visible ASCII or UTF-8.
    pub fn header(&self, name: &'static str) -> Result<Option<&str>, Fault> {
        let Some(value) = self.headers.get(name) else {
            return Ok(None);
        };
        value.to_str().map(Some).map_err(|_| {
            Fault::field(
                name,
                "header",
                "must be visible ASCII; write ids, or ext: and a percent-free id",
            )
        })
    }
}

/// An answer before it becomes HTTP.
#[derive(Debug)]
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// Headers beyond those every answer has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Media type.
    pub media_type: &'static str,
    /// Body.
    pub body: Bytes,
    /// Whether it was kept for the request's key, with the change that it answers.
    pub kept: bool,
    /// What it waits for before it is given, if the client prefers that.
    pub wait: Option<Box<Wait>>,
    /// A body that goes on for as long as the client listens, instead of `body`.
    pub stream: Option<axum::body::Body>,
    /// The body lies in the program: however many take it, it takes no memory of its own.
    pub is_fixed: bool,
}

impl Reply {
    /// A JSON answer.
    pub fn json(status: StatusCode, value: &impl serde::Serialize) -> Self {
        // Serialising values with string keys cannot fail.
        Self::bytes(status, json::to_vec(value).unwrap_or_default())
    }

    /// JSON that is bytes already.
    pub fn bytes(status: StatusCode, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            media_type: "application/json",
            body: body.into(),
            kept: false,
            wait: None,
            stream: None,
            is_fixed: false,
        }
    }

    /// No body.
    pub fn empty(status: StatusCode) -> Self {
        Self::text(status, "", Bytes::new())
    }

    /// Some text.
    pub fn text(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            media_type,
            body: body.into(),
            kept: false,
            wait: None,
            stream: None,
            is_fixed: false,
        }
    }

    /// What lies in the program.
    pub(crate) fn fixed(media_type: &'static str, body: &'static [u8]) -> Self {
        Self {
            is_fixed: true,
            ..Self::text(StatusCode::OK, media_type, body)
        }
    }

    /// With a header; a value that no header can hold is left out.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// With a header that is a number.
    #[must_use]
    pub fn with_number(mut self, name: HeaderName, value: i64) -> Self {
        self.headers.push((name, HeaderValue::from(value)));
        self
    }
}
