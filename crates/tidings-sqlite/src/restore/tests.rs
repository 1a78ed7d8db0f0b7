//! A backup is served only when its owner said what becomes of what waits in it, and gives no number twice.

use tidings_domain::{Collection, DeliveryId, ProjectId, WebhookId};
use tidings_storage::{AsOf, Errand, EventIds, NewSweep, Snapshot, Store};

use super::*;
use crate::backup::backup;
use crate::tests::{create, open, project, tell};
use crate::{SqliteStore, look};

const HOOK: WebhookId = WebhookId(1);

async fn told(store: &SqliteStore, p: ProjectId) {
    let planner =
        Box::new(move |_: &[&dyn Snapshot], ids: &mut dyn EventIds| Ok(tell(p, ids.next(), HOOK)));
    store.record(&[p], planner).await.unwrap();
}

#[tokio::test]
async fn what_waits_is_parked_or_delivered_as_said_and_numbers_go_on_higher() {
    for after in [AfterRestore::Park, AfterRestore::Deliver] {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let store = open(&at("tidings.db")).unwrap();
        let p = project(&store).await;
        let (feature, _) = create(&store, p).await;
        for _ in 0..3 {
            told(&store, p).await;
        }
        let queue = store.pending(HOOK, DeliveryId(0), 10).await.unwrap();
        let (last, event) = (queue[2].id, queue[2].message.event.unwrap());
        backup(&at("tidings.db"), &at("copy.db"), "2026-03-02T11:40:00Z").unwrap();
        drop(store);

        let refused = open(&at("copy.db")).unwrap_err();
        assert!(matches!(refused, OpenError::Backup { .. }), "{refused}");
        for word in [
            "2026-03-02",
            "--after-restore park",
            "--after-restore deliver",
        ] {
            assert!(refused.to_string().contains(word), "{refused}");
        }
        let restored = restore(&at("copy.db"), after).unwrap();
        assert_eq!((restored.waiting, restored.event), (3, event.0 + 1_000_000));
        assert_eq!(look(&at("copy.db")).unwrap().backup, None);
        let again = restore(&at("copy.db"), after).unwrap_err();
        assert!(matches!(again, OpenError::NoBackup(_)), "{again}");

        let copy = open(&at("copy.db")).unwrap();
        let pending = copy.pending(HOOK, DeliveryId(0), 10).await.unwrap();
        let recover = NewSweep {
            webhook: HOOK,
            errand: Errand::Deliver,
            since_ms: 0,
            until_ms: None,
        };
        let parked = copy.count_sweep(recover).await.unwrap();
        let expected = match after {
            AfterRestore::Park => (0, 3),
            AfterRestore::Deliver => (3, 0),
        };
        assert_eq!((pending.len(), parked), expected);
        told(&copy, p).await;
        let queue = copy.pending(HOOK, DeliveryId(0), 10).await.unwrap();
        let new = queue.last().unwrap();
        assert!(new.id.0 >= last.0 + 1_000_000);
        assert_eq!(new.message.event.unwrap().0, event.0 + 1_000_001);
        let first = |s: &dyn Snapshot| assert_eq!(s.first_sequence(), 1_000_001);
        copy.read(p, AsOf::Now, Box::new(first)).await.unwrap();
        let objects = copy.objects(p, Collection::Features, 0, 10).await.unwrap();
        let found = objects.data.iter().find(|d| d.id() == feature).unwrap();
        assert_eq!(found.sequence(), 1_000_001);
        assert_eq!(found.text("name"), format!("feature {feature}"));
    }
}

#[test]
fn a_file_that_is_no_backup_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let nothing = restore(&path, AfterRestore::Park).unwrap_err();
    assert!(matches!(nothing, OpenError::NoBackup(_)));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    drop(open(&path).unwrap());
    let before = std::fs::read(&path).unwrap();
    let refused = restore(&path, AfterRestore::Deliver).unwrap_err();
    assert!(matches!(refused, OpenError::NoBackup(_)));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}
