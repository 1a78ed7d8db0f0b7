//! The webhooks of a run: how their receivers behave, and what people did to them, when.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use tidings_domain::webhook::{Ordering, Sealed, Secrets, Selection, Webhook};
use tidings_domain::{DeliveryId, ProjectId, WebhookId};
use tidings_egress::Outcome;

use crate::transport::{Act, Seen};
use crate::world::Seed;

/// How a receiver behaves until the faults end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temper {
    Well,
    Slow,
    Flapping,
    Dead,
    Poisoned,
    Hanging,
    Busy,
    Lying,
    Gone,
    Moved,
    OurFault,
}

/// Every temper but the good one.
pub(crate) const SICK: [Temper; 10] = [
    Temper::Slow,
    Temper::Flapping,
    Temper::Dead,
    Temper::Poisoned,
    Temper::Hanging,
    Temper::Busy,
    Temper::Lying,
    Temper::Gone,
    Temper::Moved,
    Temper::OurFault,
];

/// Whether a message is one that a poisoned receiver always refuses.
pub(crate) fn is_poison(body: &[u8]) -> bool {
    let poison = b"poison";
    body.ends_with(b"0}")
        || body.ends_with(b"5}")
        || body.windows(poison.len()).any(|w| w == poison)
}

/// The answer of a receiver.
pub(crate) fn act(temper: Temper, seen: &Seen, chance: &Seed) -> Act {
    match temper {
        Temper::Well => Act::Status(200),
        Temper::Slow => Act::Slow(204, 200 + chance.below(5_000)),
        Temper::Flapping => match chance.below(4) {
            0 => Act::Status(500),
            1 => Act::Slow(502, chance.below(3_000)),
            _ => Act::Slow(200, chance.below(500)),
        },
        Temper::Dead => Act::Refuse,
        Temper::Poisoned if is_poison(&seen.body) => Act::Slow(400, 20),
        Temper::Poisoned => Act::Slow(200, 20),
        Temper::Hanging => Act::Hang,
        Temper::Busy => match chance.below(5) {
            0 => Act::RetryAfter(429, "7"),
            1 => Act::RetryAfter(503, "soon"),
            2 => Act::RetryAfter(503, "90"),
            _ => Act::Slow(200, 100),
        },
        Temper::Lying => match chance.below(6) {
            0 => Act::Reset,
            1 => Act::Stale,
            2 => Act::Lost(chance.below(2_000)),
            3 => Act::Hang,
            _ => Act::Status(200),
        },
        Temper::Gone => match chance.below(6) {
            0 => Act::Slow(410, chance.below(500)),
            _ => Act::Slow(200, chance.below(300)),
        },
        Temper::Moved => match chance.below(3) {
            0 => Act::Status(301),
            1 => Act::Status(307),
            _ => Act::Status(200),
        },
        Temper::OurFault => match chance.below(3) {
            0 => Act::Ours(Outcome::Unsendable),
            1 => Act::Ours(Outcome::Blocked),
            _ => Act::Status(200),
        },
    }
}

/// The seconds that a `Retry-After` of these receivers asks for.
pub(crate) fn asked_for(status: Option<u16>, temper: Temper) -> Duration {
    match (temper, status) {
        (Temper::Busy, Some(429)) => Duration::from_secs(7),
        _ => Duration::ZERO,
    }
}

/// One version of a webhook, and from when on it may and from when on it must be the one in force.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) webhook: Arc<Webhook>,
    pub(crate) may_from: Duration,
    /// `None`: nobody was told that it was saved.
    pub(crate) sure_from: Option<Duration>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Webhook {
            version,
            url,
            secrets,
            headers,
            ..
        } = &*self.webhook;
        let (may, sure) = (self.may_from, self.sure_from);
        let secrets = secrets.as_ref().map(|s| {
            let text = |sealed: &Sealed| String::from_utf8_lossy(&sealed.0).into_owned();
            let before = s.previous.as_ref();
            let before = before.map(|p| (text(&p.secret), &p.effective_at, &p.until));
            (text(&s.current), before)
        });
        let headers = headers.len();
        write!(
            f,
            "version {version} from {may:?} or {sure:?}: {url}, {secrets:?}, {headers} headers"
        )
    }
}

/// A time without sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Off {
    pub(crate) from: Duration,
    pub(crate) until: Option<Duration>,
    /// Somebody was told, so it must survive a crash.
    pub(crate) told: bool,
}

/// A webhook with everything that happened to it.
pub(crate) struct Hook {
    pub(crate) id: WebhookId,
    pub(crate) project: ProjectId,
    pub(crate) temper: Temper,
    /// Never touched by people.
    pub(crate) alone: bool,
    /// Order was promised all the time.
    pub(crate) ordered: Cell<bool>,
    pub(crate) off: RefCell<Vec<Off>>,
    pub(crate) configs: RefCell<Vec<Config>>,
    pub(crate) deleted: Cell<Option<Duration>>,
    /// Somebody skipped what was put aside.
    pub(crate) skipped: Cell<bool>,
    /// What people wanted sent again, and when they asked.
    pub(crate) asked: RefCell<Vec<(DeliveryId, Duration)>>,
    /// A recovery outlasted the patience of who asked for it: whenever it gets to it, it switches the webhook on.
    pub(crate) recovering: Cell<bool>,
    /// When people wanted what was put aside delivered.
    pub(crate) recovered: RefCell<Vec<Duration>>,
}

impl Hook {
    pub(crate) fn new(webhook: Arc<Webhook>, temper: Temper, alone: bool, now: Duration) -> Self {
        let ordered = webhook.ordering == Ordering::Item;
        let (id, project) = (webhook.id, webhook.project);
        let config = Config {
            webhook,
            may_from: now,
            sure_from: Some(now),
        };
        Self {
            id,
            project,
            temper,
            alone,
            ordered: Cell::new(ordered),
            off: RefCell::default(),
            configs: RefCell::new(vec![config]),
            deleted: Cell::new(None),
            skipped: Cell::new(false),
            asked: RefCell::default(),
            recovering: Cell::new(false),
            recovered: RefCell::default(),
        }
    }

    /// Whether nothing may be sent to it now.
    pub(crate) fn is_off(&self) -> bool {
        self.off.borrow().last().is_some_and(|o| o.until.is_none())
    }

    /// Nothing is sent to it from now on. `told`: somebody was told so.
    pub(crate) fn goes_off(&self, now: Duration, told: bool) {
        if self.recovering.get() {
            return;
        }
        if self.is_off() {
            if let Some(last) = self.off.borrow_mut().last_mut() {
                last.told |= told;
            }
            return;
        }
        let off = Off {
            from: now,
            until: None,
            told,
        };
        self.off.borrow_mut().push(off);
    }

    /// Something may be sent to it from now on.
    pub(crate) fn goes_on(&self, now: Duration) {
        if let Some(last) = self.off.borrow_mut().last_mut() {
            last.until.get_or_insert(now);
        }
    }

    /// An edit is being written.
    pub(crate) fn edit_begins(&self, webhook: Arc<Webhook>, now: Duration) {
        if webhook.ordering == Ordering::None {
            self.ordered.set(false);
        }
        self.configs.borrow_mut().push(Config {
            webhook,
            may_from: now,
            sure_from: None,
        });
    }

    /// An edit was answered.
    pub(crate) fn edit_ends(&self, saved: bool, now: Duration) {
        let mut configs = self.configs.borrow_mut();
        if saved {
            if let Some(last) = configs.last_mut() {
                last.sure_from = Some(now);
            }
        } else {
            configs.pop();
        }
    }

    /// After a crash: what is stored is in force. The version does not tell: the server itself may have written one meanwhile.
    pub(crate) fn stored_is(&self, stored: &Webhook, now: Duration) {
        let mut configs = self.configs.borrow_mut();
        if let Some(last) = configs.last_mut().filter(|c| c.sure_from.is_none()) {
            let as_saved = Webhook {
                enabled: stored.enabled,
                version: stored.version,
                ..(*last.webhook).clone()
            };
            if as_saved == *stored {
                last.sure_from = Some(now);
            } else {
                configs.pop();
            }
        }
    }

    /// The versions that may be in force then.
    pub(crate) fn in_force(&self, at: Duration) -> Vec<Config> {
        let configs = self.configs.borrow();
        let sure = configs
            .iter()
            .rposition(|c| c.sure_from.is_some_and(|from| from < at))
            .unwrap_or(0);
        let may = configs[sure..].iter().filter(|c| c.may_from <= at);
        may.cloned().collect()
    }
}

/// Name of the host of a webhook; it may move.
pub(crate) fn host(id: WebhookId, moved: u64) -> String {
    format!("h{id}-{moved}.test")
}

/// The webhook that a host belongs to.
pub(crate) fn id_of(host: &str) -> WebhookId {
    let digits: String = host.chars().filter(|c| *c != 'h').collect();
    let id = digits.split('-').next().and_then(|n| n.parse().ok());
    WebhookId(id.unwrap())
}

/// A secret that nobody else has.
pub(crate) fn secret(chance: &Seed) -> Sealed {
    Sealed(format!("secret-{:016x}", chance.next()).into_bytes())
}

/// A webhook as somebody might make it.
pub(crate) fn draw(id: WebhookId, project: ProjectId, chance: &Seed) -> Webhook {
    let events = match chance.below(4) {
        0 => Selection::Codes(vec!["task.updated".into(), "task.update".into()]),
        _ => Selection::All,
    };
    let dialect = match chance.below(4) {
        0 => "icescrum",
        _ => "standard",
    };
    let schedule = match chance.below(6) {
        0 => Some(vec![1, 2, 3]),
        1 => Some(vec![20; 40]),
        _ => None,
    };
    let secrets = chance.once_in(2).then(|| Secrets {
        current: secret(chance),
        previous: None,
    });
    Webhook {
        name: format!("hook {id}"),
        url: format!("http://{}/hook?secret=1", host(id, 0)),
        dialect: dialect.to_owned(),
        events,
        secrets,
        timeout_seconds: 1 + u32::try_from(chance.below(30)).unwrap(),
        ordering: if chance.once_in(8) {
            Ordering::None
        } else {
            Ordering::Item
        },
        max_in_flight: 1 + u32::try_from(chance.below(8)).unwrap(),
        failure_limit: match chance.below(4) {
            0 => Some(5 + u32::try_from(chance.below(5)).unwrap()),
            _ => Some(0),
        },
        retry_schedule: schedule,
        ..Webhook::new(id, project, "2026-01-01T00:00:00Z")
    }
}
