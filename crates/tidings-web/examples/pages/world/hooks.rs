//! The webhooks: four great ones in `BIG`, many small ones there and elsewhere.

use std::collections::HashMap;

use tidings_domain::webhook::{DisabledReason, Health, HealthState, Selection, Shift, Webhook};
use tidings_domain::{Project, Time, WebhookId};
use tidings_storage::{Hour, hour_of};

use super::crowd::key_of;
use super::house::House;
use super::{BIG, Result, Size};

/// What becomes of what is sent to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It waits.
    Waits,
    /// It is accepted.
    Arrives,
    /// It is given up.
    Fails,
    /// It is put aside.
    Parks,
}

/// The webhooks that stand out, and what becomes of each's.
pub(crate) struct Hooks {
    /// Cannot be reached: what it was sent waits.
    pub(crate) dead: WebhookId,
    /// Takes everything.
    pub(crate) fine: WebhookId,
    /// Has given up much.
    pub(crate) failing: WebhookId,
    /// Was switched off when much was parked.
    pub(crate) off: WebhookId,
    /// Paused by a person.
    pub(crate) paused: WebhookId,
    /// One of the many.
    pub(crate) small: WebhookId,
    pub(crate) fates: HashMap<WebhookId, Fate>,
    off_webhook: Webhook,
}

impl Hooks {
    pub(crate) async fn make(house: &House, size: Size) -> Result<Self> {
        let big = house.project(BIG).await?;
        let mut fates = HashMap::new();
        let tasks = Selection::Codes(vec!["task.updated".to_owned()]);
        let mut great = Vec::new();
        for (name, url, events, fate) in [
            (
                "The dead",
                "http://127.0.0.1:1/dead",
                Selection::All,
                Fate::Waits,
            ),
            (
                "The fine",
                "https://fine.example.com/",
                Selection::All,
                Fate::Arrives,
            ),
            (
                "The failing",
                "https://failing.example.com/",
                tasks,
                Fate::Fails,
            ),
            (
                "The off",
                "https://off.example.com/",
                Selection::All,
                Fate::Parks,
            ),
        ] {
            let mut webhook = webhook(house, &big, name, url).await?;
            webhook.events = events;
            fates.insert(webhook.id, fate);
            great.push(webhook.clone());
            house
                .store
                .create_webhook(webhook, Health::default())
                .await?;
        }
        let [dead, fine, failing, off] = great.as_slice() else {
            return Err("four great webhooks".into());
        };
        let mut hooks = Self {
            dead: dead.id,
            fine: fine.id,
            failing: failing.id,
            off: off.id,
            paused: off.id,
            small: off.id,
            off_webhook: off.clone(),
            fates,
        };
        hooks
            .many(house, &big, size.webhooks.saturating_sub(4))
            .await?;
        for n in 1..=size.projects {
            let project = house.project(&key_of(n)).await?;
            for (place, dialect) in tidings_dialects::all().iter().enumerate().take(Size::EACH) {
                let url = format!("https://hooks{place}.example.com/{n}");
                let mut webhook = webhook(house, &project, &format!("Hook {place}"), &url).await?;
                dialect.name().clone_into(&mut webhook.dialect);
                hooks.fates.insert(webhook.id, Fate::Arrives);
                house
                    .store
                    .create_webhook(webhook, Health::default())
                    .await?;
            }
        }
        Ok(hooks)
    }

    /// The many of `BIG`, each with two codes of its dialect; some are paused, some switched off, some do badly.
    async fn many(&mut self, house: &House, big: &Project, number: usize) -> Result<()> {
        let dialects = tidings_dialects::all();
        for n in 0..number {
            let dialect = dialects.get(n % dialects.len()).ok_or("a dialect")?;
            let codes = dialect.phrases();
            let pick = |place: usize| codes.get(place % codes.len()).map(|p| p.code.to_owned());
            let turn = n / dialects.len();
            let url = format!("https://hooks{n}.example.com/tidings/{n}?team=harbor");
            let mut webhook = webhook(house, big, &format!("Hook {n} of many"), &url).await?;
            dialect.name().clone_into(&mut webhook.dialect);
            // GitScrum's own habit is a webhook for each event.
            let second = pick(turn * 7 + 3).filter(|_| dialect.name() != "gitscrum");
            let mut chosen: Vec<String> = pick(turn).into_iter().chain(second).collect();
            chosen.dedup();
            webhook.events = Selection::Codes(chosen);
            let (state, fate) = match n % 20 {
                3 => (HealthState::Paused, Fate::Waits),
                7 => (HealthState::Disabled, Fate::Arrives),
                11 => (HealthState::BackingOff, Fate::Arrives),
                _ => (HealthState::Ok, Fate::Arrives),
            };
            webhook.enabled = state != HealthState::Disabled;
            self.fates.insert(webhook.id, fate);
            match state {
                HealthState::Paused => self.paused = webhook.id,
                _ => self.small = webhook.id,
            }
            let health = Health {
                state,
                reason: (!webhook.enabled).then_some(DisabledReason::Manual),
                since: Some(webhook.created_at.clone()),
                ..Health::default()
            };
            house.store.create_webhook(webhook, health).await?;
        }
        Ok(())
    }

    /// Switches that webhook off: what is recorded from now on it misses.
    pub(crate) async fn switch_off(&mut self, house: &House) -> Result<()> {
        self.off_webhook.enabled = false;
        self.off_webhook.version += 1;
        house.store.update_webhook(self.off_webhook.clone()).await?;
        let health = Health {
            state: HealthState::Disabled,
            reason: Some(DisabledReason::Manual),
            since: Some(house.clock_now()),
            ..Health::default()
        };
        house.store.settle(&[], &[(self.off, health)]).await?;
        Ok(())
    }

    /// How they fare at the end: histories, and the last day.
    pub(crate) async fn fare(&self, house: &House) -> Result<()> {
        let now = house.clock_now();
        let shift = |n: usize| Shift {
            state: if n.is_multiple_of(2) {
                HealthState::Ok
            } else {
                HealthState::BackingOff
            },
            reason: None,
            at: now.clone(),
            by: None,
            failures: 3,
            status: Some(503),
        };
        let dead = Health {
            state: HealthState::BackingOff,
            since: Some(now.clone()),
            consecutive_failures: 7,
            shifts: (0..300).map(shift).collect(),
            ..Health::default()
        };
        house.store.settle(&[], &[(self.dead, dead)]).await?;
        let hour = hour_of(house.clock_ms());
        let mut webhooks: Vec<WebhookId> = self.fates.keys().copied().collect();
        webhooks.sort();
        for some in webhooks.chunks(100) {
            let of = |webhook: &WebhookId| {
                let webhook = *webhook;
                (hour - 23..=hour).map(move |hour| Hour {
                    webhook,
                    hour,
                    accepted: 40,
                    failed: 2,
                })
            };
            let hours: Vec<Hour> = some.iter().flat_map(of).collect();
            house.store.add_hours(&hours).await?;
        }
        Ok(())
    }
}

impl House {
    pub(crate) fn clock_now(&self) -> String {
        self.app.now()
    }

    pub(crate) fn clock_ms(&self) -> i64 {
        self.app.clock.wall().as_millisecond()
    }
}

async fn webhook(house: &House, project: &Project, name: &str, url: &str) -> Result<Webhook> {
    let now: Time = house.app.clock.wall();
    let now = tidings_domain::time::show(now);
    Ok(Webhook {
        name: name.to_owned(),
        description: "Tells the harbor what the tide does.".to_owned(),
        url: url.to_owned(),
        dialect: "standard".to_owned(),
        ..Webhook::new(house.store.next_webhook_id().await?, project.id, now)
    })
}
