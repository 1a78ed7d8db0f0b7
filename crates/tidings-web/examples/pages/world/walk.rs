//! The addresses of the console, from its route table: for each page those where it has most to show.

use serde_json::{Value, json};
use tidings_app::Access;
use tidings_web::console;
use tidings_web::route::{Method, OutputBody, Row};

use super::addresses::paths;
use super::{Result, World};

/// An address of a page.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Name of the row.
    pub(crate) row: &'static str,
    pub(crate) who: Who,
    pub(crate) path: String,
    /// Everybody may see it, and sees the same.
    pub(crate) open: bool,
    /// It goes on for as long as one listens.
    pub(crate) streams: bool,
}

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Somebody who is not signed in.
    Nobody,
    Administrator,
    /// A product owner: sees what an administrator sees of a project, another way.
    Owner,
    /// A team member.
    Member,
}

impl Who {
    pub(crate) const ALL: [Who; 4] = [Who::Nobody, Who::Administrator, Who::Owner, Who::Member];

    fn name(self) -> &'static str {
        match self {
            Who::Nobody => "nobody",
            Who::Administrator => "administrator",
            Who::Owner => "owner",
            Who::Member => "member",
        }
    }

    pub(crate) fn cookie(self, world: &World) -> &str {
        match self {
            Who::Nobody => "",
            Who::Administrator => &world.people.administrator,
            Who::Owner => &world.people.owner,
            Who::Member => &world.people.member,
        }
    }

    /// Whether a page is walked as them: what anybody sees is walked once.
    fn walks(self, row: &Row) -> bool {
        match (self, row.access) {
            (who, Access::Anyone) => who == Who::Nobody,
            (Who::Administrator, _) => true,
            (Who::Nobody, _) | (_, Access::Administrator) => false,
            (Who::Owner, _) => true,
            (Who::Member, access) => access != Access::Manage,
        }
    }
}

/// What there is to be told to whoever measures.
pub(crate) async fn told(world: &World) -> Result<Value> {
    let places = places(world).await?;
    let one = |place: &Place| {
        json!({
            "row": place.row, "who": place.who.name(), "cookie": place.who.cookie(world), "path": place.path,
            "open": place.open, "streams": place.streams,
        })
    };
    Ok(json!({
        "deliveries": world.found.deliveries,
        "rows": rows().count(),
        "places": places.iter().map(one).collect::<Vec<_>>(),
    }))
}

/// The rows that are walked: everything that can be got.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    console::table()
        .iter()
        .filter(|row| row.method == Method::Get)
}

/// Every address.
pub(crate) async fn places(world: &World) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for row in rows() {
        let mut paths = paths(world, row).await?;
        let pages = row.query.iter().any(|parameter| parameter.name == "cursor");
        if pages && let Some(first) = paths.first() {
            paths.extend(second_page(world, first).await?);
        }
        let streams =
            matches!(row.output.body, OutputBody::Text(kind) if kind == "text/event-stream");
        for who in Who::ALL.into_iter().filter(|who| who.walks(row)) {
            places.extend(paths.iter().map(|path| Place {
                row: &row.id,
                who,
                path: path.clone(),
                open: row.access == Access::Anyone,
                streams,
            }));
        }
    }
    Ok(places)
}

/// The page after the first one, if there is one.
async fn second_page(world: &World, first: &str) -> Result<Option<String>> {
    let cookie = Who::Administrator.cookie(world);
    let (_, text) = world.house.open_page(cookie, first).await?;
    let Some((_, rest)) = text.split_once("cursor=") else {
        return Ok(None);
    };
    let end = rest.find(|c: char| !c.is_ascii_hexdigit() && c != '.');
    let cursor = rest.get(..end.unwrap_or_default()).unwrap_or_default();
    let between = if first.contains('?') { '&' } else { '?' };
    Ok(Some(format!("{first}{between}cursor={cursor}")))
}
