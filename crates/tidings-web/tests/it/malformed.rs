//! Malformed input of every group: always a 4xx problem document that says what is wrong, nothing stored, never a 5xx.

use axum::body::Body;
use http::Request;

use crate::house::{Got, House};

const WEBHOOKS: &str = "/api/v1/projects/HB/webhooks";
const TASKS: &str = "/api/v1/projects/HB/tasks";
const CHANGES: &str = "/api/v1/projects/HB/changes";

struct Case {
    what: String,
    request: Request<Body>,
    status: &'static [u16],
}

struct Corpus {
    token: String,
    cases: Vec<Case>,
}

impl Corpus {
    fn add(
        &mut self,
        what: impl Into<String>,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
        status: &'static [u16],
    ) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Body::from(body.into());
        self.cases.push(Case {
            what: what.into(),
            request: request.body(body).unwrap(),
            status,
        });
    }

    fn json(&mut self, path: &str, body: impl Into<Vec<u8>>, status: &'static [u16]) {
        let body = body.into();
        let what = format!(
            "{path} {}",
            String::from_utf8_lossy(&body[..body.len().min(120)])
        );
        self.add(
            what,
            ("POST", path),
            &[("content-type", "application/json")],
            body,
            status,
        );
    }
}

fn syntax(corpus: &mut Corpus) {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let deep_map = format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
    let nested = [deep.into_bytes(), deep_map.into_bytes()];
    let broken = tidings_testkit::corpus::bodies::BROKEN.iter();
    let broken: Vec<Vec<u8>> = broken.map(|body| body.to_vec()).chain(nested).collect();
    for body in &broken {
        for path in [WEBHOOKS, TASKS, CHANGES] {
            corpus.json(path, body.clone(), &[400]);
        }
    }
}

fn media(corpus: &mut Corpus) {
    let good = r#"{"url":"https://example.com/x","dialect":"squish"}"#;
    let types = [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json; charset=utf-16",
        "application/json; charset=latin1",
        "application/merge-patch+json",
        "application/x-ndjson",
        "json",
        "*/*",
        "",
    ];
    for kind in types {
        corpus.add(
            format!("type {kind:?}"),
            ("POST", WEBHOOKS),
            &[("content-type", kind)],
            good,
            &[415],
        );
    }
    corpus.add("no type", ("POST", WEBHOOKS), &[], good, &[415]);
    let twice = [
        ("content-type", "application/json"),
        ("content-type", "application/json"),
    ];
    corpus.add("type twice", ("POST", WEBHOOKS), &twice, good, &[415]);
    for encoding in [
        "gzip",
        "br",
        "zstd",
        "deflate",
        "gzip, gzip",
        "compress",
        "x",
    ] {
        let headers = [
            ("content-type", "application/json"),
            ("content-encoding", encoding),
        ];
        corpus.add(
            format!("encoding {encoding}"),
            ("POST", WEBHOOKS),
            &headers,
            good,
            &[415],
        );
    }
    let headers = [
        ("content-type", "application/json"),
        ("content-length", "99999999999"),
    ];
    corpus.add(
        "says it is huge",
        ("POST", WEBHOOKS),
        &headers,
        "{}",
        &[413],
    );
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(1024 * 1024));
    corpus.json(WEBHOOKS, long, &[413]);
    let long = format!(
        r#"[{{"op":"put","collection":"tasks","data":{{"title":"{}"}}}}]"#,
        "x".repeat(8 * 1024 * 1024)
    );
    corpus.json(CHANGES, long, &[413]);
    corpus.json(CHANGES, format!("[{}1]", "1,".repeat(1000)), &[413]);
    let lines = [("content-type", "application/x-ndjson")];
    corpus.add(
        "1,001 lines",
        ("POST", CHANGES),
        &lines,
        "{}\n".repeat(1001),
        &[413],
    );
    corpus.add("a bad line", ("POST", CHANGES), &lines, "{}\n{\n", &[400]);
    corpus.add("no lines", ("POST", CHANGES), &lines, "\n\n", &[422]);
}

#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn members(corpus: &mut Corpus) {
    let bad = [
        r#""url":1"#,
        r#""url":null"#,
        r#""url":"""#,
        r#""url":"ftp://x""#,
        r#""url":"http://localhost/""#,
        r#""url":"https://u:p@example.com""#,
        r#""name":"""#,
        r#""name":5"#,
        r#""name":"a\u0007b""#,
        r#""description":[]"#,
        r#""dialect":"jira""#,
        r#""dialect":null"#,
        r#""dialect":["squish"]"#,
        r#""events":"some""#,
        r#""events":"stories""#,
        r#""events":[]"#,
        r#""events":["nope"]"#,
        r#""events":[1]"#,
        r#""events":{}"#,
        r#""events":5"#,
        r#""secret":"""#,
        r#""secret":5"#,
        r#""secret":{"a":1}"#,
        r#""verify_tls":"no""#,
        r#""verify_tls":null"#,
        r#""verify_tls":0"#,
        r#""enabled":"true""#,
        r#""enabled":1"#,
        r#""ca_pem":"x""#,
        r#""ca_pem":"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----""#,
        r#""ca_pem":"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----""#,
        r#""headers":[]"#,
        r#""headers":{"Host":"x"}"#,
        r#""headers":{"X":"a\r\nB: c"}"#,
        r#""headers":{"X\nY":"a"}"#,
        r#""headers":{"X":1}"#,
        r#""headers":{"webhook-id":"1"}"#,
        r#""headers":{"x-icescrum-event":"1"}"#,
        r#""timeout_seconds":0"#,
        r#""timeout_seconds":61"#,
        r#""timeout_seconds":1.5"#,
        r#""timeout_seconds":"30""#,
        r#""timeout_seconds":-1"#,
        r#""ordering":"fifo""#,
        r#""ordering":null"#,
        r#""max_in_flight":0"#,
        r#""max_in_flight":101"#,
        r#""max_in_flight":9999999999999999999"#,
        r#""failure_limit":-1"#,
        r#""failure_limit":1001"#,
        r#""retry_schedule":5"#,
        r#""retry_schedule":[0]"#,
        r#""retry_schedule":["5"]"#,
        r#""retry_schedule":[604801]"#,
        r#""options":[]"#,
        r#""options":{"nope":1}"#,
        r#""origin":"console""#,
        r#""locked":true"#,
        r#""locked":"yes""#,
        r#""id":7"#,
        r#""has_secret":true"#,
        r#""created_at":"2020-01-01T00:00:00Z""#,
        r#""__proto__":{}"#,
        r#""urls":[]"#,
        r#""URL":"https://x""#,
    ];
    for member in bad {
        let name = member.split('"').nth(1).unwrap_or_default();
        let mut body = String::from("{");
        for (other, value) in [("url", "https://example.com/x"), ("dialect", "squish")] {
            if other != name {
                body = format!(r#"{body}"{other}":"{value}","#);
            }
        }
        corpus.json(WEBHOOKS, format!("{body}{member}}}"), &[422]);
    }
    for body in ["[]", "1", "null", "\"x\"", "true", "[{}]"] {
        corpus.json(WEBHOOKS, body, &[422]);
    }
    let tokens = "/api/v1/projects/HB/tokens";
    for body in [
        "{}",
        r#"{"name":"x"}"#,
        r#"{"name":"x","kind":"admin"}"#,
        r#"{"name":"x","kind":"member"}"#,
        r#"{"name":"x","kind":"member","role":"boss"}"#,
        r#"{"name":"x","kind":"member","member":99}"#,
        r#"{"name":"x","kind":"member","member":"1"}"#,
        r#"{"name":"x","kind":"app","role":"team_member"}"#,
        r#"{"name":"","kind":"app"}"#,
        r#"{"name":"x","kind":"app","expires_at":"2020-01-01T00:00:00Z"}"#,
        r#"{"name":"x","kind":"app","expires_at":"soon"}"#,
        r#"{"name":"x","kind":"app","token":"tid_x"}"#,
    ] {
        corpus.json(tokens, body, &[422]);
    }
    for body in [
        r#"{"key":"A b","name":"x"}"#,
        r#"{"key":"X"}"#,
        r#"{"name":"x"}"#,
        r#"{"key":"X","name":"x","id":-1}"#,
        r#"{"key":"X","name":"x","id":9007199254740992}"#,
        r#"{"key":"../x","name":"x"}"#,
    ] {
        corpus.json("/api/v1/projects", body, &[422]);
    }
    corpus.json(
        "/api/v1/projects",
        r#"{"key":"hb","name":"same key, other case"}"#,
        &[409],
    );
    for body in [
        "{}",
        "[]",
        "[1]",
        "[{}]",
        r#"[{"op":"put"}]"#,
        r#"[{"op":"fly","collection":"tasks","id":1}]"#,
        r#"[{"op":"delete","collection":"tasks"}]"#,
        r#"[{"op":"put","collection":"tasks","id":"1","data":{}}]"#,
        r#"[{"op":"put","collection":"tasks","id":1.5,"data":{}}]"#,
        r#"[{"op":"patch","collection":"tasks","id":1}]"#,
        r#"[{"op":"put","collection":"tasks","data":{"title":"x"},"key":""}]"#,
        r#"[{"op":"put","collection":"tasks","data":{"title":"x"},"silent":"yes"}]"#,
        r#"[{"op":"put","collection":"tasks","data":{"title":"x"},"extra":1}]"#,
    ] {
        corpus.json(CHANGES, body, &[422]);
    }
}

fn paths(corpus: &mut Corpus) {
    let odd = [
        "/api/",
        "/api",
        "/api/v2/projects",
        "/api/v1/projects/HB/webhooks/",
        "/api/v1//projects",
        "/api/v1/projects/HB/../OTHER",
        "/api/v1/projects/..%2f..%2fetc",
        "/api/v1/projects/HB%00",
        "/api/v1/projects/%ff",
        "/api/v1/projects/HB%2Fwebhooks",
        "/api/v1/projects/HB/nothing",
        "/api/v1/projects/HB/webhooks/0",
        "/api/v1/projects/HB/webhooks/-1",
        "/api/v1/projects/HB/webhooks/1.5",
        "/api/v1/projects/HB/webhooks/01x",
        "/api/v1/projects/HB/webhooks/99999999999999999999",
        "/api/v1/projects/HB/webhooks/%2e%2e",
        "/api/v1/projects/HB/webhooks/ext:x",
        "/api/v1/projects/HB/webhooks/1%00",
        "/api/v1/projects/HB/deliveries/1",
        "/api/v1/projects/HB/deliveries/dlv_",
        "/api/v1/projects/HB/deliveries/dlv_ZZZZZZZZZZZZZ",
        "/api/v1/projects/HB/events/x",
        "/api/v1/projects/HB/events/0",
        "/api/v1/projects/HB/tokens/x",
        "/api/v1/dialects/jira/events",
        "/api/v1/dialects/squish/events/nope",
        "/api/v1/dialects/%00/events",
    ];
    for path in odd {
        corpus.add(format!("path {path}"), ("GET", path), &[], "", &[404]);
    }
    for (method, path) in [
        ("PUT", WEBHOOKS),
        ("DELETE", WEBHOOKS),
        ("PATCH", WEBHOOKS),
        ("OPTIONS", WEBHOOKS),
        ("TRACE", WEBHOOKS),
        ("CONNECT", WEBHOOKS),
        ("PROPFIND", WEBHOOKS),
        ("get", WEBHOOKS),
        ("POST", "/healthz"),
        ("DELETE", "/api/v1/settings"),
        ("PUT", "/api/v1/projects/HB"),
    ] {
        corpus.add(format!("{method} {path}"), (method, path), &[], "", &[405]);
    }
}

fn queries(corpus: &mut Corpus) {
    let deliveries = "/api/v1/projects/HB/deliveries";
    let bad = [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=1e2",
        "limit=",
        "limit=999999999999999999999",
        "limit=1;DROP",
        "limit=%31%00",
        "cursor=",
        "cursor=x",
        "cursor=1.00000000",
        "cursor=../../etc",
        "cursor=-1.0",
        "cursor=ffffffffffffffffffff.00000000",
        "webhook=x",
        "webhook=0",
        "webhook=9007199254740992",
        "webhook=1 OR 1=1",
        "webhook[]=1",
        "webhook[$ne]=1",
        "state=lost",
        "state=pending'--",
        "event=-1",
        "trigger=x",
        "status=99",
        "status=1000",
        "status=2xx",
        "object=tasks",
        "object=tasks/",
        "object=tasks/x",
        "object=nothing/1",
        "object=/etc/passwd",
        "since=yesterday",
        "since=2026-13-01T00:00:00Z",
        "until=1",
        "q=",
        "q=%01",
        "code=",
        "unknown=1",
        "limit=1&limit=2",
        "since[]=x",
        "%=1",
    ];
    for query in bad {
        let query = query.replace(' ', "%20").replace('\'', "%27");
        corpus.add(
            format!("query {query}"),
            ("GET", &format!("{deliveries}?{query}")),
            &[],
            "",
            &[400, 422],
        );
    }
    for query in ["%zz=1", "q=%ff", "q=%c3%28", "q=%00"] {
        corpus.add(
            format!("query {query}"),
            ("GET", &format!("{deliveries}?{query}")),
            &[],
            "",
            &[400],
        );
    }
    let long = format!("{deliveries}?q={}", "x".repeat(9000));
    corpus.add("a long query", ("GET", &long), &[], "", &[400]);
    corpus.add(
        "silent",
        ("POST", &format!("{TASKS}?silent=maybe")),
        &[("content-type", "application/json")],
        r#"{"title":"x"}"#,
        &[422],
    );
    corpus.add(
        "dialect",
        ("GET", "/api/v1/projects/HB/activities?dialect=jira"),
        &[],
        "",
        &[422],
    );
}

/// Whoever asks without a token that holds learns nothing, whatever they ask.
fn tokens(corpus: &mut Corpus) {
    let good = corpus.token.clone();
    let wrong = [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        "Bearer x".into(),
        format!("Basic {good}"),
        format!("Bearer {good}x"),
        format!("Bearer {}", good.to_uppercase()),
        format!("Bearer {good} {good}"),
        format!("Bearer \u{e9}{good}"),
        format!("Token {good}"),
        good.clone(),
        "Bearer ' OR 1=1 --".into(),
        "Bearer null".into(),
        format!("Bearer {}", "t".repeat(4_000)),
    ];
    for value in wrong {
        for (method, path) in [
            ("GET", WEBHOOKS),
            ("POST", TASKS),
            ("DELETE", "/api/v1/projects/HB"),
        ] {
            let what = format!("token {value:?} {method} {path}");
            corpus.add(what, (method, path), &[], "{}", &[401]);
            if let Some(case) = corpus.cases.last_mut() {
                let header = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
                case.request.headers_mut().insert("authorization", header);
            }
        }
    }
}

async fn check(house: &House, case: Case) -> Got {
    let got = house.send(case.request).await;
    assert!(
        case.status.contains(&got.status),
        "{}: wanted {:?}, got {} {}",
        case.what,
        case.status,
        got.status,
        got.text
    );
    assert_eq!(
        got.header("content-type"),
        "application/problem+json",
        "{}",
        case.what
    );
    assert_eq!(
        got.at("status").as_int(),
        Some(i64::from(got.status)),
        "{}",
        case.what
    );
    for member in ["type", "title", "detail", "code"] {
        assert!(
            got.at(member).as_str().is_some_and(|t| !t.is_empty()),
            "{}: {member}",
            case.what
        );
    }
    assert!(
        matches!(got.at("errors"), tidings_domain::Value::List(_)),
        "{}",
        case.what
    );
    if got.status == 405 {
        assert_ne!(got.header("allow"), "", "{}", case.what);
    }
    got
}

#[tokio::test]
async fn malformed_input_of_every_group_is_refused_and_nothing_is_stored() {
    for house in House::both().await {
        let before = house.weight().await;
        let mut corpus = Corpus {
            token: house.tokens["admin"].clone(),
            cases: Vec::new(),
        };
        syntax(&mut corpus);
        media(&mut corpus);
        members(&mut corpus);
        paths(&mut corpus);
        queries(&mut corpus);
        tokens(&mut corpus);
        let count = corpus.cases.len();
        assert!(count >= 400, "{count}");
        for case in corpus.cases {
            check(&house, case).await;
        }
        assert_eq!(house.weight().await, before);
        println!("{count} malformed requests refused");
    }
}

#[tokio::test]
async fn odd_but_legal_requests_are_served() {
    let house = House::new().await;
    let odd: [(&str, &str, &str); 9] = [
        (
            WEBHOOKS,
            "application/json; charset=utf-8",
            " \t\r\n{\"url\":\"https://example.com/a\",\"dialect\":\"squish\"}\n",
        ),
        (
            WEBHOOKS,
            "APPLICATION/JSON",
            r#"{"url":"https://example.com/b","dialect":"squish"}"#,
        ),
        (
            WEBHOOKS,
            "application/json;charset=\"UTF-8\"",
            r#"{"dialect":"squish","url":"HTTPS://EXAMPLE.com:443/c"}"#,
        ),
        (
            WEBHOOKS,
            "application/json",
            r#"{"url":"https:\/\/example.com\/d","dialect":"squish","name":"\u00e9\ud83d\ude00 <script>"}"#,
        ),
        (
            WEBHOOKS,
            "application/json",
            r#"{"url":"https://example.com/e","dialect":"squish","timeout_seconds":5.0}"#,
        ),
        (
            WEBHOOKS,
            "application/json",
            r#"{"url":"https://example.com/f","dialect":"squish","timeout_seconds":1e1}"#,
        ),
        (
            WEBHOOKS,
            "application/json",
            r#"{"url":"https://bücher.example/g","dialect":"squish"}"#,
        ),
        (
            WEBHOOKS,
            "application/json",
            r#"{"url":"https://example.com/?a=%20&b='%3Cx%3E","dialect":"squish","description":"line\nline\ttab"}"#,
        ),
        (
            WEBHOOKS,
            "application/json",
            r#"{"url":"https://nobody.invalid/h","dialect":"squish","events":["submit","submit"]}"#,
        ),
    ];
    for (path, kind, body) in odd {
        let request = Request::post(path)
            .header("authorization", format!("bearer {}", house.tokens["admin"]))
            .header("content-type", kind)
            .body(Body::from(body))
            .unwrap();
        let got = house.send(request).await;
        assert_eq!(got.status, 201, "{body}: {}", got.text);
        assert_ne!(got.header("location"), "");
    }
    let got = house
        .admin("GET", "/api/v1/projects/hb/webhooks?limit=3&", "")
        .await;
    assert_eq!((got.status, got.at("data").as_list().len()), (200, 3));
    let got = house
        .admin("GET", "/api/v1/projects/%48B/webhooks", "")
        .await;
    assert_eq!(got.status, 200);
}

/// Forty more: unusual in every way a client may be, and right.
#[tokio::test]
async fn forty_odd_but_legal_requests_are_served() {
    let house = House::new().await;
    let token = house.tokens["admin"].clone();
    let task = house
        .admin("PUT", "/api/v1/projects/HB/tasks/1", r#"{"title":"t"}"#)
        .await;
    assert_eq!(task.status, 201);
    let bodies: [&str; 14] = [
        r#"{"title":"\u00e9\ud83d\ude00"}"#,
        r#"{"title":"\u2028\u202e"}"#,
        r#"{"title":"<script>alert(1)</script>"}"#,
        r#"{"title":"'; DROP TABLE objects; --"}"#,
        r#"{"title":"../../etc/passwd"}"#,
        r#"{"title":"%00%0d%0a"}"#,
        r#"{"title":"null"}"#,
        "\t\r\n {\"title\":\"blanks\"} \r\n",
        r#"{"\u0074itle":"an escaped name"}"#,
        r#"{"title":"t","description":""}"#,
        r#"{"title":"t","description":"line\r\nline\ttab"}"#,
        r#"{"title":"t","id":9007199254740991}"#,
        r#"{"title":"t","id":700.0}"#,
        r#"{"title":"t","id":8e2}"#,
    ];
    let mut served = 0;
    for body in bodies {
        let got = house.admin("POST", TASKS, body).await;
        assert_eq!(got.status, 201, "{body}: {}", got.text);
        served += 1;
    }
    for query in [
        "",
        "?",
        "?&",
        "?&&",
        "?limit=1",
        "?limit=200",
        "?limit=001",
        "?%6cimit=2",
        "?limit=%32",
    ] {
        let got = house.admin("GET", &format!("{TASKS}{query}"), "").await;
        assert_eq!(got.status, 200, "{query}: {}", got.text);
        served += 1;
    }
    for path in [
        "/api/v1/projects/hb",
        "/api/v1/projects/%48%42",
        "/api/v1/projects/HB/tasks/1?",
        "/api/v1/projects/HB/tasks/%31",
        "/api/v1/projects/HB/deliveries?q=%27%20OR%201%3D1",
        "/api/v1/projects/HB/deliveries?since=2026-03-02T11:40:00%2B01:00",
        "/api/v1/projects/HB/deliveries?object=tasks/1&state=pending&trigger=event",
        "/api/v1/projects/HB/activities?limit=1",
    ] {
        let got = house.admin("GET", path, "").await;
        assert_eq!(got.status, 200, "{path}: {}", got.text);
        served += 1;
    }
    for (name, value) in [
        ("authorization", format!("BEARER {token}")),
        ("authorization", format!("Bearer   {token}")),
        ("accept", "text/html".into()),
        ("accept-encoding", "gzip, br".into()),
        ("accept-language", "xx".into()),
        ("range", "bytes=0-1".into()),
        ("if-none-match", "*".into()),
        ("x-forwarded-for", "127.0.0.1".into()),
        ("x-http-method-override", "DELETE".into()),
        ("content-type", "application/json".into()),
    ] {
        let mut request = Request::get("/api/v1/projects/HB/tasks/1")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        let got = house.send(request).await;
        assert_eq!(got.status, 200, "{name}: {value}: {}", got.text);
        assert_eq!(got.at("title").as_str(), Some("t"), "{name}: {value}");
        served += 1;
    }
    assert!(served >= 40, "{served}");
}

#[tokio::test]
async fn lists_are_paged_without_gaps_and_cursors_stay_at_home() {
    for house in House::both().await {
        for i in 0..7 {
            house.webhook("admin", &format!(r#","name":"w{i}""#)).await;
        }
        let mut names = Vec::new();
        let mut path = format!("{WEBHOOKS}?limit=3");
        let mut first = None;
        loop {
            let page = house.admin("GET", &path, "").await;
            names.extend(
                page.at("data")
                    .as_list()
                    .iter()
                    .map(|w| w.member("name").cloned().unwrap()),
            );
            match page.at("next_cursor").as_str() {
                None => break,
                Some(cursor) => {
                    first.get_or_insert_with(|| cursor.to_owned());
                    path = format!("{WEBHOOKS}?limit=3&cursor={cursor}");
                }
            }
        }
        let wanted: Vec<tidings_domain::Value> = (0..7).map(|i| format!("w{i}").into()).collect();
        assert_eq!(names, wanted);
        let cursor = first.unwrap();
        for foreign in [
            format!("/api/v1/projects/OTHER/webhooks?cursor={cursor}"),
            format!("/api/v1/projects/HB/tokens?cursor={cursor}"),
            format!("/api/v1/projects?cursor={cursor}"),
        ] {
            let got = house.admin("GET", &foreign, "").await;
            assert_eq!(
                (got.status, got.fields()),
                (422, vec!["cursor".to_owned()]),
                "{foreign}"
            );
        }
    }
}

/// Two hundred of the largest objects are no answer that anybody should have to hold.
#[tokio::test]
async fn pages_of_large_objects_end_early_and_nothing_is_left_out() {
    for house in House::both().await {
        let text = "x".repeat(100_000);
        for number in 0..50 {
            let body = format!(r#"{{"title":"s{number}","description":"{text}"}}"#);
            let made = house
                .admin("POST", "/api/v1/projects/HB/stories", &body)
                .await;
            assert_eq!(made.status, 201, "{}", made.text);
        }
        for (path, count) in [
            ("/api/v1/projects/HB/stories", 50),
            ("/api/v1/projects/HB/activities", 50),
        ] {
            let (mut seen, mut pages, mut cursor) = (0, 0, String::new());
            loop {
                let page = house
                    .admin("GET", &format!("{path}?limit=200{cursor}"), "")
                    .await;
                assert_eq!(page.status, 200, "{}", page.text);
                assert!(
                    page.text.len() < 6 * 1024 * 1024,
                    "{} bytes",
                    page.text.len()
                );
                seen += page.at("data").as_list().len();
                pages += 1;
                match page.at("next_cursor").as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(seen, count, "{path}");
            assert!(pages > 1, "{path}: {pages}");
        }
    }
}

/// A short request that leads to more than the server is willing to hold is refused whole.
#[tokio::test]
async fn a_short_batch_that_leads_to_very_much_is_refused() {
    let house = House::new().await;
    house.webhook("admin", "").await;
    let text = "x".repeat(100_000);
    let story = format!(r#"{{"title":"long","description":"{text}"}}"#);
    let made = house
        .admin("PUT", "/api/v1/projects/HB/stories/1", &story)
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let batch = |entries: usize| {
        let entry = |n| {
            format!(r#"{{"op":"patch","collection":"stories","id":1,"data":{{"title":"t{n}"}}}}"#)
        };
        format!(
            "[{}]",
            (0..entries).map(entry).collect::<Vec<_>>().join(",")
        )
    };
    let before = house.weight().await;
    let got = house.admin("POST", CHANGES, &batch(1_000)).await;
    assert_eq!(
        (got.status, got.code().as_str()),
        (413, "too_large"),
        "{}",
        got.text
    );
    assert_eq!(house.weight().await, before, "all or nothing");
    assert_eq!(house.admin("POST", CHANGES, &batch(100)).await.status, 200);
}

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_browsers_out() {
    let house = House::new().await;
    for path in [
        "/healthz",
        "/docs",
        "/api/v1/openapi.json",
        "/nothing",
        "/api/v1/projects",
        "/metrics",
        "/docs/webhooks",
        "/catalogue/squish/submit",
    ] {
        let got = house.ask("nobody", "GET", path, "").await;
        assert_eq!(got.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(got.header("cache-control"), "no-store", "{path}");
        assert!(
            got.header("content-security-policy")
                .contains("default-src 'none'"),
            "{path}"
        );
        assert!(
            got.header("content-security-policy")
                .contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(got.header("x-request-id").len(), 16, "{path}");
        let head = house.ask("nobody", "HEAD", path, "").await;
        assert_eq!(
            (head.status, head.text.as_str()),
            (got.status, ""),
            "{path}"
        );
        if path != "/metrics" && path != "/api/v1/projects" {
            assert_eq!(
                head.header("content-length"),
                got.header("content-length"),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn every_member_of_every_collection_refuses_what_it_cannot_be() {
    use tidings_domain::schema::{self, SetBy};
    for house in House::both().await {
        let before = house.weight().await;
        // No member can be any of these.
        let wrong = [
            r#"[[{"x":[1]}]]"#,
            r#"{"x":{"y":{"z":1}}}"#,
            "1e300",
            "-9223372036854775808",
            r#"["x",["y"]]"#,
        ];
        let mut asked = 0;
        for collection in tidings_domain::Collection::ALL {
            for member in &schema::of(*collection).members {
                if member.set_by == SetBy::Server {
                    continue;
                }
                for value in wrong {
                    let body = format!(r#"{{"{}":{value}}}"#, member.name);
                    let path = format!("/api/v1/projects/HB/{collection}");
                    let got = house.admin("POST", &path, &body).await;
                    let field = format!("/{}", member.name);
                    assert_eq!(got.status, 422, "{path} {body}: {}", got.text);
                    assert!(
                        got.fields().iter().any(|f| f.starts_with(&field)),
                        "{path} {body}: {}",
                        got.text
                    );
                    asked += 1;
                }
            }
            for body in [
                r#"{"nonsense":1}"#,
                r#"{"id":0}"#,
                r#"{"id":"1"}"#,
                r#"{"sequence":9}"#,
                "[]",
                "null",
            ] {
                let got = house
                    .admin("POST", &format!("/api/v1/projects/HB/{collection}"), body)
                    .await;
                assert_eq!(got.status, 422, "{collection} {body}: {}", got.text);
                asked += 1;
            }
            for id in [
                "0",
                "-1",
                "x",
                "1.5",
                "9007199254740992",
                "ext:",
                "99999999999999999999",
                "1%00",
                "..",
                "1;2",
            ] {
                let path = format!("/api/v1/projects/HB/{collection}/{id}");
                for (method, body) in [("GET", ""), ("DELETE", ""), ("PATCH", "{}"), ("PUT", "{}")]
                {
                    let got = house.admin(method, &path, body).await;
                    assert!(
                        matches!(got.status, 404 | 422),
                        "{method} {path}: {} {}",
                        got.status,
                        got.text
                    );
                    asked += 1;
                }
            }
        }
        assert_eq!(house.weight().await, before);
        println!("{asked} wrong requests refused");
    }
}
