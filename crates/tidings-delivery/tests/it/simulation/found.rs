//! What the simulation has found, each as an example of its own.

use std::sync::Arc;
use std::time::Duration;

use tidings_domain::webhook::{Health, Sealed};
use tidings_storage::Store;

use super::hooks::{draw, host};
use super::in_own_time;
use super::run::{Run, Shape};
use super::stage::PROJECTS;
use crate::world::Seed;

/// A server without webhooks and without faults.
async fn quiet() -> Run {
    let shape = Shape {
        hooks: 0,
        sick: false,
        slowness: false,
        window: 512,
        ..Shape::of(0)
    };
    let run = Run::new(0, shape).await;
    run.stage.start().await;
    run
}

#[test]
fn a_webhook_saved_while_the_store_refuses_reads_is_in_force_all_the_same() {
    in_own_time(async {
        let run = quiet().await;
        let (stage, disk) = (&run.stage, run.stage.disk());
        let id = disk.next_webhook_id().await.unwrap();
        let webhook = draw(id, PROJECTS[0], &Seed::new(7));
        let made = disk.create_webhook(webhook, Health::default()).await;
        let made = made.unwrap();
        stage.faults.refuse(1);
        stage.engine().webhook_saved(Arc::clone(&made), false).await;
        assert!(stage.engine().health(id).is_none());
        stage.faults.refuse(0);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(stage.engine().health(id).is_some(), "nobody knows it");

        let mut webhook = (*made).clone();
        webhook.version += 1;
        webhook.headers = vec![("X-Key".into(), Sealed(b"new".to_vec()))];
        let saved = disk.update_webhook(webhook).await.unwrap();
        stage.faults.refuse(1);
        stage.engine().webhook_saved(saved, false).await;
        stage.faults.refuse(0);
        run.record_for(PROJECTS[0], &[id]).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        let seen = stage.receivers.to(&host(id, 0));
        assert_eq!(seen[0].header("X-Key"), Some("new"));
    });
}
