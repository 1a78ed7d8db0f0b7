//! Objects over HTTP: statuses, headers, batches. What a write does to the object is the domain's business and tested there.

use http::Request;
use tidings_domain::{Collection, Value};

use crate::house::House;

const HB: &str = "/api/v1/projects/HB";

#[tokio::test]
async fn a_number_is_given_at_creation_and_stays() {
    let house = House::new().await;
    let task = format!("{HB}/tasks/1");
    house
        .admin("PUT", &task, r#"{"title":"a","number":7}"#)
        .await;
    let refused = house.admin("PATCH", &task, r#"{"number":8}"#).await;
    assert_eq!(
        (refused.status, refused.fields()),
        (422, vec!["/number".into()])
    );
    let same = house.admin("PATCH", &task, r#"{"number":7}"#).await;
    assert_eq!(same.status, 200, "{}", same.text);
}

#[tokio::test]
async fn the_detail_says_where_the_fault_lies() {
    let house = House::new().await;
    let changes = format!("{HB}/changes");
    let bad = r#"[{"op":"put","collection":"tasks","data":{"title":"a"}},{"op":"put","collection":"tasks","data":{}}]"#;
    let got = house.admin("POST", &changes, bad).await;
    assert_eq!(got.at("detail"), "/1/data/title: is missing".into());
    let got = house.admin("POST", &changes, "{}").await;
    assert_eq!(
        got.at("detail"),
        "must be a list of changes, or NDJSON".into()
    );
    let task = format!("{HB}/tasks/1");
    let got = house
        .admin("PUT", &task, r#"{"title":"a","comment":{"body":"b"}}"#)
        .await;
    assert_eq!((got.status, got.fields()), (422, vec!["/comment".into()]));
    assert!(got.text.contains("post it to comments"), "{}", got.text);
}

#[tokio::test]
async fn created_read_changed_and_deleted() {
    for house in House::both().await {
        let made = house
            .ask(
                "team_member",
                "POST",
                &format!("{HB}/tasks"),
                r#"{"title":"Add rate limiter"}"#,
            )
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
        let location = made.header("location").to_owned();
        assert_eq!(location, format!("{HB}/tasks/1"));
        let first: i64 = made.header("tidings-event").parse().unwrap();
        let read = house.ask("stakeholder", "GET", &location, "").await;
        assert_eq!((read.status, &read.text), (200, &made.text));
        let changed = house
            .admin("PATCH", &location, r#"{"status":"Closed"}"#)
            .await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let second: i64 = changed.header("tidings-event").parse().unwrap();
        assert!(second > first);
        let same = house
            .admin("PATCH", &location, r#"{"status":"Closed"}"#)
            .await;
        assert_eq!((same.status, same.header("tidings-event")), (200, ""));
        let back = house.admin("PUT", &location, &changed.text).await;
        assert_eq!(
            (back.status, back.header("tidings-event")),
            (200, ""),
            "{}",
            back.text
        );
        let put = house
            .admin(
                "PUT",
                &format!("{HB}/tasks/77"),
                r#"{"title":"Seventy-seven"}"#,
            )
            .await;
        assert_eq!(
            (put.status, put.header("location")),
            (201, "/api/v1/projects/HB/tasks/77")
        );
        let list = house.admin("GET", &format!("{HB}/tasks?limit=1"), "").await;
        assert_eq!(list.at("data/0/id"), 1.into());
        let cursor = list.at("next_cursor").as_str().unwrap().to_owned();
        let rest = house
            .admin("GET", &format!("{HB}/tasks?cursor={cursor}"), "")
            .await;
        assert_eq!(
            (rest.at("data/0/id"), rest.at("next_cursor")),
            (77.into(), Value::Null)
        );
        let gone = house.admin("DELETE", &location, "").await;
        assert_eq!((gone.status, gone.text.as_str()), (204, ""));
        assert_ne!(gone.header("tidings-event"), "");
        assert_eq!(house.admin("GET", &location, "").await.status, 404);
        assert_eq!(house.admin("DELETE", &location, "").await.status, 404);
    }
}

#[tokio::test]
async fn external_ids_may_hold_anything_when_percent_encoded() {
    for house in House::both().await {
        for id in ["JIRA-7", "a/b", "50%", "\u{e9}\u{1f600}", "x y?#&"] {
            let encoded = id
                .bytes()
                .fold(String::from("ext:"), |out, b| out + &format!("%{b:02X}"));
            let path = format!("{HB}/stories/{encoded}");
            let put = house
                .admin("PUT", &path, r#"{"title":"From elsewhere"}"#)
                .await;
            assert_eq!(put.status, 201, "{id}: {}", put.text);
            assert_eq!(put.at("external_id"), id.into());
            assert_eq!(
                house.admin("GET", &path, "").await.at("id"),
                put.at("id"),
                "{id}"
            );
        }
    }
}

#[tokio::test]
async fn programs_say_who_and_when_and_members_may_not() {
    let house = House::new().await;
    let member = house
        .admin(
            "POST",
            &format!("{HB}/members"),
            r#"{"first_name":"Nadia"}"#,
        )
        .await;
    assert_eq!(member.status, 201, "{}", member.text);
    let ask = async |who: &str, actor: &str, at: &str| {
        let request = Request::post(format!("{HB}/tasks"))
            .header("authorization", format!("Bearer {}", house.tokens[who]))
            .header("content-type", "application/json")
            .header("tidings-actor", actor)
            .header("tidings-at", at)
            .body(r#"{"title":"x"}"#.into())
            .unwrap();
        house.send(request).await
    };
    let made = ask("app", "1", "2026-01-05T09:00:00+01:00").await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.at("created_by"), 1.into());
    assert_eq!(made.at("created_at"), "2026-01-05T08:00:00Z".into());
    let refused = ask("team_member", "1", "2026-01-05T09:00:00Z").await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    for (actor, at) in [
        ("99", "2026-01-05T09:00:00Z"),
        ("nobody", "2026-01-05T09:00:00Z"),
        ("1", "yesterday"),
        ("1", "2026-03-04T00:00:00Z"),
    ] {
        let got = ask("app", actor, at).await;
        assert_eq!(got.status, 422, "{actor} {at}: {}", got.text);
    }
}

#[tokio::test]
async fn a_members_token_dies_with_its_member() {
    let mut house = House::new().await;
    house
        .admin(
            "POST",
            &format!("{HB}/members"),
            r#"{"first_name":"Nadia","role":"scrum_master"}"#,
        )
        .await;
    let made = house
        .admin(
            "POST",
            &format!("{HB}/tokens"),
            r#"{"name":"n","kind":"member","member":1}"#,
        )
        .await;
    assert_eq!((made.status, made.at("member")), (201, 1.into()));
    house
        .tokens
        .insert("nadia", made.at("token").as_str().unwrap().to_owned());
    let webhooks = format!("{HB}/webhooks");
    assert_eq!(house.ask("nadia", "GET", &webhooks, "").await.status, 200);
    let mine = house
        .ask("nadia", "POST", &format!("{HB}/tasks"), r#"{"title":"x"}"#)
        .await;
    assert_eq!(mine.at("created_by"), 1.into());
    let steps = [
        (r#"{"role":"stakeholder"}"#, 403),
        (r#"{"active":false}"#, 401),
        (r#"{"active":true}"#, 403),
    ];
    for (patch, status) in steps {
        house
            .admin("PATCH", &format!("{HB}/members/1"), patch)
            .await;
        assert_eq!(
            house.ask("nadia", "GET", &webhooks, "").await.status,
            status,
            "{patch}"
        );
    }
    house.admin("DELETE", &format!("{HB}/members/1"), "").await;
    assert_eq!(house.ask("nadia", "GET", &webhooks, "").await.status, 401);

    // Whoever gets the number next is somebody else.
    let body = r#"{"first_name":"Otto","role":"product_owner"}"#;
    let next = house.admin("PUT", &format!("{HB}/members/1"), body).await;
    assert_eq!(next.status, 201, "{}", next.text);
    assert_eq!(house.ask("nadia", "GET", &webhooks, "").await.status, 401);
    let left = house.admin("GET", &format!("{HB}/tokens"), "").await;
    assert!(!left.text.contains(r#""member":1"#), "{}", left.text);
}

#[tokio::test]
async fn a_batch_is_all_or_nothing_and_points_at_the_entry() {
    for house in House::both().await {
        let changes = format!("{HB}/changes");
        let body = r#"[{"op":"put","collection":"tasks","id":5,"data":{"title":"a"}},{"op":"patch","collection":"tasks","id":5,"data":{"status":"Closed"}},{"op":"patch","collection":"tasks","id":5,"data":{"status":"Closed"}},{"op":"delete","collection":"tasks","id":5}]"#;
        let done = house.admin("POST", &changes, body).await;
        assert_eq!(done.status, 200, "{}", done.text);
        assert_eq!(done.at("data/0/object/id"), 5.into());
        assert_eq!(done.at("data/2/event"), Value::Null);
        assert_eq!(done.at("data/3/sequence"), Value::Null);
        let before = house.weight().await;
        let bad = r#"[{"op":"put","collection":"tasks","data":{"title":"a"}},{"op":"put","collection":"tasks","data":{"title":"b","status":"Nonsense"}}]"#;
        let got = house.admin("POST", &changes, bad).await;
        assert_eq!(
            (got.status, got.fields()),
            (422, vec!["/1/data/status".to_owned()]),
            "{}",
            got.text
        );
        assert_eq!(house.weight().await, before);
        let request = Request::post(&changes)
        .header("authorization", format!("Bearer {}", house.tokens["app"]))
        .header("content-type", "application/x-ndjson")
        .body("{\"op\":\"put\",\"collection\":\"tasks\",\"data\":{\"title\":\"a\"},\"key\":\"k1\"}\n\r\n{\"op\":\"put\",\"collection\":\"tasks\",\"data\":{\"title\":\"a\"},\"key\":\"k1\"}\n".into())
        .unwrap();
        let lines = house.send(request).await;
        assert_eq!(lines.status, 200, "{}", lines.text);
        assert_eq!(lines.at("data/0"), lines.at("data/1"));
    }
}

#[tokio::test]
async fn null_stands_for_what_an_entry_does_not_say() {
    let house = House::new().await;
    let body = r#"[{"op":"put","collection":"tasks","id":5,"data":{"title":"a"},"comment":null,"by":null,"at":null,"key":null},
        {"op":"delete","collection":"tasks","id":5,"comment":null}]"#;
    let got = house.admin("POST", &format!("{HB}/changes"), body).await;
    assert_eq!(got.status, 200, "{}", got.text);
}

#[tokio::test]
async fn silent_writes_make_no_event_and_are_for_programs() {
    let house = House::new().await;
    let silent = format!("{HB}/tasks?silent=true");
    let made = house
        .ask("app", "POST", &silent, r#"{"title":"old"}"#)
        .await;
    assert_eq!(
        (made.status, made.header("tidings-event")),
        (201, ""),
        "{}",
        made.text
    );
    assert_eq!(
        house
            .ask("product_owner", "POST", &silent, r#"{"title":"old"}"#)
            .await
            .status,
        403
    );
    let news = house.admin("GET", &format!("{HB}/activities"), "").await;
    assert_eq!(news.at("data").as_list().len(), 0);
}

#[tokio::test]
async fn verbs_have_their_own_routes() {
    for house in House::both().await {
        house
            .admin(
                "POST",
                &format!("{HB}/members"),
                r#"{"first_name":"Nadia"}"#,
            )
            .await;
        house
            .admin("POST", &format!("{HB}/tasks"), r#"{"title":"a"}"#)
            .await;
        house
            .admin("POST", &format!("{HB}/tasks"), r#"{"title":"b"}"#)
            .await;
        let timer = r#"{"on":{"collection":"tasks","id":1},"running":true,"member":1}"#;
        let started = house
            .admin("POST", &format!("{HB}/time-entries"), timer)
            .await;
        assert_eq!(started.status, 201, "{}", started.text);
        let stopped = house
            .admin(
                "POST",
                &format!("{HB}/time-entries/1/stop"),
                r#"{"note":"done"}"#,
            )
            .await;
        assert_eq!(
            (stopped.status, stopped.at("running"), stopped.at("note")),
            (200, false.into(), "done".into())
        );
        house
            .admin("POST", &format!("{HB}/time-entries"), timer)
            .await;
        let cancelled = house
            .admin("POST", &format!("{HB}/time-entries/2/cancel"), "")
            .await;
        assert_eq!(cancelled.status, 204, "{}", cancelled.text);
        let vote = r#"{"on":{"collection":"tasks","id":1}}"#;
        assert_eq!(
            house
                .admin("POST", &format!("{HB}/votes"), vote)
                .await
                .status,
            201
        );
        let comment = r#"{"on":{"collection":"tasks","id":1},"body":"hm"}"#;
        house
            .admin("POST", &format!("{HB}/comments"), comment)
            .await;
        let told = house
            .admin(
                "POST",
                &format!("{HB}/comments/1/notify"),
                r#"{"members":[1]}"#,
            )
            .await;
        assert_eq!(
            (told.status, told.at("notify/0")),
            (200, 1.into()),
            "{}",
            told.text
        );
        let bulk = r#"{"objects":[{"collection":"tasks","id":1},{"collection":"tasks","id":2}],"set":{"status":"Closed"},"comment":{"body":"both"}}"#;
        let bulk = house.admin("PATCH", &format!("{HB}/items"), bulk).await;
        assert_eq!(
            (bulk.status, bulk.at("data").as_list().len()),
            (200, 2),
            "{}",
            bulk.text
        );
        assert_ne!(bulk.header("tidings-event"), "");
        let moved = house
            .admin(
                "POST",
                &format!("{HB}/tasks/2/move"),
                r#"{"project":"OTHER"}"#,
            )
            .await;
        assert_eq!(moved.status, 200, "{}", moved.text);
        assert_eq!(
            house
                .admin("GET", &format!("{HB}/tasks/2"), "")
                .await
                .status,
            404
        );
        let theirs = house
            .ask(
                "product_owner",
                "POST",
                &format!("{HB}/tasks/1/move"),
                r#"{"project":"OTHER"}"#,
            )
            .await;
        assert!(matches!(theirs.status, 404 | 422), "{}", theirs.text);
    }
}

#[tokio::test]
async fn activities_and_events_tell_what_happened() {
    for house in House::both().await {
        let made = house
            .admin("POST", &format!("{HB}/tasks"), r#"{"title":"a"}"#)
            .await;
        let patched = house
            .admin(
                "PATCH",
                &format!("{HB}/tasks/1"),
                r#"{"status":"Closed","comment":{"body":"ok"}}"#,
            )
            .await;
        assert_eq!(patched.status, 200, "{}", patched.text);
        let news = house.admin("GET", &format!("{HB}/activities"), "").await;
        assert_eq!(
            news.at("data/0/type"),
            "task.updated".into(),
            "{}",
            news.text
        );
        assert_eq!(news.at("data/0/changes/0/member"), "status".into());
        let id = made.header("tidings-event");
        let event = house
            .ask("stakeholder", "GET", &format!("{HB}/events/{id}"), "")
            .await;
        assert_eq!(
            (event.status, event.at("type")),
            (200, "task.created".into()),
            "{}",
            event.text
        );
        assert_eq!(
            house
                .ask(
                    "other_owner",
                    "GET",
                    &format!("/api/v1/projects/OTHER/events/{id}"),
                    ""
                )
                .await
                .status,
            404
        );
        let backlog = house
            .admin("GET", &format!("{HB}/activities?dialect=backlog"), "")
            .await;
        let types: Vec<_> = backlog
            .at("data")
            .as_list()
            .iter()
            .map(|b| b.member("type").cloned().unwrap())
            .collect();
        assert_eq!(types.last(), Some(&1.into()), "{}", backlog.text);
        let squish = house
            .admin("GET", &format!("{HB}/tasks/1?dialect=squish"), "")
            .await;
        assert_eq!(squish.status, 200, "{}", squish.text);
        assert_eq!(
            house
                .admin("GET", &format!("{HB}/tasks/1?dialect=jira"), "")
                .await
                .status,
            422
        );
    }
}

#[tokio::test]
async fn words_in_use_cannot_be_taken_away() {
    for house in House::both().await {
        house.admin("POST", &format!("{HB}/tasks"), r#"{"title":"a","tags":["hot"],"fields":{"Browser":"Firefox"},"priority":"High","score":"M"}"#).await;
        for (list, patch) in [
            ("/statuses", r#"{"statuses":[{"name":"Only"}]}"#),
            ("/priorities", r#"{"priorities":[]}"#),
            ("/types", r#"{"types":[{"name":"Bug"}]}"#),
            ("/labels", r#"{"labels":[]}"#),
            ("/efforts", r#"{"efforts":[{"id":2,"name":"Medium"}]}"#),
            ("/custom_fields", r#"{"custom_fields":[]}"#),
        ] {
            let got = house.ask("product_owner", "PATCH", HB, patch).await;
            assert_eq!(
                (got.status, got.code().as_str(), got.fields()),
                (409, "in_use", vec![list.to_owned()]),
                "{}",
                got.text
            );
        }
        let fine = house
            .ask(
                "product_owner",
                "PATCH",
                HB,
                r#"{"columns":[{"name":"Lane"}]}"#,
            )
            .await;
        assert_eq!(
            (fine.status, fine.at("columns").as_list().len()),
            (200, 1),
            "{}",
            fine.text
        );
        let labels = house.admin("GET", HB, "").await.at("labels");
        assert_eq!(labels.as_list()[0].member("name"), Some(&"hot".into()));
    }
}

#[tokio::test]
async fn a_change_reaches_its_webhook_and_the_log() {
    for house in House::both().await {
        let id = house.webhook("admin", r#","secret":"s""#).await;
        let made = house
            .admin("POST", &format!("{HB}/stories"), r#"{"title":"A story"}"#)
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = format!("{HB}/deliveries?webhook={id}&state=delivered");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let log = loop {
            let log = house.admin("GET", &path, "").await;
            if !log.at("data").as_list().is_empty() {
                break log;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "nothing was delivered"
            );
            tokio::task::yield_now().await;
        };
        assert_eq!(log.at("data/0/code"), "story.create".into());
        assert_eq!(log.at("data/0/object"), "stories/1".into());
        assert_eq!(
            log.at("data/0/event"),
            made.header("tidings-event").parse::<i64>().unwrap().into()
        );
        let one = house
            .admin(
                "GET",
                &format!("{HB}/deliveries/{}", log.at("data/0/id").as_str().unwrap()),
                "",
            )
            .await;
        assert_eq!(one.at("attempts/0/outcome"), "accepted".into());
        let shape = house
            .admin("GET", &format!("{HB}/stories/1?dialect=icescrum"), "")
            .await;
        assert_eq!(one.at("request/body").as_str().unwrap(), shape.text);
        let again = house
            .admin(
                "POST",
                &format!(
                    "{HB}/deliveries/{}/resend",
                    log.at("data/0/id").as_str().unwrap()
                ),
                "",
            )
            .await;
        assert_eq!(again.status, 202, "{}", again.text);
        for (filter, count) in [
            ("code=story.create", 1),
            ("code=task.create", 0),
            ("object=stories/1", 1),
            ("object=stories/2", 0),
            ("status=200", 1),
            ("status=500", 0),
            ("q=story", 1),
            ("since=2026-03-02T00:00:00Z", 1),
            ("until=2026-03-02T00:00:00Z", 0),
        ] {
            let log = house
                .admin("GET", &format!("{HB}/deliveries?{filter}"), "")
                .await;
            assert_eq!(
                log.at("data").as_list().len(),
                count,
                "{filter}: {}",
                log.text
            );
        }
    }
}

#[test]
fn every_collection_has_its_six_routes() {
    for collection in Collection::ALL {
        let path = format!("/api/v1/projects/{{key}}/{collection}");
        let of = tidings_web::routes::table()
            .iter()
            .filter(|row| row.path == path || row.path == format!("{path}/{{id}}"));
        assert_eq!(of.count(), 6, "{collection}");
    }
}

/// The members at fault of a batch of these entries; nothing of it is stored.
async fn faults(house: &House, entries: &[String]) -> (u16, Vec<String>) {
    let weight = house.weight().await;
    let batch = format!("[{}]", entries.join(","));
    let got = house.admin("POST", &format!("{HB}/changes"), &batch).await;
    assert_eq!(house.weight().await, weight, "{}", got.text);
    (got.status, got.fields())
}

#[tokio::test]
async fn a_batch_names_every_entry_at_fault() {
    let put = |id: i64, data: &str| {
        format!(r#"{{"op":"put","collection":"tasks","id":{id},"data":{data}}}"#)
    };
    for house in House::both().await {
        let entries = [
            put(1, r#"{"title":"good"}"#),
            put(2, r#"{"title":7,"status":"Nowhere"}"#),
            // Only because of the one before there is no such task: that is not this one's fault.
            r#"{"op":"put","collection":"comments","data":{"on":{"collection":"tasks","id":2},"body":"b"}}"#.to_owned(),
            put(4, r#"{"title":"a","parent":99,"estimate":"much"}"#),
            r#"{"op":"delete","collection":"tasks","id":55}"#.to_owned(),
            put(6, "{}"),
        ];
        let (status, fields) = faults(&house, &entries).await;
        let wanted = [
            "/1/data/title",
            "/1/data/status",
            "/3/data/estimate",
            "/5/data/title",
        ];
        assert_eq!(
            (status, fields.as_slice()),
            (422, &wanted.map(str::to_owned)[..])
        );
        let odd = [
            r#"{"op":"sing","collection":"tasks","id":1}"#.to_owned(),
            put(2, r#"{"title":7}"#),
            r#"{"op":"delete","collection":"tasks","id":"x"}"#.to_owned(),
        ];
        let (status, fields) = faults(&house, &odd).await;
        assert_eq!(
            (status, fields),
            (422, vec!["/0/op".to_owned(), "/2/id".to_owned()])
        );
        let unknown = [
            r#"{"op":"put","collection":"songs","data":{}}"#.to_owned(),
            put(1, r#"{"title":"a"}"#),
            r#"{"op":"stop","collection":"tasks","id":1,"silent":true}"#.to_owned(),
            r#"{"op":"put","collection":"dances","data":{}}"#.to_owned(),
        ];
        let (status, fields) = faults(&house, &unknown).await;
        assert_eq!(status, 422);
        assert!(
            fields.contains(&"/0/collection".to_owned())
                && fields.contains(&"/3/collection".to_owned()),
            "{fields:?}"
        );
        // The first says which class of refusal it is.
        let gone = [
            r#"{"op":"delete","collection":"tasks","id":55}"#.to_owned(),
            r#"{"op":"delete","collection":"tasks","id":56}"#.to_owned(),
            put(2, r#"{"title":7}"#),
        ];
        let (status, fields) = faults(&house, &gone).await;
        assert_eq!(
            (status, fields),
            (404, vec!["/0".to_owned(), "/1".to_owned()])
        );
        let many: Vec<String> = (1..=1000).map(|id| put(id, "{}")).collect();
        let (status, fields) = faults(&house, &many).await;
        assert_eq!((status, fields.len()), (422, 100));
    }
}

#[tokio::test]
async fn an_unknown_status_is_told_with_the_known_ones() {
    let house = House::new().await;
    let task = format!("{HB}/tasks/1");
    let got = house
        .admin("PUT", &task, r#"{"title":"a","status":"Nowhere"}"#)
        .await;
    assert_eq!(
        (got.status, got.fields()),
        (422, vec!["/status".to_owned()])
    );
    assert!(
        got.text.contains("known are: ") && got.text.contains("In Progress"),
        "{}",
        got.text
    );
    // An id that no object can have names nothing.
    for id in ["0", "-1", "9007199254740992", "99999999999999999999", "1.5"] {
        let path = format!("{HB}/tasks/{id}");
        assert_eq!(house.admin("GET", &path, "").await.status, 404, "{id}");
        assert_eq!(
            house.admin("PUT", &path, r#"{"title":"a"}"#).await.status,
            404,
            "{id}"
        );
    }
}
