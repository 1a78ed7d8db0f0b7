//! `tidings trigger`: sends a dialect's sample to a URL, through the same client as the server's.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use tidings_dialects::signature::{self, Key};
use tidings_dialects::{About, Dialect};
use tidings_domain::{Clock, DeliveryId};
use tidings_egress::{Report, Request, Tls, Transport};

use crate::clock::SystemClock;
use crate::listen;

/// Send a sample event of a dialect to a URL, as Tidings would
#[derive(clap::Args)]
pub(crate) struct Trigger {
    /// Where to send it
    #[arg(long)]
    url: url::Url,
    /// The dialect
    #[arg(long, value_name = "D")]
    dialect: String,
    /// The event's code; `tidings sample DIALECT` lists them
    #[arg(long, value_name = "CODE")]
    event: String,
    /// Sign with this secret
    #[arg(long)]
    secret: Option<String>,
}

impl Trigger {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let dialect = listen::dialect(&self.dialect)?;
        let message = sample(dialect, &self.event)?;
        let body = Bytes::from(message.body);
        let now = SystemClock::new().wall();
        let id = DeliveryId::next(DeliveryId(0), now.as_millisecond()).to_string();
        let mut headers: Vec<(String, String)> = dialect
            .headers(message.code)
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v))
            .collect();
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
        add("webhook-id", id.clone());
        add("webhook-timestamp", now.as_second().to_string());
        add("x-tidings-event", message.code.to_owned());
        match &message.about {
            About::Object(object, sequence) => {
                add("x-tidings-object", object.to_string());
                add("x-tidings-sequence", sequence.to_string());
            }
            About::Items(_) => add("x-tidings-object", "items".to_owned()),
            About::Webhook(id) => add("x-tidings-object", format!("webhooks/{id}")),
        }
        if let Some(secret) = self.secret.as_deref().filter(|s| !s.is_empty()) {
            add(
                "webhook-signature",
                signature::standard(&[Key::new(secret)], &id, now.as_second(), &body),
            );
            if let Some((name, value)) = dialect.signature(secret, &body) {
                add(name, value);
            }
        }
        let report = post(self.url.clone(), headers, body).await;
        let ms = report.took.as_millis();
        match (report.answer, report.error) {
            (Some(answer), _) if (200..300).contains(&answer.status) => {
                println!(
                    "{} {} {} in {ms} ms",
                    self.dialect, self.event, answer.status
                );
                Ok(())
            }
            (Some(answer), _) => bail!(
                "{} answered {} in {ms} ms: {}",
                self.url,
                answer.status,
                String::from_utf8_lossy(&answer.body)
            ),
            (None, error) => bail!(
                "{}: {}",
                self.url,
                error.map(|e| e.detail).unwrap_or_default()
            ),
        }
    }
}

/// The sample of a code, or an error that says where to find the codes.
pub(crate) fn sample(
    dialect: &dyn Dialect,
    code: &str,
) -> anyhow::Result<tidings_dialects::Message> {
    let found = tidings_dialects::sample::message(dialect, code, &tidings_domain::Value::Null);
    found.with_context(|| {
        format!(
            "{} has no event {code}; `tidings sample {}` lists them",
            dialect.title(),
            dialect.name()
        )
    })
}

/// One POST from the command line. Who types the URL owns the machine: every address is allowed.
pub(crate) async fn post(url: url::Url, headers: Vec<(String, String)>, body: Bytes) -> Report {
    let deadline = Duration::from_secs(30);
    let client = crate::serve::transport(&["0.0.0.0/0".to_owned(), "::/0".to_owned()], None, None);
    match client {
        Ok(client) => {
            client
                .send(&Request {
                    url: url.into(),
                    headers: headers.into_iter().collect(),
                    body,
                    tls: Tls::default(),
                    deadline,
                    fresh: true,
                })
                .await
        }
        Err(error) => Report {
            outcome: tidings_egress::Outcome::Unsendable,
            answer: None,
            error: Some(tidings_egress::Failure {
                code: "client",
                detail: format!("{error:#}"),
            }),
            reused: false,
            stale: false,
            remote: None,
            took: Duration::ZERO,
            dns: None,
            connect: None,
            tls: None,
            first_byte: None,
        },
    }
}
