//! The rooms as their users see them.

use std::time::Duration;

use tidings_domain::Value;

use super::{Rooms, count_values};

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn values_are_counted_outside_of_strings() {
    for (text, count) in [
        ("1", 1),
        ("[]", 2),
        ("[1,2,3]", 4),
        (r#"{"a":1}"#, 3),
        (r#"{"a,b":"c:[{\",,,"}"#, 3),
        (r#"["\\",1]"#, 3),
        ("", 1),
        ("\"", 1),
        ("\"\\", 1),
    ] {
        assert_eq!(count_values(text.as_bytes()), count, "{text}");
    }
}

/// What the rooms reckon with is no less than what a body takes.
#[test]
fn a_text_is_never_dearer_than_its_room() {
    fn held(value: &Value) -> usize {
        let own = size_of::<Value>();
        match value {
            // Shared text has two counters before it.
            Value::Text(text) if text.is_heap_allocated() => text.len() + 2 * size_of::<usize>(),
            Value::List(items) => {
                let unused = items.capacity() - items.len();
                unused * own + items.iter().map(|v| own + held(v)).sum::<usize>()
            }
            Value::Map(members) => {
                let place = size_of::<(String, Value)>();
                let each = |(name, v): &(String, Value)| place + name.capacity() + held(v);
                (members.capacity() - members.len()) * place
                    + members.iter().map(each).sum::<usize>()
            }
            _ => 0,
        }
    }
    for piece in [
        "0",
        "{}",
        "[]",
        r#"{"":0}"#,
        r#"{"a":{"":0}}"#,
        "[[0]]",
        "\"\"",
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}",
    ] {
        let text = format!("[{}{piece}]", format!("{piece},").repeat(20_000));
        let value = Value::parse(text.as_bytes()).unwrap();
        let reckoned = text.len() + count_values(text.as_bytes()) * super::VALUE_BYTES;
        let held = held(&value);
        assert!(
            held <= reckoned,
            "{piece}: {held} held, {reckoned} reckoned with"
        );
    }
}

#[tokio::test]
async fn a_room_is_shared_and_small_things_need_none() {
    let rooms = Rooms::new([1, 1, 8, 1], SHORT);
    assert!(rooms.for_text(super::SMALL).await.unwrap().is_none());
    let half = rooms.for_text(600 * 1024).await.unwrap();
    assert_eq!(
        rooms.for_text(600 * 1024).await.unwrap_err().code,
        "overloaded"
    );
    drop(half);
    let all = rooms.for_text(100 * 1024 * 1024).await.unwrap();
    assert!(rooms.for_text(9000).await.is_err(), "the room is full");
    drop(all);
    assert!(rooms.for_text(9000).await.unwrap().is_some());
}

#[tokio::test]
async fn a_page_gives_back_what_it_does_not_need() {
    let rooms = Rooms::new([1, 1, 8, 1], SHORT);
    let (one, two) = (
        rooms.for_page().await.unwrap(),
        rooms.for_page().await.unwrap(),
    );
    assert!(rooms.for_page().await.is_err());
    assert!(one.shrink(1000).is_none());
    let kept = two.shrink(100_000).unwrap();
    let third = rooms.for_page().await.unwrap();
    assert!(rooms.for_page().await.is_err());
    drop(kept);
    assert!(
        rooms
            .for_answer(4 * 1024 * 1024, true)
            .await
            .unwrap()
            .is_some()
    );
    drop(third);
}

#[tokio::test]
async fn a_body_of_nothing_but_brackets_is_refused() {
    let rooms = Rooms::new([64, 128, 64, 16], SHORT);
    let many = format!("[{}0]", "0,".repeat(600_000));
    assert_eq!(
        rooms.for_values(many.as_bytes()).await.unwrap_err().code,
        "too_large"
    );
    let text = format!("[\"{}\"]", ",".repeat(1_000_000));
    assert!(rooms.for_values(text.as_bytes()).await.unwrap().is_some());
}
