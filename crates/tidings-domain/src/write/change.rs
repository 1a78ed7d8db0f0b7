//! What differs between two versions of an object.

use crate::doc::Doc;
use crate::event::FieldChange;
use crate::project::Project;
use crate::schema::{Kind, SetBy};
use crate::value::{Text, Value};

/// Whether anything differs that somebody set.
pub fn differs(before: &Doc, after: &Doc) -> bool {
    before
        .members()
        .zip(after.members())
        .any(|((member, old), (_, new))| member.set_by != SetBy::Server && old != new)
}

/// The members that differ, in the schema's order, custom fields in the project's; without those that the server sets.
pub fn between(project: &Project, before: &Doc, after: &Doc) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    for ((member, old), (_, new)) in before.members().zip(after.members()) {
        let told = matches!(member.set_by, SetBy::Caller | SetBy::CallerOnce);
        if !told || old == new {
            continue;
        }
        if member.kind == Kind::Fields {
            fields(project, old, new, &mut changes);
        } else {
            changes.push(FieldChange {
                member: Text::new_static(member.name),
                old: old.clone(),
                new: new.clone(),
            });
        }
    }
    changes
}

fn fields(project: &Project, old: &Value, new: &Value, changes: &mut Vec<FieldChange>) {
    for field in &project.custom_fields {
        let old = old.member(&field.name).cloned().unwrap_or_default();
        let new = new.member(&field.name).cloned().unwrap_or_default();
        if old != new {
            changes.push(FieldChange {
                member: format!("fields.{}", field.name).into(),
                old,
                new,
            });
        }
    }
}
