//! Requests and answers as bytes on a connection: who goes away in the middle, many at once, and answers that have no body.

use std::time::Duration;

use tidings_web::Limits;
use tidings_web::door::DoorLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::house::House;
use crate::serving::{raw, start};

fn request(house: &House, what: &str, end: &str) -> String {
    let token = &house.tokens["admin"];
    format!("{what} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{end}")
}

/// A place that is not given back is lost for ever: with one per token, the next request is refused.
#[tokio::test]
async fn who_goes_away_in_the_middle_leaves_its_place() {
    let limits = DoorLimits {
        in_flight_per_token: 1,
        ..DoorLimits::default()
    };
    let house = House::with(limits).await;
    let served = start(&house, Limits::default()).await;
    let json = "Content-Type: application/json\r\n";
    let post = |end: &str| request(&house, "POST /api/v1/projects", &format!("{json}{end}"));
    let get = request(&house, "GET /api/v1/projects", "Connection: close\r\n\r\n");
    let middles = [
        post("Content-Length: 100\r\n\r\n{\"ke"),
        post("Content-Length: 100\r\n\r\n"),
        post("Content-Length: 9000\r\n\r\n{\"ke"),
        post("Transfer-Encoding: chunked\r\n\r\n5\r\n{\"k"),
        post("Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        post("Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"),
        post("Content-Length: 2\r\n\r\n{}"),
        get.replace("Connection: close\r\n", "Prefer: wait=30\r\n"),
    ];
    for middle in &middles {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(middle.as_bytes()).await.unwrap();
        drop(stream);
        let again = async {
            while !raw(served.address, get.as_bytes())
                .await
                .starts_with("HTTP/1.1 200 ")
            {}
        };
        let again = tokio::time::timeout(Duration::from_secs(10), again).await;
        assert!(again.is_ok(), "the place is still taken after {middle:?}");
    }
    assert_eq!(house.metrics.in_flight.get(), 0);
    served.stop.cancel();
    served.task.await.unwrap();
}

/// As many requests in one packet as come, each answered in its turn and under an id of its own.
#[tokio::test]
async fn requests_that_come_together_are_answered_in_their_order() {
    let house = House::new().await;
    let served = start(&house, Limits::default()).await;
    let create = |turn: usize, last: bool| {
        let body = format!(r#"{{"title":"turn {turn}"}}"#);
        let length = body.len();
        let close = if last { "Connection: close\r\n" } else { "" };
        let end = format!(
            "{close}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        request(&house, "POST /api/v1/projects/HB/tasks", &end)
    };
    let all: String = (0..20).map(|turn| create(turn, turn == 19)).collect();
    let said = raw(served.address, all.as_bytes()).await;
    let turns: Vec<_> = said.split(r#""title":"turn "#).skip(1).collect();
    assert_eq!(turns.len(), 20, "{said}");
    for (turn, rest) in turns.iter().enumerate() {
        assert!(rest.starts_with(&format!("{turn}\"")), "{turn}: {rest}");
    }
    let mut ids: Vec<_> = said
        .split("x-request-id: ")
        .skip(1)
        .map(|rest| &rest[..16])
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20);
    served.stop.cancel();
    served.task.await.unwrap();
}

/// RFC 9110: 204 has no length, HEAD has that of GET, and neither has a body that the next answer would be taken for.
#[tokio::test]
async fn answers_without_a_body_leave_the_connection_in_step() {
    let house = House::new().await;
    let served = start(&house, Limits::default()).await;
    house
        .admin(
            "POST",
            "/api/v1/projects/HB/tasks",
            r#"{"id":42,"title":"t"}"#,
        )
        .await;
    let task = "/api/v1/projects/HB/tasks/42";
    let asked = [
        ("HEAD", task, "200"),
        ("HEAD", "/api/v1/nowhere", "404"),
        ("HEAD", "/api/v1/projects/HB/changes", "405"),
        ("HEAD", "/sign-in", "200"),
        ("OPTIONS", task, "405"),
        ("DELETE", task, "204"),
        ("HEAD", task, "404"),
    ];
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for (method, path, status) in asked {
        let ask = request(&house, &format!("{method} {path}"), "\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut said = vec![0; 8192];
        let read = stream.read(&mut said).await.unwrap();
        let said = String::from_utf8_lossy(&said[..read]).into_owned();
        assert!(
            said.starts_with(&format!("HTTP/1.1 {status} ")),
            "{method} {path}: {said}"
        );
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        let length = head
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next());
        match (method, status) {
            (_, "204") => assert_eq!((length, body), (None, ""), "{said}"),
            ("HEAD", _) => {
                assert!(body.is_empty(), "{said}");
                // The sign-in page has a key of its own in each answer, always of one length.
                let same = house.ask("admin", "GET", path, "").await;
                assert_eq!(length, Some(same.header("content-length")), "{said}");
            }
            _ => assert!(
                head.contains("\r\nallow: GET, PUT, PATCH, DELETE, HEAD"),
                "{said}"
            ),
        }
    }
    served.stop.cancel();
    served.task.await.unwrap();
}

/// RFC 9112 section 3.2. A proxy in front may have believed the other of two hosts.
#[tokio::test]
async fn a_request_is_for_one_host() {
    let house = House::new().await;
    let served = start(&house, Limits::default()).await;
    let end = "Connection: close\r\n\r\n";
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\nHost: x\r\n", "200"),
        ("GET /healthz HTTP/1.1\r\nHost:\r\n", "200"),
        ("GET /healthz HTTP/1.0\r\n", "200"),
        ("GET /healthz HTTP/1.1\r\n", "400"),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nHost: x\r\n", "400"),
        ("GET /healthz HTTP/1.0\r\nHost: x\r\nHost: y\r\n", "400"),
        ("GET http://x/healthz HTTP/1.1\r\n", "400"),
        ("GET /sign-in HTTP/1.1\r\nHost: x\r\nhost: y\r\n", "400"),
    ] {
        let said = raw(served.address, format!("{head}{end}").as_bytes()).await;
        assert_eq!(said.get(9..12), Some(status), "{head}: {said}");
        assert_eq!(
            said.contains(r#""code":"malformed""#),
            status == "400",
            "{said}"
        );
    }
    // Nobody speaks on after that, whatever was asked.
    let two = "GET /healthz HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let said = raw(served.address, two.as_bytes()).await;
    assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{said}");
    // The answer to HEAD has no body here either.
    let said = raw(served.address, b"HEAD /healthz HTTP/1.1\r\n\r\n").await;
    assert!(said.ends_with("\r\n\r\n"), "{said}");
    served.stop.cancel();
    served.task.await.unwrap();
}
