//! The readers of URLs, addresses and headers, on the corpora and their mutations.

mod check;

use tidings_testkit::corpus::{headers, urls};
use tidings_testkit::mutate::mutations;

#[test]
fn urls_of_the_corpus_and_their_mutations() {
    let hosts = urls::forbidden(80).into_iter().map(String::into_bytes);
    let malformed = urls::MALFORMED
        .iter()
        .map(|(url, _)| url.as_bytes().to_vec());
    let ordinary = urls::ORDINARY.iter().map(|url| url.as_bytes().to_vec());
    let seeds: Vec<Vec<u8>> = hosts.chain(malformed).chain(ordinary).collect();
    for seed in &seeds {
        check::url(seed);
    }
    for input in mutations(&seeds, 50_000) {
        check::url(&input);
    }
}

#[test]
fn addresses_of_the_corpus_and_their_mutations() {
    let seeds: Vec<Vec<u8>> = urls::IPV4
        .iter()
        .flat_map(|ip| urls::carried(ip.parse().unwrap()))
        .map(|ip| ip.octets().to_vec())
        .collect();
    for seed in &seeds {
        check::address(seed);
    }
    for input in mutations(&seeds, 50_000) {
        check::address(&input);
    }
}

#[test]
fn headers_of_the_corpus_and_their_mutations() {
    let refused = headers::REFUSED
        .iter()
        .map(|(name, value, _)| (*name, *value));
    let seeds: Vec<Vec<u8>> = refused
        .chain(headers::TAKEN.iter().copied())
        .map(|(name, value)| format!("{name}\u{1}{value}").into_bytes())
        .collect();
    for input in mutations(&seeds, 50_000) {
        check::header(&input);
    }
}
