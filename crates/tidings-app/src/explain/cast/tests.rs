//! Pages are whole: what does not fit waits for the next one.

use tidings_domain::delivery::DeliveryState;
use tidings_domain::webhook::{Health, Webhook};
use tidings_domain::{DeliveryId, ProjectId};
use tidings_storage::{DeliverySummary, LaneCounts};

use super::*;

fn webhook(id: i64) -> Found {
    let webhook = Webhook {
        dialect: "standard".to_owned(),
        ..Webhook::new(WebhookId(id), ProjectId(1), "")
    };
    (
        std::sync::Arc::new(webhook),
        Health::default(),
        LaneCounts::default(),
    )
}

fn delivery(webhook: i64) -> EventDelivery {
    EventDelivery {
        summary: DeliverySummary {
            id: DeliveryId(webhook),
            webhook: Some(WebhookId(webhook)),
            event: None,
            dialect: String::new(),
            code: String::new(),
            object: String::new(),
            sequence: None,
            title: String::new(),
            state: DeliveryState::Delivered,
            trigger: String::new(),
            late: false,
            created_ms: 0,
            due_ms: None,
            attempts: 0,
            last: None,
        },
        last_at: None,
        detail: None,
    }
}

/// The ids of a page with how many deliveries each has, and where the next begins.
fn page(
    webhooks: &[i64],
    deliveries: &[i64],
    most: usize,
    limit: usize,
) -> (Vec<(i64, usize)>, Option<i64>) {
    let cast = gather(
        webhooks.iter().copied().map(webhook).collect(),
        deliveries.iter().copied().map(delivery).collect(),
        most,
        limit,
    );
    let roles = cast.roles.iter();
    let ids = roles.map(|(id, role)| (id.0, role.deliveries.len()));
    (ids.collect(), cast.next)
}

#[test]
fn deleted_webhooks_stand_among_the_others() {
    let got = page(&[1, 3], &[2, 3, 3], 100, 10);
    assert_eq!(got, (vec![(1, 0), (2, 1), (3, 2)], None));
}

#[test]
fn more_than_fits_begins_the_next_page() {
    let got = page(&[1, 4], &[1, 2, 3, 4], 100, 2);
    assert_eq!(got, (vec![(1, 1), (2, 1)], Some(2)));
}

#[test]
fn a_webhook_that_may_have_more_deliveries_waits_for_the_next_page() {
    let got = page(&[1, 2, 3], &[1, 2, 2], 3, 10);
    assert_eq!(got, (vec![(1, 1)], Some(1)));
}

#[test]
fn the_first_webhook_is_shown_with_what_there_is() {
    let got = page(&[1, 2], &[1, 1], 2, 10);
    assert_eq!(got, (vec![(1, 2)], Some(1)));
    let deleted = page(&[9], &[4, 4], 2, 10);
    assert_eq!(deleted, (vec![(4, 2)], Some(4)));
}
