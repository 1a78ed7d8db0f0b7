//! What the browser asked for, and what it complained about.

use std::fmt;

use serde_json::{Value, json};

use super::Browser;

/// A line of the browser's console that is a warning or worse: a script that failed, a file that did not come, a violation of the
/// content security policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Who: `security`, `javascript`, `network`, `console-api` ...
    pub source: String,
    /// What.
    pub message: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.message)
    }
}

impl Browser {
    /// Every address asked for since the last call, pictures and scripts and event streams too; without `data:` and `blob:`,
    /// which ask nobody.
    pub async fn requests(&self) -> Vec<String> {
        let wrapped = self.log("performance").await;
        let wrapped = wrapped.iter().filter_map(|entry| {
            let text = entry.get("message")?.as_str()?;
            serde_json::from_str::<Value>(text).ok()
        });
        let urls = wrapped.filter_map(|entry| {
            let message = entry.get("message")?;
            let url = match message.get("method")?.as_str()? {
                "Network.requestWillBeSent" => message.pointer("/params/request/url")?,
                "Network.webSocketCreated" => message.pointer("/params/url")?,
                _ => return None,
            };
            Some(url.as_str()?.to_owned())
        });
        urls.filter(|url| {
            !["data:", "blob:", "about:"]
                .iter()
                .any(|p| url.starts_with(p))
        })
        .collect()
    }

    /// The complaints since the last call.
    pub async fn complaints(&self) -> Vec<Complaint> {
        let entries = self.log("browser").await;
        let text = |entry: &Value, name| {
            entry
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        entries
            .iter()
            .filter(|entry| matches!(text(entry, "level").as_str(), "WARNING" | "SEVERE"))
            .map(|entry| Complaint {
                source: text(entry, "source"),
                message: text(entry, "message"),
            })
            .collect()
    }

    /// Since the last call, nobody but `server` (`http://host:port`) was asked for anything, and there was nothing to complain of.
    ///
    /// # Panics
    /// When it is not so.
    pub async fn assert_quiet(&self, server: &str) {
        let complaints = self.complaints().await;
        assert!(
            complaints.is_empty(),
            "the browser complains on {}:\n{}",
            self.url().await,
            lines(&complaints)
        );
        self.assert_only(server).await;
    }

    /// Since the last call, nobody but `server` was asked for anything.
    ///
    /// # Panics
    /// When somebody was.
    pub async fn assert_only(&self, server: &str) {
        let own = format!("{}/", server.trim_end_matches('/'));
        let mut others = self.requests().await;
        others.retain(|url| !url.starts_with(&own));
        assert!(
            others.is_empty(),
            "{} asks other hosts:\n{}",
            self.url().await,
            lines(&others)
        );
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self
            .must(
                &format!("read the {kind} log"),
                "POST",
                "/se/log",
                &json!({"type": kind}),
            )
            .await;
        entries.as_array().cloned().unwrap_or_default()
    }
}

fn lines(all: &[impl fmt::Display]) -> String {
    let lines: Vec<String> = all.iter().map(|one| format!("  {one}")).collect();
    lines.join("\n")
}
