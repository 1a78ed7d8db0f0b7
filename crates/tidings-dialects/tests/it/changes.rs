//! Arbitrary writes to the sample project, from the corpus and its mutations: each is refused or carried out, what is carried out is
//! told by every dialect, and doing it again changes nothing.

mod check;

use tidings_domain::Collection;
use tidings_testkit::corpus::{bodies, writes};
use tidings_testkit::mutate::mutations;

fn place(path: &str) -> u8 {
    let found = Collection::ALL.iter().position(|c| c.path() == path);
    u8::try_from(found.unwrap()).unwrap()
}

#[test]
fn the_corpus_of_writes() {
    let mut done = 0;
    for (collection, body) in writes::ALL {
        for operation in 0..check::OPERATIONS {
            let body = body.as_bytes();
            done += usize::from(check::carry_out(operation, place(collection), body));
        }
    }
    assert!(done > writes::ALL.len(), "{done} were carried out");
    for body in bodies::LEGAL {
        for collection in 0..Collection::ALL.len() {
            check::carry_out(0, u8::try_from(collection).unwrap(), body);
        }
    }
}

#[test]
fn mutated_writes() {
    let seed = |operation: u8, (collection, body): &(&str, &str)| {
        [&[operation, place(collection)], body.as_bytes()].concat()
    };
    let seeds: Vec<Vec<u8>> = writes::ALL
        .iter()
        .flat_map(|write| (0..check::OPERATIONS).map(move |op| seed(op, write)))
        .collect();
    for input in mutations(&seeds, 5_000) {
        check::write(&input);
    }
}
