//! Whatever somebody types into a form or an address: the page stays, and says in a person's words what to do.

use tidings_web::console::table;
use tidings_web::route::{Method, Row};

use crate::house::{Got, House};

/// What only programs can do something with.
const OF_PROGRAMS: [&str; 15] = [
    "token",
    "/api/",
    "JSON",
    "null",
    "RFC",
    "a string",
    "an object",
    "PATCH",
    "POST ",
    "GET ",
    "cursor",
    "unknown",
    "U+",
    "query",
    "parameter",
];

/// Names of the fields of all forms.
const FIELDS: &str = "name description url code header_name header_value timeout_seconds ordering max_in_flight failure_limit \
     retry_schedule options.charset event object secret secret_mode events ca_pem title status type priority sprint score due_date tags \
     assignees sequence start_date end_date goal body member minutes note started_at stopped_at first_name last_name email username role \
     slug time_zone base_url email_domain company.name webhooks confirm_key acts_as expires_at login administrator purpose project \
     active disable_after retention.days retention.held_days retention.audit_days retention.max_rows retention.max_bytes \
     overlap_seconds after_seconds since until mode failed expired key dialect seen list current password again";

/// What a page says was wrong: beside fields, in notes, on a page of its own, and in the line that the next page shows.
fn said(got: &Got) -> Vec<String> {
    let mut said = Vec::new();
    for (begin, end) in [
        ("class=\"fault\"", "</p>"),
        ("role=\"alert\"", "</div>"),
        ("<p class=\"muted small\">4", "</ul>"),
    ] {
        let parts = got.text.split(begin).skip(1);
        said.extend(parts.map(|part| part.split(end).next().unwrap().to_owned()));
    }
    if let Some(flash) = got.header("set-cookie").strip_prefix("tidings-flash=bad.") {
        let flash = flash.split(';').next().unwrap();
        let bytes: Vec<u8> = flash
            .split('%')
            .enumerate()
            .flat_map(|(n, part)| {
                if n == 0 {
                    return part.as_bytes().to_vec();
                }
                let byte = u8::from_str_radix(&part[..2], 16).unwrap();
                [&[byte], &part.as_bytes()[2..]].concat()
            })
            .collect();
        said.push(String::from_utf8(bytes).unwrap());
    }
    said
}

/// Tags and what is not shown are left out.
fn text(html: &str) -> String {
    let mut text = String::new();
    for part in html.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, shown)| shown));
        text.push(' ');
    }
    text
}

/// What is wrong with an answer.
fn check(row: &Row, asked: &str, got: &Got) -> Vec<String> {
    assert!(got.status < 500, "{asked}: {}", got.text);
    // The pages about tokens say so, and what a page shows in code is what programs are told.
    if row.path.contains("tokens") || row.path.contains("sign-in") {
        return Vec::new();
    }
    let lines = said(got).into_iter().map(|line| text(&line));
    let words = |line: &String| {
        let letters = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase());
        let mut names = line
            .split([' ', ',', ';', ':'])
            .filter_map(|w| w.split_once('_'));
        OF_PROGRAMS.iter().any(|word| line.contains(word))
            || names.any(|(a, b)| letters(a) && letters(b) && !a.is_empty() && !b.is_empty())
    };
    let wrong = lines.filter(words);
    wrong.map(|line| format!("{asked}: {line:?}")).collect()
}

fn fill(row: &Row, id: &str) -> String {
    row.path
        .replace("{key}", "HB")
        .replace("{id}", id)
        .replace("{collection}", "stories")
        .replace("{dialect}", "squish")
        .replace("{code}", "submit")
        .replace("{tag}", "webhooks")
        .replace("{file}", "none.css")
        .replace("{link}", "none")
}

/// A project with one of everything.
async fn furnished() -> House {
    let house = House::with_people().await;
    let at = |what: &str| format!("/api/v1/projects/HB/{what}");
    for (what, body) in [
        ("stories", r#"{"title":"Paint"}"#),
        (
            "sprints",
            r#"{"name":"S","start_date":"2026-03-02","end_date":"2026-03-16"}"#,
        ),
        (
            "comments",
            r#"{"on":{"collection":"stories","id":1},"body":"first"}"#,
        ),
        (
            "time-entries",
            r#"{"on":{"collection":"stories","id":1},"minutes":5,"member":1}"#,
        ),
        (
            "webhooks",
            r#"{"url":"https://example.com/hook","dialect":"squish"}"#,
        ),
    ] {
        let made = house.admin("POST", &at(what), body).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    house
}

#[tokio::test]
async fn an_address_with_junk_still_opens_its_page() {
    let house = furnished().await;
    let (mut asked, mut wrong) = (0, Vec::new());
    let pages = table().iter().filter(|row| row.method == Method::Get);
    for row in pages.filter(|row| !row.path.starts_with("/assets") && !row.path.ends_with("/live"))
    {
        let path = fill(row, "1");
        let plain = house.open("admin", &path).await;
        wrong.extend(check(row, &path, &plain));
        let mut junk: Vec<String> = row
            .query
            .iter()
            .flat_map(|p| [format!("{}=j%3Cunk", p.name), format!("{}=%FF&x", p.name)])
            .collect();
        junk.extend(["utm_source=mail", "limit=many&cursor=old", "a%&&=&="].map(str::to_owned));
        for query in junk {
            let address = format!("{path}?{query}");
            let got = house.open("admin", &address).await;
            wrong.extend(check(row, &address, &got));
            let told = got.status == 422 && !said(&got).is_empty();
            if got.status != plain.status && !told {
                wrong.push(format!("{address}: {}", got.status));
            }
            asked += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(asked > 150, "{asked}");
}

#[tokio::test]
async fn junk_in_a_form_is_answered_in_words_of_people() {
    let house = furnished().await;
    let (mut asked, mut wrong) = (0, Vec::new());
    for value in ["", "j%3Cunk", "-1"] {
        let form: Vec<String> = FIELDS
            .split_whitespace()
            .map(|name| format!("{name}={value}"))
            .collect();
        let form = form.join("&");
        for row in table().iter().filter(|row| row.method != Method::Get) {
            // What ends somebody's session or one of these things would end the walk.
            let ends = ["sign-out", "/end", "/delete", "/active", "/cancel"];
            if ends.iter().any(|end| row.path.contains(end)) {
                continue;
            }
            for id in ["1", "999"]
                .into_iter()
                .take(if value == "-1" { 1 } else { 2 })
            {
                let path = fill(row, id);
                let got = house.submit("admin", &path, &form).await;
                wrong.extend(check(row, &format!("{path} with {value:?}"), &got));
                asked += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(asked > 200, "{asked}");
}

#[tokio::test]
async fn what_was_deleted_in_another_tab_is_said_to_be_so() {
    let house = furnished().await;
    for (path, words) in [
        (
            "/projects/HB/webhooks/999/pause",
            "There is no such webhook here any more",
        ),
        (
            "/projects/HB/webhooks/999/edit",
            "There is no such webhook here any more",
        ),
        (
            "/projects/HB/items/stories/999",
            "There is no such item here any more",
        ),
        (
            "/projects/HB/comments/999/edit",
            "There is no such comment here any more",
        ),
        (
            "/projects/HB/times/999/delete",
            "There is no such time entry here any more",
        ),
        (
            "/projects/HB/members/999/delete",
            "There is no such member here any more",
        ),
    ] {
        let got = house.submit("product_owner", path, "body=x").await;
        assert_eq!(got.status, 404, "{path} {}", got.text);
        assert!(got.text.contains(words), "{path} {}", got.text);
    }
    let got = house.open("product_owner", "/projects/NOWHERE").await;
    assert!(
        got.text
            .contains("There is no such project, or you are not a member of it.")
    );
}

#[tokio::test]
async fn each_field_says_what_to_write() {
    let house = furnished().await;
    let owner = "product_owner";
    let edit = "/projects/HB/webhooks/1/edit";
    let rest = "verify_tls=on&ordering=item&max_in_flight=8&secret_mode=none&events=all";
    for (form, words) in [
        (format!("url=&timeout_seconds=30&{rest}"), "Write the address that events are sent to"),
        (format!("url=https%3A%2F%2Fexample.com&timeout_seconds=abc&{rest}"), "Must be a whole number."),
        (
            format!("url=https%3A%2F%2Fexample.com&timeout_seconds=30&header_name=a+b&header_value=x&{rest}"),
            "“a b”: a header name consists of letters",
        ),
        (
            format!("url=https%3A%2F%2Fexample.com&timeout_seconds=30&header_name=X-A&header_value=&{rest}"),
            "“X-A”: has no value: give one, or remove the header.",
        ),
        (
            "url=https%3A%2F%2Fexample.com&timeout_seconds=30&ordering=item&events=selected&code=nope&secret_mode=none".to_owned(),
            "One of the events that were ticked is not known",
        ),
    ] {
        let got = house.submit(owner, edit, &form).await;
        assert_eq!(got.status, 422, "{form} {}", got.text);
        assert!(got.text.contains(words), "{words}: {:?}", said(&got));
    }
    let got = house
        .submit(owner, "/projects/HB/items/stories/1/comment", "body=+")
        .await;
    assert!(got.status == 422 && got.text.contains("Fill this in."));
    let since = "/projects/HB/webhooks/1/resend?since=junk&failed=on";
    let got = house.open(owner, since).await;
    assert!(got.text.contains("Write a date and a time"), "{}", got.text);
    let got = house
        .open(owner, "/projects/HB/deliveries?status=soon")
        .await;
    assert!(
        got.text
            .contains("Write an HTTP status, a number from 100 to 999."),
        "{}",
        got.text
    );
    let got = house.open(owner, "/projects/HB/audit?since=junk").await;
    assert!(got.status == 200 && got.text.contains("write a date, like 2026-03-02"));
}
