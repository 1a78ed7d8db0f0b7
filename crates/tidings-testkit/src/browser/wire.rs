//! WebDriver on the wire: one HTTP request per command.

use std::fmt;
use std::io::Write;
use std::net::{SocketAddr, TcpStream as Blocking};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::PATIENCE;

/// How Chromium's driver says "stale element reference" when the page goes away between its own two steps.
const LEFT: &str = "does not belong to the document";

/// The browser did not do it.
#[derive(Debug)]
pub(super) struct Refusal {
    /// WebDriver's word for it.
    pub(super) error: String,
    message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest is a stack of the driver.
        let first = self.message.lines().next().unwrap_or_default();
        write!(f, "{}: {first}", self.error)
    }
}

impl Refusal {
    /// Whether it may be different in a moment, as the page is still being made.
    pub(super) fn is_passing(&self) -> bool {
        matches!(
            self.error.as_str(),
            "no such element"
                | "stale element reference"
                | "element not interactable"
                | "element click intercepted"
                | "invalid element state"
        ) || self.message.contains(LEFT)
    }

    pub(super) fn of(error: &str, message: impl fmt::Display) -> Self {
        Self {
            error: error.to_owned(),
            message: message.to_string(),
        }
    }
}

/// A session of the driver; ended when it is dropped.
#[derive(Debug)]
pub(super) struct Session {
    driver: SocketAddr,
    path: String,
}

impl Session {
    pub(super) async fn begin(driver: SocketAddr, wanted: &Value) -> Self {
        #[expect(clippy::panic, reason = "a test without a browser cannot go on")]
        let id = match send(driver, "POST", "/session", wanted).await {
            Ok(answer) => answer
                .get("sessionId")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            Err(refusal) => panic!("no browser: {refusal}"),
        };
        Self {
            driver,
            path: format!("/session/{id}"),
        }
    }

    /// One command, `path` below the session.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, Refusal> {
        let path = format!("{}{path}", self.path);
        send(self.driver, method, &path, body).await
    }
}

impl Drop for Session {
    /// Waits until the browser has gone: its profile is removed next.
    fn drop(&mut self) {
        let Ok(mut stream) = Blocking::connect(self.driver) else {
            return;
        };
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok();
        let request = format!(
            "DELETE {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.path, self.driver
        );
        if stream.write_all(request.as_bytes()).is_ok() {
            std::io::copy(&mut stream, &mut std::io::sink()).ok();
        }
    }
}

async fn send(
    driver: SocketAddr,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<Value, Refusal> {
    let asked = tokio::time::timeout(PATIENCE * 2, exchange(driver, method, path, body));
    let (good, answer) = match asked.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(Refusal::of("the driver is gone", error)),
        Err(late) => return Err(Refusal::of("the driver does not answer", late)),
    };
    let value = answer.get("value").cloned().unwrap_or_default();
    if good {
        return Ok(value);
    }
    let text = |name| value.get(name).and_then(Value::as_str).unwrap_or_default();
    Err(Refusal::of(text("error"), text("message")))
}

async fn exchange(
    driver: SocketAddr,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<(bool, Value), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(driver).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let text = if method == "POST" {
        body.to_string()
    } else {
        String::new()
    };
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("host", driver.to_string())
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(text)))?;
    let answer = async {
        let answer = sender.send_request(request).await?;
        let good = answer.status().is_success();
        let body = answer.into_body().collect().await?.to_bytes();
        drop(sender);
        Ok::<_, hyper::Error>((good, body))
    };
    let (answer, _) = tokio::join!(answer, connection);
    let (good, body) = answer?;
    Ok((good, serde_json::from_slice(&body)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_of_a_page_that_was_left_is_looked_for_again() {
        let left = r#"unknown error: unhandled inspector error: {"code":-32000,"message":"Node with given id does not belong to the document"}
  (Session info: chrome-headless-shell=156.0.8078.73)"#;
        assert!(Refusal::of("unknown error", left).is_passing());
        assert!(Refusal::of("stale element reference", "").is_passing());
        assert!(!Refusal::of("unknown error", "net::ERR_CONNECTION_REFUSED").is_passing());
    }
}
