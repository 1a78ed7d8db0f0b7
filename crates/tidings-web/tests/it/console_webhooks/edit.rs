//! Changes of a webhook, of an app's, of a secret.

use tidings_domain::{Clock, Time, time};

use super::{API, LIST, OWNER, assert_has, assert_lacks, edited, form, hidden, id_of};
use crate::house::House;

#[tokio::test]
async fn an_edit_keeps_what_was_not_touched_and_takes_away_what_was_cleared() {
    let house = House::with_people().await;
    let id = house
        .subscribe(
            OWNER,
            r#","secret":"s","headers":{"X-One":"1","X-Two":"2"},"name":"Before""#,
        )
        .await;
    let path = format!("{LIST}/{id}/edit");
    let page = house.open(OWNER, &path).await;
    assert_has(
        &page,
        &[
            "value=\"Before\"",
            "value=\"X-One\"",
            "(stored)",
            "Keep the secret that is set",
        ],
    );
    assert_lacks(&page, &["value=\"1\" aria-label", "***"]);

    let sent = edited(
        &house,
        id,
        &[
            ("name", "After"),
            ("header_name", "X-One"),
            ("header_value", ""),
            ("header_name", ""),
            ("header_value", ""),
            ("header_name", "X-Three"),
            ("header_value", "3"),
        ],
    )
    .await;
    let done = house.submit(OWNER, &path, &sent).await;
    assert_eq!((done.status, id_of(&done)), (303, id), "{}", done.text);
    let webhook = house.read(id).await;
    assert_eq!(webhook.at("name"), "After".into());
    assert_eq!(webhook.at("has_secret"), true.into());
    let headers = webhook.at("headers");
    let names: Vec<_> = headers
        .as_map()
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["X-One", "X-Three"]);
    house.submit(OWNER, &format!("{LIST}/{id}/test"), "").await;
    {
        let got = house.receiver.got.lock();
        let value = |name: &str| got[0].headers.get(name);
        assert_eq!(value("x-one"), Some("1"));
        assert_eq!(value("x-three"), Some("3"));
    }
    let sent = edited(&house, id, &[("secret_mode", "none")]).await;
    house.submit(OWNER, &path, &sent).await;
    assert_eq!(house.read(id).await.at("has_secret"), false.into());
}

#[tokio::test]
async fn an_own_secret_that_was_not_written_is_not_saved_as_none() {
    let house = House::with_people().await;
    let id = house.subscribe(OWNER, r#","secret":"s""#).await;
    let sent = edited(&house, id, &[("secret_mode", "own"), ("secret", "")]).await;
    let got = house
        .submit(OWNER, &format!("{LIST}/{id}/edit"), &sent)
        .await;
    assert_eq!(got.status, 422);
    assert_has(&got, &["id=\"secret-fault\""]);
    assert_eq!(house.read(id).await.at("has_secret"), true.into());
}

#[tokio::test]
async fn an_edit_does_not_undo_somebody_elses_unseen() {
    let house = House::with_people().await;
    let id = house.subscribe(OWNER, r#","name":"Before""#).await;
    let sent = edited(&house, id, &[("name", "Mine")]).await;
    // Within the same second.
    let theirs = r#"{"name":"Theirs","timeout_seconds":12}"#;
    house.admin("PATCH", &format!("{API}/{id}"), theirs).await;
    let path = format!("{LIST}/{id}/edit");
    let got = house.submit(OWNER, &path, &sent).await;
    assert_eq!(got.status, 409);
    assert_has(
        &got,
        &[
            "Somebody else saved this while you were editing it.",
            "class=\"wrap\">Theirs</td>",
            "class=\"wrap\">12</td>",
            "value=\"Mine\"",
        ],
    );
    assert_lacks(&got, &["Verify certificate"]);
    assert_eq!(house.read(id).await.at("name"), "Theirs".into());
    // The page that said so saves.
    let seen = hidden(&got, "seen");
    let again = sent.replace(&form(&[("seen", "1")]), &form(&[("seen", &seen)]));
    assert_ne!(again, sent);
    assert_eq!(house.submit(OWNER, &path, &again).await.status, 303);
    assert_eq!(house.read(id).await.at("name"), "Mine".into());
}

#[tokio::test]
async fn an_edit_of_what_was_switched_off_meanwhile_does_not_switch_it_on() {
    let house = House::with_people().await;
    let id = house.subscribe(OWNER, "").await;
    let sent = edited(&house, id, &[]).await;
    let off = format!("{API}/{id}/disable");
    assert_eq!(house.admin("POST", &off, "").await.status, 200);
    let path = format!("{LIST}/{id}/edit");
    let got = house.submit(OWNER, &path, &sent).await;
    assert_eq!(got.status, 409);
    assert_has(&got, &["Enabled</th>", "class=\"wrap\">no</td>"]);
    assert_eq!(house.read(id).await.at("enabled"), false.into());
}

#[tokio::test]
async fn a_form_that_was_wrong_once_still_knows_which_version_it_was_of() {
    let house = House::with_people().await;
    let id = house.subscribe(OWNER, "").await;
    let sent = edited(&house, id, &[("timeout_seconds", "soon")]).await;
    let theirs = r#"{"name":"Theirs"}"#;
    house.admin("PATCH", &format!("{API}/{id}"), theirs).await;
    let path = format!("{LIST}/{id}/edit");
    let execute = format!("{sent}execute=1&event=story.create");
    assert_eq!(house.submit(OWNER, &path, &execute).await.status, 422);
    let got = house.submit(OWNER, &path, &sent).await;
    assert_eq!(got.status, 409, "{}", got.text);
}

#[tokio::test]
async fn webhooks_of_an_app_say_so_and_locked_ones_are_read_only() {
    let house = House::with_people().await;
    let free = house.subscribe("app", r#","name":"Free""#).await;
    let page = house.open(OWNER, &format!("{LIST}/{free}/edit")).await;
    assert_has(
        &page,
        &["zapier made this webhook", "<button class=\"primary\""],
    );

    let id = house
        .subscribe("app", r#","name":"Locked","locked":true"#)
        .await;
    let path = format!("{LIST}/{id}/edit");
    let page = house.open(OWNER, &path).await;
    assert_has(
        &page,
        &[
            "zapier made this webhook and locked it",
            "<fieldset class=\"stack\" disabled>",
            &format!("{LIST}/{id}/disable"),
            &format!("{LIST}/{id}/delete"),
        ],
    );
    assert_lacks(&page, &["<button class=\"primary\"", "form_key\" value=\""]);
    let sent = edited(&house, id, &[("name", "Mine")]).await;
    let got = house.submit(OWNER, &path, &sent).await;
    assert_eq!(got.status, 403);
    assert_has(&got, &["locked"]);
    let off = house
        .submit(OWNER, &format!("{LIST}/{id}/disable"), "")
        .await;
    assert_eq!(off.status, 303);
    assert_eq!(house.read(id).await.at("enabled"), false.into());
    let gone = house
        .submit(OWNER, &format!("{LIST}/{id}/delete"), "")
        .await;
    assert_eq!(gone.status, 303);
    assert_eq!(house.read(id).await.status, 404);
}

#[tokio::test]
async fn a_secret_is_rotated_with_an_overlap() {
    let house = House::with_people().await;
    let id = house.subscribe(OWNER, r#","secret":"old""#).await;
    let path = format!("{LIST}/{id}/rotate");
    let page = house.open(OWNER, &path).await;
    assert_has(&page, &["Rotate the secret", "Overlap"]);
    let empty = form(&[
        ("secret_mode", "own"),
        ("secret", ""),
        ("overlap_seconds", "0"),
        ("after_seconds", "0"),
    ]);
    let got = house.submit(OWNER, &path, &empty).await;
    assert_eq!(got.status, 422);
    assert_has(&got, &["id=\"secret-fault\""]);
    let sent = form(&[
        ("secret_mode", "generate"),
        ("secret", ""),
        ("overlap_seconds", "86400"),
        ("after_seconds", "3600"),
    ]);
    let done = house.submit(OWNER, &path, &sent).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_has(&done, &["whsec_", "shown this once"]);
    house.submit(OWNER, &format!("{LIST}/{id}/test"), "").await;
    {
        let got = house.receiver.got.lock();
        let both = got[0].headers.get("webhook-signature").unwrap();
        assert_eq!(both.split(' ').count(), 2, "{both}");
    }
    let again = house.submit(OWNER, &path, &sent).await;
    assert_eq!(again.status, 409);
}

#[tokio::test]
async fn whoever_looks_at_a_webhook_sees_that_a_rotation_still_runs_and_until_when() {
    let house = House::with_people().await;
    let id = house.subscribe(OWNER, r#","secret":"old""#).await;
    let (one, path) = (format!("{LIST}/{id}"), format!("{LIST}/{id}/rotate"));
    let page = house.open(OWNER, &one).await;
    assert_has(&page, &[&format!("href=\"{path}\"")]);
    assert_lacks(&page, &["both secrets"]);
    let sent = form(&[
        ("secret_mode", "own"),
        ("secret", "new one"),
        ("overlap_seconds", "86400"),
        ("after_seconds", "3600"),
    ]);
    assert_eq!(house.submit(OWNER, &path, &sent).await.status, 303);
    let now = house.clock.wall();
    let day = |hours: i64| {
        let at = Time::from_second(now.as_second() + hours * 3600).unwrap();
        time::show(at).get(..16).unwrap().to_owned()
    };
    let (changes, ends) = (day(1), day(25));
    for who in [OWNER, "team_member"] {
        let page = house.open(who, &one).await;
        assert_has(&page, &["signed with both secrets", &changes, &ends]);
        assert_lacks(&page, &[&format!("href=\"{path}\"")]);
    }
    // The page that changes it says why it cannot now, and how it can.
    let page = house.open(OWNER, &path).await;
    assert_has(
        &page,
        &["signed with both secrets", &ends, &format!("{one}/edit")],
    );
    assert_lacks(&page, &["name=\"overlap_seconds\""]);
    let edit = house.open(OWNER, &format!("{one}/edit")).await;
    assert_has(&edit, &["signed with both secrets", &ends]);

    house.clock.pass(2 * 3600);
    let page = house.open(OWNER, &one).await;
    assert_has(&page, &["signed with both secrets", &ends]);
    assert_lacks(&page, &[&changes]);
    house.clock.pass(24 * 3600);
    let page = house.open(OWNER, &one).await;
    assert_lacks(&page, &["both secrets"]);
    assert_has(&page, &[&format!("href=\"{path}\"")]);
}
