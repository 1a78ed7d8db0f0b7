//! Times in sentences.

use super::dated;

#[test]
fn times_in_sentences_are_written_as_on_pages() {
    let said = "Delivered after 1 try: status 200 at 2026-11-21T17:06:53.154Z. Paused since 2026-03-02T08:00:00Z; nothing is lost.";
    let shown = "Delivered after 1 try: status 200 at 21 Nov 2026, 17:06:53 UTC. Paused since 2 Mar 2026, 08:00:00 UTC; nothing is lost.";
    assert_eq!(dated(said), shown);
    for same in [
        "",
        "no time",
        "2026-13-40T00:00:00Z",
        "a  b ",
        "dlv_1m7zh699q0000.",
    ] {
        assert_eq!(dated(same), same);
    }
}
