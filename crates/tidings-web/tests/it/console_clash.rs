//! Two people save the same form within one second: the second is shown what the first saved, loses nothing, and may save again.

use crate::house::{Got, House};

fn hidden(page: &Got, name: &str) -> String {
    let parts: Vec<&str> = page
        .text
        .split(&format!("name=\"{name}\" value=\""))
        .collect();
    // Of several forms on a page the edited one is the one that says its version.
    assert_eq!(parts.len(), 2, "{name}: {}", page.text);
    parts[1].split('"').next().unwrap().to_owned()
}

/// `who` opens a page twice and saves both, each with a change of their own; `seen` is the field with the version. The page that the
/// second gets.
async fn check(
    (who, path): (&str, &str),
    seen: &str,
    [first, second]: [&str; 2],
    shown: &[&str],
) -> House {
    let house = House::with_people().await;
    house
        .admin("POST", "/api/v1/projects/HB/stories", r#"{"title":"Old"}"#)
        .await;
    let version = hidden(&house.open(who, path).await, seen);
    let form = |fields: &str, version: &str| {
        let escaped = |text: String, byte| text + &format!("%{byte:02X}");
        let version = version.bytes().fold(String::new(), escaped);
        format!("{fields}&{seen}={version}")
    };
    let saved = house.submit(who, path, &form(first, &version)).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let clash = house.submit(who, path, &form(second, &version)).await;
    assert_eq!(clash.status, 409, "{}", clash.text);
    for part in shown {
        assert!(clash.text.contains(part), "{part}: {}", clash.text);
    }
    assert!(clash.text.contains("Somebody else saved this"));
    let now = hidden(&clash, seen);
    assert_ne!(now, version);
    let saved = house.submit(who, path, &form(second, &now)).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    house
}

#[tokio::test]
async fn an_item() {
    let house = check(
        ("product_owner", "/projects/HB/items/stories/1"),
        "sequence",
        [
            "title=Theirs&with_assignees=1&assignees=1",
            "title=Mine&with_assignees=1&comment=Why",
        ],
        &[
            "class=\"wrap\">Theirs</td>",
            "class=\"wrap\">The product_owner</td>",
            "value=\"Mine\"",
            "Why</textarea>",
        ],
    )
    .await;
    let story = house.admin("GET", "/api/v1/projects/HB/stories/1", "");
    assert_eq!(story.await.at("title"), "Mine".into());
}

#[tokio::test]
async fn a_member() {
    let same = "last_name=A&email=&username=&active=on";
    let house = check(
        ("product_owner", "/projects/HB/members/3"),
        "sequence",
        [
            &format!("first_name=Theirs&role=stakeholder&{same}"),
            &format!("first_name=Mine&role=team_member&{same}"),
        ],
        &["class=\"wrap\">stakeholder</td>", "value=\"Mine\""],
    )
    .await;
    let member = house.admin("GET", "/api/v1/projects/HB/members/3", "");
    assert_eq!(member.await.at("role"), "team_member".into());
}

#[tokio::test]
async fn the_settings_of_a_project() {
    let house = check(
        ("product_owner", "/projects/HB/settings"),
        "seen",
        [
            "name=Theirs&time_zone=UTC&company.name=C",
            "name=Mine&time_zone=UTC&company.name=C",
        ],
        &["class=\"wrap\">Theirs</td>", "value=\"Mine\""],
    )
    .await;
    // Its webhooks are switched by a form of their own.
    let page = house.open("product_owner", "/projects/HB/settings").await;
    let version = hidden(&page, "seen");
    let off = "/projects/HB/settings/webhooks";
    house.submit("product_owner", off, "webhooks=off").await;
    let page = house.open("product_owner", "/projects/HB/settings").await;
    assert_eq!(hidden(&page, "seen"), version);
}

#[tokio::test]
async fn the_settings_of_the_server() {
    let rest = "retention.days=30&retention.held_days=90&retention.audit_days=365&retention.max_rows=0&retention.max_bytes=0&disable_after=1";
    let house = check(
        ("admin", "/admin/settings"),
        "seen",
        [
            &format!("failure_limit=7&{rest}"),
            &format!("failure_limit=9&{rest}"),
        ],
        &["class=\"wrap\">7</td>", "value=\"9\""],
    )
    .await;
    assert_eq!(house.app.settings().failure_limit, 9);
}

#[tokio::test]
async fn an_account() {
    check(
        ("admin", "/admin/accounts/2"),
        "seen",
        ["name=Theirs&login=anna", "name=Mine&login=anna"],
        &["class=\"wrap\">Theirs</td>", "value=\"Mine\""],
    )
    .await;
}

#[tokio::test]
async fn a_row_of_the_table_by_event() {
    let house = House::with_people().await;
    let path = "/projects/HB/webhooks/by-event";
    let row = "dialect=gitscrum&code=issues.store&switch=1&enabled=on";
    let save = async |url: &str, seen: &str| {
        let form = format!("{row}&url=https%3A%2F%2Fexample.com%2F{url}&seen={seen}");
        house.submit("product_owner", path, &form).await
    };
    assert_eq!(save("first", "").await.status, 303);
    let version = "1";
    assert_eq!(save("theirs", version).await.status, 303);
    let clash = save("mine", version).await;
    assert_eq!(clash.status, 422, "{}", clash.text);
    for part in [
        "now it is https://example.com/theirs, active",
        "value=\"https://example.com/mine\"",
        "name=\"seen\" value=\"2\"",
    ] {
        assert!(clash.text.contains(part), "{part}: {}", clash.text);
    }
    assert_eq!(save("mine", "2").await.status, 303);

    // Whose page showed no webhook does not change the one that was made meanwhile.
    let seen_none = format!("{row}&url=https%3A%2F%2Fexample.com%2Flate&seen=");
    let clash = house.submit("product_owner", path, &seen_none).await;
    assert_eq!(clash.status, 422, "{}", clash.text);
}
