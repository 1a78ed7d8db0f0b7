//! A sweep goes through the lane's past: what is newer waits until it is through.

use std::sync::Arc;

use tidings_domain::DeliveryId;
use tidings_domain::webhook::{Health, Webhook};

use super::{Context, Lane};
use crate::health::By;

impl Lane {
    /// A sweep is about to begin: nothing after that place starts. Whether the webhook is disabled, and its health as enabling makes
    /// it.
    pub(crate) fn hold_back(
        &mut self,
        at: DeliveryId,
        by: By,
        cx: &mut Context<'_>,
    ) -> (bool, Health) {
        self.gate = Some(at);
        self.reload(cx);
        let mut enabled = self.vital.clone();
        enabled.by = by;
        enabled.enable(cx.now);
        (self.vital.is_disabled(), enabled.health)
    }

    /// The process before was in the middle of a sweep.
    pub(crate) fn hold_back_still(&mut self, at: DeliveryId) {
        self.gate = Some(at);
        self.behind = true;
    }

    /// A sweep began, and the store has switched the webhook on with it.
    pub(crate) fn enabled_by_sweep(&mut self, webhook: Arc<Webhook>, cx: &mut Context<'_>) {
        if webhook.version > self.target.webhook.version {
            self.retarget(webhook);
        }
        self.vital.enable(cx.now);
        // The store has it in the history already.
        self.vital.health.shifts.clear();
        self.write_health(cx);
    }

    /// Everything up to that place may be sent now.
    pub(crate) fn swept(&mut self, at: DeliveryId, cx: &mut Context<'_>) {
        if let Some(gate) = &mut self.gate {
            *gate = at.max(*gate);
        }
        self.park_what_was_brought_back(cx);
    }

    /// Nothing is held back any more.
    pub(crate) fn sweep_over(&mut self, cx: &mut Context<'_>) {
        self.gate = None;
        self.park_what_was_brought_back(cx);
    }

    /// It went off while something was brought back.
    fn park_what_was_brought_back(&mut self, cx: &mut Context<'_>) {
        if !self.is_on() && !self.deleted {
            self.park(cx);
        }
    }
}
