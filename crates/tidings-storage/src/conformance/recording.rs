//! Chapters on projects, their objects and events, and how they are seen.

use std::sync::Arc;

use tidings_domain::{
    Change, Collection, Doc, EventId, Fault, FieldChange, ObjectRef, Project, ProjectId, Verb,
};

use super::bench::{Bench, conflict, event, not_found, task};
use crate::{AsOf, EventIds, Plan, RecordError, Snapshot, StoreError, Write, WriteWhat};

pub(super) async fn projects(b: Bench) {
    let first = b.project("ALPHA").await;
    let second = b.project("beta").await;
    assert_eq!((first, second), (ProjectId(1), ProjectId(2)));
    let again = Project::new(ProjectId(0), "Alpha", "x", "2023-11-14T22:13:20Z");
    conflict(b.store.create_project(again).await, "key");
    let taken = Project::new(first, "gamma", "x", "2023-11-14T22:13:20Z");
    conflict(b.store.create_project(taken).await, "id");
    let chosen = Project::new(ProjectId(9), "nine", "x", "2023-11-14T22:13:20Z");
    b.store.create_project(chosen).await.unwrap();
    assert_eq!(b.project("three").await, ProjectId(3), "the smallest id");
    let found = b.store.project("aLPHA").await.unwrap();
    assert_eq!(found.unwrap().id, first, "keys ignore case");
    assert!(b.store.project("nobody").await.unwrap().is_none());
    let page = b.store.projects(0, 2).await.unwrap();
    assert_eq!(page.data.len(), 2);
    assert_eq!(page.next, Some(2));
    let rest = b.store.projects(2, 2).await.unwrap();
    assert_eq!(rest.data.len(), 2);
    assert_eq!(rest.next, None, "no cursor after the last page");
}

pub(super) async fn recording(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let recorded = b.put(p, vec![task(1, "a"), task(2, "b")], &[hook]).await;
    let ids: Vec<_> = recorded.plan.events.iter().map(|e| e.event.id).collect();
    assert!(ids[0] < ids[1], "event ids ascend");
    let later = b.put(p, vec![task(3, "c")], &[hook]).await;
    assert!(later.plan.events[0].event.id > ids[1]);
    let queue: Vec<_> = [&recorded, &later]
        .iter()
        .flat_map(|r| r.deliveries.iter().map(|d| d.id))
        .collect();
    assert!(queue.is_sorted(), "deliveries ascend in commit order");
    assert_eq!(
        b.heard.all(),
        queue,
        "the listener hears them in commit order"
    );
    assert_eq!(b.pending(hook).await, queue);

    // A refusal writes nothing.
    let refuse = Box::new(|_: &[&dyn Snapshot], ids: &mut dyn EventIds| {
        ids.next();
        Err(Fault::not_found("no"))
    });
    let refused = b.store.record(&[p], refuse).await;
    assert!(matches!(refused, Err(RecordError::Refused(_))));
    assert_eq!(b.pending(hook).await, queue);

    // Neither does a plan for a project that was not named.
    let stranger = b.project("q").await;
    let planner = Box::new(move |_: &[&dyn Snapshot], ids: &mut dyn EventIds| {
        let write = |project, id| Write {
            project,
            version: EventId(0),
            what: WriteWhat::Put(Arc::new(task(id, "x"))),
        };
        let mut writes = vec![write(p, 50), write(stranger, 51)];
        for write in &mut writes {
            write.version = ids.next();
        }
        Ok(Plan {
            writes,
            ..Plan::default()
        })
    });
    assert!(b.store.record(&[p], planner).await.is_err());
    let key = ObjectRef::new(Collection::Tasks, 50);
    assert!(b.see(p, AsOf::Now, |s| s.get(key)).await.is_none());

    let nowhere = Box::new(|_: &[&dyn Snapshot], _: &mut dyn EventIds| Ok(Plan::default()));
    let absent = b.store.record(&[ProjectId(77)], nowhere).await;
    assert!(matches!(
        absent,
        Err(RecordError::Store(StoreError::NotFound))
    ));
    let job = Box::new(|_: &dyn Snapshot| panic!("there is nothing to read"));
    not_found(b.store.read(ProjectId(77), AsOf::Now, job).await);
}

pub(super) async fn views(b: Bench) {
    let p = b.project("p").await;
    let story = Doc::empty(Collection::Stories)
        .with("id", 1)
        .with("sequence", 1)
        .with("number", 4)
        .with("rank", 7)
        .with("external_id", "S-1")
        .with("priority", "High")
        .with("title", "story");
    let comment = |id: i64| {
        Doc::empty(Collection::Comments)
            .with("id", id)
            .with("sequence", 1)
            .with("on", ObjectRef::new(Collection::Stories, 1).to_value())
            .with("body", "hello")
    };
    let member = Doc::empty(Collection::Members)
        .with("id", 5)
        .with("sequence", 3)
        .with("first_name", "Ada");
    let on_story = task(3, "child").with("parent", 1);
    let key = story.key();
    b.put(
        p,
        vec![story.clone(), comment(2), comment(1), member, on_story],
        &[],
    )
    .await;
    b.see(p, AsOf::Now, |s| {
        assert_eq!(*s.get(key).unwrap(), story);
        assert_eq!(s.project().id, p);
        let ids = |docs: Vec<Arc<Doc>>| docs.iter().map(|d| d.id()).collect::<Vec<_>>();
        assert_eq!(ids(s.referrers(key, Collection::Comments, "on")), [1, 2]);
        assert_eq!(s.count_referrers(key, Collection::Comments, "on"), 2);
        assert_eq!(ids(s.referrers(key, Collection::Tasks, "parent")), [3]);
        assert!(s.referrers(key, Collection::Tasks, "on").is_empty());
        assert_eq!(ids(s.all(Collection::Comments)), [1, 2]);
        assert_eq!(s.by_external_id(Collection::Stories, "S-1"), Some(1));
        assert_eq!(s.by_external_id(Collection::Tasks, "S-1"), None);
        assert_eq!(s.by_number(4), Some(key));
        assert_eq!(s.by_number(5), None);
        assert_eq!(s.next_number(), 1, "the smallest that is free");
        assert_eq!(s.next_id(Collection::Tasks), 2, "items share one series");
        assert_eq!(s.next_id(Collection::Comments), 3);
        assert_eq!(s.next_id(Collection::Comments), 3, "asked again, the same");
        assert_eq!(s.max_rank(Collection::Stories), 7);
        assert_eq!(s.max_rank(Collection::Features), 0);
        assert_eq!(s.count_with(Collection::Stories, "priority", "High"), 1);
        assert_eq!(s.count_with(Collection::Stories, "title", "story"), 1);
        assert_eq!(s.count_with(Collection::Tasks, "status", "Closed"), 0);
        assert_eq!(s.person(5).unwrap().text("first_name"), "Ada");
        assert_eq!(s.last_sequence(key), None, "it is there");
    })
    .await;

    b.write(p, WriteWhat::Delete(ObjectRef::new(Collection::Members, 5)))
        .await;
    for id in [1, 2] {
        let key = ObjectRef::new(Collection::Comments, id);
        b.write(p, WriteWhat::Delete(key)).await;
    }
    let free = task(3, "child").with("sequence", 2);
    b.put(p, vec![free], &[]).await;
    b.write(p, WriteWhat::Delete(key)).await;
    b.see(p, AsOf::Now, |s| {
        assert!(s.get(key).is_none());
        assert_eq!(s.last_sequence(key), Some(1));
        assert_eq!(s.by_external_id(Collection::Stories, "S-1"), None);
        assert_eq!(s.by_number(4), None);
        assert_eq!(s.next_number(), 1);
        assert_eq!(s.next_id(Collection::Tasks), 2, "a deleted id stays used");
        assert_eq!(s.count_with(Collection::Stories, "priority", "High"), 0);
        assert_eq!(s.max_rank(Collection::Stories), 0);
        let member = ObjectRef::new(Collection::Members, 5);
        assert!(s.get(member).is_none());
        assert_eq!(s.person(5).unwrap().text("first_name"), "Ada");
        assert!(s.person(6).is_none());
        assert!(s.referrers(key, Collection::Tasks, "parent").is_empty());
    })
    .await;
    let revived = task(1, "x").with("external_id", "T").with("number", 1);
    b.put(p, vec![revived], &[]).await;
    let next = b.see(p, AsOf::Now, |s| {
        (s.next_number(), s.next_id(Collection::Stories))
    });
    assert_eq!(next.await, (2, 2));

    let page = b.store.objects(p, Collection::Tasks, 0, 1).await.unwrap();
    assert_eq!((page.data.len(), page.next), (1, Some(1)));
    let page = b.store.objects(p, Collection::Tasks, 1, 1).await.unwrap();
    assert_eq!((page.data[0].id(), page.next), (3, None));
}

pub(super) async fn as_of(b: Bench) {
    let p = b.project("p").await;
    let key = ObjectRef::new(Collection::Tasks, 1);
    let old = b.put(p, vec![task(1, "old").with("sprint", 4)], &[]).await;
    let first = old.plan.events[0].event.id;
    let new = task(1, "new").with("sequence", 2);
    let second = b.put(p, vec![new], &[]).await.plan.events[0].event.id;
    let gone = b.write(p, WriteWhat::Delete(key)).await;
    let sprint = ObjectRef::new(Collection::Sprints, 4);
    let look = |s: &dyn Snapshot| {
        let title = s.get(key).map(|d| d.text("title").to_owned());
        let in_sprint = s.count_referrers(sprint, Collection::Tasks, "sprint");
        (title, in_sprint, s.all(Collection::Tasks).len())
    };
    let at = |event: EventId| AsOf::Event(event);
    assert_eq!(
        b.see(p, at(EventId(first.0 - 1)), look).await,
        (None, 0, 0),
        "before it was"
    );
    assert_eq!(
        b.see(p, at(first), look).await,
        (Some("old".to_owned()), 1, 1)
    );
    assert_eq!(
        b.see(p, at(second), look).await,
        (Some("new".to_owned()), 0, 1)
    );
    assert_eq!(b.see(p, at(gone), look).await, (None, 0, 0));
    assert_eq!(b.see(p, AsOf::Now, look).await, (None, 0, 0));
    let sequence = |s: &dyn Snapshot| s.last_sequence(key);
    assert_eq!(b.see(p, at(second), sequence).await, None);
    assert_eq!(b.see(p, at(gone), sequence).await, Some(2));

    let mut project = Project::clone(&*b.see(p, AsOf::Now, |s| Arc::clone(s.project())).await);
    "renamed".clone_into(&mut project.name);
    b.write(p, WriteWhat::Project(Arc::new(project))).await;
    let name = |s: &dyn Snapshot| s.project().name.clone();
    assert_eq!(b.see(p, AsOf::Now, name).await, "renamed");
    assert_eq!(b.see(p, at(gone), name).await, "p");
    assert_eq!(b.store.project("p").await.unwrap().unwrap().name, "renamed");
}

pub(super) async fn events(b: Bench) {
    let p = b.project("p").await;
    b.put(p, vec![task(1, "one")], &[]).await;
    let planner = Box::new(move |s: &[&dyn Snapshot], ids: &mut dyn EventIds| {
        let key = ObjectRef::new(Collection::Tasks, 1);
        let before = s[0].get(key).unwrap();
        let now = Arc::new(Doc::clone(&before).with("title", "two").with("sequence", 2));
        let comment = Doc::empty(Collection::Comments)
            .with("id", 1)
            .with("sequence", 1)
            .with("on", key.to_value())
            .with("body", "why");
        let comment = Arc::new(comment);
        let id = ids.next();
        let put = |doc: &Arc<Doc>| Write {
            project: p,
            version: id,
            what: WriteWhat::Put(Arc::clone(doc)),
        };
        let change = Change {
            before: Some(before),
            changes: vec![FieldChange {
                member: "title".into(),
                old: "one".into(),
                new: "two".into(),
            }],
            comment: Some(Arc::clone(&comment)),
            bulk: Some(EventId(77)),
            notified: vec![3, 4],
            ..Change::plain(Verb::Updated, Arc::clone(&now))
        };
        let unlisted = ids.next();
        let mut quiet = event(unlisted, p, Change::plain(Verb::Deleted, Arc::clone(&now)));
        quiet.listed = false;
        Ok(Plan {
            writes: vec![put(&now), put(&comment)],
            events: vec![event(id, p, change), quiet],
            ..Plan::default()
        })
    });
    let recorded = b.store.record(&[p], planner).await.unwrap();
    let told = &recorded.plan.events[0].event;
    // Later changes do not reach into what the event told.
    b.put(p, vec![task(1, "three").with("sequence", 3)], &[])
        .await;
    let kept = b.store.event(p, told.id).await.unwrap().unwrap();
    assert_eq!(kept.recorded_ms, b.clock.now_ms());
    assert_eq!(format!("{:?}", kept.event), format!("{told:?}"));
    let quiet = &recorded.plan.events[1].event;
    let kept = b.store.event(p, quiet.id).await.unwrap().unwrap();
    assert_eq!(format!("{:?}", kept.event), format!("{quiet:?}"));

    let page = b.store.activities(p, 0, 2).await.unwrap();
    let ids: Vec<_> = page.data.iter().map(|a| a.event.id).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids[0] > ids[1], "newest first");
    assert_eq!(ids[1], told.id, "what is not listed is left out");
    let before = page.next.unwrap();
    let rest = b.store.activities(p, before, 2).await.unwrap();
    assert_eq!((rest.data.len(), rest.next), (1, None));
    let other = b.project("other").await;
    assert!(b.store.event(other, told.id).await.unwrap().is_none());
}

pub(super) async fn two_projects(b: Bench) {
    let (p, q) = (b.project("p").await, b.project("q").await);
    b.put(p, vec![task(1, "moves")], &[]).await;
    let planner = Box::new(move |s: &[&dyn Snapshot], ids: &mut dyn EventIds| {
        let key = ObjectRef::new(Collection::Tasks, 1);
        let doc = s[0].get(key).unwrap();
        assert!(
            s[1].get(key).is_none(),
            "in the order in which they were named"
        );
        let version = ids.next();
        let write = |project, what| Write {
            project,
            version,
            what,
        };
        Ok(Plan {
            writes: vec![
                write(p, WriteWhat::Delete(key)),
                write(q, WriteWhat::Put(doc)),
            ],
            ..Plan::default()
        })
    });
    b.store.record(&[p, q], planner).await.unwrap();
    let key = ObjectRef::new(Collection::Tasks, 1);
    assert!(b.see(p, AsOf::Now, |s| s.get(key)).await.is_none());
    assert!(b.see(q, AsOf::Now, |s| s.get(key)).await.is_some());
}
