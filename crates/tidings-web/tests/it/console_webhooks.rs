//! The webhook pages, as somebody with a browser and no scripts uses them.

use std::fmt::Write as _;

use axum::body::Body;
use http::header;

use crate::house::{Got, House};

mod add;
mod edit;
mod execute;
mod list;
mod once;
mod roles;
mod table;

const LIST: &str = "/projects/HB/webhooks";
const API: &str = "/api/v1/projects/HB/webhooks";
const OWNER: &str = "product_owner";

/// A form as a browser writes it.
fn form(fields: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        for (part, end) in [(name, '='), (value, '&')] {
            for byte in part.bytes() {
                let _ = write!(text, "%{byte:02X}");
            }
            text.push(end);
        }
    }
    text
}

/// The fields of a new webhook's form as they stand on the page, with those changed.
fn filled<'a>(dialect: &'a str, changed: &[(&'a str, &'a str)]) -> String {
    let mut fields = vec![
        ("dialect", dialect),
        ("name", "Chat"),
        ("url", "https://example.com/hook"),
        ("description", ""),
        ("switch", "1"),
        ("enabled", "on"),
        ("events", "all"),
        ("secret_mode", "none"),
        ("secret", ""),
        ("verify_tls", "on"),
        ("ca_pem", ""),
        ("timeout_seconds", "30"),
        ("ordering", "item"),
        ("max_in_flight", "8"),
        ("failure_limit", ""),
        ("retry_schedule", ""),
    ];
    fields.retain(|(name, _)| !changed.iter().any(|(other, _)| name == other));
    fields.extend_from_slice(changed);
    form(&fields)
}

impl House {
    /// A form that is sent by htmx, which wants a part of a page.
    async fn submit_part(&self, who: &str, path: &str, form: &str) -> Got {
        let request = self
            .as_browser(who, "POST", path)
            .header(header::ORIGIN, "https://tidings.example.com")
            .header("sec-fetch-site", "same-origin")
            .header("hx-request", "true")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap())
            .await
    }

    /// A webhook of `HB`: iceScrum's, unless the members say otherwise.
    async fn subscribe(&self, who: &str, members: &str) -> i64 {
        let mut body = format!("{{{}", members.trim_start_matches(','));
        for (name, value) in [("url", "https://example.com/hook"), ("dialect", "icescrum")] {
            if !members.contains(&format!("\"{name}\"")) {
                let comma = if body.len() > 1 { "," } else { "" };
                let _ = write!(body, "{comma}\"{name}\":\"{value}\"");
            }
        }
        body.push('}');
        let made = self.ask(who, "POST", API, &body).await;
        assert_eq!(made.status, 201, "{body} {}", made.text);
        made.at("id").as_int().unwrap()
    }

    /// What the API says of a webhook.
    async fn read(&self, id: i64) -> Got {
        self.admin("GET", &format!("{API}/{id}"), "").await
    }

    /// Puts the switch of `HB`.
    async fn set_webhooks(&self, to: &str) {
        let body = format!(r#"{{"webhooks":"{to}"}}"#);
        let set = self.admin("PATCH", "/api/v1/projects/HB", &body).await;
        assert_eq!(set.status, 200, "{}", set.text);
    }
}

fn assert_has(page: &Got, parts: &[&str]) {
    for part in parts {
        assert!(page.text.contains(part), "no {part} in\n{}", page.text);
    }
}

fn assert_lacks(page: &Got, parts: &[&str]) {
    for part in parts {
        assert!(!page.text.contains(part), "{part} in\n{}", page.text);
    }
}

/// The id in an address like `/projects/HB/webhooks/7`.
fn id_of(got: &Got) -> i64 {
    let to = got.header("location");
    let id = to.strip_prefix("/projects/HB/webhooks/");
    id.and_then(|id| id.parse().ok())
        .unwrap_or_else(|| panic!("{} {to}\n{}", got.status, got.text))
}

/// The value of a page's first hidden field of that name.
fn hidden(page: &Got, name: &str) -> String {
    let value = page.text.split(&format!("name=\"{name}\" value=\"")).nth(1);
    let value = value.unwrap_or_else(|| panic!("no {name} in\n{}", page.text));
    value.split('"').next().unwrap().to_owned()
}

/// The form of a stored webhook as its page has it, with those fields changed.
async fn edited(house: &House, id: i64, changed: &[(&str, &str)]) -> String {
    let page = house.open(OWNER, &format!("{LIST}/{id}/edit")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let version = hidden(&page, "seen");
    let mut all = vec![("seen", version.as_str()), ("secret_mode", "keep")];
    all.retain(|(name, _)| !changed.iter().any(|(other, _)| name == other));
    all.extend_from_slice(changed);
    filled("", &all).replace(&form(&[("dialect", "")]), "")
}
