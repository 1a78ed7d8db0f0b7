//! What happened lately in a project, in our words or in a vendor's.

use tidings_delivery::tell::as_told;
use tidings_dialects::{Dialect, Scope};
use tidings_domain::{
    Change, Event, EventId, Fault, FieldChange, Project, Value, View, What, time,
};
use tidings_storage::{Activity, Page};

use crate::reader::object;
use crate::refusal::{absent, refusal};
use crate::{Access, App, Caller, Listed, Paging};

impl App {
    /// The recent updates, newest first.
    pub async fn activities(
        &self,
        caller: &Caller,
        project: &Project,
        paging: Paging,
    ) -> Result<Listed, Fault> {
        let page = self.activity_page(caller, project, paging).await?;
        Ok(Listed {
            data: page.data.iter().map(show).collect(),
            next: page.next,
        })
    }

    /// The recent updates as the bodies that a vendor's webhooks send; an event that the vendor has no word for is left out.
    pub async fn activities_as(
        &self,
        caller: &Caller,
        project: &Project,
        dialect: &str,
        paging: Paging,
    ) -> Result<(Vec<Vec<u8>>, Option<i64>), Fault> {
        let dialect = tidings_dialects::find(dialect).ok_or_else(|| {
            Fault::field(
                "dialect",
                "unknown_word",
                "is not a dialect; GET /api/v1/dialects lists them",
            )
        })?;
        let page = self.activity_page(caller, project, paging).await?;
        let mut bodies = Vec::new();
        for activity in &page.data {
            bodies.extend(self.tell(dialect, &activity.event).await?);
        }
        Ok((bodies, page.next))
    }

    pub(crate) async fn activity_page(
        &self,
        caller: &Caller,
        project: &Project,
        paging: Paging,
    ) -> Result<Page<Activity>, Fault> {
        Access::Project.check(caller)?;
        self.store
            .activities(project.id, paging.from, paging.limit)
            .await
            .map_err(refusal)
    }

    async fn tell(&self, dialect: &dyn Dialect, event: &Event) -> Result<Vec<Vec<u8>>, Fault> {
        let mut bodies = Vec::new();
        let look = |view: &dyn View| {
            let scope = Scope {
                event,
                view,
                server_url: &self.server_url,
                options: &Value::Null,
            };
            let messages = tidings_dialects::render(dialect, &scope, &mut |_| true);
            let said: Vec<&str> = messages.iter().map(|m| m.code).collect();
            bodies = messages
                .iter()
                .filter(|m| m.unless.is_none_or(|code| !said.contains(&code)))
                .map(|m| m.body.clone())
                .collect();
        };
        as_told(&*self.store, event, look).await.map_err(refusal)?;
        Ok(bodies)
    }

    /// One event.
    pub async fn event(&self, caller: &Caller, project: &Project, id: i64) -> Result<Value, Fault> {
        Access::Project.check(caller)?;
        let found = self.store.event(project.id, EventId(id)).await;
        found
            .map_err(refusal)?
            .as_ref()
            .map(show)
            .ok_or_else(absent)
    }
}

pub(crate) fn show(activity: &Activity) -> Value {
    let event = &activity.event;
    let recorded = tidings_domain::Time::from_millisecond(activity.recorded_ms);
    let mut members = vec![
        ("id".to_owned(), event.id.0.into()),
        ("at".to_owned(), time::value(event.at)),
        (
            "recorded_at".to_owned(),
            recorded.map_or(Value::Null, time::value),
        ),
        ("actor".to_owned(), event.actor.into()),
    ];
    let told = match &event.what {
        What::Change(change) => show_change(change),
        What::Bulk(bulk) => object([
            ("type", "items.updated".into()),
            (
                "events",
                Value::List(bulk.changes.iter().map(|(id, _)| id.0.into()).collect()),
            ),
            (
                "objects",
                Value::List(bulk.objects.iter().map(|o| o.key().to_value()).collect()),
            ),
            ("set", Value::Map(bulk.set.clone())),
            ("comment", bulk.comment.clone().into()),
        ]),
        What::WebhookDisabled(disabled) => object([
            ("type", "webhook.disabled".into()),
            ("webhook", disabled.id.0.into()),
            ("reason", disabled.reason.clone().into()),
        ]),
    };
    members.extend(told.as_map().iter().cloned());
    Value::Map(members)
}

fn show_change(change: &Change) -> Value {
    let doc = &change.object;
    let changes = change.changes.iter().map(show_field).collect();
    let moved = change.moved_to.as_ref().map(|to| {
        object([
            ("project", to.project.key.clone().into()),
            ("id", to.id.into()),
            ("number", to.number.into()),
        ])
    });
    let noun = doc.collection().singular();
    object([
        ("type", format!("{noun}.{}", change.verb.as_str()).into()),
        ("object", doc.key().to_value()),
        ("sequence", doc.sequence().into()),
        (
            "title",
            doc.opt_text("title").or(doc.opt_text("name")).into(),
        ),
        ("changes", Value::List(changes)),
        ("comment", change.comment.as_ref().map(|c| c.id()).into()),
        ("bulk", change.bulk.map(|id| id.0).into()),
        ("moved_to", moved.unwrap_or_default()),
    ])
}

fn show_field(change: &FieldChange) -> Value {
    object([
        ("member", change.member.clone().into()),
        ("old", change.old.clone()),
        ("new", change.new.clone()),
    ])
}
