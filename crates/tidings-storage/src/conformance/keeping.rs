//! Chapters on answers that are kept, on tokens, and on what happens at once.

use std::sync::Arc;
use std::time::Duration;

use tidings_domain::webhook::Webhook;
use tidings_domain::{Collection, Doc, Fault, ObjectRef, Project, ProjectId, TokenId};

use super::bench::{Bench, not_found, task, webhook};
use crate::{
    AsOf, Deed, Done, EventIds, Memo, Plan, Snapshot, StoreError, Token, TokenKind, Write,
    WriteWhat, memos_of,
};

pub(super) async fn memos(b: Bench) {
    let p = b.project("p").await;
    let keep = Box::new(|_: &[&dyn Snapshot], _: &mut dyn EventIds| {
        Ok(Plan {
            memos: vec![memo("token 1", "answer")],
            ..Plan::default()
        })
    });
    b.store.record(&[p], keep).await.unwrap();
    let seen = b.see(p, AsOf::Now, memo_of("token 1")).await;
    assert_eq!(seen.as_deref(), Some("answer"));
    let other = b.see(p, AsOf::Now, |s| s.memo("token 2", "key")).await;
    assert_eq!(other, None, "a scope of its own");
    let kept = b.store.memo("token 1", "key").await.unwrap();
    assert_eq!(kept.as_deref(), Some("answer"), "without a project");
    let refused =
        Box::new(|_: &[&dyn Snapshot], _: &mut dyn EventIds| Err(Fault::not_found("nothing here")));
    assert!(b.store.record(&[p], refused).await.is_err());
    assert!(b.see(p, AsOf::Now, memo_of("token 1")).await.is_some());
    b.clock.advance(Duration::from_hours(23));
    b.store.check().await.unwrap();
    assert!(b.see(p, AsOf::Now, memo_of("token 1")).await.is_some());
    b.clock.advance(Duration::from_hours(2));
    b.store.check().await.unwrap();
    let seen = b.see(p, AsOf::Now, memo_of("token 1")).await;
    assert_eq!(seen, None, "kept for 24 h");
    assert_eq!(b.store.memo("token 1", "key").await.unwrap(), None);
}

fn memo(scope: &str, answer: &str) -> Memo {
    Memo {
        scope: scope.to_owned(),
        key: "key".to_owned(),
        answer: answer.to_owned(),
    }
}

fn memo_of(scope: &'static str) -> impl FnOnce(&dyn Snapshot) -> Option<String> + Send {
    move |snapshot| snapshot.memo(scope, "key")
}

/// A small write and its answer are one.
pub(super) async fn keeping(b: Bench) {
    let kept = |scope: &'static str| {
        let store = Arc::clone(&b.store);
        async move { store.memo(scope, "key").await.unwrap() }
    };
    let blank = Project::new(ProjectId(0), "p", "P", "2023-11-14T22:13:20Z");
    let made = |done: &Done| match done {
        Done::Project(project) => memo("a", &format!("project {}", project.id)).into(),
        other => memo("a", &format!("{other:?}")).into(),
    };
    let deed = Deed::CreateProject(Box::new(blank.clone()));
    let done = b.store.keep(deed, Box::new(made)).await.unwrap();
    let Done::Project(project) = done else {
        panic!("{done:?}");
    };
    let p = project.id;
    assert_eq!(kept("a").await, Some(format!("project {p}")));
    let deed = Deed::CreateProject(Box::new(blank));
    let again = b
        .store
        .keep(deed, Box::new(|_| memo("b", "no").into()))
        .await;
    assert!(
        matches!(again, Err(StoreError::Conflict("key"))),
        "{again:?}"
    );
    assert_eq!(kept("b").await, None, "what was not done has no answer");

    let id = b.store.next_webhook_id().await.unwrap();
    let new = Box::new(webhook(id, p, "w"));
    let deed = Deed::CreateWebhook(new.clone(), Box::default());
    b.store
        .keep(deed, Box::new(|_| memo("c", "made").into()))
        .await
        .unwrap();
    assert!(b.store.webhook(p, id).await.unwrap().is_some());
    let edited = Webhook {
        name: "edited".to_owned(),
        version: 2,
        ..*new
    };
    let deed = Deed::UpdateWebhook(Box::new(edited.clone()));
    let done = b
        .store
        .keep(deed, Box::new(|_| memo("c", "edited").into()))
        .await;
    assert!(matches!(done, Ok(Done::Webhook(w)) if w.name == "edited"));
    assert_eq!(kept("c").await.as_deref(), Some("edited"), "replaced");
    let deed = Deed::UpdateWebhook(Box::new(edited));
    let late = b
        .store
        .keep(deed, Box::new(|_| memo("c", "late").into()))
        .await;
    assert!(matches!(late, Err(StoreError::Conflict("version"))));
    assert_eq!(kept("c").await.as_deref(), Some("edited"));
    b.put(p, vec![task(1, "one")], &[id]).await;
    let deed = Deed::DeleteWebhook(p, id);
    b.store
        .keep(deed, Box::new(|_| memo("c", "gone").into()))
        .await
        .unwrap();
    assert!(b.store.webhook(p, id).await.unwrap().is_none());
    assert_eq!(b.pending(id).await, [], "what waited is skipped");

    let token = Token {
        id: TokenId(0),
        project: Some(p),
        name: "ci".to_owned(),
        kind: TokenKind::App,
        hash: [5; 32],
        hint: "tid_ab".to_owned(),
        expires_at: None,
        created_at: "2023-11-14T22:13:20Z".to_owned(),
    };
    let deed = Deed::CreateToken(Box::new(token));
    let done = b
        .store
        .keep(deed, Box::new(|_| memo("d", "made").into()))
        .await;
    let Ok(Done::Token(token)) = done else {
        panic!("{done:?}");
    };
    let found = b.store.token_by_hash(&[5; 32]).await.unwrap();
    assert_eq!(found.map(|t| t.id), Some(token.id));
    let deed = Deed::DeleteToken(Some(p), token.id);
    b.store
        .keep(deed, Box::new(|_| memo("d", "gone").into()))
        .await
        .unwrap();
    assert_eq!(b.store.token_by_hash(&[5; 32]).await.unwrap(), None);

    let deed = Deed::PutDocument("settings", "{}".to_owned());
    b.store
        .keep(deed, Box::new(|_| memo("e", "set").into()))
        .await
        .unwrap();
    let text = b.store.document("settings").await.unwrap();
    assert_eq!(text.as_deref(), Some("{}"));
    assert_eq!(kept("e").await.as_deref(), Some("set"));

    // A project takes along what was answered in it, and nothing else.
    let inside = format!("{}token 1", memos_of(p));
    let beside = format!("{}token 1", memos_of(ProjectId(p.0 * 10)));
    for scope in [&inside, &beside] {
        let memo = memo(scope, "kept");
        b.store
            .keep(Deed::Nothing, Box::new(|_| memo.into()))
            .await
            .unwrap();
    }
    let deed = Deed::DeleteProject(p);
    b.store
        .keep(deed, Box::new(|_| memo("a", "gone").into()))
        .await
        .unwrap();
    assert_eq!(b.store.project("p").await.unwrap(), None);
    assert_eq!(b.store.memo(&inside, "key").await.unwrap(), None);
    assert!(b.store.memo(&beside, "key").await.unwrap().is_some());
    assert_eq!(kept("a").await.as_deref(), Some("gone"));
}

pub(super) async fn races(b: Bench) {
    const WRITERS: i64 = 24;
    let p = b.project("p").await;
    b.put(p, vec![task(1, "counted")], &[]).await;
    let raise = || {
        let store = Arc::clone(&b.store);
        async move {
            let planner = Box::new(move |s: &[&dyn Snapshot], ids: &mut dyn EventIds| {
                let key = ObjectRef::new(Collection::Tasks, 1);
                let doc = s[0].get(key).unwrap();
                let next = doc.sequence() + 1;
                let version = ids.next();
                let counted = Doc::clone(&doc).with("sequence", next);
                let fresh = s[0].next_id(Collection::Comments);
                let comment = Doc::empty(Collection::Comments)
                    .with("id", fresh)
                    .with("sequence", 1)
                    .with("on", key.to_value());
                let put = |doc| Write {
                    project: p,
                    version,
                    what: WriteWhat::Put(Arc::new(doc)),
                };
                Ok(Plan {
                    writes: vec![put(counted), put(comment)],
                    ..Plan::default()
                })
            });
            store.record(&[p], planner).await.unwrap();
        }
    };
    at_once((0..WRITERS).map(|_| raise()).collect()).await;
    let seen = b.see(p, AsOf::Now, |s| {
        let key = ObjectRef::new(Collection::Tasks, 1);
        let sequence = s.get(key).unwrap().sequence();
        (sequence, s.all(Collection::Comments).len())
    });
    assert_eq!(
        seen.await,
        (WRITERS + 1, usize::try_from(WRITERS).unwrap()),
        "no change is lost to another"
    );
}

/// Polls all of them in turn until each is done; needs no runtime.
async fn at_once<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut running: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        running.retain_mut(|f| f.as_mut().poll(cx).is_pending());
        if running.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

pub(super) async fn people(b: Bench) {
    let p = b.project("p").await;
    let token = |project, hash: u8, kind| Token {
        id: TokenId(0),
        project,
        name: "ci".to_owned(),
        kind,
        hash: [hash; 32],
        hint: "tdg_ab".to_owned(),
        expires_at: Some("2030-01-01T00:00:00Z".to_owned()),
        created_at: "2023-11-14T22:13:20Z".to_owned(),
    };
    let admin = token(None, 1, TokenKind::Admin);
    let admin = b.store.create_token(admin).await.unwrap();
    let member = token(Some(p), 2, TokenKind::Member { member: 5 });
    let member = b.store.create_token(member).await.unwrap();
    assert!(member.id > admin.id);
    not_found(
        b.store
            .create_token(token(Some(ProjectId(9)), 3, TokenKind::App))
            .await,
    );
    let found = b.store.token_by_hash(&[2; 32]).await.unwrap();
    assert_eq!(found, Some(member.clone()));
    assert_eq!(b.store.token_by_hash(&[7; 32]).await.unwrap(), None);
    let page = b.store.tokens(Some(p), 0, 10).await.unwrap();
    assert_eq!(page.data, std::slice::from_ref(&member));
    let page = b.store.tokens(None, 0, 10).await.unwrap();
    assert_eq!(page.data, std::slice::from_ref(&admin));
    not_found(b.store.delete_token(None, member.id).await);
    b.store.delete_token(Some(p), member.id).await.unwrap();
    assert_eq!(b.store.token_by_hash(&[2; 32]).await.unwrap(), None);

    assert_eq!(b.store.document("settings").await.unwrap(), None);
    b.store.put_document("settings", "{}").await.unwrap();
    b.store.put_document("settings", "{\"a\":1}").await.unwrap();
    let kept = b.store.document("settings").await.unwrap();
    assert_eq!(kept.as_deref(), Some("{\"a\":1}"));
    b.store.check().await.unwrap();
}
