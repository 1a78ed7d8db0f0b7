//! Several codes from one call, in their order; who gets which.

use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::Selection;
use tidings_domain::{Project, ProjectId};
use tidings_storage::{DeliveryFilter, Store};

use super::House;

const DIALECTS: [&str; 6] = [
    "standard", "icescrum", "gitscrum", "sprintly", "backlog", "squish",
];

/// A project with three people and a task, then a webhook per dialect.
fn with_webhooks(dialects: &[&str]) -> (House, ProjectId) {
    let house = House::new();
    let id = house.project(2101, "HB");
    house.project(2102, "PIER");
    for line in [
        r#"PUT members/7 {"first_name":"Nadia"}"#,
        r#"PUT members/8 {"first_name":"Kim"}"#,
        r#"PUT members/9 {"first_name":"Tom"}"#,
        r#"PUT tasks/1 {"title":"A","column":"Todo","assignees":[7]}"#,
        r#"PUT tasks/2 {"title":"B"}"#,
        r#"PUT stories/3 {"title":"S"}"#,
    ] {
        house.request(id, line).unwrap();
    }
    for dialect in dialects {
        house.webhook(id, dialect, Selection::All);
    }
    (house, id)
}

/// The codes that each dialect says to one call.
#[track_caller]
fn check(line: &str, expected: &[&str]) {
    let (house, id) = with_webhooks(&DIALECTS);
    house.request(id, line).unwrap();
    assert_eq!(house.said(id), expected, "{line}");
}

#[test]
fn one_call_says_what_each_vendor_would() {
    check(
        r#"PATCH tasks/1 @7 {"column":"Done","assignees":[9,8],"title":"Z","comment":{"body":"x"}}"#,
        &[
            "standard task.updated tasks/1",
            "standard comment.created comments/1",
            "icescrum task.update tasks/1",
            "icescrum task.addedComment comments/1",
            "gitscrum issues.move.board tasks/1",
            "gitscrum issues.assignees.store tasks/1",
            "gitscrum issues.assignees.store tasks/1",
            "gitscrum issues.assignees.destroy tasks/1",
            "gitscrum issues.update tasks/1",
            "gitscrum comments.issues.store comments/1",
            "sprintly Comment comments/1",
            "backlog 2 tasks/1",
            "squish update tasks/1",
        ],
    );
    check(
        r#"PATCH tasks/1 {"column":"Done"}"#,
        &[
            "standard task.updated tasks/1",
            "icescrum task.update tasks/1",
            "gitscrum issues.move.board tasks/1",
            "squish update tasks/1",
        ],
    );
    check(
        r#"PATCH stories/3 {"status":"In Progress","comment":{"body":"x"}}"#,
        &[
            "standard story.updated stories/3",
            "standard comment.created comments/1",
            "icescrum story.state stories/3",
            "icescrum story.addedComment comments/1",
            "gitscrum user-stories.update stories/3",
            "sprintly Comment comments/1",
            "backlog 2 stories/3",
            "squish update stories/3",
        ],
    );
    check(
        r#"PATCH tasks/1 {"comment":{"body":"x"}}"#,
        &[
            "standard comment.created comments/1",
            "icescrum task.addedComment comments/1",
            "gitscrum comments.issues.store comments/1",
            "sprintly Comment comments/1",
            "backlog 3 comments/1",
            "squish update comments/1",
        ],
    );
    check(
        "DELETE tasks/1",
        &[
            "standard task.deleted tasks/1",
            "icescrum task.delete tasks/1",
            "gitscrum issues.destroy tasks/1",
            "backlog 4 tasks/1",
        ],
    );
}

#[test]
fn a_bulk_update_is_one_message_to_backlog_and_one_an_object_to_all_others() {
    let (house, id) = with_webhooks(&["backlog", "standard", "squish"]);
    let done = house
        .request(
            id,
            r#"BULK items {"objects":[{"collection":"tasks","id":2},{"collection":"tasks","id":1}],"set":{"status":"Resolved"}}"#,
        )
        .unwrap();
    let mut said = house.said(id);
    said.sort();
    assert_eq!(
        said,
        [
            "backlog 14 items",
            "squish update tasks/1",
            "squish update tasks/2",
            "standard task.updated tasks/1",
            "standard task.updated tasks/2",
        ]
    );
    assert_eq!(done.each.len(), 2);
    assert!(done.event < done.each[0].event && done.object.is_none() && done.sequence.is_none());
}

#[test]
fn a_move_is_told_in_both_projects() {
    let (house, id) = with_webhooks(&DIALECTS);
    let there = ProjectId(2102);
    for dialect in DIALECTS {
        house.webhook(there, dialect, Selection::All);
    }
    let done = house
        .request(id, r#"MOVE tasks/1 {"project":"pier"}"#)
        .unwrap();
    assert_eq!(done.object.unwrap().to_string(), "tasks/1");
    assert_eq!(
        house.said(id),
        [
            "standard task.moved tasks/1",
            "icescrum task.delete tasks/1",
            "gitscrum issues.move.project tasks/1",
            "backlog 4 tasks/1",
        ]
    );
    assert_eq!(
        house.said(there),
        [
            "standard task.created tasks/1",
            "icescrum task.create tasks/1",
            "gitscrum issues.store tasks/1",
            "sprintly Item tasks/1",
            "backlog 1 tasks/1",
            "squish submit tasks/1",
        ]
    );
}

#[test]
fn who_selected_the_change_of_state_is_not_also_told_of_an_update() {
    let (house, id) = with_webhooks(&[]);
    let codes = |codes: &[&str]| Selection::Codes(codes.iter().map(|c| (*c).to_owned()).collect());
    let both = house.webhook(id, "icescrum", codes(&["story.update", "story.state"]));
    let update = house.webhook(id, "icescrum", codes(&["story.update"]));
    let state = house.webhook(id, "icescrum", codes(&["story.state"]));
    house.webhook(id, "icescrum", codes(&["task.update"]));
    let to = |house: &House| {
        let page = house
            .runtime
            .block_on(
                house
                    .store
                    .deliveries(id, &DeliveryFilter::default(), 0, 50),
            )
            .unwrap();
        let mut all: Vec<_> = page
            .data
            .iter()
            .map(|d| (d.webhook.unwrap().0, d.code.clone()))
            .collect();
        all.sort();
        all
    };
    house
        .request(id, r#"PATCH stories/3 {"status":"In Progress"}"#)
        .unwrap();
    let state_of = |w: i64| (w, "story.state".to_owned());
    let update_of = |w: i64| (w, "story.update".to_owned());
    assert_eq!(
        to(&house),
        [state_of(both), update_of(update), state_of(state)]
    );
    house
        .request(id, r#"PATCH stories/3 {"title":"T"}"#)
        .unwrap();
    assert_eq!(to(&house).len(), 5);
}

#[test]
fn nobody_is_told_of_what_is_silent_or_where_webhooks_are_off() {
    let (house, id) = with_webhooks(&DIALECTS);
    let mut silent = super::entry(r#"PATCH tasks/1 {"title":"Z"}"#);
    silent.silent = true;
    let done = house
        .write(&super::admin(), id, vec![silent], false)
        .unwrap();
    assert_eq!((done[0].event, done[0].sequence), (None, Some(2)));
    assert!(house.said(id).is_empty());
    let mut bulk =
        super::entry(r#"BULK items {"objects":[{"collection":"tasks","id":1}],"set":{}}"#);
    bulk.silent = true;
    assert_eq!(
        super::refusal(house.write(&super::admin(), id, vec![bulk], false)),
        "Invalid invalid silent=not_allowed"
    );

    for switch in [WebhookSwitch::ViewOnly, WebhookSwitch::Off] {
        let house = House::new();
        let mut project = Project::new(ProjectId(5), "OFF", "Off", "2026-01-01T00:00:00Z");
        project.webhooks = switch;
        let id = house.made(project);
        house.webhook(id, "standard", Selection::All);
        assert!(
            house
                .request(id, r#"POST tasks {"title":"A"}"#)
                .unwrap()
                .event
                .is_some()
        );
        assert!(house.said(id).is_empty());
    }
}

#[test]
fn a_message_stands_in_the_queue_of_its_root() {
    let (house, id) = with_webhooks(&["standard"]);
    for line in [
        r#"POST comments {"on":{"collection":"tasks","id":1},"body":"c"}"#,
        r#"POST comments {"on":{"collection":"comments","id":1},"body":"reply"}"#,
        r#"POST blocks {"item":{"collection":"tasks","id":2},"blocked":{"collection":"tasks","id":1}}"#,
        r#"POST acceptance-tests {"story":3,"name":"t"}"#,
        "DELETE comments/2",
    ] {
        house.request(id, line).unwrap();
    }
    let rooted = |object: &str| {
        let filter = DeliveryFilter {
            object: Some(object.to_owned()),
            ..DeliveryFilter::default()
        };
        let page = house
            .runtime
            .block_on(house.store.deliveries(id, &filter, 0, 50))
            .unwrap();
        page.data.len()
    };
    assert_eq!(
        (rooted("tasks/1"), rooted("stories/3"), rooted("tasks/2")),
        (4, 1, 0)
    );
}
