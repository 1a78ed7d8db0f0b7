//! The files that are compiled in: templates, styles, scripts, pictures. A test holds this list against the folders.

/// Name and content of files of a folder.
macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!($folder, "/", $name)))),*]
    };
}

/// What `/assets` serves. `htmx.min.js` and `htmx-sse.min.js` are htmx 2.0.11 and its extension for server-sent events 2.2.4, as
/// published on npm (licence: `htmx.LICENSE` beside them).
pub(super) const ASSETS: &[(&str, &[u8])] = files!("assets":
    "console.css",
    "console.js",
    "favicon.svg",
    "htmx-sse.min.js",
    "htmx.min.js",
);

/// What pages are made of.
pub(super) const TEMPLATES: &[(&str, &[u8])] = files!("templates":
    "account.html",
    "admin/account.html",
    "admin/accounts.html",
    "admin/audit.html",
    "admin/plans.html",
    "admin/server.html",
    "admin/settings.html",
    "admin/tokens.html",
    "base.html",
    "catalogue.html",
    "catalogue_dialect.html",
    "catalogue_event.html",
    "catalogue_macros.html",
    "docs.html",
    "docs_macros.html",
    "docs_tag.html",
    "macros.html",
    "project/event.html",
    "project/item.html",
    "project/item_form.html",
    "project/item_new.html",
    "project/items.html",
    "project/member.html",
    "project/members.html",
    "project/part.html",
    "project/part_fields.html",
    "project/settings.html",
    "project/tokens.html",
    "project/update.html",
    "project/updates.html",
    "project_new.html",
    "projects.html",
    "refusal.html",
    "sent/delivery.html",
    "sent/health.html",
    "sent/log.html",
    "sent/resend.html",
    "sign_in.html",
    "sign_in_kept.html",
    "sign_in_link.html",
    "webhook.html",
    "webhook_delete.html",
    "webhook_dialects.html",
    "webhook_execute.html",
    "webhook_form.html",
    "webhook_macros.html",
    "webhook_result.html",
    "webhook_rotate.html",
    "webhook_secret.html",
    "webhook_url.html",
    "webhooks.html",
    "webhooks_by_event.html",
    "webhooks_by_event_macros.html",
    "webhooks_by_event_row.html",
    "webhooks_off.html",
);

#[cfg(test)]
mod tests;
