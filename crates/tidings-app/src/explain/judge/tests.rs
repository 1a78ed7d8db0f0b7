//! The order of the reasons: what people must act on comes before what is well, and what is well before what is meant so.

use super::Reason;

#[test]
fn trouble_is_told_before_waiting_before_success_before_silence() {
    let order = [
        Reason::Failed,
        Reason::Parked,
        Reason::Paused,
        Reason::BackingOff,
        Reason::Retry,
        Reason::Behind,
        Reason::InFlight,
        Reason::Delivered,
        Reason::ChangedSince,
        Reason::OtherCode,
        Reason::NotSelected,
    ];
    assert!(order.is_sorted(), "{order:?}");
    assert!(Reason::ALL.is_sorted());
    let mut words: Vec<&str> = Reason::ALL.iter().map(|r| r.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Reason::ALL.len());
}
