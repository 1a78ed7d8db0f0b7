//! Watchers are told of their project, do not hold anybody up, and find the end.

use super::*;

const P: ProjectId = ProjectId(1);
const Q: ProjectId = ProjectId(2);

#[tokio::test]
async fn watchers_are_told_of_their_project_only() {
    let feed = Arc::new(Feed::default());
    feed.tell(P, News::Much);
    let (mut one, mut two) = (feed.watch(P), feed.watch(Q));
    feed.tell(P, News::Delivery(DeliveryId(7)));
    feed.tell(Q, News::Event(EventId(3)));
    assert_eq!(one.next().await, Some(News::Delivery(DeliveryId(7))));
    assert_eq!(two.next().await, Some(News::Event(EventId(3))));
    drop(one);
    assert_eq!(feed.projects.lock().senders.len(), 1, "the other's is left");
    drop(two);
    assert!(!feed.is_watched());
    assert!(feed.projects.lock().senders.is_empty());
}

#[tokio::test]
async fn who_falls_behind_is_told_to_look_anew() {
    let feed = Arc::new(Feed::default());
    let mut watch = feed.watch(P);
    for id in 0..10_000 {
        feed.tell(P, News::Delivery(DeliveryId(id)));
    }
    assert_eq!(watch.next().await, Some(News::Much));
    let next = watch.next().await;
    assert_eq!(next, Some(News::Delivery(DeliveryId(10_000 - 256))));
}

#[tokio::test]
async fn the_end_is_told_at_once_and_to_latecomers() {
    let feed = Arc::new(Feed::default());
    let mut watch = feed.watch(P);
    feed.tell(P, News::Much);
    feed.close();
    assert_eq!(watch.next().await, Some(News::Much), "what was told before");
    assert_eq!(watch.next().await, None);
    assert_eq!(feed.watch(P).next().await, None);
}
