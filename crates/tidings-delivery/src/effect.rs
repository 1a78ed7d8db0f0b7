//! What the lanes decide and the shell does.

use std::collections::HashSet;
use std::sync::Arc;

use tidings_domain::delivery::Trigger;
use tidings_domain::webhook::{DisabledReason, Health, Webhook};
use tidings_domain::{DeliveryId, WebhookId};
use tidings_storage::audit::AuditEntry;
use tidings_storage::{Message, Queued, Settlement, StoreError};

use crate::target::Target;
use crate::verdict::Verdict;

/// What is to be done.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Results of tries, and decisions, to be written in this order.
    pub(crate) settlements: Vec<Settlement>,
    /// How webhooks fare, to be written with them.
    pub(crate) health: Vec<(WebhookId, Health)>,
    /// Who changed that, for the audit log.
    pub(crate) notes: Vec<AuditEntry>,
    /// The rest.
    pub(crate) todo: Vec<Effect>,
}

/// Something to do.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Send a delivery.
    Send(Flight),
    /// Fetch deliveries from the store.
    Load(Load),
    /// Put everything that waits aside, in steps.
    Park(WebhookId),
    /// Tell people that the server switched a webhook off.
    Announce(Arc<Webhook>, DisabledReason),
}

/// A delivery that starts now.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) target: Arc<Target>,
    pub(crate) delivery: DeliveryId,
    /// `None`: the bytes are in the store.
    pub(crate) message: Option<Arc<Message>>,
    pub(crate) trigger: Trigger,
    pub(crate) late: bool,
}

/// How a flight ended.
#[derive(Debug)]
pub(crate) enum Landed {
    /// With these attempts (two when a dead connection made it begin again); the last one was judged.
    Tried(Vec<tidings_storage::Attempt>, Verdict),
    /// Its bytes could not be read: nothing was sent.
    Unread(StoreError),
    /// It waits no more, as the store says: nothing was sent.
    Vanished,
}

/// A page of deliveries to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) webhook: WebhookId,
    pub(crate) after: DeliveryId,
    pub(crate) limit: usize,
    /// Answers of an older epoch are thrown away.
    pub(crate) epoch: u64,
    /// Every delivery up to here was committed before the load began.
    pub(crate) seen: DeliveryId,
    /// No later delivery was ever started, so nothing recovered up to here is late; `None`: not known.
    pub(crate) started: Option<DeliveryId>,
    /// What comes after is held back while a sweep is under way.
    pub(crate) until: DeliveryId,
    /// So many of what stands behind may have been started by a process that died, and nobody knows.
    pub(crate) ahead: usize,
}

/// What a load brought.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) load: Load,
    /// What was found.
    pub(crate) result: Result<Found, StoreError>,
}

/// A page of the queue.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The deliveries.
    pub(crate) page: Vec<Queued>,
    /// Which of them were overtaken meanwhile, as far as the log knows.
    pub(crate) late: HashSet<DeliveryId>,
    /// The first of what stands behind, where it may have been started.
    pub(crate) ahead: Vec<Queued>,
}
