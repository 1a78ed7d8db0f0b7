//! The way of a request from its head to its answer.
//!
//! What few requests go through is boxed here: the state of the way is one piece of memory that is made and moved for each of them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderName, StatusCode, header};
use ipnet::IpNet;
use tidings_app::{Access, App, Caller, auth, refusal};
use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;

use crate::address;
use crate::audited::Audit;
use crate::body::{self, BodyError};
use crate::console::once::{Forms, Turn};
use crate::console::{self, Frame};
use crate::dress::dress;
use crate::idempotency::{self, Running, Ticket};
use crate::metrics::Metrics;
use crate::paths::{Params, Paths};
use crate::query::Query;
use crate::request_id::RequestIds;
use crate::rooms::{Room, Rooms, overloaded};
use crate::route::{Call, Method, OutputBody, Reply, Row, Surface};
use crate::seats::Seats;
use crate::to_the_end::{Panicked, ToTheEnd};
use crate::{nowhere, problem, routes};

/// How long a page took, as browsers show it among their own figures. Only of pages that are shown: how long a refusal takes, or
/// what changes something, is nobody's business.
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// How much the door lets in at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoorLimits {
    /// Requests being answered, of everybody: more get 503.
    pub in_flight: i64,
    /// Requests being answered, of one token: more get 429.
    pub in_flight_per_token: usize,
    /// Mebibytes of large bodies arriving at once: more wait a little, then get 503.
    pub body_mib: u32,
    /// Mebibytes of values read from large bodies and being carried out at once.
    pub value_mib: u32,
    /// Mebibytes of large answers and pages being made and taken at once.
    pub answer_mib: u32,
    /// Mebibytes of large pages being taken at once by people who are not signed in.
    pub stranger_mib: u32,
    /// How long somebody waits for such room before being told to come back.
    pub body_wait: Duration,
}

impl Default for DoorLimits {
    fn default() -> Self {
        Self {
            in_flight: 1024,
            in_flight_per_token: 256,
            body_mib: 32,
            value_mib: 96,
            answer_mib: 64,
            stranger_mib: 16,
            body_wait: Duration::from_secs(5),
        }
    }
}

/// The routes with everything they need. A cheap handle.
#[derive(Clone)]
pub struct Door {
    shared: Arc<Shared>,
    proxies: Arc<[IpNet]>,
}

struct Shared {
    app: Arc<App>,
    metrics: Arc<Metrics>,
    limits: DoorLimits,
    paths: Paths,
    seats: Seats,
    ids: RequestIds,
    keys: Arc<Running>,
    forms: Forms,
    rooms: Rooms,
}

impl Door {
    /// A door to these use cases.
    pub fn new(app: Arc<App>, metrics: Arc<Metrics>, limits: DoorLimits) -> Self {
        let shared = Arc::new(Shared {
            ids: RequestIds::new(&*app.entropy),
            app,
            metrics,
            limits,
            paths: Paths::of(routes::table().iter().chain(console::table())),
            seats: Seats::new(limits.in_flight_per_token),
            keys: Arc::default(),
            forms: Forms::default(),
            rooms: Rooms::new(
                [
                    limits.body_mib,
                    limits.value_mib,
                    limits.answer_mib,
                    limits.stranger_mib,
                ],
                limits.body_wait,
            ),
        });
        Self {
            shared,
            proxies: Arc::default(),
        }
    }

    /// The same door behind proxies with addresses in these networks: see [`address`].
    #[must_use]
    pub fn behind(self, proxies: Vec<IpNet>) -> Self {
        Self {
            proxies: proxies.into(),
            ..self
        }
    }

    /// Answers one request. Its peer, where that is known, is [`address::From`] among the extensions.
    pub async fn answer(&self, request: Request) -> Response {
        let peer = request.extensions().get::<address::From>().copied();
        self.answer_peer(peer.map(|from| from.0), request).await
    }

    /// Answers one request of that peer.
    pub(crate) async fn answer_peer(&self, peer: Option<IpAddr>, request: Request) -> Response {
        let from = peer.map(|peer| address::sender(peer, request.headers(), &self.proxies));
        self.shared.answer(from, request).await
    }

    /// Answers a request that does not say for which host it is, or says it twice; its connection ends with that.
    pub(crate) fn refuse_unaddressed(&self) -> Response {
        let detail = "send one Host header";
        let fault = Fault::new(FaultKind::Malformed, "malformed", detail);
        let reply = problem::reply(&fault).with(header::CONNECTION, "close");
        let metrics = &self.shared.metrics;
        metrics.answered("none", reply.status, Duration::ZERO);
        dress((reply, None), self.shared.ids.next(), false)
    }
}

impl Shared {
    async fn answer(self: &Arc<Self>, from: Option<IpAddr>, request: Request) -> Response {
        let started = self.app.clock.monotonic();
        let id = self.ids.next();
        let request_id = id.to_str().unwrap_or_default();
        let head_only = request.method() == http::Method::HEAD;
        let rows = self.paths.find(request.uri().path());
        let row = Method::of(request.method())
            .and_then(|method| rows.iter().find(|row| row.method == method))
            .copied();
        let (mut reply, room) = match row {
            None => {
                let for_people = nowhere::wants_page(&request);
                let waits = body::waits(request.headers());
                Box::pin(body::waste(waits, request.into_body())).await;
                (nowhere::refuse(rows, for_people), None)
            }
            // A client that goes away must not cut a use case in two (a webhook saved, the engine not told), and a panic, which is our
            // fault, must neither take down the connection nor go unanswered.
            Some(row) => ToTheEnd::new(Arc::clone(self).admit(row, from, request))
                .await
                .unwrap_or_else(|Panicked| {
                    tracing::error!(operation = %row.id, http.request_id = request_id, "a request panicked");
                    (problem::reply(&refusal::internal()), None)
                }),
        };
        let took = self.app.clock.monotonic().saturating_sub(started);
        let operation = row.map_or("none", |row| &row.id);
        self.metrics.answered(operation, reply.status, took);
        let status = reply.status.as_u16();
        tracing::debug!(
            http.operation = operation,
            http.request_id = request_id,
            http.status = status,
            took_us = took.as_micros(),
            "{operation} answered {status}"
        );
        let is_page = row.is_some_and(|r| r.surface == Surface::Console && r.method == Method::Get);
        if is_page && reply.status.is_success() {
            reply = reply.with(
                SERVER_TIMING,
                &format!(
                    "total;dur={}.{:03}",
                    took.as_millis(),
                    took.as_micros() % 1000
                ),
            );
        }
        if let Some(wait) = reply.wait.take() {
            reply = Box::pin(wait.finish(&self.app, reply)).await;
        }
        dress((reply, room), id, head_only)
    }

    async fn admit(
        self: Arc<Self>,
        row: &'static Row,
        from: Option<IpAddr>,
        request: Request,
    ) -> (Reply, Option<Room>) {
        let under_way = UnderWay::begin(&self.metrics);
        // Whoever watches the server must see it when it is busiest.
        let watching = row.access == Access::Anyone;
        if !watching && self.metrics.in_flight.get() > self.limits.in_flight {
            return (problem::reply(&overloaded()), None);
        }
        let (parts, mut body) = request.into_parts();
        let waits = body::waits(&parts.headers);
        let answer = self.let_in(row, from, (parts, &mut body)).await;
        drop(under_way);
        body::waste(waits, body).await;
        answer
    }

    async fn let_in(
        &self,
        row: &'static Row,
        from: Option<IpAddr>,
        (parts, body): (http::request::Parts, &mut Body),
    ) -> (Reply, Option<Room>) {
        let passed = match row.surface {
            Surface::Api => {
                let caller = self.authenticate(row, &parts.headers).await;
                let caller = caller.map(|caller| caller.map(|c| c.at(from)));
                match caller {
                    Ok(caller) => self.pass(row, caller, None, (parts, body)).await,
                    Err(fault) => Err(fault.into()),
                }
            }
            Surface::Console => return Box::pin(self.show(row, from, (parts, body))).await,
        };
        let reply = match passed {
            Ok(answer) => return answer,
            Err(BodyError::Fault(fault)) => problem::reply(&fault),
            Err(BodyError::Slow) => problem::with_status(StatusCode::REQUEST_TIMEOUT, &too_slow()),
        };
        (reply, None)
    }

    /// A page or an action of the console.
    async fn show(
        &self,
        row: &'static Row,
        from: Option<IpAddr>,
        (parts, body): (http::request::Parts, &mut Body),
    ) -> (Reply, Option<Room>) {
        let now = self.app.now();
        let session = match console::visitor::session(&self.app, &parts.headers).await {
            Ok(session) => session,
            Err(fault) => {
                let frame = Frame::of(&parts, from, None, now);
                return (console::refuse(&frame, &fault), None);
            }
        };
        let session = session.map(|session| session.at(from));
        let mut frame = Frame::of(&parts, from, session, now);
        frame.form_key = console::once::new_key(&self.app);
        let is_page = row.method == Method::Get;
        if frame.session.is_none() && row.access != Access::Anyone {
            let ours = console::guard::check(&parts.headers).is_ok();
            let reply = if is_page || !ours {
                console::sign_in_first(&frame, is_page)
            } else {
                let pages = console::table().iter().filter(|r| r.method == Method::Get);
                let has_page = pages.into_iter().any(|page| page.path == row.path);
                console::session_ended(&frame, &parts.headers, has_page)
            };
            return (reply, None);
        }
        let entered = self.enter(row, &parts, &mut frame).await;
        let frame = Arc::new(frame);
        if let Err(fault) = entered {
            return (console::refuse(&frame, &fault), None);
        }
        let caller = frame.caller.clone();
        match self
            .pass(row, caller, Some(Arc::clone(&frame)), (parts, body))
            .await
        {
            Ok(answer) => answer,
            Err(BodyError::Fault(fault)) => (console::refuse(&frame, &fault), None),
            Err(BodyError::Slow) => (console::refuse(&frame, &too_slow()), None),
        }
    }

    /// Finds out as whom somebody acts where they want to go, and whether that is there for them.
    async fn enter(
        &self,
        row: &'static Row,
        parts: &http::request::Parts,
        frame: &mut Frame,
    ) -> Result<(), Fault> {
        if row.method != Method::Get {
            console::guard::check(&parts.headers)?;
        }
        let Some(session) = &frame.session else {
            return Ok(());
        };
        let params = Params::read(parts.uri.path(), row)?;
        let key = params.get("key");
        let caller = self.app.caller_in(session, key).await?;
        if let Some(key) = key {
            let project = self.app.project(&caller, key).await?;
            frame.acting = self.app.acting_as(session, &caller, &project).await?;
            frame.project = Some(project);
        }
        frame.caller = Some(caller);
        Ok(())
    }

    async fn pass(
        &self,
        row: &'static Row,
        caller: Option<Caller>,
        frame: Option<Arc<Frame>>,
        (parts, body): (http::request::Parts, &mut Body),
    ) -> Result<(Reply, Option<Room>), BodyError> {
        let seat = caller.as_ref().map(|c| self.seats.take(c.holder()));
        let _seat = seat.transpose()?;
        let params = Params::read(parts.uri.path(), row)?;
        let entered = frame.as_ref().and_then(|frame| frame.project.clone());
        let project = match (&caller, params.get("key")) {
            _ if entered.is_some() => entered,
            (Some(caller), Some(key)) => match self.app.project(caller, key).await {
                Ok(project) => Some(project),
                Err(fault) => {
                    let gone = self.answer_of_the_gone(row, caller, &parts, fault);
                    return Ok((gone.await?, None));
                }
            },
            _ => None,
        };
        if let Some(caller) = &caller {
            row.access.check(caller)?;
        }
        let query = Query::read(parts.uri.query(), row)?;
        let key = idempotency::key(row, &parts.headers)?;
        let most = body::most_bytes(row, &parts.headers);
        let arriving = self.rooms.for_text(most).await?;
        let text = body::read(row, &parts.headers, body).await?;
        let _values = self.rooms.for_values(&text).await?;
        let payload = body::parse(row, &parts.headers, &text)?;
        let form_key = console::once::key(row, &payload);
        let form = form_key.as_ref().map(|_| console::once::is_plain(&payload));
        let ticket = key.or(form_key).zip(caller.as_ref()).map(|(key, caller)| {
            let project = project.as_ref().map(|project| project.id);
            Ticket::new(key, row, caller, project, (&parts, &text))
        });
        drop((text, arriving));
        let (reads, is_known) = (row.method == Method::Get, caller.is_some());
        // What programs get without a token is small, and whoever watches the server gets it whatever goes on.
        let counted = reads && (is_known || row.surface == Surface::Console);
        let page = match row.output.body {
            OutputBody::List(_) if reads && is_known => Some(self.rooms.for_page().await?),
            _ => None,
        };
        let audit = Audit::of(row, caller.as_ref(), parts.uri.path());
        let call = Call {
            app: Arc::clone(&self.app),
            row,
            caller,
            project,
            params,
            query,
            headers: parts.headers,
            payload,
            ticket: ticket.clone().filter(|_| form.is_none()),
            metrics: Arc::clone(&self.metrics),
            frame,
        };
        let reply = match (ticket, form) {
            (None, _) => {
                let reply = (row.handler)(call).await?;
                if let Some(audit) = audit {
                    audit.write(&reply);
                }
                reply
            }
            (Some(ticket), Some(is_plain)) => {
                Box::pin(self.form(&ticket, is_plain, call, audit)).await?
            }
            (Some(ticket), None) => Box::pin(self.once(ticket, call, audit)).await?,
        };
        let length = reply.body.len();
        let room = match page {
            Some(page) => page.shrink(length),
            None if counted && !reply.is_fixed => self.rooms.for_answer(length, is_known).await?,
            // What was done is done, and is said: it is hardly longer than what was asked.
            None => None,
        };
        Ok((reply, room))
    }

    /// Carries out a form with a key, unless that was done before.
    async fn form(
        &self,
        ticket: &Ticket,
        is_plain: bool,
        call: Call,
        audit: Option<Audit>,
    ) -> Result<Reply, Fault> {
        let now = self.app.clock.monotonic();
        let turn = match self.forms.enter(ticket, now).await {
            Turn::Again(reply) => return Ok(reply),
            Turn::First(turn) => turn,
        };
        if let Some(reply) = console::once::answered(ticket, &self.app).await? {
            return Ok(reply);
        }
        let reply = (call.row.handler)(call).await?;
        if let Some(audit) = audit {
            audit.write(&reply);
        }
        Ok(console::once::keep(ticket, &self.app, (turn, is_plain), reply).await)
    }

    /// Carries out a request with a key, unless that was done before.
    async fn once(
        &self,
        ticket: Arc<Ticket>,
        call: Call,
        audit: Option<Audit>,
    ) -> Result<Reply, Fault> {
        let _claim = self.keys.claim(&ticket)?;
        if let Some(reply) = ticket.answered(&self.app).await? {
            return Ok(reply);
        }
        let answer = (call.row.handler)(call).await;
        if let (Ok(reply), Some(audit)) = (&answer, audit) {
            audit.write(reply);
        }
        let reply = answer.unwrap_or_else(|fault| problem::reply(&fault));
        if !reply.kept && idempotency::is_kept(reply.status) {
            // It is done: an answer that cannot be kept is still the answer.
            if let Err(fault) = self.app.keep_answer(ticket.memo(&reply)).await {
                tracing::warn!("an answer could not be kept for its key: {fault}");
            }
        }
        Ok(reply)
    }

    /// A project that is not there, or not for this caller. Only who deleted it, and asks again with the same key, gets the answer
    /// to that.
    async fn answer_of_the_gone(
        &self,
        row: &Row,
        caller: &Caller,
        parts: &http::request::Parts,
        absent: Fault,
    ) -> Result<Reply, Fault> {
        let deletes = row.method == Method::Delete && idempotency::is_of_server(row);
        let Some(key) = idempotency::key(row, &parts.headers)?.filter(|_| deletes) else {
            return Err(absent);
        };
        let ticket = Ticket::new(key, row, caller, None, (parts, &[]));
        let _claim = self.keys.claim(&ticket)?;
        ticket.answered(&self.app).await?.ok_or(absent)
    }

    /// The caller, where the route wants to know.
    async fn authenticate(&self, row: &Row, headers: &HeaderMap) -> Result<Option<Caller>, Fault> {
        if row.access == Access::Anyone {
            return Ok(None);
        }
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(auth::unauthorized());
        };
        let token = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(auth::unauthorized)?;
        self.app.authenticate(token).await.map(Some)
    }
}

/// Counts a request while it is being answered.
struct UnderWay<'m>(&'m Metrics);

impl<'m> UnderWay<'m> {
    fn begin(metrics: &'m Metrics) -> Self {
        metrics.in_flight.inc();
        Self(metrics)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.in_flight.dec();
    }
}

fn too_slow() -> Fault {
    Fault::new(
        FaultKind::Malformed,
        "too_slow",
        "the body did not arrive within 30 seconds",
    )
}
