//! Bodies, queries and headers of requests, on the corpora and their mutations: whatever comes, the answer is none of our faults.

mod check;

use tidings_testkit::corpus::{bodies, writes};
use tidings_testkit::mutate::mutations;

use crate::house::House;

#[tokio::test]
async fn bodies_of_the_corpus_and_their_mutations() {
    let house = House::new().await;
    let texts = bodies::BROKEN.iter().chain(bodies::LEGAL);
    let texts = texts.map(|body| body.to_vec());
    let writes = writes::ALL.iter().map(|(_, body)| body.as_bytes().to_vec());
    let seeds: Vec<Vec<u8>> = texts
        .chain(writes)
        .flat_map(|body| (0..check::ROUTES).map(move |route| [&[route], body.as_slice()].concat()))
        .collect();
    for seed in &seeds {
        check::body(&house, seed).await;
    }
    for input in mutations(&seeds, 1_000) {
        check::body(&house, &input).await;
    }
}

#[tokio::test]
async fn queries_and_cursors_and_their_mutations() {
    let house = House::new().await;
    let seeds: Vec<Vec<u8>> = [
        "limit=3&cursor=1.00000000",
        "webhook=1&state=pending&event=1&trigger=event&status=200",
        "object=tasks/1&since=2026-03-02T11:40:00Z&until=2026-03-02T11:40:00%2B01:00",
        "q=%C3%A9+a%20b&code=task.created",
        "",
        "&&=&",
    ]
    .map(|query| query.as_bytes().to_vec())
    .into();
    for input in mutations(&seeds, 2_000) {
        check::query(&house, &input).await;
    }
}
