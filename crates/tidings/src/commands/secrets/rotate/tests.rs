//! Cut off after any step, everything opens with a key that is there; afterwards the old key opens nothing.

use std::sync::Arc;

use tidings_app::vault::OVERHEAD_BYTES;
use tidings_domain::webhook::{Health, PreviousSecret, Secrets, Webhook};
use tidings_domain::{Project, ProjectId};
use tidings_sqlite::{Examiner, SqliteStore};
use tidings_storage::{CommitListener, KEY_DOCUMENT, Queued, Store};

use super::*;
use crate::clock::SystemClock;

struct Deaf;

impl CommitListener for Deaf {
    fn committed(&self, _: &[Queued]) {}
}

const WEBHOOKS: usize = 5;

fn plain(id: i64, what: &str) -> Vec<u8> {
    format!("canary {what} of {id}").into_bytes()
}

/// A database with webhooks whose secrets are sealed with `key`, as a server leaves it.
async fn served(database: &Path, key: &[u8; 32]) {
    let store = SqliteStore::open(database, Arc::new(SystemClock::new()), Arc::new(Deaf)).unwrap();
    let vault = Vault::new(key);
    let project = Project::new(ProjectId(0), "P", "P", "2026-03-02T11:40:00Z");
    let project = store.create_project(project).await.unwrap().id;
    for _ in 0..WEBHOOKS {
        let id = store.next_webhook_id().await.unwrap();
        let seal = |column, what| {
            vault
                .seal(&SystemEntropy, column, id, &plain(id.0, what))
                .unwrap()
        };
        let webhook: Webhook = serde_json::from_value(serde_json::json!({
            "id": id, "project": project, "name": "w", "description": "", "url": "http://127.0.0.1:9/",
            "dialect": "standard", "events": "all", "secrets": null, "verify_tls": true, "ca_pem": null,
            "enabled": true, "headers": [], "timeout_seconds": 30, "ordering": "item", "max_in_flight": 8,
            "failure_limit": null, "retry_schedule": null, "options": null, "origin": "api", "locked": false,
            "unresolved": false, "created_at": "", "updated_at": "", "version": 1
        }))
        .unwrap();
        let secrets = Secrets {
            current: seal(Column::Secret, "secret"),
            previous: Some(PreviousSecret {
                secret: seal(Column::Secret, "secret before"),
                effective_at: String::new(),
                until: String::new(),
            }),
        };
        let webhook = Webhook {
            secrets: Some(secrets),
            headers: vec![("X-Key".into(), seal(Column::Header, "header"))],
            ..webhook
        };
        store
            .create_webhook(webhook, Health::default())
            .await
            .unwrap();
    }
    store
        .put_document(KEY_DOCUMENT, &vault.key_id())
        .await
        .unwrap();
}

/// How many of the values a key opens, each to what it was.
fn opened(database: &Path, key: &[u8; 32]) -> usize {
    let vault = Vault::new(key);
    let webhooks = Examiner::open(database)
        .unwrap()
        .unwrap()
        .webhooks()
        .unwrap();
    let mut count = 0;
    for webhook in webhooks {
        let id = webhook.id;
        let secrets = webhook.secrets.unwrap();
        let all = [
            (Column::Secret, secrets.current, "secret"),
            (
                Column::Secret,
                secrets.previous.unwrap().secret,
                "secret before",
            ),
            (Column::Header, webhook.headers[0].1.clone(), "header"),
        ];
        for (column, sealed, what) in all {
            assert_eq!(sealed.0.len(), plain(id.0, what).len() + OVERHEAD_BYTES);
            if let Ok(text) = vault.open(column, id, &sealed) {
                assert_eq!(text, plain(id.0, what));
                count += 1;
            }
        }
    }
    count
}

/// The key that a start would use.
fn found(database: &Path) -> [u8; 32] {
    let seen = tidings_sqlite::look(database).unwrap();
    match keys::find(None, database, &seen).unwrap() {
        Key::Known(key) | Key::Rotated(key) => key,
        Key::ToMake => panic!("the key is gone"),
    }
}

const ALL: usize = 3 * WEBHOOKS;

#[tokio::test]
async fn cut_off_after_any_step_everything_opens_and_it_can_be_finished() {
    for (cut, finished_by_a_start) in [
        (Some(Step::NewKeyKept), false),
        (Some(Step::OldKeyKept), false),
        (Some(Step::Sealed), false),
        (Some(Step::Sealed), true),
        (None, false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("tidings.db");
        let old = keys::random().unwrap();
        keys::write(&keys::key_file(&database), &old).unwrap();
        served(&database, &old).await;
        let rotation = Rotation {
            database: &database,
            configured: None,
            given: None,
        };
        let first = rotation.run(&mut |step| match cut {
            Some(at) if at == step => bail!("killed"),
            _ => Ok(()),
        });
        assert_eq!(first.is_ok(), cut.is_none());
        let now = found(&database);
        assert_eq!(opened(&database, &now), ALL, "{cut:?}");
        if cut.is_some() {
            if finished_by_a_start {
                let seen = tidings_sqlite::look(&database).unwrap();
                let key = keys::find(None, &database, &seen).unwrap();
                assert_eq!(key, Key::Rotated(now));
                assert_eq!(key.or_make(&database).unwrap(), now);
            } else {
                let done = rotation.run(&mut |_| Ok(())).unwrap();
                assert_eq!(done.finished_earlier, cut == Some(Step::Sealed));
            }
        }
        let new = found(&database);
        assert_ne!(new, old);
        assert_eq!(keys::read(&keys::key_file(&database)).unwrap(), Some(new));
        assert_eq!(keys::read(&keys::new_key_file(&database)).unwrap(), None);
        assert_eq!(
            keys::read(&keys::old_key_file(&database, &old)).unwrap(),
            Some(old)
        );
        assert_eq!(
            (opened(&database, &new), opened(&database, &old)),
            (ALL, 0),
            "{cut:?}"
        );
    }
}

#[tokio::test]
async fn a_configured_key_gives_way_to_a_given_one() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("tidings.db");
    let (old, new) = (keys::random().unwrap(), keys::random().unwrap());
    served(&database, &old).await;
    let text =
        |key: [u8; 32]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key);
    let (before, after) = (text(old), text(new));
    let rotation = |configured| Rotation {
        database: &database,
        configured: Some(configured),
        given: Some(new),
    };
    let wrong = text(keys::random().unwrap());
    let refused = rotation(wrong.as_str()).run(&mut |_| Ok(())).unwrap_err();
    assert!(refused.to_string().contains("sealed with key"), "{refused}");
    assert_eq!(opened(&database, &old), ALL);
    let done = rotation(before.as_str()).run(&mut |_| Ok(())).unwrap();
    assert_eq!((done.values, done.key_file), (ALL as u64, None));
    assert_eq!((opened(&database, &new), opened(&database, &old)), (ALL, 0));
    // Said again, before the variable was changed and after.
    for configured in [before.as_str(), after.as_str()] {
        assert!(
            rotation(configured)
                .run(&mut |_| Ok(()))
                .unwrap()
                .finished_earlier
        );
    }
    assert_eq!(opened(&database, &new), ALL);
}

#[tokio::test]
async fn what_was_moved_to_another_row_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("tidings.db");
    let old = keys::random().unwrap();
    keys::write(&keys::key_file(&database), &old).unwrap();
    served(&database, &old).await;
    let store = SqliteStore::open(&database, Arc::new(SystemClock::new()), Arc::new(Deaf)).unwrap();
    let project = store.project("P").await.unwrap().unwrap().id;
    let get = |id| store.webhook(project, WebhookId(id));
    let (first, second) = (
        get(1).await.unwrap().unwrap().0,
        get(2).await.unwrap().unwrap().0,
    );
    let moved = Webhook {
        secrets: first.secrets.clone(),
        version: second.version + 1,
        ..Webhook::clone(&second)
    };
    store.update_webhook(moved).await.unwrap();
    drop(store);
    let rotation = Rotation {
        database: &database,
        configured: None,
        given: None,
    };
    let refused = rotation.run(&mut |_| Ok(())).unwrap_err().to_string();
    assert!(
        refused.contains("webhook 2: the secret is damaged or belongs to another place"),
        "{refused}"
    );
    assert_eq!(opened(&database, &old), ALL - 2, "nothing else changed");
}
