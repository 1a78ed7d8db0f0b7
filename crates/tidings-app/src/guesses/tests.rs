//! An allowance is used up, comes back, and is everybody's own.

use super::{Allowance, Guesses};

const EACH: i64 = 1000;

fn guesses() -> Guesses {
    Guesses::new(Allowance {
        burst: 3,
        each_ms: EACH,
    })
}

#[test]
fn an_allowance_is_used_up_and_comes_back() {
    let (guesses, now) = (guesses(), 1_000_000);
    for _ in 0..3 {
        assert_eq!(guesses.take(&"ada", now), Ok(()));
    }
    assert_eq!(guesses.take(&"ada", now), Err(EACH));
    assert_eq!(guesses.take(&"ada", now + 400), Err(EACH - 400));
    assert_eq!(guesses.take(&"ada", now + EACH), Ok(()));
    assert_eq!(guesses.take(&"ada", now + EACH), Err(EACH));
    // After a long rest there are three again, not more.
    let later = now + 100 * EACH;
    let some = (0..10).filter(|_| guesses.take(&"ada", later).is_ok());
    assert_eq!(some.count(), 3);
}

#[test]
fn what_was_no_guess_costs_nothing() {
    let guesses = guesses();
    for _ in 0..100 {
        assert_eq!(guesses.take(&"ada", 5000), Ok(()));
        guesses.give_back(&"ada");
    }
}

#[test]
fn one_name_does_not_use_up_anothers() {
    let guesses = guesses();
    while guesses.take(&"ada", 5000).is_ok() {}
    // Of a hundred names a few may share a slot with that one, never all.
    let free = (0..100).filter(|n: &i32| guesses.take(n, 5000).is_ok());
    assert!(free.count() > 90);
}
