//! What changes, as server-sent events: pages that listen fetch themselves again.
//!
//! A stream says that something changed, never what: the page asks for it with the rights and filters it has. Streams end by themselves
//! before a slow client's time is over, and browsers come again; so none outlives a sign-out by long, and none holds up a stop.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{StatusCode, header};
use http_body::Frame;
use tidings_app::Access;
use tidings_app::figures::{News, Watch};
use tidings_domain::{DeliveryId, Fault, WebhookId};
use tokio::time::Instant;

use crate::route::{Call, Parameter, Reply, Row};
use crate::routes::run;

const MEDIA_TYPE: &str = "text/event-stream";
/// Shorter than an answer may take (`Limits::answer`).
const LIFE: Duration = Duration::from_secs(45);
/// A sign of life, so that nobody in between takes the silence for the end.
const QUIET: Duration = Duration::from_secs(15);
/// News that come together are told together.
const BREATH: Duration = Duration::from_millis(400);
/// Where news never end, nobody reads what changes more often.
const PACE: Duration = Duration::from_secs(1);
/// How soon a browser comes again, and that it should look now: it may have missed something.
const HELLO: &str = "retry: 2000\n\nevent: changed\ndata: 1\n\n";
const CHANGED: &str = "event: changed\ndata: 1\n\n";
const STILL_HERE: &str = ": still here\n\n";

pub(super) fn row() -> Row {
    let of = |name, description| Parameter { name, description };
    Row::page(
        "/projects/{key}/deliveries/live",
        "live_deliveries",
        Access::Watch,
        run!(live),
    )
    .gives_text(MEDIA_TYPE)
    .knows(&[
        of(
            "all",
            "Whatever happens in the project, also what sends nothing.",
        ),
        of("delivery", "Only this delivery."),
        of(
            "webhook",
            "Only how this webhook fares, and what is done to many of its deliveries.",
        ),
    ])
}

/// What a page wants to hear of.
#[derive(Clone, Copy)]
enum Wanted {
    All,
    Log,
    Delivery(DeliveryId),
    Webhook(WebhookId),
}

impl Wanted {
    fn is(self, news: News) -> bool {
        match (self, news) {
            (Wanted::All, _) | (_, News::Much) | (Wanted::Log, News::Delivery(_)) => true,
            (Wanted::Delivery(wanted), News::Delivery(id)) => wanted == id,
            (Wanted::Webhook(wanted), News::Webhook(id)) => wanted == id,
            _ => false,
        }
    }
}

async fn live(call: Call) -> Result<Reply, Fault> {
    let unknown = |name: &'static str| Fault::field(name, "query", "must be an id");
    let wanted = match (call.query.get("delivery"), call.query.get("webhook")) {
        (Some(id), _) => Wanted::Delivery(id.parse().map_err(|_| unknown("delivery"))?),
        (None, Some(id)) => {
            let id = id.parse().map_err(|_| unknown("webhook"))?;
            Wanted::Webhook(WebhookId(id))
        }
        (None, None) if call.query.flag("all")? => Wanted::All,
        (None, None) => Wanted::Log,
    };
    let watch = call.app.watch_log(call.caller()?, call.project()?)?;
    let listener = Listener {
        watch,
        wanted,
        until: Instant::now() + LIFE,
        greeted: false,
        not_before: Instant::now(),
    };
    let reply = Reply::text(StatusCode::OK, MEDIA_TYPE, Bytes::new())
        .with(header::CACHE_CONTROL, "no-store");
    Ok(Reply {
        stream: Some(Body::new(Stream(listener.turn()))),
        ..reply
    })
}

/// A page that listens.
struct Listener {
    watch: Watch,
    wanted: Wanted,
    until: Instant,
    greeted: bool,
    /// The next news are told then at the earliest.
    not_before: Instant,
}

type Turn = Pin<Box<dyn Future<Output = Option<(&'static str, Listener)>> + Send>>;

impl Listener {
    /// The next thing to say; `None`: nothing more.
    fn turn(self) -> Turn {
        Box::pin(self.next())
    }

    async fn next(mut self) -> Option<(&'static str, Self)> {
        if !self.greeted {
            self.greeted = true;
            return Some((HELLO, self));
        }
        let quiet = Instant::now() + QUIET;
        loop {
            tokio::select! {
                biased;
                news = self.watch.next() => if self.wanted.is(news?) {
                    break;
                },
                () = tokio::time::sleep_until(self.until) => return None,
                () = tokio::time::sleep_until(quiet) => return Some((STILL_HERE, self)),
            }
        }
        let told = self.not_before.max(Instant::now() + BREATH);
        while let Ok(Some(_)) = tokio::time::timeout_at(told, self.watch.next()).await {}
        self.not_before = told + PACE;
        Some((CHANGED, self))
    }
}

/// The stream as a body.
struct Stream(Turn);

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.as_mut().poll(cx).map(|said| {
            let (text, listener) = said?;
            self.0 = listener.turn();
            Some(Ok(Frame::data(Bytes::from_static(text.as_bytes()))))
        })
    }
}
