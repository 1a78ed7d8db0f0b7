//! Test sends: a sample of a code, really sent, now and once.

use tidings_domain::webhook::Webhook;
use tidings_domain::{Fault, Project, Value, WebhookId};

use super::{dialect_of, input, may_send};
use crate::reader::Reader;
use crate::{Access, App, Caller, catalogue, deliveries};

impl App {
    /// Sends a sample to a saved webhook: the delivery, whatever the receiver said.
    pub async fn test_webhook(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
        body: &Value,
    ) -> Result<Value, Fault> {
        Access::Manage.check(caller)?;
        may_send(project)?;
        let (webhook, _, _) = self.find_webhook(project, id).await?;
        let mut reader = Reader::new(body, "")?;
        let code = reader.text("event", 1, 100);
        let code = reader.require("event", code).unwrap_or_default();
        reader.finish()?;
        self.send_test(&webhook, true, &code).await
    }

    /// Sends a sample to a webhook as it would be: a new one, or a stored one (`id`) with changed members. A stored secret and
    /// stored headers go along unless the URL leads to another host.
    pub async fn test_unsaved(
        &self,
        caller: &Caller,
        project: &Project,
        body: &Value,
    ) -> Result<Value, Fault> {
        Access::Manage.check(caller)?;
        may_send(project)?;
        let mut reader = Reader::new(body, "")?;
        let code = reader.text("event", 1, 100);
        let code = reader.require("event", code).unwrap_or_default();
        let given = reader.raw("webhook").cloned();
        let given = reader.require("webhook", given).unwrap_or_default();
        reader.finish()?;
        let (base, mode) = match given.member("id") {
            None | Some(Value::Null) => {
                let blank = self.blank_webhook(caller, project, WebhookId(0));
                (blank, input::Mode::Create)
            }
            Some(Value::Int(id)) => {
                let (stored, _, _) = self.find_webhook(project, *id).await?;
                ((*stored).clone(), input::Mode::Try)
            }
            Some(_) => {
                return Err(Fault::field(
                    "/webhook/id",
                    "wrong_type",
                    "must be a whole number",
                ));
            }
        };
        let draft = input::read(&given, &base, mode, caller, "/webhook")?;
        let webhook = self.seal_draft(self.judge_draft(draft).await?)?;
        self.send_test(&webhook, base.id.0 != 0, &code).await
    }

    async fn send_test(&self, webhook: &Webhook, saved: bool, code: &str) -> Result<Value, Fault> {
        let dialect = dialect_of(webhook)?;
        let Some(message) = catalogue::sample(dialect, code, &webhook.options) else {
            return Err(Fault::field(
                "/event",
                "unknown_code",
                format!(
                    "is no event code of {}; GET /api/v1/dialects/{}/events lists them",
                    dialect.title(),
                    dialect.name()
                ),
            ));
        };
        let sent = self.engine.test(webhook, saved, dialect, message).await?;
        Ok(deliveries::show_test(&sent, webhook, self.clock.wall()))
    }
}
