//! Tables of what is taken and what is refused.

use bytes::{Bytes, BytesMut};
use tidings_domain::Headers;

use super::{
    Body, Framing, HeadEnd, HeadFault, KEEP_BODY, MAX_BODY, Progress, read_head, write_head,
};

#[test]
fn a_request_goes_out_byte_for_byte() {
    let headers = Headers::from_iter([
        ("User-Agent", "GitScrum Webhook"),
        ("X-Header", "GitScrum"),
        ("X-Squish-Action", "submit"),
        ("webhook-id", "dlv_1"),
    ]);
    let mut out = BytesMut::new();
    write_head(
        &mut out,
        &"http://example.com:8080/a%20b?c=d".parse().unwrap(),
        &headers,
        1_048_576,
    )
    .unwrap();
    assert_eq!(
        std::str::from_utf8(&out).unwrap(),
        "POST /a%20b?c=d HTTP/1.1\r\nHost: example.com:8080\r\nUser-Agent: GitScrum Webhook\r\nX-Header: GitScrum\r\n\
         X-Squish-Action: submit\r\nwebhook-id: dlv_1\r\nAccept-Encoding: identity\r\nContent-Length: 1048576\r\n\r\n"
    );
    out.clear();
    write_head(
        &mut out,
        &"https://[2a00::1]/".parse().unwrap(),
        &Headers::default(),
        0,
    )
    .unwrap();
    assert_eq!(&out[..], b"POST / HTTP/1.1\r\nHost: [2a00::1]\r\nAccept-Encoding: identity\r\nContent-Length: 0\r\n\r\n");
    for (name, value) in [("X-A", "a\r\nB: c"), ("X A", "b"), ("X-A", "\0")] {
        assert_eq!(
            write_head(
                &mut BytesMut::new(),
                &"http://x/".parse().unwrap(),
                &Headers::from_iter([(name, value)]),
                0
            ),
            Err(name.to_owned())
        );
    }
}

#[test]
fn the_end_of_a_head_is_found_however_it_arrives() {
    for (text, expected) in [
        ("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", Some(25)),
        ("HTTP/1.1 200 OK\n\nbody", Some(17)),
        ("\r\n\r\nHTTP/1.1 200\r\n\r\n", Some(20)),
        ("HTTP/1.1 200 OK\r\nA: b\r\n", None),
    ] {
        assert_eq!(
            HeadEnd::default().find(text.as_bytes()),
            expected,
            "{text:?}"
        );
        let mut end = HeadEnd::default();
        let found = (0..=text.len()).find_map(|length| end.find(&text.as_bytes()[..length]));
        assert_eq!(found, expected, "{text:?} byte by byte");
    }
}

#[test]
fn heads_say_how_their_body_ends_and_whether_the_connection_stays() {
    for (head, framing, keep) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            Framing::Length(5),
            true,
        ),
        ("HTTP/1.1 204 No\r\n\r\n", Framing::Length(0), true),
        (
            "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n",
            Framing::Length(0),
            true,
        ),
        ("HTTP/1.1 304 No\r\n\r\n", Framing::Length(0), true),
        ("HTTP/1.1 200 OK\r\n\r\n", Framing::Close, false),
        (
            "HTTP/1.1 200\r\ncontent-length: 0\r\nconnection: Close\r\n\r\n",
            Framing::Length(0),
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 1\r\n\r\n",
            Framing::Length(1),
            false,
        ),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
            Framing::Length(1),
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n",
            Framing::Chunked,
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            Framing::Close,
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
            Framing::Chunked,
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
            Framing::Length(3),
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
            Framing::Close,
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n",
            Framing::Close,
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            Framing::Close,
            false,
        ),
        (
            "HTTP/1.1 101 Switch\r\nUpgrade: h2c\r\n\r\n",
            Framing::Length(0),
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=0\r\nContent-Length: 0\r\n\r\n",
            Framing::Length(0),
            false,
        ),
    ] {
        let read = read_head(head.as_bytes()).unwrap();
        assert_eq!((read.framing, read.keep), (framing, keep), "{head:?}");
    }
    let read = read_head(b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=15, max=100\r\nX-A: \xff\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(read.idle_seconds, Some(15));
    assert_eq!(read.headers.get("X-A"), Some("\u{fffd}"));
}

/// RFC 9112 5.2: old servers break long values into lines.
#[test]
fn a_value_on_several_lines_is_one_value() {
    for head in [
        "HTTP/1.1 200 OK\r\nX-A: one,\r\n two,\r\n\tthree\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\nX-A: one,\n two,\n\tthree\nContent-Length: 5\n\n",
    ] {
        assert_eq!(HeadEnd::default().find(head.as_bytes()), Some(head.len()));
        let read = read_head(head.as_bytes()).unwrap();
        let words: Vec<_> = read.headers.get("x-a").unwrap().split(' ').collect();
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        assert_eq!(words, ["one,", "two,", "\tthree"], "{head:?}");
        assert_eq!((read.framing, read.keep), (Framing::Length(5), true));
    }
    for (head, framing) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n 6\r\n\r\n",
            Framing::Close,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip,\r\n chunked\r\n\r\n",
            Framing::Chunked,
        ),
    ] {
        assert_eq!(read_head(head.as_bytes()).unwrap().framing, framing);
    }
}

#[test]
fn an_answer_takes_no_more_memory_than_its_words() {
    let padded = format!("HTTP/1.1 200 OK\r\nA:{}b\r\n\r\n", " ".repeat(60_000));
    let read = read_head(padded.as_bytes()).unwrap();
    assert_eq!(read.headers.get("a"), Some("b"));
    assert!(read.headers.memory() < 1_000, "{}", read.headers.memory());
}

#[test]
fn what_is_no_head_is_told_apart() {
    for garbage in [
        "SSH-2.0-OpenSSH_9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\n",
        "<html>\n\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n folded: under nothing\r\n\r\n",
    ] {
        assert_eq!(
            read_head(garbage.as_bytes()).unwrap_err(),
            HeadFault::Invalid,
            "{garbage:?}"
        );
    }
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(101));
    assert_eq!(
        read_head(many.as_bytes()).unwrap_err(),
        HeadFault::TooManyFields
    );
}

/// Feeds byte by byte and all at once, which must not differ.
fn body(framing: Framing, bytes: &[u8]) -> (Bytes, bool, Progress) {
    let run = |step: usize| {
        let mut body = Body::new(framing);
        let mut inbox = BytesMut::new();
        let mut progress = body.feed(&[]).1;
        for part in bytes.chunks(step) {
            inbox.extend_from_slice(part);
            if progress != Progress::More {
                break;
            }
            let (used, next) = body.feed(&inbox);
            let _ = inbox.split_to(used);
            progress = next;
        }
        let (kept, cut) = body.finish();
        (kept, cut, progress)
    };
    let whole = run(bytes.len().max(1));
    assert_eq!(run(1), whole, "{framing:?}");
    whole
}

#[test]
fn bodies_are_taken_apart() {
    for (framing, bytes, kept, cut, progress) in [
        (Framing::Length(0), "", "", false, Progress::Done),
        (Framing::Length(5), "hello", "hello", false, Progress::Done),
        (
            Framing::Length(5),
            "hello and more",
            "hello",
            false,
            Progress::Done,
        ),
        (Framing::Length(9), "hello", "hello", true, Progress::More),
        (Framing::Close, "hello", "hello", false, Progress::More),
        (
            Framing::Chunked,
            "5\r\nhello\r\n0\r\n\r\n",
            "hello",
            false,
            Progress::Done,
        ),
        (
            Framing::Chunked,
            "5\nhello\n0\n\n",
            "hello",
            false,
            Progress::Done,
        ),
        (
            Framing::Chunked,
            "3;a=b\r\nhel\r\n02 \r\nlo\r\n000\r\nX: y\r\n\r\n",
            "hello",
            false,
            Progress::Done,
        ),
        (
            Framing::Chunked,
            "A\r\n0123456789\r\n0\r\n\r\n",
            "0123456789",
            false,
            Progress::Done,
        ),
        (Framing::Chunked, "5\r\nhel", "hel", true, Progress::More),
        (Framing::Chunked, "x\r\n", "", true, Progress::Stop),
        (Framing::Chunked, "\r\n", "", true, Progress::Stop),
        (
            Framing::Chunked,
            "5\r\nhelloX",
            "hello",
            true,
            Progress::Stop,
        ),
        (Framing::Chunked, "-1\r\n", "", true, Progress::Stop),
        (
            Framing::Chunked,
            "ffffffffffffffffff\r\n",
            "",
            true,
            Progress::Stop,
        ),
    ] {
        assert_eq!(
            body(framing, bytes.as_bytes()),
            (Bytes::from(kept), cut, progress),
            "{framing:?} {bytes:?}"
        );
    }
    let endless_extension = format!("5;{}", "x".repeat(2_000));
    assert_eq!(
        body(Framing::Chunked, endless_extension.as_bytes()).2,
        Progress::Stop
    );
}

#[test]
fn long_bodies_are_cut_and_left() {
    let long = vec![b'x'; 4 * MAX_BODY];
    for framing in [
        Framing::Close,
        Framing::Length(1 << 30),
        Framing::Length(MAX_BODY as u64 + 1),
    ] {
        let (kept, cut, progress) = body(framing, &long);
        assert_eq!(
            (kept.len(), cut, progress),
            (KEEP_BODY, true, Progress::Stop),
            "{framing:?}"
        );
    }
    // One that ends within what is read leaves the connection usable.
    let (kept, cut, progress) = body(Framing::Length(20_000), &long);
    assert_eq!(
        (kept.len(), cut, progress),
        (KEEP_BODY, true, Progress::Done)
    );
    let trailers = format!("0\r\n{}", "X: y\r\n".repeat(20_000));
    assert_eq!(
        body(Framing::Chunked, trailers.as_bytes()).2,
        Progress::Stop
    );
}
