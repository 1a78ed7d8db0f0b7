//! Reading a page, waiting for what is to be seen, and taking a picture of it.

use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};

use super::wire::Refusal;
use super::{Browser, PATIENCE};

/// WebDriver's own name for the id of an element.
pub(super) const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How often a browser looks again.
const LOOK: Duration = Duration::from_millis(20);

impl Browser {
    /// Where it is.
    pub async fn url(&self) -> String {
        let url = self
            .must("read the address", "GET", "/url", &Value::Null)
            .await;
        url.as_str().unwrap_or_default().to_owned()
    }

    /// Where it is, without the host.
    pub async fn path(&self) -> String {
        let path = self
            .run("return location.pathname + location.search", &[])
            .await;
        path.as_str().unwrap_or_default().to_owned()
    }

    /// The page's title.
    pub async fn title(&self) -> String {
        let title = self
            .must("read the title", "GET", "/title", &Value::Null)
            .await;
        title.as_str().unwrap_or_default().to_owned()
    }

    /// The HTML as it is now.
    pub async fn source(&self) -> String {
        let source = self
            .must("read the page", "GET", "/source", &Value::Null)
            .await;
        source.as_str().unwrap_or_default().to_owned()
    }

    /// How many there are now.
    pub async fn count(&self, place: &str) -> usize {
        self.find_all(place).await.len()
    }

    /// Whether there is one now.
    pub async fn has(&self, place: &str) -> bool {
        self.count(place).await > 0
    }

    /// The words of the first one, as people see them.
    pub async fn text(&self, place: &str) -> String {
        let text = self
            .with(place, "read", async |element| {
                self.wire
                    .ask("GET", &format!("/element/{element}/text"), &Value::Null)
                    .await
            })
            .await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// The words of each.
    pub async fn texts(&self, place: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for element in self.find_all(place).await {
            let path = format!("/element/{element}/text");
            // One that has gone in the meantime has no words.
            if let Ok(text) = self.wire.ask("GET", &path, &Value::Null).await {
                texts.push(text.as_str().unwrap_or_default().to_owned());
            }
        }
        texts
    }

    /// A property (`value`, `checked`, `href` ...) of the first one.
    pub async fn property(&self, place: &str, name: &str) -> Value {
        self.with(place, "read", async |element| {
            let path = format!("/element/{element}/property/{name}");
            self.wire.ask("GET", &path, &Value::Null).await
        })
        .await
    }

    /// Waits until there is one.
    pub async fn see(&self, place: &str) {
        self.with(place, "see", async |_| Ok(Value::Null)).await;
    }

    /// Waits until the page shows these words somewhere.
    pub async fn see_words(&self, words: &str) {
        let look = "return document.body.innerText.includes(arguments[0])";
        self.until(&format!("the words {words:?}"), async || {
            self.run(look, &[json!(words)]).await == json!(true)
        })
        .await;
    }

    /// Waits until there is none.
    pub async fn see_no(&self, place: &str) {
        self.until(&format!("{place} to go"), async || !self.has(place).await)
            .await;
    }

    /// Waits until the address has this path and query.
    pub async fn arrive(&self, path: &str) {
        self.until(&format!("to arrive at {path}"), async || {
            self.path().await == path
        })
        .await;
    }

    /// Waits until it is so.
    pub async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let mut turns = tokio::time::interval(LOOK);
        let look = async {
            loop {
                turns.tick().await;
                if is_so().await {
                    return;
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, look).await;
        if let Err(late) = waited {
            self.fail(&format!("wait for {what}"), &Refusal::of("timeout", late))
                .await;
        }
    }

    /// Waits until fonts and pictures are there and two frames were drawn since.
    pub async fn settle(&self) {
        let drawn = "const done = arguments[arguments.length - 1];\
            Promise.all([document.fonts.ready, ...[...document.images].map(i => i.decode().catch(() => null))])\
              .then(() => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";
        self.run_until_done(drawn, &[]).await;
    }

    /// What is to be seen, as a PNG.
    pub async fn picture(&self) -> Vec<u8> {
        let answer = self
            .devtools("Page.captureScreenshot", json!({"format": "png"}))
            .await;
        let text = answer
            .get("data")
            .and_then(Value::as_str)
            .unwrap_or_default();
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap_or_default()
    }

    /// The ids of all that match now, in the order of the page.
    pub(super) async fn find_all(&self, place: &str) -> Vec<String> {
        let using = if place.starts_with(['/', '(']) {
            "xpath"
        } else {
            "css selector"
        };
        let body = json!({"using": using, "value": place});
        let found = self
            .must(&format!("find {place}"), "POST", "/elements", &body)
            .await;
        let ids = found.as_array().into_iter().flatten();
        ids.filter_map(|e| Some(e.get(ELEMENT)?.as_str()?.to_owned()))
            .collect()
    }

    /// Does something with the first one that matches, as soon as there is one and it can be done.
    pub(super) async fn with(
        &self,
        place: &str,
        what: &str,
        mut act: impl AsyncFnMut(&str) -> Result<Value, Refusal>,
    ) -> Value {
        let mut turns = tokio::time::interval(LOOK);
        let mut last = Refusal::of("no such element", place);
        let again = async {
            loop {
                turns.tick().await;
                let Some(element) = self.find_all(place).await.into_iter().next() else {
                    continue;
                };
                match act(&element).await {
                    Ok(value) => return Ok(value),
                    Err(refusal) if refusal.is_passing() => last = refusal,
                    Err(refusal) => return Err(refusal),
                }
            }
        };
        let done = tokio::time::timeout(PATIENCE, again).await;
        match done {
            Ok(Ok(value)) => value,
            Ok(Err(refusal)) => self.fail(&format!("{what} {place}"), &refusal).await,
            Err(_) => self.fail(&format!("{what} {place}"), &last).await,
        }
    }
}
