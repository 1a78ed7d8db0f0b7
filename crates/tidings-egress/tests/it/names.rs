//! Names: every answer judged, faults of the resolver told from names that do not exist, rebinding.

use std::time::{Duration, Instant};

use tidings_egress::policy::REFUSED;
use tidings_egress::{Outcome, Request, Saved, Tls, Transport};
use tidings_testkit::dns::{Dns, Zone};
use tidings_testkit::receiver::{Behavior, Receiver};
use tidings_testkit::tls::{Authority, Kind};

use crate::{client, client_allowing, code, post, send_within};

#[tokio::test]
async fn a_name_leads_to_its_address() {
    let dns = Dns::start().await;
    dns.set("hook.example.test", Zone::address("127.0.0.1"));
    dns.set(
        "alias.example.test",
        Zone::Alias("hook.example.test".to_owned()),
    );
    dns.set(
        "six.example.test",
        Zone::SilentForIpv6(vec!["127.0.0.1".parse().unwrap()]),
    );
    let receiver = Receiver::start(Behavior::ok()).await;
    let client = client(Some(dns.addr()));
    for host in [
        "hook.example.test",
        "HOOK.Example.Test.",
        "alias.example.test",
        "six.example.test",
    ] {
        let report = client.send(&post(&receiver.url_at(host, "/"))).await;
        assert_eq!(report.outcome, Outcome::Accepted, "{host}: {report:?}");
        assert!(report.dns.is_some());
    }
    assert!(
        dns.asked()
            .all()
            .iter()
            .all(|question| question.name.ends_with(".example.test")),
        "no search list"
    );
}

#[tokio::test]
async fn one_forbidden_answer_refuses_all_and_nothing_is_sent() {
    let dns = Dns::start().await;
    let canary = Receiver::start(Behavior::ok()).await;
    let port = canary.addr().port();
    let client = client_allowing(&[], Some(dns.addr()));
    let mapped = "::ffff:127.0.0.1";
    for (name, zone) in [
        ("a.example.test", Zone::address("127.0.0.1")),
        ("b.example.test", Zone::address("::1")),
        (
            "c.example.test",
            Zone::addresses(&["93.184.216.34", "127.0.0.1"]),
        ),
        (
            "d.example.test",
            Zone::addresses(&["93.184.216.34", "fd00::1"]),
        ),
        ("e.example.test", Zone::address("169.254.169.254")),
        ("f.example.test", Zone::address(mapped)),
        ("g.example.test", Zone::address("64:ff9b::a9fe:a9fe")),
        ("h.example.test", Zone::Alias("a.example.test".to_owned())),
        ("i.example.test", Zone::Alias("h.example.test".to_owned())),
        ("127.0.0.1.nip.example.test", Zone::address("127.0.0.1")),
    ] {
        dns.set(name, zone);
        let url = format!("http://{name}:{port}/");
        assert_eq!(client.check_url(&url).await, Saved::Forbidden, "{name}");
        let report = client.send(&post(&url)).await;
        assert_eq!(
            (report.outcome, report.remote),
            (Outcome::Blocked, None),
            "{name}"
        );
        assert_eq!(report.error.unwrap().detail, REFUSED);
    }
    let literals = [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "LOCALHOST.",
        "x.localhost",
        "db",
        "db.internal",
        "printer.local",
        "10.0.0.1",
        "0",
        "169.254.169.254",
        "[fe80::1]",
        "①②⑦.0.0.1",
        "127.0.0.1.",
    ];
    for host in literals {
        let url = format!("http://{host}:{port}/");
        assert_eq!(client.check_url(&url).await, Saved::Forbidden, "{host}");
        let report = client.send(&post(&url)).await;
        assert_eq!(
            (report.outcome, code(&report)),
            (Outcome::Blocked, "blocked"),
            "{host}"
        );
    }
    assert_eq!(canary.connections(), 0);
    assert!(client.stats().blocked > 20);
}

#[tokio::test]
async fn faults_of_the_resolver_are_not_the_receivers() {
    let dns = Dns::start().await;
    dns.set("empty.example.test", Zone::Empty);
    dns.set("fail.example.test", Zone::ServFail);
    dns.set("refuse.example.test", Zone::Refused);
    dns.set("silent.example.test", Zone::Silent);
    dns.set("garbage.example.test", Zone::Garbage);
    let client = client(Some(dns.addr()));
    for (name, outcome, word) in [
        ("absent", Outcome::Unreachable, "dns_not_found"),
        ("empty", Outcome::Unreachable, "dns_not_found"),
        ("fail", Outcome::Unsendable, "dns_failed"),
        ("refuse", Outcome::Unsendable, "dns_failed"),
        ("silent", Outcome::Unsendable, "dns_failed"),
        ("garbage", Outcome::Unsendable, "dns_failed"),
    ] {
        let started = Instant::now();
        let report = send_within(&client, &format!("http://{name}.example.test/"), 500).await;
        assert_eq!(
            (report.outcome, code(&report)),
            (outcome, word),
            "{name}: {report:?}"
        );
        assert!(started.elapsed() < Duration::from_millis(1_500));
    }
    // Nobody listens at all.
    let report = send_within(&crate::client(None), "http://hook.example.test/", 500).await;
    assert_eq!(
        (report.outcome, code(&report)),
        (Outcome::Unsendable, "dns_failed")
    );
}

#[tokio::test]
async fn saving_asks_once_and_warns_when_there_is_no_answer() {
    let dns = Dns::start().await;
    dns.set("good.example.test", Zone::address("93.184.216.34"));
    dns.set("silent.example.test", Zone::Silent);
    let client = client_allowing(&[], Some(dns.addr()));
    let good = client.check_url("HTTPS://Good.example.test:443/x#y").await;
    assert_eq!(
        good,
        Saved::Ok {
            url: "https://good.example.test/x".parse().unwrap(),
            insecure: false
        }
    );
    let plain = client.check_url("http://good.example.test/").await;
    assert!(matches!(plain, Saved::Ok { insecure: true, .. }));
    let started = Instant::now();
    for name in ["absent", "silent"] {
        let saved = client
            .check_url(&format!("https://{name}.example.test/"))
            .await;
        assert!(
            matches!(
                saved,
                Saved::Unresolved {
                    insecure: false,
                    ..
                }
            ),
            "{name}: {saved:?}"
        );
    }
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
    assert!(
        matches!(client.check_url("ftp://x/").await, Saved::Invalid(fault) if fault.code == "url_scheme")
    );
    assert!(matches!(
        client.check_url("https://8.8.8.8/").await,
        Saved::Ok { .. }
    ));
}

#[tokio::test]
async fn a_name_that_moves_is_judged_again() {
    let dns = Dns::start().await;
    let receiver = Receiver::start(Behavior::ok().header("Connection", "close")).await;
    // Allowed only as 127.0.0.1; the second answer leads elsewhere on this machine.
    dns.set_turns(
        "moving.example.test",
        vec![Zone::address("127.0.0.1"), Zone::address("127.0.0.2")],
    );
    let client = client(Some(dns.addr()));
    let url = receiver.url_at("moving.example.test", "/");
    assert_eq!(client.send(&post(&url)).await.outcome, Outcome::Accepted);
    let report = client.send(&post(&url)).await;
    assert_eq!(
        (report.outcome, code(&report)),
        (Outcome::Blocked, "blocked"),
        "{report:?}"
    );
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn huge_answers_come_over_tcp_and_are_judged_whole() {
    let dns = Dns::start().await;
    let many: Vec<_> = (1..=200_u8)
        .map(|last| format!("93.184.216.{last}"))
        .collect();
    let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
    dns.set("many.example.test", Zone::addresses(&many));
    many.push("10.0.0.1");
    dns.set("mixed.example.test", Zone::addresses(&many));
    let client = client_allowing(&[], Some(dns.addr()));
    assert!(matches!(
        client.check_url("https://many.example.test/").await,
        Saved::Ok { .. }
    ));
    assert_eq!(
        client.check_url("https://mixed.example.test/").await,
        Saved::Forbidden
    );
    assert!(dns.asked().all().iter().any(|question| question.tcp));
}

#[tokio::test]
async fn local_names_lead_only_where_the_operator_says() {
    let dns = Dns::start().await;
    dns.set("ci.internal", Zone::address("127.0.0.1"));
    dns.set("out.internal", Zone::address("93.184.216.34"));
    dns.set("named", Zone::address("127.0.0.1"));
    let receiver = Receiver::start(Behavior::ok()).await;
    let nets = client(Some(dns.addr()));
    for (host, allowed) in [
        ("ci.internal", true),
        ("named", true),
        ("localhost", true),
        ("a.localhost", true),
        ("out.internal", false),
        ("absent.internal", false),
    ] {
        let saved = nets.check_url(&receiver.url_at(host, "/")).await;
        assert_eq!(
            matches!(saved, Saved::Ok { .. }),
            allowed,
            "{host}: {saved:?}"
        );
        assert_eq!(saved == Saved::Forbidden, !allowed, "{host}");
    }
    assert_eq!(
        nets.send(&post(&receiver.url_at("localhost", "/")))
            .await
            .outcome,
        Outcome::Accepted
    );
    let port = receiver.addr().port();
    let hosts = client_allowing(&[&format!("named:{port}")], Some(dns.addr()));
    assert_eq!(
        hosts
            .send(&post(&receiver.url_at("named", "/")))
            .await
            .outcome,
        Outcome::Accepted
    );
    assert_eq!(
        hosts
            .send(&post(&receiver.url_at("ci.internal", "/")))
            .await
            .outcome,
        Outcome::Blocked
    );
    assert_eq!(hosts.check_url("http://named:1/").await, Saved::Forbidden);
}

#[tokio::test]
async fn tls_is_checked_against_the_name() {
    let dns = Dns::start().await;
    dns.set("hook.example.test", Zone::address("127.0.0.1"));
    dns.set("other.example.test", Zone::address("127.0.0.1"));
    let authority = Authority::new();
    let tls = Tls {
        insecure: false,
        ca_pem: Some(authority.pem().into()),
    };
    let receiver = Receiver::start_tls(
        Behavior::ok(),
        authority.server_for(Kind::Valid, &["hook.example.test"]),
    )
    .await;
    let client = client(Some(dns.addr()));
    for (host, word) in [
        ("hook.example.test", ""),
        ("hook.example.test.", ""),
        ("other.example.test", "tls_wrong_name"),
    ] {
        let report = client
            .send(&Request {
                tls: tls.clone(),
                ..post(&receiver.url_at(host, "/"))
            })
            .await;
        assert_eq!(code(&report), word, "{host}: {report:?}");
    }
}

#[tokio::test]
async fn a_resolver_that_comes_back_is_used_at_once() {
    let dns = Dns::start().await;
    let receiver = Receiver::start(Behavior::ok()).await;
    let client = client(Some(dns.addr()));
    let url = receiver.url_at("hook.example.test", "/");
    for fault in [Zone::Silent, Zone::ServFail, Zone::Garbage, Zone::NoName] {
        dns.set("hook.example.test", fault.clone());
        let request = Request {
            fresh: true,
            deadline: Duration::from_millis(300),
            ..post(&url)
        };
        let report = client.send(&request).await;
        assert!(code(&report).starts_with("dns_"), "{fault:?}: {report:?}");
        dns.set("hook.example.test", Zone::address("127.0.0.1"));
        let report = client
            .send(&Request {
                fresh: true,
                ..post(&url)
            })
            .await;
        assert_eq!(
            report.outcome,
            Outcome::Accepted,
            "after {fault:?}: {report:?}"
        );
    }
}

#[tokio::test]
async fn an_address_that_refuses_does_not_hide_the_next() {
    let dns = Dns::start().await;
    dns.set(
        "hook.example.test",
        Zone::addresses(&["::1", "127.0.0.1", "127.0.0.2"]),
    );
    let receiver = Receiver::start(Behavior::ok()).await;
    let client = client_allowing(&["127.0.0.0/8", "::1"], Some(dns.addr()));
    let report = client
        .send(&post(&receiver.url_at("hook.example.test", "/")))
        .await;
    assert_eq!(
        (report.outcome, report.remote),
        (Outcome::Accepted, Some(receiver.addr())),
        "{report:?}"
    );
    let closed = tidings_testkit::closed_port().await.port();
    let report = client
        .send(&post(&format!("http://hook.example.test:{closed}/")))
        .await;
    assert_eq!(code(&report), "connect_refused");
}

/// As long as an answer may be remembered, one question serves all; what is remembered is judged each time all the same.
#[tokio::test]
async fn answers_are_remembered_for_their_time_and_judged_every_time() {
    let dns = Dns::start().await;
    dns.set_ttl(60);
    dns.set("kept.example.test", Zone::address("127.0.0.1"));
    let receiver = Receiver::start(Behavior::ok()).await;
    let client = client(Some(dns.addr()));
    let url = receiver.url_at("kept.example.test", "/");
    let fresh = || Request {
        fresh: true,
        ..post(&url)
    };
    for _ in 0..20 {
        assert_eq!(client.send(&fresh()).await.outcome, Outcome::Accepted);
    }
    assert_eq!(receiver.connections(), 20);
    assert_eq!(dns.asked().len(), 2, "once for each family");
    client.set_policy(tidings_egress::policy::Policy::new(Vec::new(), Vec::new()));
    let report = client.send(&post(&url)).await;
    assert_eq!(
        (report.outcome, code(&report)),
        (Outcome::Blocked, "blocked")
    );
    assert_eq!(dns.asked().len(), 2, "judged without asking again");
    assert_eq!(receiver.connections(), 20);
}

#[tokio::test]
async fn a_remembered_answer_is_forgotten_when_its_time_is_over() {
    let dns = Dns::start().await;
    dns.set_ttl(1);
    dns.set("short.example.test", Zone::address("127.0.0.1"));
    let receiver = Receiver::start(Behavior::ok()).await;
    let client = client(Some(dns.addr()));
    let url = receiver.url_at("short.example.test", "/");
    let fresh = || Request {
        fresh: true,
        ..post(&url)
    };
    assert_eq!(client.send(&fresh()).await.outcome, Outcome::Accepted);
    dns.set("short.example.test", Zone::address("10.0.0.1"));
    let started = Instant::now();
    loop {
        let report = client.send(&fresh()).await;
        match report.outcome {
            Outcome::Accepted => assert!(started.elapsed() < Duration::from_secs(10)),
            Outcome::Blocked => break,
            outcome => panic!("{outcome:?}"),
        }
    }
    assert!(dns.asked().len() >= 4);
}

/// A name that moves while a connection to its judged address is kept: the kept connection leads where it always led, and the next
/// one is judged anew.
#[tokio::test]
async fn a_name_that_moves_under_a_kept_connection_never_leads_elsewhere() {
    let dns = Dns::start().await;
    dns.set("moving.example.test", Zone::address("127.0.0.1"));
    let receiver = Receiver::start(Behavior::ok()).await;
    let client = client(Some(dns.addr()));
    let url = receiver.url_at("moving.example.test", "/");
    assert_eq!(client.send(&post(&url)).await.outcome, Outcome::Accepted);
    for zone in [
        Zone::address("127.0.0.2"),
        Zone::addresses(&["127.0.0.1", "10.0.0.1"]),
        Zone::address("::1"),
    ] {
        dns.set("moving.example.test", zone);
        let kept = client.send(&post(&url)).await;
        assert_eq!((kept.outcome, kept.reused), (Outcome::Accepted, true));
        assert_eq!(kept.remote, Some(receiver.addr()));
        let report = client
            .send(&Request {
                fresh: true,
                ..post(&url)
            })
            .await;
        assert_eq!((report.outcome, report.remote), (Outcome::Blocked, None));
    }
    // The address itself is forbidden now: the kept connection is not used either.
    client.set_policy(tidings_egress::policy::Policy::new(Vec::new(), Vec::new()));
    assert_eq!(client.send(&post(&url)).await.outcome, Outcome::Blocked);
    assert_eq!(receiver.connections(), 1);
}
