//! The canary hunt: what went in as a secret comes out of no route.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tidings_web::route::{Input, Method};
use tidings_web::routes::table;

use crate::house::House;

const SECRET: &str = "canary-signing-secret-7f3a";
const HEADER: &str = "canary-header-value-91bc";
const ROTATED: &str = "canary-rotated-secret-5d2e";

fn forms(canary: &str) -> Vec<String> {
    let hex = canary
        .bytes()
        .fold(String::new(), |hex, b| hex + &format!("{b:02x}"));
    vec![
        canary.to_owned(),
        canary.to_uppercase(),
        STANDARD.encode(canary),
        URL_SAFE_NO_PAD.encode(canary),
        hex.to_uppercase(),
        hex,
        canary.replace('-', "%2D"),
    ]
}

#[tokio::test]
async fn no_route_ever_shows_a_secret_again() {
    let house = House::new().await;
    let members = format!(r#","secret":"{SECRET}","headers":{{"X-Api-Key":"{HEADER}"}}"#);
    let id = house.webhook("admin", &members).await;
    let path = format!("/api/v1/projects/HB/webhooks/{id}");
    let mut answers = Vec::new();
    let sent = house
        .admin(
            "POST",
            &format!("{path}/test"),
            r#"{"event":"story.create"}"#,
        )
        .await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    let delivery = sent.at("id").as_str().unwrap().to_owned();
    answers.push(sent.text);
    // The receiver got what nobody else may see.
    {
        let got = house.receiver.got.lock();
        let headers = &got.last().unwrap().headers;
        assert!(headers.iter().any(|(n, v)| n == "X-Api-Key" && v == HEADER));
        assert!(
            headers
                .iter()
                .any(|(n, _)| n.eq_ignore_ascii_case("x-icescrum-signature"))
        );
    }
    let rotate = format!(r#"{{"secret":"{ROTATED}","overlap_seconds":60}}"#);
    let rotated = house
        .admin("POST", &format!("{path}/secret/rotate"), &rotate)
        .await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    answers.push(rotated.text);
    let bad = format!(r#"{{"secret":["{SECRET}"],"headers":{{"Host":"{HEADER}"}},"nonsense":1}}"#);
    answers.push(house.admin("PATCH", &path, &bad).await.text);
    answers.push(
        house
            .admin("PATCH", &path, &format!("{{\"secret\":\"{SECRET}\""))
            .await
            .text,
    );
    for row in table() {
        if row.method == Method::Delete {
            continue;
        }
        let thing = if row.path.contains("/deliveries/") {
            delivery.clone()
        } else {
            id.to_string()
        };
        let path = row
            .path
            .replace("{key}", "HB")
            .replace("{id}", &thing)
            .replace("{dialect}", "icescrum")
            .replace("{code}", "story.create");
        let body = match row.input {
            Input::None => "",
            Input::Changes => "[]",
            Input::Json(_) | Input::Optional(_) | Input::Form => "{}",
        };
        for who in ["admin", "product_owner", "team_member", "app"] {
            let got = house.ask(who, row.method.as_str(), &path, body).await;
            assert!(got.status < 500, "{path}: {}", got.text);
            let mut text = got.text;
            for (name, value) in &got.headers {
                text = format!("{text}\n{name}: {}", value.to_str().unwrap());
            }
            answers.push(text);
        }
    }
    let mut canaries: Vec<String> = [SECRET, HEADER, ROTATED]
        .iter()
        .flat_map(|c| forms(c))
        .collect();
    canaries.extend(house.tokens.values().cloned());
    for text in &answers {
        for canary in &canaries {
            assert!(!text.contains(canary.as_str()), "{canary} in {text}");
        }
    }
}

#[tokio::test]
async fn a_made_secret_is_shown_once_and_a_given_one_never() {
    let house = House::new().await;
    let id = house.webhook("admin", "").await;
    let path = format!("/api/v1/projects/HB/webhooks/{id}");
    let made = house
        .admin("POST", &format!("{path}/secret/rotate"), "")
        .await;
    let secret = made.at("secret").as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    assert_eq!(STANDARD.decode(&secret[6..]).unwrap().len(), 32);
    let shown = house.admin("GET", &path, "").await;
    assert_eq!(shown.at("has_secret"), true.into());
    assert!(!shown.text.contains(&secret));
    let given = house
        .admin(
            "POST",
            &format!("{path}/secret/rotate"),
            r#"{"secret":"mine"}"#,
        )
        .await;
    assert_eq!(given.at("secret"), tidings_domain::Value::Null);
    let gone = house.admin("PATCH", &path, r#"{"secret":null}"#).await;
    assert_eq!(gone.at("has_secret"), false.into());
}

#[tokio::test]
async fn a_rotation_with_overlap_must_end_before_the_next() {
    let house = House::new().await;
    let id = house.webhook("admin", r#","secret":"old""#).await;
    let path = format!("/api/v1/projects/HB/webhooks/{id}/secret/rotate");
    let first = house
        .admin("POST", &path, r#"{"secret":"new","overlap_seconds":60}"#)
        .await;
    assert_eq!(first.status, 200, "{}", first.text);
    let second = house.admin("POST", &path, r#"{"secret":"newer"}"#).await;
    assert_eq!(
        (second.status, second.code().as_str()),
        (409, "rotation_running")
    );
    house.clock.advance(61);
    assert_eq!(
        house
            .admin("POST", &path, r#"{"secret":"newer"}"#)
            .await
            .status,
        200
    );
}
