//! The engine's body: wakes the mind when something happened or an alarm is due, and does what it says.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tidings_domain::{Clock, DeliveryId, WebhookId};
use tidings_storage::{Message, ServerTime, Store, StoreError};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::announce::Announcer;
use crate::carry::Carrier;
use crate::core::Core;
use crate::couriers::{Bell, Couriers};
use crate::effect::{Effect, Effects, Flight, Landed};
use crate::health::Moment;
use crate::inbox::{Inbox, Input, Mail};
use crate::load::Loader;
use crate::request::Letter;
use crate::writer::Outbox;

/// Deliveries put aside in one transaction.
const PARK_STEP: usize = 500;
/// The pause before something the store could not do is asked for again.
const AGAIN: Duration = Duration::from_millis(500);
/// An alarm that is off by less is right: the two clocks count milliseconds, each from a start of its own.
const ROUNDING: Duration = Duration::from_millis(1);
/// Pages read at once, however many lanes want some.
pub(crate) const MOST_LOADS: usize = 4;

/// The time as the engine sees it.
pub(crate) struct Time {
    pub(crate) server: ServerTime,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Time {
    pub(crate) fn now(&self) -> Moment {
        Moment {
            ms: self.server.now_ms(),
            wall: self.clock.wall(),
        }
    }
}

/// Everything the body needs to do what the mind says.
#[derive(Clone)]
pub(crate) struct Shell {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) carrier: Arc<Carrier>,
    pub(crate) time: Arc<Time>,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
    pub(crate) loads: Arc<Semaphore>,
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) couriers: Arc<Couriers>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Shell {
    /// Runs until told to stop.
    pub(crate) async fn run(self, mut core: Core) {
        let mut mail = Mail::default();
        let mut flights = Vec::new();
        let mut alarm = pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            self.inbox.take(&mut mail);
            core.handle(&mut mail, self.time.now());
            self.perform(&mut core, &mut flights);
            if core.is_stopped() {
                self.couriers.close();
                return;
            }
            self.set(alarm.as_mut(), core.next_alarm());
            tokio::select! {
                biased;
                () = self.inbox.arrival() => {}
                () = alarm.as_mut() => {}
            }
        }
    }

    /// Sets the alarm. It nearly always is set right, and setting it costs more than looking.
    fn set(&self, alarm: Pin<&mut Sleep>, at_ms: i64) {
        let wait = at_ms.saturating_sub(self.time.server.now_ms());
        let at = Instant::now() + Duration::from_millis(u64::try_from(wait).unwrap_or(0));
        let set = alarm.deadline();
        let is_right = set <= at + ROUNDING && at <= set + ROUNDING;
        if alarm.is_elapsed() || !is_right {
            alarm.reset(at);
        }
    }

    fn perform(&self, core: &mut Core, flights: &mut Vec<Flight>) {
        let (effects, answers) = core.take_effects();
        let Effects {
            settlements,
            health,
            notes,
            mut todo,
        } = effects;
        for effect in todo.drain(..) {
            match effect {
                Effect::Send(flight) => flights.push(flight),
                Effect::Load(load) => {
                    let loader = Loader {
                        store: Arc::clone(&self.store),
                    };
                    let (inbox, loads) = (self.inbox.clone(), Arc::clone(&self.loads));
                    self.until_stop(async move {
                        let _seat = loads.acquire().await;
                        let page = Box::new(loader.load(load).await);
                        inbox.push(Input::Loaded(page));
                    });
                }
                Effect::Park(webhook) => {
                    self.until_stop(self.clone().park(webhook));
                }
                Effect::Announce(webhook, reason) => {
                    let announcer = Arc::clone(&self.announcer);
                    self.until_stop(announcer.announce(webhook, reason));
                }
            }
        }
        core.give_back(todo);
        for _ in 0..self.couriers.hand_over(flights) {
            self.tasks.spawn(self.clone().carry());
        }
        if !(settlements.is_empty() && health.is_empty() && answers.is_empty()) {
            self.outbox.add(settlements, (health, notes), answers);
        }
    }

    /// Does something that may be left undone when the server stops: the next start begins it again.
    fn until_stop(&self, job: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = job => {}
            }
        });
    }

    /// A courier's life.
    async fn carry(self) {
        let bell = Bell::default();
        while let Some(flight) = self.couriers.next(&bell).await {
            self.fly(flight).await;
        }
    }

    async fn fly(&self, flight: Flight) {
        let mut lost = Lost {
            inbox: self.inbox.clone(),
            webhook: flight.target.webhook.id,
            delivery: flight.delivery,
            landed: Some(Landed::Unread(StoreError::Unavailable(
                "the try ended without a result".into(),
            ))),
        };
        lost.landed = Some(self.try_once(flight).await);
    }

    async fn try_once(&self, flight: Flight) -> Landed {
        let webhook = flight.target.webhook.id;
        let message = match flight.message {
            Some(message) => message,
            None => match self.fetch(webhook, flight.delivery).await {
                Ok(Some(message)) => message,
                Ok(None) => return Landed::Vanished,
                Err(error) => return Landed::Unread(error),
            },
        };
        let letter = Letter {
            id: flight.delivery,
            code: &message.code,
            object: &message.object,
            sequence: message.sequence,
            body: &message.body,
            late: flight.late,
        };
        let carried = self
            .carrier
            .carry(&flight.target, &letter, flight.trigger)
            .await;
        Landed::Tried(carried.0, carried.1)
    }

    /// The message of a delivery whose bytes were left in the store.
    async fn fetch(
        &self,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Option<Arc<Message>>, StoreError> {
        let before = DeliveryId(id.0.saturating_sub(1));
        let found = self.store.pending(webhook, before, 1).await?;
        Ok(found.into_iter().find(|q| q.id == id).map(|q| q.message))
    }

    async fn park(self, webhook: WebhookId) {
        loop {
            match self.store.park(webhook, PARK_STEP).await {
                Ok(0) | Err(StoreError::NotFound) => break,
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => {
                    tracing::warn!(webhook.id = %webhook, %error, "deliveries of webhook {webhook} could not be put aside, again soon");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
        self.inbox.push(Input::Parked(webhook));
    }
}

/// Lands a flight whatever happens to its task: a panic must not cost the lane its seat.
struct Lost {
    inbox: Inbox,
    webhook: WebhookId,
    delivery: DeliveryId,
    landed: Option<Landed>,
}

impl Drop for Lost {
    fn drop(&mut self) {
        if let Some(landed) = self.landed.take() {
            let input = Input::Landed(self.webhook, self.delivery, landed);
            self.inbox.push(input);
        }
    }
}
