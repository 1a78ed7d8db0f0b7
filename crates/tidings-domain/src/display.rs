//! The names under which people know the members of items, and the keys that must not clash with them.

use crate::project::Project;

/// Members of items that have a display name, with its default.
pub const DISPLAY_NAMES: &[(&str, &str)] = &[
    ("status", "Status"),
    ("assignees", "Assigned To"),
    ("created_by", "Submitted By"),
    ("updated_at", "Date Modified"),
    ("description", "Description"),
    ("confidential", "Confidential"),
    ("resolution", "Resolution"),
    ("resolved_by", "Resolved By"),
    ("created_at", "Date Submitted"),
    ("priority", "Priority"),
    ("resolved_at", "Date Resolved"),
    ("number", "Issue ID"),
    ("due_date", "Due Date"),
    ("type", "Type"),
    ("title", "Subject"),
    ("column", "Column"),
    ("tags", "Tags"),
    ("sprint", "Sprint"),
    ("feature", "Feature"),
    ("parent", "Parent"),
    ("releases", "Release"),
    ("affected_releases", "Affected Release"),
    ("score", "Score"),
    ("value", "Value"),
    ("start_date", "Start Date"),
    ("estimated_hours", "Estimated Hours"),
    ("actual_hours", "Actual Hours"),
    ("remaining_hours", "Remaining Hours"),
    ("who", "Who"),
    ("what", "What"),
    ("why", "Why"),
    ("acceptance_criteria", "Acceptance Criteria"),
    ("notes", "Notes"),
    ("archived", "Archived"),
];

/// The display name of a member in a project; `None` for members without one.
pub fn display_name<'p>(project: &'p Project, member: &str) -> Option<&'p str> {
    let (_, default) = DISPLAY_NAMES.iter().find(|(name, _)| *name == member)?;
    Some(
        project
            .display_names
            .get(member)
            .map_or(*default, String::as_str),
    )
}

/// The member whose display name in the project is exactly `name`: no custom field may be called that, for both are keys of
/// one object in Squish's payloads.
pub fn displayed_as(project: &Project, name: &str) -> Option<&'static str> {
    DISPLAY_NAMES
        .iter()
        .map(|(member, _)| *member)
        .find(|member| display_name(project, member) == Some(name))
}
