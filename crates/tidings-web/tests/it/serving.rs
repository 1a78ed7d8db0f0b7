//! Connections over loopback: framing faults, slow heads, overload, a store that cannot, a stop in good order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tidings_web::door::DoorLimits;
use tidings_web::{Limits, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::house::House;

pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

pub(crate) async fn start(house: &House, limits: Limits) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let (door, metrics) = (house.door.clone(), Arc::clone(&house.metrics));
    let task = tokio::spawn(serve(listener, door, metrics, limits, stop.clone()));
    Served {
        address,
        stop,
        task,
    }
}

/// Everything the server says until it closes; `Connection: close` is in each request.
pub(crate) async fn raw(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Whoever is turned away may be so before all is written.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn framing_faults_get_400_and_the_next_client_is_served() {
    let house = House::new().await;
    let served = start(&house, Limits::default()).await;
    let token = house.tokens["admin"].clone();
    let head = format!(
        "POST /api/v1/projects HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    );
    let bad: Vec<Vec<u8>> = vec![
        b"GARBAGE\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n".to_vec(),
        format!("{head}Content-Length: abc\r\n\r\n{{}}").into_bytes(),
        format!("{head}Content-Length: -1\r\n\r\n{{}}").into_bytes(),
        format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}").into_bytes(),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n").into_bytes(),
        format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n")
            .into_bytes(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        [
            b"GET / HTTP/1.1\r\nHost: x\r\nX: ".to_vec(),
            vec![b'x'; 200 * 1024],
            b"\r\n\r\n".to_vec(),
        ]
        .concat(),
    ];
    for request in &bad {
        let answer = raw(served.address, request).await;
        let status = answer.get(9..12).unwrap_or_default().to_owned();
        let shown = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
        assert!(
            answer.is_empty() || status.starts_with('4'),
            "{shown:?}: {answer}"
        );
    }
    let fine = raw(
        served.address,
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(fine.starts_with("HTTP/1.1 200"), "{fine}");
    served.stop.cancel();
    served.task.await.unwrap();
}

#[tokio::test]
async fn a_chunked_body_is_counted_as_it_comes() {
    let house = House::new().await;
    let served = start(&house, Limits::default()).await;
    let token = house.tokens["admin"].clone();
    let mut request = format!("POST /api/v1/projects HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..20 {
        request.extend(b"10000\r\n");
        request.extend(vec![b' '; 0x10000]);
        request.extend(b"\r\n");
    }
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    // The server may stop reading before all is written.
    let _ = stream.write_all(&request).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    served.stop.cancel();
}

/// As browsers do: they read when everything is sent.
async fn sent_whole(address: SocketAddr, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!("{head}Host: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn who_sends_too_much_reads_why_it_is_refused() {
    let house = House::new().await;
    let served = start(&house, Limits::default()).await;
    let body = [b"login=".to_vec(), vec![b'x'; 5 * 1024 * 1024]].concat();
    let form = "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n";
    let head = format!("POST /sign-in HTTP/1.1\r\n{form}");
    let page = sent_whole(served.address, &head, &body).await;
    assert!(page.starts_with("HTTP/1.1 413"), "{page}");
    assert!(page.contains("<h1>That is too much at once</h1>"), "{page}");
    // A form of somebody whose session is over, a form to nowhere, and a program without a token.
    let head = format!("POST /projects/new HTTP/1.1\r\n{form}");
    let away = sent_whole(served.address, &head, &body).await;
    assert!(away.starts_with("HTTP/1.1 303"), "{away}");
    let head = format!("POST /nowhere HTTP/1.1\r\n{form}");
    let nowhere = sent_whole(served.address, &head, &body).await;
    assert!(nowhere.starts_with("HTTP/1.1 404"), "{nowhere}");
    let head = "POST /api/v1/projects HTTP/1.1\r\nContent-Type: application/json\r\n";
    let refused = sent_whole(served.address, head, &body).await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    // Whoever asks before sending is answered before.
    let asks = format!(
        "{head}Host: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5000000\r\n\r\n"
    );
    let refused = raw(served.address, asks.as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    served.stop.cancel();
}

#[tokio::test]
async fn a_slow_head_is_cut_off_and_hinders_nobody() {
    let house = House::new().await;
    let limits = Limits {
        head: Duration::from_millis(300),
        ..Limits::default()
    };
    let served = start(&house, limits).await;
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nX: ")
            .await
            .unwrap();
        slow.push(stream);
    }
    let fine = raw(
        served.address,
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(fine.starts_with("HTTP/1.1 200"), "{fine}");
    for mut stream in slow {
        let mut rest = Vec::new();
        let ended =
            tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "a connection with half a head was left open");
    }
    served.stop.cancel();
    served.task.await.unwrap();
}

#[tokio::test]
async fn connections_of_one_address_are_bounded() {
    let house = House::new().await;
    let limits = Limits {
        connections_per_address: 3,
        ..Limits::default()
    };
    let served = start(&house, limits).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        open.push(stream);
    }
    let said = raw(served.address, b"").await;
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 503 "), "{said}");
    assert!(head.contains("\r\nRetry-After: 1\r\n"), "{said}");
    assert!(
        head.ends_with(&format!("Content-Length: {}", body.len())),
        "{said}"
    );
    let body = tidings_domain::Value::parse(body.as_bytes()).unwrap();
    assert_eq!(body.member("code").unwrap().as_str(), Some("overloaded"));
    // A request that is on its way is answered too, and whoever goes leaves a place.
    let get = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(raw(served.address, get).await.starts_with("HTTP/1.1 503 "));
    open.pop();
    while !raw(served.address, get).await.starts_with("HTTP/1.1 200 ") {}
    served.stop.cancel();
}

#[test]
fn few_descriptors_mean_few_connections_and_one_address_never_has_all() {
    for (descriptors, connections) in [
        (u64::MAX, 12_288),
        (20_000, 12_288),
        (1_024, 640),
        (256, 160),
        (0, 8),
    ] {
        let limits = Limits::for_descriptors(descriptors);
        assert_eq!(limits.connections, connections);
        assert!(limits.connections_per_address < connections);
    }
    assert!(Limits::default().connections_per_address >= 10_000);
}

/// One after the other on one connection: a kept connection may idle longer than a head may take, and neither is for ever.
#[tokio::test]
async fn idle_connections_and_second_heads_have_times_of_their_own() {
    let house = House::new().await;
    let limits = Limits {
        head: Duration::from_millis(300),
        idle: Duration::from_millis(1500),
        ..Limits::default()
    };
    let served = start(&house, limits).await;
    let get = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let ask = async |stream: &mut TcpStream| {
        stream.write_all(get).await.unwrap();
        let mut said = vec![0; 4096];
        let read = stream.read(&mut said).await.unwrap();
        assert!(said[..read].starts_with(b"HTTP/1.1 200 "));
    };
    let started = std::time::Instant::now();
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    let mut begins = TcpStream::connect(served.address).await.unwrap();
    ask(&mut idle).await;
    ask(&mut begins).await;
    begins.write_all(b"GET /he").await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), begins.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "half a second head was left open");
    let half = started.elapsed();
    let ended = tokio::time::timeout(Duration::from_secs(10), idle.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "an idle connection was left open");
    let idled = started.elapsed();
    assert!(
        half < idled && idled >= Duration::from_millis(1400),
        "{half:?} {idled:?}"
    );
    assert!(rest.is_empty());
    served.stop.cancel();
    served.task.await.unwrap();
}

/// Asks for much and takes nothing of it: the answer's memory is free again soon, and so is the connection.
#[tokio::test]
async fn a_client_that_takes_no_answer_is_cut_off() {
    let house = House::new().await;
    let limits = Limits {
        stuck: Duration::from_millis(300),
        ..Limits::default()
    };
    let served = start(&house, limits).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(served.address).await.unwrap();
    let get = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    // As many answers as no kernel buffers.
    let asked = get.repeat(200);
    let _ = stream.write_all(asked.as_bytes()).await;
    let gone = async {
        while house.metrics.connections.get() > 0 {
            tokio::task::yield_now().await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(10), gone).await;
    assert!(
        gone.is_ok(),
        "a client that takes nothing kept its connection"
    );
    served.stop.cancel();
}

#[tokio::test]
async fn fifty_slow_clients_of_every_kind_hinder_nobody_and_are_let_go() {
    let house = House::new().await;
    let limits = Limits {
        head: Duration::from_millis(700),
        ..Limits::default()
    };
    let served = start(&house, limits).await;
    let token = &house.tokens["admin"];
    let head = format!(
        "POST /api/v1/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    );
    let begun = [
        String::new(),
        "G".to_owned(),
        "GET /healthz HTTP/1.1\r\n".to_owned(),
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX: ".to_owned(),
        head,
    ];
    let mut slow = Vec::new();
    for at in 0..50 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream
            .write_all(begun[at % begun.len()].as_bytes())
            .await
            .unwrap();
        slow.push(stream);
    }
    let get = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for _ in 0..20 {
        let asked = std::time::Instant::now();
        assert!(raw(served.address, get).await.starts_with("HTTP/1.1 200 "));
        assert!(asked.elapsed() < Duration::from_secs(1));
        for stream in &mut slow {
            // One byte at a time does not buy time.
            let _ = stream.write_all(b"x").await;
        }
    }
    for mut stream in slow {
        let mut rest = Vec::new();
        let ended =
            tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "a slow client was left open");
    }
    served.stop.cancel();
    served.task.await.unwrap();
}

#[tokio::test]
async fn a_stop_lets_answers_finish_and_closes_idle_connections() {
    let house = House::new().await;
    let served = start(&house, Limits::default()).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    served.stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), served.task)
        .await
        .unwrap()
        .unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn a_store_that_cannot_write_means_503_and_retry_after() {
    let house = House::new().await;
    house.memory.as_ref().unwrap().set_full(true);
    let got = house
        .admin(
            "POST",
            "/api/v1/projects/HB/tokens",
            r#"{"name":"x","kind":"app"}"#,
        )
        .await;
    assert_eq!((got.status, got.code().as_str()), (503, "unavailable"));
    assert_ne!(got.header("retry-after"), "");
    assert_eq!(house.ask("nobody", "GET", "/readyz", "").await.status, 503);
    assert_eq!(house.ask("nobody", "GET", "/healthz", "").await.status, 200);
    assert_eq!(
        house.admin("GET", "/api/v1/projects/HB", "").await.status,
        200
    );
    house.memory.as_ref().unwrap().set_full(false);
    assert_eq!(house.ask("nobody", "GET", "/readyz", "").await.status, 200);
}

#[tokio::test]
async fn too_many_requests_under_way_are_told_to_wait() {
    let house = House::with(DoorLimits {
        in_flight: 0,
        ..DoorLimits::default()
    })
    .await;
    let got = house.admin("GET", "/api/v1/projects", "").await;
    assert_eq!(
        (got.status, got.code().as_str(), got.header("retry-after")),
        (503, "overloaded", "1")
    );
    assert_eq!(house.ask("nobody", "GET", "/healthz", "").await.status, 200);
    let house = House::with(DoorLimits {
        in_flight_per_token: 0,
        ..DoorLimits::default()
    })
    .await;
    let got = house.admin("GET", "/api/v1/projects", "").await;
    assert_eq!(
        (got.status, got.code().as_str(), got.header("retry-after")),
        (429, "too_many_requests", "1")
    );
}

#[tokio::test]
async fn large_bodies_wait_for_room_and_small_ones_do_not() {
    let limits = DoorLimits {
        body_mib: 0,
        body_wait: Duration::from_millis(10),
        ..DoorLimits::default()
    };
    let house = House::with(limits).await;
    let small = r#"{"key":"S","name":"small"}"#;
    let got = house.admin("POST", "/api/v1/projects", small).await;
    assert_eq!(got.status, 201);
    let large = format!(r#"{{"key":"L","name":"large"}}{}"#, " ".repeat(20_000));
    let request = http::Request::post("/api/v1/projects")
        .header("authorization", format!("Bearer {}", house.tokens["admin"]))
        .header("content-type", "application/json")
        .header("content-length", large.len())
        .body(large.into())
        .unwrap();
    let got = house.send(request).await;
    assert_eq!((got.status, got.code().as_str()), (503, "overloaded"));
}

/// The pages of the API are hundreds of kilobytes, made for whoever asks: what is not taken of them is bounded, and leaves the room of
/// those who are known alone.
#[tokio::test]
async fn pages_that_strangers_do_not_take_are_bounded() {
    let limits = DoorLimits {
        stranger_mib: 1,
        body_wait: Duration::from_millis(10),
        ..DoorLimits::default()
    };
    let house = House::with(limits).await;
    let ask = |path: &str| {
        let request = http::Request::get(path).body(axum::body::Body::empty());
        house.door.answer(request.unwrap())
    };
    let mut untaken = Vec::new();
    let refused = loop {
        let answer = ask("/docs/items").await;
        if answer.status() != 200 {
            break answer;
        }
        untaken.push(answer);
        assert!(untaken.len() < 10, "nothing bounds them");
    };
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    // What lies in the program, what is small, and whoever is known are not concerned.
    for path in ["/api/v1/openapi.json", "/healthz", "/sign-in"] {
        assert_eq!(ask(path).await.status(), 200, "{path}");
    }
    let got = house.admin("GET", "/api/v1/projects", "").await;
    assert_eq!(got.status, 200);
    drop(untaken);
    assert_eq!(ask("/docs/items").await.status(), 200);
}

#[tokio::test]
async fn metrics_count_what_was_answered() {
    let house = House::new().await;
    house.admin("GET", "/api/v1/projects", "").await;
    house.ask("nobody", "GET", "/api/v1/projects", "").await;
    let text = house.ask("nobody", "GET", "/metrics", "").await.text;
    for line in [
        "tidings_http_requests_total{operation=\"list_projects\",status=\"2xx\"} 1",
        "tidings_http_requests_total{operation=\"list_projects\",status=\"4xx\"} 1",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

/// One request on a connection that is kept; the status line and whatever came with it.
async fn on(stream: &mut TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut said = vec![0; 4096];
    let read = stream.read(&mut said).await.unwrap();
    String::from_utf8_lossy(&said[..read]).into_owned()
}

#[tokio::test]
async fn a_connection_that_rested_goes_on() {
    let house = House::new().await;
    let limits = Limits {
        rest: Duration::ZERO,
        ..Limits::default()
    };
    let served = start(&house, limits).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    // Longer apart than the finest rest: each finds the connection as its socket only.
    let mut turns = tokio::time::interval(Duration::from_millis(40));
    for turn in 0..12 {
        turns.tick().await;
        // From the porch to the inside, where it stays.
        let (path, expected) = if turn % 3 == 0 {
            ("/healthz", "HTTP/1.1 200")
        } else {
            ("/api/v1/none", "HTTP/1.1 404")
        };
        let said = on(&mut stream, path).await;
        assert!(said.starts_with(expected), "{turn}: {said}");
    }
    // Two at once, and a head in two parts.
    turns.tick().await;
    let two = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /api/v1/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut other = TcpStream::connect(served.address).await.unwrap();
    for stream in [&mut stream, &mut other] {
        stream.write_all(&two[..60]).await.unwrap();
        turns.tick().await;
        turns.tick().await;
        stream.write_all(&two[60..]).await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert_eq!(said.matches("HTTP/1.1 200").count(), 1, "{said}");
        assert_eq!(said.matches("HTTP/1.1 404").count(), 1, "{said}");
    }
    served.stop.cancel();
    served.task.await.unwrap();
}

/// A load balancer that gives up on a busy server makes everything worse.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_answered_while_every_thread_is_busy() {
    use std::io::{Read, Write};

    let house = House::new().await;
    let served = start(&house, Limits::default()).await;
    let address = served.address;
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let wait = Arc::new(parking_lot::Mutex::new(wait));
    let asks = std::thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let mut said = [0; 12];
        for _ in 0..3 {
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                .unwrap();
            stream.read_exact(&mut said).unwrap();
            assert_eq!(&said, b"HTTP/1.1 200");
            let mut rest = [0; 4096];
            assert!(stream.read(&mut rest).unwrap() > 0);
        }
        drop(done);
    });
    // Until the one who asks has its answers, both threads do nothing else.
    let busy: Vec<_> = (0..2)
        .map(|_| {
            let wait = Arc::clone(&wait);
            tokio::spawn(async move { wait.lock().recv().is_err() })
        })
        .collect();
    for thread in busy {
        assert!(thread.await.unwrap());
    }
    asks.join().unwrap();
    served.stop.cancel();
    served.task.await.unwrap();
}

/// On a machine with much else to do it takes a while until somebody looks at a connection: that was not the client.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_had_to_wait_for_a_thread_is_not_too_slow() {
    let house = House::new().await;
    let limits = Limits {
        head: Duration::from_millis(100),
        ..Limits::default()
    };
    let served = start(&house, limits).await;
    let address = served.address;
    for _ in 0..4 {
        let (busy, is_busy) = std::sync::mpsc::channel();
        for _ in 0..2 {
            let busy = busy.clone();
            tokio::spawn(async move {
                busy.send(()).unwrap();
                std::thread::sleep(3 * limits.head);
            });
        }
        let asks = std::thread::spawn(move || {
            use std::io::{Read, Write};
            is_busy.recv().unwrap();
            is_busy.recv().unwrap();
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream
                .write_all(b"GET /api/v1/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).unwrap();
            said
        });
        let said = asks.join().unwrap();
        assert!(said.starts_with("HTTP/1.1 404"), "{said}");
    }
    served.stop.cancel();
    served.task.await.unwrap();
}
