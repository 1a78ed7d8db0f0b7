//! The vendors' own samples, caused through the API: the bodies that arrive are the samples'.
//!
//! Where a page's objects clash (two people with one id), the calls make them distinct; each such place is named here.

use serde_json::{Value, json};

use super::world::{Receiver, Server, call_as};

/// One call: method, path below the project (`/projects`: at the top), actor and time, body.
type Step = (
    &'static str,
    &'static str,
    Option<(&'static str, &'static str)>,
    &'static str,
);

const SPRINTLY: &[Step] = &[
    (
        "POST",
        "/projects",
        None,
        r#"{"key":"SPR","id":1111,"name":"sprint.ly","base_url":"http://sprint.ly","email_domain":"example.com","created_at":"2011-06-07T21:44:36Z"}"#,
    ),
    (
        "PUT",
        "/members/1111",
        None,
        r#"{"first_name":"Joe","last_name":"Stump","email":"joe@example.com","created_at":"2011-06-07T21:10:52Z","last_login_at":"2012-07-26T23:16:55Z"}"#,
    ),
];

const ITEM: &[Step] = &[(
    "PUT",
    "/stories/1111",
    Some(("1111", "2012-08-13T23:14:27Z")),
    r#"{"number":1212,"who":"user","what":"outbound service hooks","why":"I will see new items announced in Campfire or HipChat","status":"backlog","assignees":[1111],"created_at":"2012-08-13T23:14:26Z","url":"http://sprint.ly/i/1/116550/"}"#,
)];

const FAVORITE: &[Step] = &[
    (
        "PUT",
        "/members/1112",
        None,
        r#"{"first_name":"Graham","last_name":"Blache","email":"graham@example.com","created_at":"2011-06-08T17:16:58Z","last_login_at":"2012-07-18T00:06:37Z"}"#,
    ),
    (
        "PUT",
        "/stories/1111",
        Some(("1111", "2012-08-12T23:01:33Z")),
        r#"{"number":1111,"who":"user","what":"a global filter UI","why":"I can use filters on the dashboard and timelines","score":"XL","status":"in-progress","tags":["post-launch"],"assignees":[1112],"created_at":"2012-05-09T01:16:25Z","status_dates":{"in-progress":"2012-07-12T16:40:11Z"}}"#,
    ),
    (
        "PUT",
        "/favorites/1111",
        Some(("1111", "2012-08-12T23:01:33Z")),
        r#"{"on":{"collection":"stories","id":1111}}"#,
    ),
];

const SPINNER: &str = r#""title":"Change the spinner to our glowing running man.","description":"Right now when the application is booting up we have a white spinner. Let's change the spinner to our running man that glows from black to blue and back again.","score":"M","status":"in-progress","tags":["ios","ipad"],"assignees":[1112],"created_at":"2012-06-23T21:24:40Z","status_dates":{"in-progress":"2012-06-25T08:55:36Z"}"#;

const BLOCK: &[Step] = &[
    (
        "PUT",
        "/members/1",
        None,
        r#"{"first_name":"Joe","last_name":"Stump","email":"joe@example.com","created_at":"2011-06-07T21:10:52Z","last_login_at":"2012-07-26T23:16:55Z"}"#,
    ),
    (
        "PUT",
        "/members/1112",
        None,
        r#"{"first_name":"Craig","last_name":"Pattison","email":"craig@example.com","created_at":"2012-01-06T23:07:20Z","last_login_at":"2012-06-25T11:09:26Z"}"#,
    ),
    (
        "PUT",
        "/stories/1111",
        Some(("1111", "2012-08-12T22:53:48Z")),
        r#"{"number":2223,"who":"customer","what":"to be notified before my CC expires","why":"I can update my billing details","description":"Send out an email if the person's CC expires soon.","score":"M","status":"backlog","tags":["billing"],"assignees":[1111],"created_at":"2012-03-30T00:57:20Z","created_by":1,"url":"http://sprint.ly/i/1111/1111/"}"#,
    ),
    (
        "PUT",
        "/tasks/1111",
        Some(("1111", "2012-08-12T22:53:48Z")),
        r#"{"number":2222,"url":"http://sprint.ly/i/1111/1111/",SPINNER}"#,
    ),
    (
        "PUT",
        "/blocks/1111",
        Some(("1111", "2012-08-12T22:53:47Z")),
        r#"{"item":{"collection":"tasks","id":1111},"blocked":{"collection":"stories","id":1111}}"#,
    ),
];

const COMMENT: &[Step] = &[
    (
        "PUT",
        "/members/1112",
        None,
        r#"{"first_name":"Craig","last_name":"Pattison","email":"craig@example.com","created_at":"2012-01-06T23:07:20Z","last_login_at":"2012-06-25T11:09:26Z"}"#,
    ),
    (
        "PUT",
        "/tasks/1111",
        Some(("1111", "2012-08-12T22:58:34Z")),
        r#"{"number":1212,"url":"http://sprint.ly/i/1/91594/",SPINNER}"#,
    ),
    (
        "PUT",
        "/comments/1111",
        Some(("1111", "2012-08-13T23:21:52Z")),
        r#"{"on":{"collection":"tasks","id":1111},"body":"Hey guys, what's the status on this?"}"#,
    ),
];

const SQUISH: &[Step] = &[
    (
        "POST",
        "/projects",
        None,
        r#"{"key":"WED","name":"Weddings","slug":"weddings","company":{"slug":"imsadmin","name":"IMS"},"base_url":"https://www.squishlist.com","custom_fields":[{"id":1,"name":"Wedding","type":"text"},{"id":2,"name":"Task Type","type":"text"}]}"#,
    ),
    (
        "PUT",
        "/members/1",
        None,
        r#"{"first_name":"Dan","last_name":"Watson"}"#,
    ),
];

const SUBMIT: &[Step] = &[(
    "PUT",
    "/tasks/13",
    Some(("1", "2015-02-11T17:02:54Z")),
    r#"{"number":11,"title":"Create a playlist","description":"Save the Journey for last.","type":"Action Item","assignees":[1],"due_date":"2015-02-28","fields":{"Wedding":"Jones-Smith","Task Type":"Music"}}"#,
)];

const UPDATE: &[Step] = &[
    (
        "PUT",
        "/tasks/12",
        Some(("1", "2015-02-11T16:00:00Z")),
        r#"{"number":10,"title":"Buy gas for the limo","description":"at exxon","type":"Purchase Order","status":"In Progress","assignees":[1],"due_date":"2015-03-01","created_at":"2013-04-02T14:13:30Z","fields":{"Wedding":"Jones-Smith","Task Type":"Transportation"}}"#,
    ),
    (
        "PATCH",
        "/tasks/12",
        Some(("1", "2015-02-11T16:59:55Z")),
        r#"{"status":"Fixed/Completed","comment":{"body":"This is taken care of."}}"#,
    ),
];

async fn step(server: &Server, key: &str, (method, path, who, body): Step) {
    let path = if path == "/projects" {
        path.to_owned()
    } else {
        format!("/projects/{key}{path}")
    };
    let body: Value = serde_json::from_str(&body.replace("SPINNER", SPINNER)).unwrap();
    let (status, answer) = call_as(server.address, method, &path, who, &body)
        .await
        .unwrap();
    assert!(
        (200..300).contains(&status),
        "{method} {path}: {status} {answer}"
    );
}

/// Runs the calls on a fresh store, with the webhook made before the last one: the body that arrives.
async fn sample(dialect: &str, key: &str, setup: &[Step], steps: &[Step]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let receiver = Receiver::start().await;
    for s in setup {
        step(&server, key, *s).await;
    }
    let (last, before) = steps.split_last().unwrap();
    for s in before {
        step(&server, key, *s).await;
    }
    let webhook = json!({"name": "w", "url": receiver.url(), "dialect": dialect, "events": "all"});
    server
        .call("POST", &format!("/projects/{key}/webhooks"), &webhook)
        .await;
    step(&server, key, *last).await;
    receiver.until("the sample", |got| got.len() == 1).await[0]
        .body
        .to_vec()
}

fn vector(name: &str) -> String {
    let path = format!(
        "{}/../tidings-dialects/testdata/vectors/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(path).unwrap()
}

async fn check(
    dialect: &str,
    name: &str,
    setup: (&str, &[Step]),
    steps: &[Step],
    distinct: &[(&str, Value)],
) {
    let mut expected: Value = serde_json::from_str(&vector(name)).unwrap();
    for (pointer, value) in distinct {
        *expected.pointer_mut(pointer).unwrap() = value.clone();
    }
    let got = sample(dialect, setup.0, setup.1, steps).await;
    let got: Value = serde_json::from_slice(&got).unwrap();
    assert_eq!(got, expected, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sprintly_item() {
    check("sprintly", "sprintly-item", ("SPR", SPRINTLY), ITEM, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sprintly_favorite() {
    // Graham and Joe have one id on the page.
    check(
        "sprintly",
        "sprintly-favorite",
        ("SPR", SPRINTLY),
        FAVORITE,
        &[("/attributes/item/assigned_to/id", json!(1112))],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sprintly_block() {
    // Craig and Joe have one id on the page, and both items one number.
    let distinct = [
        ("/attributes/item/assigned_to/id", json!(1112)),
        ("/attributes/blocked/number", json!(2223)),
    ];
    check(
        "sprintly",
        "sprintly-block",
        ("SPR", SPRINTLY),
        BLOCK,
        &distinct,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sprintly_comment() {
    // Craig and Joe have one id on the page.
    check(
        "sprintly",
        "sprintly-comment",
        ("SPR", SPRINTLY),
        COMMENT,
        &[("/attributes/item/assigned_to/id", json!(1112))],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn squish_submit() {
    check("squish", "squish-submit", ("WED", SQUISH), SUBMIT, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn squish_update() {
    check("squish", "squish-update", ("WED", SQUISH), UPDATE, &[]).await;
}
