//! The whole corpus of hostile URLs against the client: refused when they are saved, and again when they are connected to, with not
//! one packet for whoever listens there.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings_domain::Headers;
use tidings_egress::policy::REFUSED;
use tidings_egress::{Client, Outcome, Request, Saved, Transport, headers};
use tidings_testkit::corpus;
use tidings_testkit::corpus::urls::{ALIASES, LEADING_NAMES, MALFORMED, ORDINARY, forbidden};
use tidings_testkit::dns::{Dns, Zone};
use tidings_testkit::receiver::{Behavior, Receiver};

use crate::{client_allowing, post};

/// A name server that answers as the corpus says.
async fn names() -> Dns {
    let dns = Dns::start().await;
    for (name, addresses) in LEADING_NAMES {
        dns.set(name, Zone::addresses(addresses));
    }
    for (name, to) in ALIASES {
        dns.set(name, Zone::Alias((*to).to_owned()));
    }
    dns
}

async fn guarded() -> (Dns, Client) {
    let dns = names().await;
    let client = client_allowing(&[], Some(dns.addr()));
    (dns, client)
}

#[tokio::test]
async fn every_forbidden_url_is_refused_at_saving_and_at_connecting_and_nobody_hears_of_it() {
    let (_dns, client) = guarded().await;
    // On the port that all of them name.
    let canary = Receiver::start(Behavior::ok()).await;
    let urls = forbidden(canary.addr().port());
    let mut wordings = HashSet::new();
    for url in &urls {
        assert_eq!(client.check_url(url).await, Saved::Forbidden, "{url}");
        // As it would come from a store that somebody changed.
        let report = client.send(&post(url)).await;
        assert_eq!(
            (report.outcome, report.remote),
            (Outcome::Blocked, None),
            "{url}: {report:?}"
        );
        wordings.insert(report.error.unwrap().detail);
    }
    assert_eq!(wordings, HashSet::from([REFUSED.to_owned()]));
    assert_eq!((canary.connections(), client.stats().opened), (0, 0));
    assert_eq!(client.stats().blocked, urls.len() as u64);
    let all = urls.len() + MALFORMED.len();
    println!(
        "{} forbidden and {} malformed URLs refused",
        urls.len(),
        MALFORMED.len()
    );
    assert!(all >= 400, "{all}");
}

#[tokio::test]
async fn malformed_urls_have_a_word_each_and_ordinary_ones_are_taken() {
    let (_dns, client) = guarded().await;
    let mut wrong = Vec::new();
    for (url, word) in MALFORMED {
        match client.check_url(url).await {
            Saved::Invalid(fault) if fault.code == *word && fault.detail.len() > 20 => {}
            saved => wrong.push((url, word, saved)),
        }
        // What the parser of URLs takes all the same is not sent either.
        if let Ok(parsed) = url.parse::<url::Url>() {
            let request = Request {
                url: Arc::new(parsed),
                ..post("http://example.com/")
            };
            let report = client.send(&request).await;
            assert!(
                matches!(report.outcome, Outcome::Unsendable | Outcome::Blocked)
                    || report.error.is_some_and(|e| e.code == "dns_not_found"),
                "{url:?}: {:?}",
                report.outcome
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for url in ORDINARY {
        let saved = client.check_url(url).await;
        assert!(
            matches!(saved, Saved::Ok { .. } | Saved::Unresolved { .. }),
            "{url}: {saved:?}"
        );
    }
    assert_eq!(client.stats().opened, 0, "saving opens nothing");
    assert!(ORDINARY.len() >= 50);
}

#[test]
fn the_corpus_of_headers() {
    for (name, value, word) in corpus::headers::REFUSED {
        let fault = headers::check(name, value).map_err(|fault| fault.code);
        assert_eq!(fault, Err(*word), "{name:?}: {value:?}");
    }
    for (name, value) in corpus::headers::TAKEN {
        assert_eq!(headers::check(name, value), Ok(()), "{name:?}: {value:?}");
    }
    assert!(corpus::headers::REFUSED.len() >= 36);
}

/// A receiver gets exactly what was configured; a header that slipped in elsewhere makes a request unsendable.
#[tokio::test]
async fn headers_go_out_as_they_are_or_not_at_all() {
    let client = client_allowing(&["127.0.0.1"], None);
    let receiver = Receiver::start(Behavior::ok()).await;
    let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    };
    let taken = own(corpus::headers::TAKEN);
    let request = Request {
        headers: taken.iter().cloned().collect(),
        ..post(&receiver.url("/"))
    };
    assert_eq!(client.send(&request).await.outcome, Outcome::Accepted);
    let got = receiver.received().all().remove(0).headers();
    let ours = ["host", "accept-encoding", "content-length"];
    let theirs: Vec<_> = got
        .into_iter()
        .filter(|(name, _)| !ours.contains(&name.to_ascii_lowercase().as_str()))
        .collect();
    // A reader of lines cannot tell an empty value from none.
    let shown: Vec<_> = taken.into_iter().filter(|(_, v)| !v.is_empty()).collect();
    assert_eq!(
        theirs
            .into_iter()
            .filter(|(_, v)| !v.is_empty())
            .collect::<Vec<_>>(),
        shown
    );
    for (name, value, word) in corpus::headers::REFUSED {
        let breaks = |c: char| c == '\r' || c == '\n' || c == '\0';
        if *word == "header_name" || value.contains(breaks) {
            let request = Request {
                headers: Headers::from_iter([(name, value)]),
                ..post(&receiver.url("/"))
            };
            let report = client.send(&request).await;
            assert_eq!(report.outcome, Outcome::Unsendable, "{name:?}: {value:?}");
        }
    }
    assert_eq!(receiver.received().len(), 1);
}

/// Behind a refusal nothing shows: neither by words nor by time.
#[tokio::test]
async fn a_refusal_tells_nothing_of_what_is_behind_it() {
    const TRIES: usize = 200;
    let (_dns, client) = guarded().await;
    let open = Receiver::start(Behavior::ok()).await;
    let closed = tidings_testkit::closed_port().await;
    let targets = [
        open.url("/"),
        format!("http://{closed}/"),
        // Nobody is there.
        "http://10.255.255.1/".to_owned(),
        "http://127.99.99.99:9/".to_owned(),
    ];
    let mut took = targets.clone().map(|_| Vec::with_capacity(TRIES));
    let mut said = HashSet::new();
    for _ in 0..TRIES {
        for (target, took) in targets.iter().zip(&mut took) {
            let started = Instant::now();
            let report = client.send(&post(target)).await;
            took.push(started.elapsed());
            said.insert((
                report.outcome.as_str(),
                report.error.map(|error| (error.code, error.detail)),
                report.dns,
                report.connect,
                report.remote,
            ));
        }
    }
    assert_eq!(said.len(), 1, "{said:?}");
    let medians = took.map(|mut took| {
        took.sort_unstable();
        took[TRIES / 2]
    });
    let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    assert!(
        most.saturating_sub(*least) < Duration::from_millis(5),
        "{medians:?}"
    );
    assert_eq!(open.connections(), 0);
}
