//! Test sends: a sample of a code, or what last happened to a real object, really sent, now and once.

use tidings_delivery::tell::as_told;
use tidings_dialects::{Dialect, Message, Phrase, Scope, render};
use tidings_domain::webhook::Webhook;
use tidings_domain::{Doc, Event, Fault, ObjectRef, Project, Value, View, WebhookId, What, time};
use tokio::task::JoinSet;

use super::{dialect_of, input, may_send, pages_open};
use crate::reader::{Reader, object};
use crate::refusal::refusal;
use crate::{Access, App, Caller, catalogue, deliveries};

/// Updates that are looked through for an event of an object.
const MOST_UPDATES: usize = 1000;
/// Updates that are read at once.
const STEP: usize = 100;
/// Objects that are proposed.
const MOST_PROPOSED: usize = 12;
/// Updates that are rendered to propose some.
const MOST_RENDERED: usize = 60;

/// What a test sends.
struct Wanted {
    code: String,
    /// Of this object the latest event instead of the sample.
    object: Option<ObjectRef>,
}

impl Wanted {
    fn read(reader: &mut Reader<'_>) -> Self {
        let code = reader.text("event", 1, 100);
        let code = reader.require("event", code).unwrap_or_default();
        let object = reader.text_or_null("object", 1, 100).flatten();
        let object = object.and_then(|text| {
            let parsed = text.parse().ok();
            if parsed.is_none() {
                reader.refuse("object", "object", "must be an object like tasks/42");
            }
            parsed
        });
        Self { code, object }
    }
}

impl App {
    /// Sends a test to a saved webhook: the delivery, whatever the receiver said.
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
        let wanted = Wanted::read(&mut reader);
        reader.finish()?;
        self.send_test(project, &webhook, true, &wanted).await
    }

    /// Sends a test to a webhook as it would be: a new one, or a stored one (`id`) with changed members. A stored secret and
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
        let wanted = Wanted::read(&mut reader);
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
        let saved = base.id.0 != 0;
        self.send_test(project, &webhook, saved, &wanted).await
    }

    /// Sends the sample of each code that has a webhook of its own (see [`App::webhooks_by_event`]) to it: per code the delivery,
    /// in the order of the table. They go at the same time, so that a receiver that does not answer delays no other.
    pub async fn test_by_event(
        &self,
        caller: &Caller,
        project: &Project,
        dialect: &str,
    ) -> Result<Vec<Value>, Fault> {
        Access::Manage.check(caller)?;
        may_send(project)?;
        let dialect = catalogue::find(dialect)?;
        let mut sending = JoinSet::new();
        for (place, (phrase, webhook)) in self
            .table_webhooks(project, dialect)
            .await?
            .into_iter()
            .enumerate()
        {
            let Some(message) = catalogue::sample(dialect, phrase.code, &webhook.options) else {
                continue;
            };
            let (engine, now) = (self.engine.clone(), self.clock.wall());
            sending.spawn(async move {
                let title = sample_title(phrase);
                let sent = engine.test(&webhook, true, dialect, message, title).await?;
                let shown = object([
                    ("code", phrase.code.into()),
                    ("name", phrase.name.into()),
                    ("webhook", webhook.id.0.into()),
                    ("delivery", deliveries::show_test(&sent, &webhook, now)),
                ]);
                Ok::<_, Fault>((place, shown))
            });
        }
        let mut all = Vec::new();
        while let Some(done) = sending.join_next().await {
            all.push(done.map_err(|_| crate::refusal::internal())??);
        }
        all.sort_unstable_by_key(|(place, _)| *place);
        Ok(all.into_iter().map(|(_, shown)| shown).collect())
    }

    /// What a test of a code would send to a webhook, and the objects whose latest event could be sent instead.
    pub async fn webhook_sample(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
        code: &str,
    ) -> Result<Value, Fault> {
        Access::Manage.check(caller)?;
        pages_open(project)?;
        let (webhook, _, _) = self.find_webhook(project, id).await?;
        let dialect = dialect_of(&webhook)?;
        let phrase = phrase(dialect, code)?;
        let body = catalogue::sample(dialect, code, &webhook.options).map(|message| message.body);
        let text = body.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(object([
            ("code", phrase.code.into()),
            ("name", phrase.name.into()),
            ("body", text.into()),
            (
                "objects",
                Value::List(self.propose(project, &webhook, dialect, phrase).await?),
            ),
        ]))
    }

    async fn send_test(
        &self,
        project: &Project,
        webhook: &Webhook,
        saved: bool,
        wanted: &Wanted,
    ) -> Result<Value, Fault> {
        let dialect = dialect_of(webhook)?;
        let phrase = phrase(dialect, &wanted.code)?;
        let (message, title) = match wanted.object {
            None => catalogue::sample(dialect, phrase.code, &webhook.options)
                .map(|message| (message, sample_title(phrase)))
                .ok_or_else(crate::refusal::internal)?,
            Some(object) => {
                self.real_message(project, webhook, dialect, phrase, object)
                    .await?
            }
        };
        let sent = self
            .engine
            .test(webhook, saved, dialect, message, title)
            .await?;
        Ok(deliveries::show_test(&sent, webhook, self.clock.wall()))
    }

    /// The latest event of an object that the dialect tells under a code, as it tells it, and what people call what it is about.
    async fn real_message(
        &self,
        project: &Project,
        webhook: &Webhook,
        dialect: &dyn Dialect,
        phrase: &Phrase,
        object: ObjectRef,
    ) -> Result<(Message, String), Fault> {
        let (mut before, mut seen) = (0, 0);
        while seen < MOST_UPDATES {
            let page = self.store.activities(project.id, before, STEP).await;
            let page = page.map_err(refusal)?;
            for activity in page.data.iter().filter(|a| concerns(&a.event, object)) {
                let told = self.told_as(webhook, dialect, phrase, &activity.event);
                if let Some(message) = told.await? {
                    let title = subject(&activity.event).map(|(_, title)| title);
                    return Ok((message, title.unwrap_or_default()));
                }
            }
            seen += STEP;
            match page.next {
                Some(next) => before = next,
                None => break,
            }
        }
        let title = dialect.title();
        Err(Fault::conflict(
            "/object",
            "no_event",
            format!(
                "has no event among the latest {MOST_UPDATES} updates that {title} tells as {}; choose another object, or send the sample",
                phrase.code
            ),
        ))
    }

    /// What an event says to a webhook under one code.
    async fn told_as(
        &self,
        webhook: &Webhook,
        dialect: &dyn Dialect,
        phrase: &Phrase,
        event: &Event,
    ) -> Result<Option<Message>, Fault> {
        let speaks = event.change().map_or(phrase.speaks_of.is_empty(), |c| {
            phrase.speaks_of.contains(&c.object.collection())
        });
        if !speaks {
            return Ok(None);
        }
        let mut message = None;
        let look = |view: &dyn View| {
            let scope = Scope {
                event,
                view,
                server_url: &self.server_url,
                options: &webhook.options,
            };
            let said = render(dialect, &scope, &mut |code| code == phrase.code);
            message = said.into_iter().next();
        };
        as_told(&*self.store, event, look).await.map_err(refusal)?;
        Ok(message)
    }

    /// Objects whose latest updates a test of that code could send, newest first.
    async fn propose(
        &self,
        project: &Project,
        webhook: &Webhook,
        dialect: &dyn Dialect,
        phrase: &Phrase,
    ) -> Result<Vec<Value>, Fault> {
        let page = self.store.activities(project.id, 0, STEP).await;
        let page = page.map_err(refusal)?;
        let (mut proposed, mut keys, mut rendered) = (Vec::new(), Vec::new(), 0);
        for activity in &page.data {
            let event = &activity.event;
            let Some((key, title)) = subject(event) else {
                continue;
            };
            if keys.contains(&key) || proposed.len() == MOST_PROPOSED || rendered == MOST_RENDERED {
                continue;
            }
            rendered += 1;
            let told = self.told_as(webhook, dialect, phrase, event).await?;
            if told.is_some() {
                proposed.push(object([
                    ("object", key.to_string().into()),
                    ("title", title.into()),
                    ("at", time::value(event.at)),
                ]));
                keys.push(key);
            }
        }
        Ok(proposed)
    }
}

/// Under which title the log has a sample: what it tells is nobody's.
fn sample_title(phrase: &Phrase) -> String {
    format!("{} (sample)", phrase.name)
}

fn phrase(dialect: &dyn Dialect, code: &str) -> Result<&'static Phrase, Fault> {
    let found = dialect.phrases().iter().find(|p| p.code == code);
    found.ok_or_else(|| {
        Fault::field(
            "/event",
            "unknown_code",
            format!(
                "is no event code of {}; GET /api/v1/dialects/{}/events lists them",
                dialect.title(),
                dialect.name()
            ),
        )
    })
}

/// Whether an event is about that object.
fn concerns(event: &Event, object: ObjectRef) -> bool {
    match &event.what {
        What::Change(change) => change.object.key() == object,
        What::Bulk(bulk) => bulk.objects.iter().any(|doc| doc.key() == object),
        What::WebhookDisabled(_) => false,
    }
}

/// The object under which an event is proposed, and what people call it.
fn subject(event: &Event) -> Option<(ObjectRef, String)> {
    let (doc, more) = match &event.what {
        What::Change(change) => (&change.object, 0),
        What::Bulk(bulk) => (bulk.objects.first()?, bulk.objects.len().saturating_sub(1)),
        What::WebhookDisabled(_) => return None,
    };
    let title = title(doc);
    let title = if more == 0 {
        title
    } else {
        format!("{title} and {more} more")
    };
    Some((doc.key(), title))
}

fn title(doc: &Doc) -> String {
    let named = ["title", "name", "first_name", "body"]
        .iter()
        .find_map(|member| doc.opt_text(member));
    named.unwrap_or_default().chars().take(80).collect()
}
