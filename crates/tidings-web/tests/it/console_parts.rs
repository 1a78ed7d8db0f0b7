//! Comments and time that was spent: written, changed and deleted from an item's page.

use crate::house::{Got, House};

const TASK: &str = "/projects/HB/items/tasks/1";
const WHO: &str = "team_member";

async fn with_a_task() -> House {
    let house = House::with_people().await;
    house
        .submit(WHO, "/projects/HB/items/tasks/new", "title=Paint")
        .await;
    house
}

fn has(page: &Got, parts: &[&str]) {
    for part in parts {
        assert!(page.text.contains(part), "no {part} in {}", page.text);
    }
}

#[tokio::test]
async fn a_comment_is_changed_and_deleted() {
    let house = with_a_task().await;
    let post = format!("{TASK}/comment");
    house.submit(WHO, &post, "body=first+coat").await;
    let edit = "/projects/HB/comments/1/edit";
    let page = house.open(WHO, TASK).await;
    has(&page, &[edit, "/projects/HB/comments/1/delete"]);
    let page = house.open(WHO, edit).await;
    has(
        &page,
        &[
            "first coat</textarea>",
            "name=\"sequence\" value=\"1\"",
            TASK,
        ],
    );

    let empty = house.submit(WHO, edit, "body=&sequence=1").await;
    assert_eq!(empty.status, 422);
    has(&empty, &["Fill this in."]);
    let saved = house.submit(WHO, edit, "body=second+coat&sequence=1").await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let event = house.open(WHO, saved.header("location")).await;
    has(&event, &["<ins>second coat</ins>"]);
    let late = house.submit(WHO, edit, "body=third+coat&sequence=1").await;
    assert_eq!(late.status, 409);
    has(
        &late,
        &[
            "class=\"wrap\">second coat</td>",
            "third coat</textarea>",
            "name=\"sequence\" value=\"2\"",
        ],
    );
    let gone = house
        .submit(WHO, "/projects/HB/comments/1/delete", "")
        .await;
    assert_eq!(gone.status, 303, "{}", gone.text);
    let page = house.open(WHO, TASK).await;
    assert!(!page.text.contains("second coat"));
    for path in [edit, "/projects/HB/times/1/edit"] {
        assert_eq!(house.open("stakeholder", path).await.status, 403);
    }
}

#[tokio::test]
async fn time_is_written_by_hand_changed_and_deleted() {
    let house = with_a_task().await;
    let write = format!("{TASK}/time");
    let nothing = house.submit(WHO, &write, "minutes=&note=Roof").await;
    assert_eq!(nothing.status, 422);
    has(
        &nothing,
        &[
            "Write how many minutes, or from when to when.",
            "value=\"Roof\"",
            "<details class=\"more\" open>",
        ],
    );
    let done = house.submit(WHO, &write, "minutes=125&note=Roof").await;
    assert_eq!(done.status, 303, "{}", done.text);
    let span = "started_at=2026-03-02T08%3A00&stopped_at=2026-03-02T08%3A40";
    let done = house.submit(WHO, &write, span).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let page = house.open(WHO, TASK).await;
    has(
        &page,
        &[
            "2 h 5 min",
            "40 min",
            "2 h 45 min spent",
            "Roof",
            "/projects/HB/times/2/delete",
        ],
    );

    let edit = "/projects/HB/times/1/edit";
    let page = house.open(WHO, edit).await;
    has(
        &page,
        &[
            "value=\"125\"",
            "value=\"Roof\"",
            "name=\"sequence\" value=\"1\"",
        ],
    );
    let saved = house.submit(WHO, edit, "minutes=60&note=&sequence=1").await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let entry = house
        .admin("GET", "/api/v1/projects/HB/time-entries/1", "")
        .await;
    assert_eq!(
        (entry.at("minutes"), entry.at("note")),
        (60.into(), tidings_domain::Value::Null)
    );
    let wrong = house.submit(WHO, edit, "minutes=soon&sequence=2").await;
    assert_eq!(wrong.status, 422);
    has(&wrong, &["value=\"soon\"", "id=\"minutes-fault\""]);
    let late = house.submit(WHO, edit, "minutes=7&sequence=1").await;
    assert_eq!(late.status, 409);
    has(&late, &["class=\"wrap\">60</td>", "class=\"wrap\">7</td>"]);
    let gone = house.submit(WHO, "/projects/HB/times/2/delete", "").await;
    assert_eq!(gone.status, 303);
    let page = house.open(WHO, TASK).await;
    has(&page, &["1 h spent"]);

    // An administrator says whose time it is.
    let page = house.open("admin", TASK).await;
    has(&page, &["<select id=\"whose\" name=\"member\">"]);
    let done = house.submit("admin", &write, "minutes=5&member=2").await;
    assert_eq!(done.status, 303, "{}", done.text);
    let nobody = house.submit("admin", &write, "minutes=5").await;
    assert_eq!(nobody.status, 422);
}
