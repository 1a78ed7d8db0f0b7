//! Who changed what: written with the change or not at all, found again, removed by age.

use std::time::Duration;

use tidings_domain::delivery::DeliveryState;
use tidings_domain::webhook::{Health, HealthState};
use tidings_domain::{Fault, Project, ProjectId, WebhookId};

use super::{Bench, DAY_MS, conflict, not_found, task};
use crate::audit::{Actor, AuditChange, AuditEntry, AuditFilter, AuditRow};
use crate::{Deed, Done, Errand, EventIds, NewSweep, Notes, Plan, Retention, Snapshot, Then};

fn entry(operation: &'static str, project: Option<i64>, webhook: Option<i64>) -> AuditEntry {
    AuditEntry {
        project: project.map(ProjectId),
        webhook: webhook.map(WebhookId),
        operation: operation.into(),
        actor: Actor {
            kind: "token".into(),
            id: Some(3),
            name: "ci".to_owned(),
            member: None,
        },
        address: Some("192.0.2.1".to_owned()),
        key: None,
        target: "settings".to_owned(),
        name: "Ünï\u{1F600}".to_owned(),
        changes: vec![
            AuditChange::new("limit", 5.into(), vec!["a", "b"].into()),
            AuditChange::secret("secret"),
        ],
    }
}

fn noting(entry: &AuditEntry) -> Box<dyn FnOnce(&Done) -> Notes + Send> {
    let notes = Notes {
        memo: None,
        audit: Some(entry.clone()),
    };
    Box::new(|_| notes)
}

impl Bench {
    async fn note(&self, entry: &AuditEntry) {
        let done = self.store.keep(Deed::Nothing, noting(entry)).await;
        done.unwrap();
    }

    async fn audit(&self, filter: AuditFilter) -> Vec<AuditRow> {
        self.store.audit(&filter, 0, 100).await.unwrap().data
    }

    async fn operations(&self, filter: AuditFilter) -> Vec<String> {
        let rows = self.audit(filter).await;
        rows.into_iter()
            .map(|row| row.entry.operation.into_owned())
            .collect()
    }
}

pub(super) async fn log(b: Bench) {
    let all = AuditFilter::default;
    let first = entry("webhook.create", Some(1), Some(7));
    b.note(&first).await;
    b.clock.advance(Duration::from_secs(10));
    b.note(&entry("webhook.update", Some(1), Some(8))).await;
    b.note(&entry("webhooks.odd", Some(2), None)).await;
    b.clock.advance(Duration::from_secs(10));
    b.note(&entry("settings.update", None, None)).await;

    let rows = b.audit(all()).await;
    assert_eq!(rows.len(), 4);
    assert!(rows.is_sorted_by(|a, b| a.id > b.id && a.at_ms >= b.at_ms));
    assert_eq!(rows[3].entry, first, "as it was written");
    let began = rows[3].at_ms;
    assert_eq!(rows[0].at_ms, began + 20_000);
    let page = b.store.audit(&all(), 0, 3).await.unwrap();
    assert_eq!((page.data.len(), page.next), (3, Some(rows[2].id)));
    let page = b.store.audit(&all(), rows[2].id, 3).await.unwrap();
    assert_eq!((page.data.len(), page.next), (1, None));

    let of = |project: i64| AuditFilter {
        project: Some(ProjectId(project)),
        ..all()
    };
    assert_eq!(
        b.operations(of(1)).await,
        ["webhook.update", "webhook.create"]
    );
    assert_eq!(b.operations(of(2)).await, ["webhooks.odd"]);
    assert_eq!(b.operations(of(9)).await, [""; 0]);
    let to = |webhook: i64| AuditFilter {
        webhook: Some(WebhookId(webhook)),
        ..all()
    };
    assert_eq!(b.operations(to(7)).await, ["webhook.create"]);
    let elsewhere = AuditFilter {
        project: Some(ProjectId(2)),
        ..to(7)
    };
    assert_eq!(b.operations(elsewhere).await, [""; 0]);
    let server = AuditEntry {
        actor: Actor::server(),
        ..entry("webhook.disable", Some(2), Some(9))
    };
    b.note(&server).await;
    let by = |actor: &str| AuditFilter {
        actor: Some(actor.to_owned()),
        ..all()
    };
    assert_eq!(b.operations(by("server")).await, ["webhook.disable"]);
    assert_eq!(b.operations(by("token:3")).await.len(), 4);
    assert_eq!(b.operations(by("token:4")).await, [""; 0]);
    let handles = async |project: Option<i64>| {
        let actors = b.store.audit_actors(project.map(ProjectId)).await.unwrap();
        actors.iter().map(Actor::handle).collect::<Vec<_>>()
    };
    assert_eq!(handles(None).await, ["server", "token:3"]);
    assert_eq!(handles(Some(1)).await, ["token:3"]);
    assert_eq!(handles(Some(9)).await, [""; 0]);
    let named = |operation: &str| AuditFilter {
        operation: Some(operation.to_owned()),
        ..all()
    };
    assert_eq!(
        b.operations(named("webhook")).await,
        ["webhook.disable", "webhook.update", "webhook.create"]
    );
    assert_eq!(
        b.operations(named("webhook.update")).await,
        ["webhook.update"]
    );
    let between = AuditFilter {
        since_ms: Some(began + 10_000),
        until_ms: Some(began + 20_000),
        ..all()
    };
    assert_eq!(
        b.operations(between).await,
        ["webhooks.odd", "webhook.update"]
    );

    let keep = Retention {
        audit_days: 1,
        ..Retention::default()
    };
    b.clock
        .advance(Duration::from_millis(DAY_MS.unsigned_abs() - 10_000));
    super::prune_all(&b, keep).await;
    assert_eq!(
        b.operations(all()).await,
        [
            "webhook.disable",
            "settings.update",
            "webhooks.odd",
            "webhook.update"
        ]
    );
    b.clock
        .advance(Duration::from_millis(DAY_MS.unsigned_abs()));
    super::prune_all(&b, keep).await;
    assert_eq!(b.audit(all()).await, []);
    b.note(&first).await;
    assert!(
        b.audit(all()).await[0].id > rows[0].id,
        "a number is never used again"
    );
}

pub(super) async fn with_its_change(b: Bench) {
    let p = b.project("p").await;
    let all = AuditFilter::default;
    let taken = Project::new(ProjectId(0), "p", "P", "2023-11-14T22:13:20Z");
    let deed = Deed::CreateProject(Box::new(taken));
    let refused = b
        .store
        .keep(deed, noting(&entry("project.create", None, None)));
    conflict(refused.await, "key");
    assert_eq!(b.audit(all()).await, [], "what was not done is not told");

    let mut tries = 0;
    let planner = Box::new(|_: &[&dyn Snapshot], _: &mut dyn EventIds| {
        tries += 1;
        Ok::<Plan, Fault>(Plan {
            audit: vec![
                entry("member.create", Some(p.0), None),
                entry("member.update", Some(p.0), None),
            ],
            ..Plan::default()
        })
    });
    b.store.record(&[p], planner).await.unwrap();
    assert_eq!(
        b.operations(all()).await,
        ["member.update", "member.create"],
        "each once"
    );
    let planner = Box::new(|_: &[&dyn Snapshot], _: &mut dyn EventIds| Err(Fault::not_found("no")));
    assert!(b.store.record(&[p], planner).await.is_err());
    assert_eq!(b.audit(all()).await.len(), 2);
    b.store.delete_project(p).await.unwrap();
    assert_eq!(b.audit(all()).await.len(), 2, "what was done stays known");
}

pub(super) async fn with_what_the_lanes_do(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "hook").await;
    let all = AuditFilter::default;
    let stranger = WebhookId(hook.0 + 9);
    let said = |operation| entry(operation, Some(p.0), Some(hook.0));

    let paused = Health {
        state: HealthState::Paused,
        ..Health::default()
    };
    let health = [(hook, paused)];
    let notes = [said("webhook.pause")];
    b.store.settle_noting(&[], &health, &notes).await.unwrap();
    let (_, stored, _) = b.store.webhook(p, hook).await.unwrap().unwrap();
    assert_eq!(stored.state, HealthState::Paused);
    assert_eq!(b.operations(all()).await, ["webhook.pause"]);

    let sent = b.put(p, vec![task(1, "a")], &[hook]).await.deliveries[0].clone();
    let again = || Deed::Resend(p, sent.id);
    let note = || noting(&said("delivery.resend"));
    conflict(b.store.keep(again(), note()).await, "pending");
    assert_eq!(
        b.audit(all()).await.len(),
        1,
        "what was not done is not told"
    );
    b.settle(&sent, None, Then::Failed).await;
    let done = b.store.keep(again(), note()).await.unwrap();
    assert!(matches!(done, Done::Queued(queued) if queued.id == sent.id));
    assert_eq!(b.state(p, sent.id).await, DeliveryState::Held);
    assert_eq!(b.operations(all()).await[0], "delivery.resend");

    let sweep = |webhook| {
        let new = NewSweep {
            webhook,
            errand: Errand::Skip,
            since_ms: 0,
            until_ms: None,
        };
        Deed::BeginSweep(p, new, None)
    };
    let note = || noting(&said("webhook.recover"));
    not_found(b.store.keep(sweep(stranger), note()).await);
    assert_eq!(b.audit(all()).await.len(), 2);
    let done = b.store.keep(sweep(hook), note()).await.unwrap();
    assert!(matches!(done, Done::Begun(begun) if begun.sweep.webhook == hook));
    assert_eq!(b.store.sweeps().await.unwrap().len(), 1);
    assert_eq!(b.operations(all()).await[0], "webhook.recover");
    conflict(b.store.keep(sweep(hook), note()).await, "sweep");
    assert_eq!(b.audit(all()).await.len(), 3);
}
