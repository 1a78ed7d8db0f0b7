//! The pages of a project: updates, events, items, members, settings, tokens.

use crate::house::{Got, House};

/// Follows the redirect of an action.
async fn follow(house: &House, who: &str, got: Got) -> Got {
    assert_eq!(got.status, 303, "{}", got.text);
    house.open(who, got.header("location")).await
}

#[tokio::test]
async fn a_newcomer_causes_an_event_and_sees_what_it_sent() {
    let house = House::with_people().await;
    let before = house.open("product_owner", "/projects/HB").await;
    assert!(before.text.contains("The team_member"), "{}", before.text);
    house
        .webhook("admin", r#","name":"Build","events":"all""#)
        .await;

    let form = house
        .open("product_owner", "/projects/HB/items/stories/new")
        .await;
    assert_eq!(form.status, 200, "{}", form.text);
    let fields = "title=Dock+%3Cfirst%3E&description=x&status=Open&type=Story&priority=High&sprint=&score=M&due_date=&tags=a%2C+b&with_assignees=1&assignees=1";
    let made = house
        .submit("product_owner", "/projects/HB/items/stories/new", fields)
        .await;
    let event = follow(&house, "product_owner", made).await;
    for said in [
        "Dock &lt;first&gt;",
        "The product_owner",
        "story.create",
        "Build",
        "icescrum",
    ] {
        assert!(event.text.contains(said), "{said}: {}", event.text);
    }
    let story = house
        .admin("GET", "/api/v1/projects/HB/stories/1", "")
        .await;
    assert_eq!(story.at("score"), "M".into());
    assert_eq!(story.at("tags").as_list().len(), 2);
    assert_eq!(story.at("assignees/0"), 1.into());

    let updates = house.open("product_owner", "/projects/HB").await;
    for said in ["created", "Dock &lt;first&gt;", "/projects/HB/events/"] {
        assert!(updates.text.contains(said), "{said}: {}", updates.text);
    }
}

#[tokio::test]
async fn a_form_may_be_sent_with_little_more_than_a_title() {
    let house = House::with_people().await;
    let fields = "title=Dock&description=&status=Open&type=&priority=&sprint=&score=&due_date=&tags=&with_assignees=1";
    let made = house
        .submit("admin", "/projects/HB/items/stories/new", fields)
        .await;
    assert_eq!(made.status, 303, "{}", made.text);
    let story = house
        .admin("GET", "/api/v1/projects/HB/stories/1", "")
        .await;
    assert_eq!(story.at("type"), "Story".into());
}

#[tokio::test]
async fn an_edit_shows_old_and_new_and_carries_a_comment() {
    let house = House::with_people().await;
    let new = "/projects/HB/items/tasks/new";
    house
        .submit("scrum_master", new, "title=Paint&status=Open&type=Task")
        .await;
    let page = house
        .open("scrum_master", "/projects/HB/items/tasks/1")
        .await;
    assert!(
        page.text.contains("name=\"sequence\" value=\"1\""),
        "{}",
        page.text
    );
    let edit = "title=Paint&status=Closed&type=Task&with_assignees=1&assignees=2&sequence=1&comment=done+%26+dry";
    let saved = house
        .submit("scrum_master", "/projects/HB/items/tasks/1", edit)
        .await;
    let event = follow(&house, "scrum_master", saved).await;
    for said in [
        "<del>Open</del>",
        "<ins>Closed</ins>",
        "The scrum_master",
        "done &amp; dry",
    ] {
        assert!(event.text.contains(said), "{said}: {}", event.text);
    }
    let same = house
        .submit(
            "scrum_master",
            "/projects/HB/items/tasks/1",
            "title=Paint&sequence=2",
        )
        .await;
    assert_eq!(
        same.header("location"),
        "/projects/HB/items/tasks/1",
        "nothing changed"
    );
    let stale = house
        .submit(
            "scrum_master",
            "/projects/HB/items/tasks/1",
            "title=Other&sequence=1",
        )
        .await;
    assert_eq!(stale.status, 409, "{}", stale.text);
    assert!(stale.text.contains("value=\"Other\""), "{}", stale.text);
    let wrong = house
        .submit(
            "scrum_master",
            "/projects/HB/items/tasks/1",
            "title=&status=Nowhere",
        )
        .await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text.contains("id=\"title-fault\"") && wrong.text.contains("id=\"status-fault\""),
        "{}",
        wrong.text
    );
}

/// What refers to something is said by its name, on the page of updates and on the event's own.
#[tokio::test]
async fn old_and_new_values_are_names() {
    let house = House::with_people().await;
    let put = async |path: &str, body: &str| {
        let path = format!("/api/v1/projects/HB/{path}");
        let done = house.admin("PUT", &path, body).await;
        assert!(done.status < 300, "{}", done.text);
    };
    let dates = r#""start_date":"2026-03-02","end_date":"2026-03-16""#;
    put("sprints/4", &format!(r#"{{"name":"Spring tide",{dates}}}"#)).await;
    put("features/4", r#"{"name":"Moorings"}"#).await;
    put("stories/9", r#"{"title":"Parent pier"}"#).await;
    put("tasks/10", r#"{"title":"Paint"}"#).await;
    let all = r#"{"title":"Paint","sprint":4,"feature":4,"parent":9,"assignees":[1],"score":4}"#;
    put("tasks/10", all).await;
    let away = r#"{"objects":[{"collection":"tasks","id":10}],"set":{"sprint":null}}"#;
    let bulk = house
        .admin("PATCH", "/api/v1/projects/HB/items", away)
        .await;
    assert!(bulk.status < 300, "{}", bulk.text);
    let page = house.open("product_owner", "/projects/HB").await;
    for said in [
        "<ins>Spring tide</ins>",
        "<ins>Moorings</ins>",
        "<ins>Parent pier</ins>",
        "<ins>The product_owner</ins>",
        "<ins>4</ins>",
        "<del>Spring tide</del>",
    ] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    assert_eq!(
        page.text.matches("<ins>4</ins>").count(),
        1,
        "the score only"
    );

    let gone = house
        .admin("DELETE", "/api/v1/projects/HB/sprints/4", "")
        .await;
    assert!(gone.status < 300, "{}", gone.text);
    let page = house.open("product_owner", "/projects/HB").await;
    assert!(page.text.contains("<ins>sprint 4</ins>"), "{}", page.text);
}

#[tokio::test]
async fn updates_are_told_in_words_of_people() {
    let house = House::with_people().await;
    let put = async |path: &str, body: &str| {
        let path = format!("/api/v1/projects/HB/{path}");
        let done = house.admin("PUT", &path, body).await;
        assert!(done.status < 300, "{}", done.text);
    };
    let sprint = r#""name":"Spring tide","start_date":"2026-03-02""#;
    put(
        "sprints/4",
        &format!(r#"{{{sprint},"end_date":"2026-03-16"}}"#),
    )
    .await;
    let later = format!(r#"{{{sprint},"end_date":"2026-03-17","status":"doing"}}"#);
    put("sprints/4", &later).await;
    put("tasks/10", r#"{"title":"Paint"}"#).await;
    let on = r#""on":{"collection":"tasks","id":10}"#;
    put("comments/1", &format!(r#"{{{on},"body":"Green?"}}"#)).await;
    put("votes/1", &format!("{{{on}}}")).await;
    put("stories/9", r#"{"title":"Parent pier"}"#).await;
    put("acceptance-tests/1", r#"{"name":"It holds","story":9}"#).await;
    let page = house.open("product_owner", "/projects/HB").await.text;
    for said in [
        "<dt>status</dt><dd><del>to do</del> → <ins>under way</ins></dd>",
        "<dt>ends</dt><dd><del>16 Mar 2026</del> → <ins>17 Mar 2026</ins></dd>",
        "commented on",
        "voted for",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    for unsaid in [
        "created a comment",
        "created a vote",
        "a acceptance",
        "doing<",
    ] {
        assert!(!page.contains(unsaid), "{unsaid}: {page}");
    }
}

#[tokio::test]
async fn a_page_says_as_whom_one_acts() {
    let house = House::with_people().await;
    let acts = "you act as <strong>The team_member</strong>";
    for path in ["/projects/HB", "/projects/HB/items/tasks/new"] {
        let page = house.open("team_member", path).await.text;
        assert!(page.contains(acts), "{page}");
    }
    let form = house
        .open("team_member", "/projects/HB/items/tasks/new")
        .await;
    assert!(form.text.contains(">as The team_member<"), "{}", form.text);
    // An administrator who is nobody's member acts as nobody else.
    let page = house.open("admin", "/projects/HB").await.text;
    assert!(!page.contains("you act as"), "{page}");
}

#[tokio::test]
async fn comments_and_timers_are_a_button_away() {
    let house = House::with_people().await;
    house
        .submit("team_member", "/projects/HB/items/tasks/new", "title=Paint")
        .await;
    let task = "/projects/HB/items/tasks/1";
    let said = house
        .submit(
            "team_member",
            &format!("{task}/comment"),
            "body=first+%3Cb%3Ecoat",
        )
        .await;
    let event = follow(&house, "team_member", said).await;
    assert!(event.text.contains("first &lt;b&gt;coat"), "{}", event.text);
    let nothing = house
        .submit("team_member", &format!("{task}/comment"), "body=")
        .await;
    assert!(nothing.status == 422 && nothing.text.contains("Fill this in."));
    let started = house
        .submit("team_member", &format!("{task}/timer"), "")
        .await;
    assert_eq!(started.status, 303, "{}", started.text);
    let page = house.open("team_member", task).await;
    assert!(
        page.text.contains("/projects/HB/timers/1/stop"),
        "{}",
        page.text
    );
    assert!(page.text.contains("first &lt;b&gt;coat"), "{}", page.text);
    let twice = house
        .submit("team_member", &format!("{task}/timer"), "")
        .await;
    assert!(
        twice
            .text
            .contains("A timer of this person runs on this item already"),
        "{}",
        twice.text
    );
    let stopped = house
        .submit("team_member", "/projects/HB/timers/1/stop", "")
        .await;
    assert_eq!(stopped.status, 303, "{}", stopped.text);
    let page = house.open("team_member", task).await;
    assert!(page.text.contains("No timer runs"), "{}", page.text);
    let gone = house
        .submit("team_member", &format!("{task}/delete"), "")
        .await;
    assert_eq!(gone.status, 303);
    assert_eq!(house.open("team_member", task).await.status, 404);
}

#[tokio::test]
async fn roles_see_and_do_what_they_may() {
    let house = House::with_people().await;
    house
        .submit("admin", "/projects/HB/items/stories/new", "title=Dock")
        .await;
    let page = house
        .open("stakeholder", "/projects/HB/items/stories/1")
        .await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("<textarea"), "{}", page.text);
    for (who, path, status) in [
        ("stakeholder", "/projects/HB/items/stories/new", 403),
        ("stakeholder", "/projects/HB/settings", 403),
        ("team_member", "/projects/HB/settings", 403),
        ("team_member", "/projects/HB/tokens", 403),
        ("team_member", "/projects/HB/members/new", 403),
        ("team_member", "/projects/HB/items/stories/new", 200),
        ("product_owner", "/projects/HB/settings", 200),
        ("scrum_master", "/projects/HB/tokens", 200),
        ("stakeholder", "/projects/HB/members", 200),
        ("stakeholder", "/projects/HB", 200),
    ] {
        let got = house.open(who, path).await;
        assert_eq!(got.status, status, "{who} {path}: {}", got.text);
    }
    let refused = house
        .submit("stakeholder", "/projects/HB/items/stories/1", "title=Mine")
        .await;
    assert_eq!(refused.status, 403);
    let event = house.open("stakeholder", "/projects/HB/events/1").await;
    assert!(event.text.contains("for the other roles"), "{}", event.text);
}

#[tokio::test]
async fn the_switch_of_webhooks_and_the_plan() {
    let house = House::with_people().await;
    let switch = "/projects/HB/settings/webhooks";
    let off = house.submit("product_owner", switch, "webhooks=off").await;
    let page = follow(&house, "product_owner", off).await;
    assert!(page.text.contains("Switch on"), "{}", page.text);
    let updates = house.open("product_owner", "/projects/HB").await;
    assert!(updates.text.contains("switched off"), "{}", updates.text);
    let gate = house
        .submit("product_owner", switch, "webhooks=view_only")
        .await;
    assert!(
        gate.header("set-cookie").contains("tidings-flash=bad"),
        "{:?}",
        gate.headers
    );
    house.submit("admin", switch, "webhooks=view_only").await;
    let page = house.open("product_owner", "/projects/HB/settings").await;
    assert!(
        page.text.contains("plan shows the webhook pages"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("value=\"on\""), "{}", page.text);
}

#[tokio::test]
async fn settings_members_and_tokens_are_edited() {
    let house = House::with_people().await;
    let form = "name=Harbour&slug=harbour&time_zone=Europe%2FBerlin&company.name=Quay&base_url=&email_domain=";
    let saved = house
        .submit("product_owner", "/projects/HB/settings", form)
        .await;
    let page = follow(&house, "product_owner", saved).await;
    assert!(
        page.text.contains("value=\"Harbour\"") && page.text.contains("value=\"Quay\""),
        "{}",
        page.text
    );
    let wrong = house
        .submit(
            "product_owner",
            "/projects/HB/settings",
            "name=&time_zone=Nowhere",
        )
        .await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text.contains("id=\"time_zone-fault\""),
        "{}",
        wrong.text
    );

    let made = house
        .submit(
            "scrum_master",
            "/projects/HB/members/new",
            "first_name=Grace&last_name=Hopper&role=team_member",
        )
        .await;
    let list = follow(&house, "scrum_master", made).await;
    assert!(list.text.contains("Grace Hopper"), "{}", list.text);
    let wrong = house
        .submit(
            "scrum_master",
            "/projects/HB/members/new",
            "first_name=&role=king",
        )
        .await;
    assert!(
        wrong.text.contains("id=\"first_name-fault\"") && wrong.text.contains("id=\"role-fault\""),
        "{}",
        wrong.text
    );

    let made = house
        .submit(
            "product_owner",
            "/projects/HB/tokens",
            "name=tracker&acts_as=app",
        )
        .await;
    assert_eq!(made.status, 200);
    let (_, rest) = made.text.split_once("<code id=\"token\">").unwrap();
    let token = rest.split('<').next().unwrap();
    assert!(tidings_app::auth::is_well_formed(token), "{token}");
    let later = house.open("product_owner", "/projects/HB/tokens").await;
    assert!(
        !later.text.contains(token) && later.text.contains(&token[..8]),
        "{}",
        later.text
    );
}

#[tokio::test]
async fn a_project_is_deleted_only_by_its_key() {
    let house = House::with_people().await;
    let path = "/projects/HB/settings/delete";
    house.submit("product_owner", path, "confirm_key=").await;
    house.submit("product_owner", path, "confirm_key=hb+").await;
    assert_eq!(
        house.open("product_owner", "/projects/HB").await.status,
        200
    );
    let gone = house.submit("product_owner", path, "confirm_key=HB").await;
    assert_eq!((gone.status, gone.header("location")), (303, "/projects"));
    assert_eq!(house.open("admin", "/projects/HB").await.status, 404);
}

#[tokio::test]
async fn whoever_only_reads_is_not_asked_to_change_something_and_sees_all_of_an_item() {
    let house = House::with_people().await;
    let story = r#"{"title":"Dock","tags":["harbour"],"assignees":[1],"score":3}"#;
    house
        .admin("POST", "/api/v1/projects/HB/stories", story)
        .await;
    let list = house.open("stakeholder", "/projects/HB/items").await;
    assert!(!list.text.contains("Change something"), "{}", list.text);
    let item = house
        .open("stakeholder", "/projects/HB/items/stories/1")
        .await;
    for said in [
        "harbour",
        "The product_owner",
        "score</dt><dd class=\"wrap pre\">3</dd>",
    ] {
        assert!(item.text.contains(said), "{said}: {}", item.text);
    }
}

#[tokio::test]
async fn the_settings_lead_to_the_webhooks() {
    let house = House::with_people().await;
    let page = house.open("product_owner", "/projects/HB/settings").await;
    let main = page.text.split("<main").nth(1).unwrap();
    assert!(main.contains("href=\"/projects/HB/webhooks\""), "{main}");
}

#[tokio::test]
async fn members_are_called_by_their_names() {
    let house = House::with_people().await;
    let token = r#"{"name":"mine","kind":"member","member":1}"#;
    house
        .admin("POST", "/api/v1/projects/HB/tokens", token)
        .await;
    let tokens = house.open("product_owner", "/projects/HB/tokens").await;
    let account = house.open("admin", "/admin/accounts/2").await;
    for page in [tokens, account] {
        let table = page.text.split("<tbody>").nth(1).unwrap();
        assert!(table.contains("The product_owner"), "{table}");
        assert!(!table.contains("member 1"), "{table}");
    }
}
