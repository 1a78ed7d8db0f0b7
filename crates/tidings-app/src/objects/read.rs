//! Reading objects, in our shape or a vendor's.

use std::sync::Arc;

use tidings_dialects::ObjectScope;
use tidings_domain::write::Target;
use tidings_domain::{Collection, Doc, Fault, ObjectRef, View};
use tidings_storage::{AsOf, Page, Snapshot};

use crate::refusal::{absent, refusal};
use crate::{App, Caller};

impl App {
    /// One object as JSON: as it is stored, or as `dialect` would show it.
    pub async fn object(
        &self,
        caller: &Caller,
        project: &str,
        collection: &str,
        id: &str,
        dialect: Option<&str>,
    ) -> Result<Vec<u8>, Fault> {
        let project = self.project(caller, project).await?;
        let collection = known(collection)?;
        let target = Target::parse(id).ok_or_else(absent)?;
        let mut answer = Err(absent());
        let job = Box::new(|state: &dyn Snapshot| {
            answer = match target
                .id(state, collection)
                .and_then(|id| state.get(ObjectRef::new(collection, id)))
            {
                Some(doc) => self.shape(state, &doc, caller, dialect),
                None => Err(absent()),
            };
        });
        self.store
            .read(project.id, AsOf::Now, job)
            .await
            .map_err(refusal)?;
        answer
    }

    fn shape(
        &self,
        view: &dyn View,
        doc: &Arc<Doc>,
        caller: &Caller,
        dialect: Option<&str>,
    ) -> Result<Vec<u8>, Fault> {
        let Some(name) = dialect else {
            return Ok(doc.to_json());
        };
        let dialect = tidings_dialects::find(name).ok_or_else(|| {
            Fault::field(
                "dialect",
                "unknown_word",
                "is not a dialect; GET /api/v1/dialects lists them",
            )
        })?;
        let scope = ObjectScope {
            view,
            server_url: &self.server_url,
            at: self.clock.wall(),
            actor: caller.member(),
        };
        dialect.object(&scope, doc).ok_or_else(|| {
            let detail = format!(
                "{} has no shape for {}; leave it out to read the object as it is",
                dialect.title(),
                doc.collection()
            );
            Fault::field("dialect", "dialect_silent", detail)
        })
    }

    /// A page of a collection, by id.
    pub async fn objects(
        &self,
        caller: &Caller,
        project: &str,
        collection: &str,
        after: i64,
        limit: usize,
    ) -> Result<Page<Arc<Doc>>, Fault> {
        let project = self.project(caller, project).await?;
        let collection = known(collection)?;
        self.store
            .objects(project.id, collection, after, limit)
            .await
            .map_err(refusal)
    }
}

/// The collection of that name; there is nothing at the path of another.
pub(super) fn known(collection: &str) -> Result<Collection, Fault> {
    collection.parse().map_err(|_| absent())
}
