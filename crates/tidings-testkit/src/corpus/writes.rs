//! Bodies of writes: for each collection some that are usual, and some that are at the edge of what is allowed.

/// Collection and body.
pub const ALL: &[(&str, &str)] = &[
    ("stories", r#"{"title":"A story"}"#),
    (
        "stories",
        r#"{"title":"A story","description":"two\nlines","labels":["a","b"],"fields":{"Browser":"Firefox"},"value":8}"#,
    ),
    (
        "stories",
        r#"{"title":"\u0001\u2028\ud83d\ude00","description":null}"#,
    ),
    (
        "tasks",
        r#"{"title":"A task","assignees":[7],"status":"Open","due_date":"2026-03-09"}"#,
    ),
    (
        "tasks",
        r#"{"title":"A task","id":41,"external_id":"ABC/1 2","rank":3}"#,
    ),
    (
        "tasks",
        r#"{"title":"t","fields":{"a":1,"b":true,"c":["x"],"d":null,"e":1.5}}"#,
    ),
    (
        "defects",
        r#"{"title":"A defect","priority":"High","severity":"major"}"#,
    ),
    (
        "defects",
        r#"{"title":"A defect","status":"Closed","resolution":"fixed"}"#,
    ),
    ("tests", r#"{"title":"A test","estimate":2.25}"#),
    (
        "features",
        r##"{"name":"A feature","color":"#112233","value":9}"##,
    ),
    (
        "acceptance-tests",
        r#"{"story":1,"name":"Given when then","description":"x"}"#,
    ),
    (
        "sprints",
        r#"{"goal":"Ship","start_date":"2026-03-02","end_date":"2026-03-13"}"#,
    ),
    (
        "sprints",
        r#"{"name":"S","start_date":"2026-03-13","end_date":"2026-03-02"}"#,
    ),
    (
        "releases",
        r#"{"name":"R1","start_date":"0001-01-01","end_date":"9999-12-31"}"#,
    ),
    ("comments", r#"{"on":"tasks/42","body":"A comment"}"#),
    (
        "comments",
        r#"{"on":"stories/10","body":"<script>alert(1)</script>","confidential":true,"notify":[7]}"#,
    ),
    ("time-entries", r#"{"on":"tasks/42","running":true}"#),
    (
        "time-entries",
        r#"{"on":"tasks/42","minutes":90,"spent_on":"2026-03-02","billable":false}"#,
    ),
    (
        "attachments",
        r#"{"on":"tasks/42","filename":"a.png","url":"https://example.com/a.png","size":1}"#,
    ),
    (
        "videos",
        r#"{"on":"tasks/42","url":"https://www.youtube.com/watch?v=x"}"#,
    ),
    ("favorites", r#"{"on":"tasks/42","member":7}"#),
    (
        "blocks",
        r#"{"blocked":"tasks/42","blocker":"tasks/43","reason":"waits"}"#,
    ),
    ("votes", r#"{"on":"stories/10","member":7}"#),
    ("discussions", r#"{"title":"Talk","body":"about it"}"#),
    (
        "wiki-pages",
        r#"{"title":"Home","body":"text","tags":["a"]}"#,
    ),
    (
        "shared-files",
        r#"{"name":"f.txt","directory":"/a/b","size":9007199254740991}"#,
    ),
    (
        "repositories",
        r#"{"name":"core","url":"https://git.example.com/core.git"}"#,
    ),
    (
        "pushes",
        r#"{"repository":1,"ref":"refs/heads/main","revisions":[{"rev":"abc","message":"m"}]}"#,
    ),
    (
        "commits",
        r#"{"repository":1,"hash":"0123456789abcdef","message":"fix #1"}"#,
    ),
    (
        "pull-requests",
        r#"{"repository":1,"title":"PR","status":"Open"}"#,
    ),
    ("teams", r#"{"name":"T","members":[7]}"#),
    (
        "meetings",
        r#"{"title":"Daily","at":"2026-03-02T09:00:00Z"}"#,
    ),
    ("actors", r#"{"name":"Clerk"}"#),
    (
        "members",
        r#"{"first_name":"Nadia","last_name":"Ferro","email":"n@example.com","role":"team_member"}"#,
    ),
    (
        "tasks",
        r#"{"objects":["tasks/42","stories/10"],"set":{"status":"Closed"},"comment":"all"}"#,
    ),
    (
        "tasks",
        r#"{"body":"a comment with it","is_resolution":true}"#,
    ),
    ("tasks", r#"{"members":[7,8]}"#),
    ("tasks", "{}"),
    ("tasks", r#"{"title":""}"#),
    (
        "tasks",
        r#"{"estimate":-1,"rank":0,"number":9007199254740992}"#,
    ),
];
