//! A day in a team of six, as calls of the REST API.

/// One call.
pub(super) struct Step {
    /// Who does it: a member's id.
    pub(super) by: u8,
    pub(super) method: &'static str,
    /// Below the project.
    pub(super) path: &'static str,
    /// JSON; empty for none.
    pub(super) body: &'static str,
}

const fn by(by: u8, method: &'static str, path: &'static str, body: &'static str) -> Step {
    Step {
        by,
        method,
        path,
        body,
    }
}

const fn put(path: &'static str, body: &'static str) -> Step {
    by(0, "PUT", path, body)
}

/// Other projects of the server: key, name.
pub(super) const OTHERS: [(&str, &str); 2] = [("LH", "Lighthouse"), ("TIDE", "Tidewater mobile")];

/// What the tracker had already; loaded silently.
pub(super) const BEFORE: &[Step] = &[
    put(
        "/members/1",
        r#"{"first_name":"Nadia","last_name":"Ferro","email":"nadia@harbor.example","role":"product_owner"}"#,
    ),
    put(
        "/members/2",
        r#"{"first_name":"Tunde","last_name":"Okafor","email":"tunde@harbor.example","role":"scrum_master"}"#,
    ),
    put(
        "/members/3",
        r#"{"first_name":"Inês","last_name":"Moreau","email":"ines@harbor.example"}"#,
    ),
    put(
        "/members/4",
        r#"{"first_name":"Dan","last_name":"Watson","email":"dan@harbor.example"}"#,
    ),
    put(
        "/members/5",
        r#"{"first_name":"Mika","last_name":"Lindqvist","email":"mika@harbor.example"}"#,
    ),
    put(
        "/members/6",
        r#"{"first_name":"Priya","last_name":"Raman","email":"priya@harbor.example","role":"stakeholder"}"#,
    ),
    put(
        "/repositories/1",
        r#"{"name":"storefront","description":"The shop"}"#,
    ),
    put(
        "/releases/1",
        r#"{"name":"v2.1","start_date":"2026-03-02","end_date":"2026-06-30"}"#,
    ),
    put(
        "/sprints/1",
        r#"{"name":"Checkout","start_date":"2026-03-02","end_date":"2026-03-16","release":1,"goal":"Pay in two clicks","status":"doing"}"#,
    ),
    put(
        "/features/1",
        r#"{"name":"Payment","release":1,"value":40}"#,
    ),
    put("/actors/1", r#"{"name":"Customer"}"#),
    put(
        "/stories/10",
        r#"{"who":"customer","what":"to pay with one click","why":"I do not lose my cart","feature":1,"score":5,"actors":[1],"tags":["payment"],"sprint":1,"status":"In Progress"}"#,
    ),
    put(
        "/stories/11",
        r#"{"who":"customer","what":"to see what delivery costs before I sign in","why":"I am not surprised at the end","feature":1,"score":3,"sprint":1,"status":"In Progress"}"#,
    ),
    put(
        "/stories/12",
        r#"{"who":"shop keeper","what":"to refund a part of an order","why":"one broken cup is not a broken order","feature":1,"score":8}"#,
    ),
    put(
        "/tasks/20",
        r#"{"title":"Token vault","parent":10,"estimated_hours":6,"sprint":1,"assignees":[3]}"#,
    ),
    put(
        "/tasks/21",
        r#"{"title":"Buy button","parent":10,"estimated_hours":3,"sprint":1,"due_date":"2026-03-13"}"#,
    ),
    put(
        "/tasks/22",
        r#"{"title":"Shipping table by weight and country","parent":11,"estimated_hours":5,"sprint":1,"assignees":[5]}"#,
    ),
    put(
        "/tasks/23",
        r#"{"title":"Cache rates for an hour","parent":11,"estimated_hours":2,"sprint":1}"#,
    ),
    put(
        "/tests/24",
        r#"{"title":"Pay with an expired card","parent":10}"#,
    ),
];

/// The day, in order.
pub(super) const DAY: &[Step] = &[
    by(
        3,
        "PATCH",
        "/tasks/20",
        r#"{"status":"In Progress","column":"In Progress"}"#,
    ),
    by(
        3,
        "PUT",
        "/time-entries/901",
        r#"{"on":{"collection":"tasks","id":20},"running":true}"#,
    ),
    by(
        5,
        "PATCH",
        "/tasks/22",
        r#"{"status":"In Progress","column":"In Progress"}"#,
    ),
    by(
        4,
        "PUT",
        "/defects/30",
        r#"{"title":"Cart forgets the café order ☕","priority":"High","sprint":1}"#,
    ),
    by(
        2,
        "PATCH",
        "/defects/30",
        r#"{"assignees":[4],"comment":{"body":"Dan, can you have a look? Two customers wrote this morning."}}"#,
    ),
    by(4, "PATCH", "/defects/30", r#"{"status":"In Progress"}"#),
    by(
        4,
        "POST",
        "/comments",
        r#"{"on":{"collection":"defects","id":30},"body":"It is the encoding: the cookie is cut at the first byte above 127."}"#,
    ),
    by(
        3,
        "PUT",
        "/comments/950",
        r#"{"on":{"collection":"tasks","id":20},"body":"Which vault do we use, theirs or ours?","notify":[2]}"#,
    ),
    by(
        2,
        "POST",
        "/comments",
        r#"{"on":{"collection":"tasks","id":20},"body":"Ours. Theirs keeps the last four digits for ever."}"#,
    ),
    by(
        3,
        "PUT",
        "/attachments/1",
        r#"{"on":{"collection":"tasks","id":20},"name":"vault.pdf","size":48213,"media_type":"application/pdf"}"#,
    ),
    by(
        5,
        "PUT",
        "/tasks/25",
        r#"{"title":"Rates for islands","parent":11,"estimated_hours":2,"sprint":1,"assignees":[5]}"#,
    ),
    by(
        5,
        "PUT",
        "/blocks/1",
        r#"{"item":{"collection":"tasks","id":25},"blocked":{"collection":"tasks","id":23}}"#,
    ),
    by(
        6,
        "POST",
        "/votes",
        r#"{"on":{"collection":"stories","id":12}}"#,
    ),
    by(
        6,
        "PUT",
        "/comments/951",
        r#"{"on":{"collection":"stories","id":12},"body":"Support asks for this every week."}"#,
    ),
    by(
        1,
        "PATCH",
        "/stories/12",
        r#"{"value":60,"status":"Accepted"}"#,
    ),
    by(
        4,
        "POST",
        "/pushes",
        r#"{"repository":1,"ref":"refs/heads/cart-encoding","revisions":[{"rev":"9b1c0de","message":"Write the cart cookie as base64"}]}"#,
    ),
    by(
        4,
        "PUT",
        "/pull-requests/1",
        r#"{"repository":1,"title":"Write the cart cookie as base64","base":"main","branch":"cart-encoding","issue":{"collection":"defects","id":30}}"#,
    ),
    by(
        3,
        "POST",
        "/comments",
        r#"{"on":{"collection":"pull-requests","id":1},"body":"Old cookies are still read? Then yes."}"#,
    ),
    by(4, "PATCH", "/pull-requests/1", r#"{"status":"merged"}"#),
    by(
        4,
        "PATCH",
        "/defects/30",
        r#"{"status":"Resolved","resolution":"Fixed","comment":{"body":"In production since 11:40.","is_resolution":true}}"#,
    ),
    by(
        3,
        "POST",
        "/time-entries/901/stop",
        r#"{"note":"keys and rotation"}"#,
    ),
    by(
        2,
        "PUT",
        "/acceptance-tests/1",
        r#"{"name":"Card is charged once","story":10}"#,
    ),
    by(
        5,
        "PATCH",
        "/tasks/25",
        r#"{"status":"Closed","column":"Done"}"#,
    ),
    by(5, "PATCH", "/blocks/1", r#"{"unblocked":true}"#),
    by(
        2,
        "PATCH",
        "/tasks/23",
        r#"{"assignees":[5],"due_date":"2026-03-13"}"#,
    ),
    by(5, "PATCH", "/tasks/22", r#"{"remaining_hours":1}"#),
    by(
        4,
        "PATCH",
        "/tasks/21",
        r#"{"assignees":[4],"status":"In Progress","column":"In Progress"}"#,
    ),
    by(
        4,
        "PUT",
        "/time-entries/902",
        r#"{"on":{"collection":"tasks","id":21},"minutes":45}"#,
    ),
    by(
        1,
        "PUT",
        "/wiki-pages/1",
        r#"{"name":"Release steps","content":"1. tag\n2. deploy"}"#,
    ),
    by(1, "PUT", "/discussions/1", r#"{"title":"Wallets next?"}"#),
    by(
        5,
        "POST",
        "/votes",
        r#"{"on":{"collection":"discussions","id":1}}"#,
    ),
    by(
        2,
        "PUT",
        "/meetings/1",
        r#"{"title":"Review","starts_at":"2026-03-16T09:00:00Z"}"#,
    ),
    by(
        3,
        "PATCH",
        "/tasks/20",
        r#"{"status":"Closed","column":"Done","comment":{"body":"Keys rotate every night now."}}"#,
    ),
    by(
        5,
        "PATCH",
        "/tasks/22",
        r#"{"status":"Closed","column":"Done"}"#,
    ),
    by(
        2,
        "PATCH",
        "/wiki-pages/1",
        r#"{"content":"1. tag\n2. test\n3. deploy"}"#,
    ),
    by(
        4,
        "PATCH",
        "/tasks/21",
        r#"{"title":"Buy button that cannot be pressed twice"}"#,
    ),
    by(3, "PATCH", "/tests/24", r#"{"status":"In Progress"}"#),
    by(
        3,
        "POST",
        "/comments",
        r#"{"on":{"collection":"tests","id":24},"body":"The bank says declined, we say try again. Good."}"#,
    ),
    by(3, "PATCH", "/tests/24", r#"{"status":"Closed"}"#),
    by(1, "PATCH", "/acceptance-tests/1", r#"{"status":"success"}"#),
    by(
        4,
        "PATCH",
        "/tasks/21",
        r#"{"status":"Closed","column":"Done"}"#,
    ),
    by(1, "PATCH", "/stories/10", r#"{"status":"Done"}"#),
    by(
        5,
        "PATCH",
        "/tasks/23",
        r#"{"status":"In Progress","column":"In Progress"}"#,
    ),
    by(
        1,
        "PUT",
        "/stories/13",
        r#"{"who":"customer","what":"to keep two addresses","why":"presents go to other people","feature":1,"score":2,"tags":["address"]}"#,
    ),
    by(
        2,
        "PATCH",
        "/stories/13",
        r#"{"sprint":1,"status":"Planned"}"#,
    ),
];

/// What else happens, over and over, with a number in the place of `#`.
pub(super) const ROUTINE: &[Step] = &[
    by(
        3,
        "POST",
        "/time-entries",
        r#"{"on":{"collection":"tasks","id":22},"minutes":1#}"#,
    ),
    by(5, "PATCH", "/tasks/23", r#"{"remaining_hours":1.#}"#),
    by(
        4,
        "POST",
        "/comments",
        r#"{"on":{"collection":"stories","id":11},"body":"Checked with carrier number #: same price on the invoice."}"#,
    ),
    by(2, "PATCH", "/stories/11", r#"{"value":#}"#),
];

/// How much happens in each of the twenty-four hours, from the routine before the day's own changes.
pub(super) const HOURS: [(u8, u8); 24] = [
    (6, 0),
    (4, 0),
    (2, 0),
    (1, 0),
    (0, 0),
    (0, 0),
    (2, 0),
    (0, 0),
    (0, 0),
    (1, 0),
    (0, 0),
    (0, 0),
    (2, 0),
    (4, 0),
    (9, 0),
    (6, 5),
    (3, 6),
    (5, 6),
    (2, 2),
    (4, 5),
    (8, 6),
    (5, 5),
    (3, 6),
    (0, 4),
];
