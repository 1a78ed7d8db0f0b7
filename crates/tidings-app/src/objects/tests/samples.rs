//! The vendors' own samples, caused through the use cases.

use tidings_domain::project::{Company, CustomField, FieldType};
use tidings_domain::webhook::Selection;
use tidings_domain::{Project, ProjectId, Value};

use super::{House, json};

fn sprintly() -> Project {
    let mut project = Project::new(ProjectId(1111), "SPR", "sprint.ly", "2011-06-07T21:44:36Z");
    project.base_url = Some("http://sprint.ly".to_owned());
    project.email_domain = Some("example.com".to_owned());
    project
}

fn weddings() -> Project {
    let mut project = Project::new(ProjectId(1), "WED", "Weddings", "2013-01-01T00:00:00Z");
    project.slug = "weddings".to_owned();
    project.company = Company {
        slug: "imsadmin".to_owned(),
        name: "IMS".to_owned(),
    };
    project.base_url = Some("https://www.squishlist.com".to_owned());
    let field = |id, name: &str| CustomField {
        id,
        name: name.to_owned(),
        kind: FieldType::Text,
        options: Vec::new(),
    };
    project.custom_fields = vec![field(1, "Wedding"), field(2, "Task Type")];
    project
}

const JOE: &str = r#"PUT members/1111 {"first_name":"Joe","last_name":"Stump","email":"joe@example.com","created_at":"2011-06-07T21:10:52Z","last_login_at":"2012-07-26T23:16:55Z"}"#;
const CRAIG: &str = r#"PUT members/1112 {"first_name":"Craig","last_name":"Pattison","email":"craig@example.com","created_at":"2012-01-06T23:07:20Z","last_login_at":"2012-06-25T11:09:26Z"}"#;

/// Writes the lines; the webhook is made before the last one. The messages it gets.
fn play(project: Project, dialect: &str, lines: &[&str]) -> Vec<Value> {
    let house = House::new();
    let id = house.made(project);
    let (last, before) = lines.split_last().unwrap();
    for line in before {
        house.request(id, line).unwrap();
    }
    house.webhook(id, dialect, Selection::All);
    house.request(id, last).unwrap();
    house.bodies(id)
}

/// The sample with the ids that must differ here.
fn sample(text: &str, distinct: &[(&[&str], i64)]) -> Value {
    let mut value = json(text);
    for (path, id) in distinct {
        let mut at = &mut value;
        for name in *path {
            let Value::Map(members) = at else {
                panic!("no {name}")
            };
            at = &mut members.iter_mut().find(|(key, _)| key == name).unwrap().1;
        }
        *at = (*id).into();
    }
    value
}

const ASSIGNED: &[&str] = &["attributes", "item", "assigned_to", "id"];

#[test]
fn sprintly_s_item() {
    let said = play(
        sprintly(),
        "sprintly",
        &[
            JOE,
            r#"PUT stories/1111 @1111 2012-08-13T23:14:27Z {"number":1212,"who":"user","what":"outbound service hooks","why":"I will see new items announced in Campfire or HipChat","status":"backlog","assignees":[1111],"created_at":"2012-08-13T23:14:26Z","url":"http://sprint.ly/i/1/116550/"}"#,
        ],
    );
    let file = include_str!("../../../../tidings-dialects/testdata/vectors/sprintly-item.json");
    assert_eq!(said, [sample(file, &[])]);
}

#[test]
fn sprintly_s_favorite() {
    let said = play(
        sprintly(),
        "sprintly",
        &[
            JOE,
            r#"PUT members/1112 {"first_name":"Graham","last_name":"Blache","email":"graham@example.com","created_at":"2011-06-08T17:16:58Z","last_login_at":"2012-07-18T00:06:37Z"}"#,
            r#"PUT stories/1111 @1111 2012-08-12T23:01:33Z {"number":1111,"who":"user","what":"a global filter UI","why":"I can use filters on the dashboard and timelines","score":"XL","status":"in-progress","tags":["post-launch"],"assignees":[1112],"created_at":"2012-05-09T01:16:25Z","status_dates":{"in-progress":"2012-07-12T16:40:11Z"}}"#,
            r#"PUT favorites/1111 @1111 2012-08-12T23:01:33Z {"on":{"collection":"stories","id":1111}}"#,
        ],
    );
    let file = include_str!("../../../../tidings-dialects/testdata/vectors/sprintly-favorite.json");
    assert_eq!(said, [sample(file, &[(ASSIGNED, 1112)])]);
}

#[test]
fn sprintly_s_block() {
    let said = play(
        sprintly(),
        "sprintly",
        &[
            JOE,
            r#"PUT members/1 {"first_name":"Joe","last_name":"Stump","email":"joe@example.com","created_at":"2011-06-07T21:10:52Z","last_login_at":"2012-07-26T23:16:55Z"}"#,
            CRAIG,
            r#"PUT stories/1111 @1111 2012-08-12T22:53:48Z {"number":2223,"who":"customer","what":"to be notified before my CC expires","why":"I can update my billing details","description":"Send out an email if the person's CC expires soon.","score":"M","status":"backlog","tags":["billing"],"assignees":[1111],"created_at":"2012-03-30T00:57:20Z","created_by":1,"url":"http://sprint.ly/i/1111/1111/"}"#,
            r#"PUT tasks/1111 @1111 2012-08-12T22:53:48Z {"number":2222,"title":"Change the spinner to our glowing running man.","description":"Right now when the application is booting up we have a white spinner. Let's change the spinner to our running man that glows from black to blue and back again.","score":"M","status":"in-progress","tags":["ios","ipad"],"assignees":[1112],"created_at":"2012-06-23T21:24:40Z","status_dates":{"in-progress":"2012-06-25T08:55:36Z"},"url":"http://sprint.ly/i/1111/1111/"}"#,
            r#"PUT blocks/1111 @1111 2012-08-12T22:53:47Z {"item":{"collection":"tasks","id":1111},"blocked":{"collection":"stories","id":1111}}"#,
        ],
    );
    let file = include_str!("../../../../tidings-dialects/testdata/vectors/sprintly-block.json");
    let distinct: &[(&[&str], i64)] = &[
        (ASSIGNED, 1112),
        (&["attributes", "blocked", "number"], 2223),
    ];
    assert_eq!(said, [sample(file, distinct)]);
}

#[test]
fn sprintly_s_comment() {
    let said = play(
        sprintly(),
        "sprintly",
        &[
            JOE,
            CRAIG,
            r#"PUT tasks/1111 @1111 2012-08-12T22:58:34Z {"number":1212,"title":"Change the spinner to our glowing running man.","description":"Right now when the application is booting up we have a white spinner. Let's change the spinner to our running man that glows from black to blue and back again.","score":"M","status":"in-progress","tags":["ios","ipad"],"assignees":[1112],"created_at":"2012-06-23T21:24:40Z","status_dates":{"in-progress":"2012-06-25T08:55:36Z"},"url":"http://sprint.ly/i/1/91594/"}"#,
            r#"PUT comments/1111 @1111 2012-08-13T23:21:52Z {"on":{"collection":"tasks","id":1111},"body":"Hey guys, what's the status on this?"}"#,
        ],
    );
    let file = include_str!("../../../../tidings-dialects/testdata/vectors/sprintly-comment.json");
    assert_eq!(said, [sample(file, &[(ASSIGNED, 1112)])]);
}

const DAN: &str = r#"PUT members/1 {"first_name":"Dan","last_name":"Watson"}"#;

#[test]
fn squish_s_submit() {
    let said = play(
        weddings(),
        "squish",
        &[
            DAN,
            r#"PUT tasks/13 @1 2015-02-11T17:02:54Z {"number":11,"title":"Create a playlist","description":"Save the Journey for last.","type":"Action Item","assignees":[1],"due_date":"2015-02-28","fields":{"Wedding":"Jones-Smith","Task Type":"Music"}}"#,
        ],
    );
    let file = include_str!("../../../../tidings-dialects/testdata/vectors/squish-submit.json");
    assert_eq!(said, [sample(file, &[])]);
}

#[test]
fn squish_s_update() {
    let said = play(
        weddings(),
        "squish",
        &[
            DAN,
            r#"PUT tasks/12 @1 2015-02-11T16:00:00Z {"number":10,"title":"Buy gas for the limo","description":"at exxon","type":"Purchase Order","status":"In Progress","assignees":[1],"due_date":"2015-03-01","created_at":"2013-04-02T14:13:30Z","fields":{"Wedding":"Jones-Smith","Task Type":"Transportation"}}"#,
            r#"PATCH tasks/12 @1 2015-02-11T16:59:55Z {"status":"Fixed/Completed","comment":{"body":"This is taken care of."}}"#,
        ],
    );
    let file = include_str!("../../../../tidings-dialects/testdata/vectors/squish-update.json");
    assert_eq!(said, [sample(file, &[])]);
}
