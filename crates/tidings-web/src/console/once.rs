//! A form that is sent twice does its work once: a second click, a page that is loaded again, a browser that brings yesterday's tabs
//! back.
//!
//! Each page gives its forms a key when it is made. Whoever sends a form with the same key and the same fields again waits for the
//! first and gets its answer. Answers that lead to another page are kept like those of the API's `Idempotency-Key`, for a day; one that
//! shows a secret stays in memory only, and for minutes, as does everything about a form in which a secret was written.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use tidings_app::App;
use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};

use super::Flash;
use crate::idempotency::Ticket;
use crate::route::{Payload, Reply, Row, Surface};

/// The field of a form that holds its key.
const FIELD: &str = "form_key";
/// Longer keys are none of ours.
const LONGEST: usize = 64;
/// Fields in which people write what is nobody else's.
pub(super) const SECRETS: [&str; 5] = ["password", "current", "again", "secret", "header_value"];
/// How long an answer stays in memory.
const KEPT: Duration = Duration::from_mins(5);
/// Forms that are remembered at once; a further one is only done.
const MOST: usize = 1000;

/// The key of a form, if it came with one.
pub(crate) fn key(row: &Row, payload: &Payload) -> Option<String> {
    let Payload::Form(form) = payload else {
        return None;
    };
    let key = form.get(FIELD);
    let fits = (1..=LONGEST).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric());
    (row.surface == Surface::Console && fits).then(|| key.to_owned())
}

/// Whether what a form says may be remembered for longer, if only as a fingerprint: not where somebody wrote a secret.
pub(crate) fn is_plain(payload: &Payload) -> bool {
    let Payload::Form(form) = payload else {
        return false;
    };
    SECRETS.iter().all(|name| form.all(name).all(str::is_empty))
}

/// A key for the forms of one page.
pub(crate) fn new_key(app: &App) -> String {
    let mut bytes = [0; 16];
    app.entropy.fill(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// An answer that can be given again.
pub(crate) struct Said {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    media_type: &'static str,
    body: Bytes,
}

impl Said {
    fn of(reply: &Reply) -> Self {
        Self {
            status: reply.status,
            headers: reply.headers.clone(),
            media_type: reply.media_type,
            body: reply.body.clone(),
        }
    }

    fn again(&self) -> Reply {
        Reply {
            headers: self.headers.clone(),
            ..Reply::text(self.status, self.media_type, self.body.clone())
        }
    }
}

/// What a form was answered, once it is done.
type Answer = Arc<Turns<Option<Said>>>;

/// The forms that are being carried out, and those just done.
#[derive(Default)]
pub(crate) struct Forms(Mutex<HashMap<[String; 3], (Answer, Duration)>>);

/// Whose turn it is.
pub(crate) enum Turn {
    /// Nobody has sent this form yet.
    First(OwnedMutexGuard<Option<Said>>),
    /// It was answered so.
    Again(Reply),
}

impl Forms {
    /// Waits for whoever sent the same form before.
    pub(crate) async fn enter(&self, ticket: &Ticket, now: Duration) -> Turn {
        let answer = self.answer(ticket, now);
        let turn = answer.lock_owned().await;
        match &*turn {
            Some(said) => Turn::Again(said.again()),
            None => Turn::First(turn),
        }
    }

    fn answer(&self, ticket: &Ticket, now: Duration) -> Answer {
        let mut all = self.0.lock();
        all.retain(|_, (answer, since)| {
            Arc::strong_count(answer) > 1 || now.saturating_sub(*since) < KEPT
        });
        if all.len() >= MOST {
            return Answer::default();
        }
        let (answer, _) = all
            .entry(ticket.id())
            .or_insert_with(|| (Answer::default(), now));
        Arc::clone(answer)
    }
}

/// What was answered to this form before the memory of it went, or the process did.
pub(crate) async fn answered(ticket: &Ticket, app: &App) -> Result<Option<Reply>, Fault> {
    match ticket.answered(app).await {
        // The same page, filled in otherwise: another form.
        Err(fault) if fault.kind == FaultKind::Invalid => Ok(None),
        answered => answered,
    }
}

/// Keeps an answer that says that something was done.
pub(crate) async fn keep(
    ticket: &Ticket,
    app: &App,
    (mut turn, is_plain): (OwnedMutexGuard<Option<Said>>, bool),
    reply: Reply,
) -> Reply {
    let good = reply.status.is_success() || reply.status.is_redirection();
    if !good || reply.stream.is_some() || Flash::says_no(&reply) {
        return reply;
    }
    *turn = Some(Said::of(&reply));
    // What leads on shows nothing itself; a session's cookie is nobody's answer but the first one's.
    let mut cookies = reply
        .headers
        .iter()
        .filter(|(n, _)| n == header::SET_COOKIE);
    let only_flash = cookies.all(|(_, value)| Flash::is_cookie(value));
    let memo =
        (reply.status.is_redirection() && is_plain && only_flash).then(|| ticket.memo(&reply));
    if let Some(memo) = memo
        && let Err(fault) = app.keep_answer(memo).await
    {
        tracing::warn!("an answer could not be kept for its form: {fault}");
    }
    reply
}
