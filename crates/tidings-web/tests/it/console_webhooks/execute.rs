//! Tests: before saving, of a sample, of a real object.

use super::{API, LIST, OWNER, assert_has, assert_lacks, edited, filled, form};
use crate::house::House;

#[tokio::test]
async fn a_test_is_executed_before_the_webhook_is_saved() {
    let house = House::with_people().await;
    let sent = filled(
        "squish",
        &[
            ("name", "Draft"),
            ("secret_mode", "own"),
            ("secret", "s3cret-word"),
            ("event", "update"),
            ("execute", "1"),
        ],
    );
    let page = house.submit(OWNER, &format!("{LIST}/new"), &sent).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_has(
        &page,
        &[
            "answered 200",
            "POST https://example.com/hook",
            "X-Squish-Signature",
            "updated_by",
            "thanks",
            "value=\"Draft\"",
            "/projects/HB/deliveries/dlv_",
        ],
    );
    assert_lacks(&page, &["s3cret-word"]);
    let all = house.admin("GET", API, "").await;
    assert_eq!(all.at("data").as_list().len(), 0);
    assert_eq!(house.receiver.got.lock().len(), 1);
    let log = house
        .admin("GET", "/api/v1/projects/HB/deliveries", "")
        .await;
    assert_eq!(log.at("data/0/trigger"), "test".into());
    assert_eq!(log.at("data/0/code"), "update".into());

    // A script gets the result alone, and so it does a refusal.
    let part = house
        .submit_part(OWNER, &format!("{LIST}/new"), &sent)
        .await;
    assert_has(&part, &["answered 200"]);
    assert_lacks(&part, &["<html", "<form"]);
    let wrong = filled(
        "squish",
        &[
            ("url", "http://localhost/"),
            ("event", "update"),
            ("execute", "1"),
        ],
    );
    let part = house
        .submit_part(OWNER, &format!("{LIST}/new"), &wrong)
        .await;
    assert_eq!(part.status, 422);
    assert_has(&part, &["was not sent", "URL: "]);
    let page = house.submit(OWNER, &format!("{LIST}/new"), &wrong).await;
    assert_has(&page, &["id=\"url-fault\"", "The test was not sent"]);
    assert_lacks(&page, &["not saved"]);
    assert_eq!(house.receiver.got.lock().len(), 2);
}

#[tokio::test]
async fn a_test_of_an_edit_uses_the_stored_secret() {
    let house = House::with_people().await;
    let id = house.subscribe(OWNER, r#","secret":"s""#).await;
    let sent = edited(
        &house,
        id,
        &[
            ("event", "story.create"),
            ("execute", "1"),
            ("name", "Unsaved"),
        ],
    )
    .await;
    let page = house
        .submit(OWNER, &format!("{LIST}/{id}/edit"), &sent)
        .await;
    assert_has(&page, &["x-icescrum-signature", "value=\"Unsaved\""]);
    assert_ne!(house.read(id).await.at("name"), "Unsaved".into());
}

#[tokio::test]
async fn execute_shows_the_sample_and_sends_it() {
    let house = House::with_people().await;
    let id = house
        .subscribe(OWNER, r#","events":["story.create","task.update"]"#)
        .await;
    let path = format!("{LIST}/{id}/execute");
    let page = house.open(OWNER, &path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_has(
        &page,
        &[
            "value=\"story.create\" selected",
            "Show sample",
            "The sample below",
        ],
    );
    let other = house
        .open(OWNER, &format!("{path}?event=task.update"))
        .await;
    assert_has(&other, &["value=\"task.update\" selected"]);
    let unknown = house.open(OWNER, &format!("{path}?event=nothing")).await;
    assert_eq!(unknown.status, 200, "as if nothing was asked for");

    let done = house
        .submit(
            OWNER,
            &path,
            &form(&[("event", "task.update"), ("object", "")]),
        )
        .await;
    assert_eq!(done.status, 303, "{}", done.text);
    let to = done.header("location").to_owned();
    assert!(
        to.starts_with(&format!("{path}?event=task.update&delivery=dlv_")),
        "{to}"
    );
    let result = house.open(OWNER, &to).await;
    assert_has(
        &result,
        &[
            "answered 200",
            "x-icescrum-event",
            "Server",
            "thanks",
            "Open it in the sent log",
            "/projects/HB/deliveries/dlv_",
        ],
    );
    let foreign = to.replace("/HB/", "/OTHER/");
    assert_eq!(house.open(OWNER, &foreign).await.status, 404);
}

#[tokio::test]
async fn execute_says_what_the_receiver_refused() {
    let house = House::with_people().await;
    house.receiver.others.lock().insert("no.example", 500);
    let id = house
        .subscribe(OWNER, r#","url":"https://no.example/""#)
        .await;
    let done = house.submit(OWNER, &format!("{LIST}/{id}/test"), "").await;
    let result = house.open(OWNER, done.header("location")).await;
    assert_has(&result, &["Not accepted", "answered 500"]);
    assert_eq!(house.read(id).await.at("health/state"), "ok".into());
}

#[tokio::test]
async fn execute_sends_what_last_happened_to_a_real_object() {
    for house in House::both_with_people().await {
        let story = "/api/v1/projects/HB/stories";
        house
            .admin("POST", story, r#"{"id":10,"title":"Booking"}"#)
            .await;
        house
            .admin("POST", story, r#"{"id":11,"title":"Never changed"}"#)
            .await;
        house
            .admin(
                "PATCH",
                &format!("{story}/10"),
                r#"{"title":"Booking of berths"}"#,
            )
            .await;
        let id = house.subscribe(OWNER, "").await;
        let path = format!("{LIST}/{id}/execute");

        let page = house
            .open(OWNER, &format!("{path}?event=story.update"))
            .await;
        assert_has(&page, &["stories/10: Booking of berths"]);
        assert_lacks(&page, &["stories/11"]);
        let sent = form(&[("event", "story.update"), ("object", "stories/10")]);
        let done = house.submit(OWNER, &path, &sent).await;
        assert_eq!(done.status, 303, "{}", done.text);
        {
            let got = house.receiver.got.lock();
            let body = String::from_utf8(got.last().unwrap().body.to_vec()).unwrap();
            assert!(body.contains("Booking of berths"), "{body}");
        }
        let log = house
            .admin(
                "GET",
                "/api/v1/projects/HB/deliveries?object=stories/10",
                "",
            )
            .await;
        assert_eq!(log.at("data/0/trigger"), "test".into(), "{}", log.text);

        for (object, status, part) in [
            ("stories/11", 409, "no event among"),
            ("nonsense", 422, "Write which item, like tasks/42."),
        ] {
            let sent = form(&[("event", "story.update"), ("object", object)]);
            let got = house.submit(OWNER, &path, &sent).await;
            assert_eq!(got.status, status, "{object}");
            assert_has(&got, &["id=\"object-fault\"", part]);
        }
    }
}

#[tokio::test]
async fn what_is_chosen_is_what_is_executed_also_when_nobody_asked_for_its_sample() {
    let house = House::with_people().await;
    let id = house.subscribe(OWNER, "").await;
    let path = format!("{LIST}/{id}/execute");
    let page = house.open(OWNER, &path).await;
    // One choice, in the form that executes; the sample is asked for by a button of the same form.
    assert_eq!(page.text.matches("name=\"event\"").count(), 1);
    let form = page
        .text
        .split("<form class=\"fields\" method=\"post\"")
        .nth(1);
    let form = form.unwrap().split("</form>").next().unwrap();
    for part in ["<select id=\"event\"", "formmethod=\"get\"", ">Execute<"] {
        assert!(form.contains(part), "{part}: {form}");
    }
    let asked = format!("{path}?event=story.update&object=stories%2F1");
    let other = house.open(OWNER, &asked).await;
    assert_eq!(other.status, 200, "{}", other.text);
    assert_has(&other, &["value=\"story.update\" selected"]);
}

#[tokio::test]
async fn without_scripts_the_result_of_a_test_before_saving_is_where_one_looks() {
    let house = House::with_people().await;
    let page = house
        .open(OWNER, &format!("{LIST}/new?dialect=squish"))
        .await;
    assert_has(&page, &["formaction=\"/projects/HB/webhooks/new#result\""]);
}

#[tokio::test]
async fn what_a_receiver_answered_is_said_once() {
    let house = House::with_people().await;
    house.receiver.others.lock().insert("no.example", 500);
    let id = house
        .subscribe(OWNER, r#","url":"https://no.example/""#)
        .await;
    let done = house.submit(OWNER, &format!("{LIST}/{id}/test"), "").await;
    let result = house.open(OWNER, done.header("location")).await;
    assert_eq!(
        result.text.matches("answered 500").count(),
        1,
        "{}",
        result.text
    );
}
