//! Settings that the administrator changes while the server runs.

use serde::{Deserialize, Serialize};
use tidings_domain::{Fault, Value};
use tidings_storage::{Deed, Notes, Retention, Store, StoreError};

use crate::audit::Changed;
use crate::reader::{Reader, merge, object};
use crate::refusal::refusal;
use crate::webhooks::whole;
use crate::{Access, App, Caller, Edit, Keep, seen};

/// The document of the store that holds them.
const DOCUMENT: &str = "settings";
const DAY_SECONDS: u64 = 24 * 3600;
/// A hundred years: beyond any use, far from any overflow.
const MAX_DAYS: i64 = 36_500;

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerSettings {
    /// Failures in a row after which iceScrum webhooks are disabled; 0 = never. The vendor's page says 5.
    pub failure_limit: u32,
    /// Seconds of nothing but failures after which a webhook without a limit is disabled; 0 = never.
    pub disable_after: u64,
    /// How long the log is kept.
    pub retention: Retention,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            failure_limit: 5,
            disable_after: 5 * DAY_SECONDS,
            retention: Retention::default(),
        }
    }
}

impl ServerSettings {
    /// The settings as stored; `otherwise`, which the configuration gives, as long as nobody set any.
    pub async fn load(store: &dyn Store, otherwise: Self) -> Result<Self, StoreError> {
        match store.document(DOCUMENT).await? {
            None => Ok(otherwise),
            Some(text) => serde_json::from_str(&text)
                .map_err(|error| StoreError::Corrupt(format!("the document {DOCUMENT}: {error}"))),
        }
    }
}

impl App {
    /// The settings in force.
    pub fn settings(&self) -> ServerSettings {
        *self.settings.read()
    }

    /// The settings as the API shows them.
    pub fn show_settings(&self, caller: &Caller) -> Result<Value, Fault> {
        Access::Administrator.check(caller)?;
        Ok(self.settings_value(self.settings()))
    }

    /// The same, and the word for their version: see [`Edit`].
    pub fn settings_to_edit(&self, caller: &Caller) -> Result<(Value, String), Fault> {
        let shown = self.show_settings(caller)?;
        let word = seen::word(&shown);
        Ok((shown, word))
    }

    /// Changes settings by a merge patch (RFC 7396). They act at once.
    pub async fn update_settings(
        &self,
        caller: &Caller,
        edit: impl Into<Edit<'_>>,
    ) -> Result<Value, Fault> {
        self.update_settings_keeping(caller, edit.into(), None)
            .await
    }

    /// The same for a request with a key: the answer is kept with the change.
    pub async fn update_settings_keeping(
        &self,
        caller: &Caller,
        asked: Edit<'_>,
        keep: Option<Keep<Value>>,
    ) -> Result<Value, Fault> {
        Access::Administrator.check(caller)?;
        // Nobody else changes them between what is compared here and what is written.
        let _turn = self.settings_turn.lock().await;
        let before = self.settings_value(self.settings());
        asked.check(&seen::word(&before))?;
        let settings = self.read_settings(asked.body)?;
        let text = serde_json::to_string(&settings).unwrap_or_default();
        let after = self.settings_value(settings);
        let changed = Changed::new("settings.update", "settings").between(&before, &after);
        if !changed.is_nothing() || keep.is_some() {
            let notes = Notes {
                memo: keep.map(|keep| keep(&after)),
                audit: (!changed.is_nothing()).then(|| changed.by(caller)),
            };
            let deed = match notes.audit {
                Some(_) => Deed::PutDocument(DOCUMENT, text),
                None => Deed::Nothing,
            };
            let done = self.store.keep(deed, Box::new(|_| notes)).await;
            done.map_err(refusal)?;
        }
        *self.settings.write() = settings;
        let base = self.engine.settings();
        self.engine.set_settings(engine_settings(&base, settings));
        Ok(self.settings_value(settings))
    }

    fn read_settings(&self, body: &Value) -> Result<ServerSettings, Fault> {
        let shown = self.settings_value(self.settings());
        let standard = ServerSettings::default();
        let mut settings = self.settings();
        let mut r = Reader::new(body, "")?;
        if let Some(n) = r.int_or_null("failure_limit", 0, 1000) {
            settings.failure_limit = n.map_or(standard.failure_limit, small);
        }
        if let Some(n) = r.int_or_null("disable_after", 0, MAX_DAYS * 86_400) {
            settings.disable_after = n.map_or(standard.disable_after, i64::unsigned_abs);
        }
        match r.raw("retention") {
            None => {}
            Some(Value::Null) => settings.retention = standard.retention,
            Some(patch) => {
                let stored = shown.member("retention").cloned().unwrap_or_default();
                if let Some(retention) = r.absorb(retention(&merge(&stored, patch))) {
                    settings.retention = retention;
                }
            }
        }
        let egress = r.raw("egress");
        if egress.is_some() && egress != shown.member("egress") {
            r.refuse(
                "egress",
                "read_only",
                "is set in the server's configuration only (egress.allow)",
            );
        }
        r.finish()?;
        Ok(settings)
    }

    fn settings_value(&self, settings: ServerSettings) -> Value {
        let kept = settings.retention;
        object([
            ("failure_limit", i64::from(settings.failure_limit).into()),
            ("disable_after", whole(settings.disable_after)),
            (
                "retention",
                object([
                    ("days", i64::from(kept.days).into()),
                    ("max_rows", whole(kept.max_rows)),
                    ("max_bytes", whole(kept.max_bytes)),
                    ("held_days", i64::from(kept.held_days).into()),
                    ("audit_days", i64::from(kept.audit_days).into()),
                ]),
            ),
            ("egress", object([("allow", self.guard.allowed().into())])),
        ])
    }
}

fn retention(value: &Value) -> Result<Retention, Fault> {
    let standard = Retention::default();
    let most = tidings_domain::value::MAX_SAFE_INTEGER;
    let mut r = Reader::new(value, "/retention")?;
    let days = r.int("days", 1, MAX_DAYS);
    let max_rows = r.int("max_rows", 0, most);
    let max_bytes = r.int("max_bytes", 0, most);
    let held_days = r.int("held_days", 1, MAX_DAYS);
    let audit_days = r.int("audit_days", 1, MAX_DAYS);
    r.finish()?;
    Ok(Retention {
        days: days.map_or(standard.days, small),
        max_rows: max_rows.map_or(standard.max_rows, i64::unsigned_abs),
        max_bytes: max_bytes.map_or(standard.max_bytes, i64::unsigned_abs),
        held_days: held_days.map_or(standard.held_days, small),
        audit_days: audit_days.map_or(standard.audit_days, small),
    })
}

fn small(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The engine's settings with what the administrator set.
pub fn engine_settings(
    base: &tidings_delivery::Settings,
    settings: ServerSettings,
) -> tidings_delivery::Settings {
    tidings_delivery::Settings {
        failure_limit: settings.failure_limit,
        disable_after: std::time::Duration::from_secs(settings.disable_after),
        retention: settings.retention,
        ..base.clone()
    }
}
