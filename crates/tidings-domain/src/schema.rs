//! The tables of every collection's members: name, type, default and who may set it.
//!
//! Transcribed from the project's field tables; validation, defaults, change detection, the order of members in JSON and the
//! OpenAPI document all read these tables, so a member exists in one place.

use std::sync::LazyLock;

use crate::collection::Collection;

/// Who sets a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// The caller, in any write.
    Caller,
    /// The caller, only at creation.
    CallerOnce,
    /// An import: an administrator or app token may give it in any write, else the server sets it.
    Import,
    /// An import, only at creation.
    ImportOnce,
    /// The server.
    Server,
}

/// The type of a member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// The object's own id.
    Id,
    /// Whole number in `min..=max`.
    Int {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// Number in `0..=max`, at most two decimals kept as given.
    Number {
        /// Largest.
        max: f64,
    },
    /// String of `min..=max` characters.
    Text {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// `true` or `false`.
    Bool,
    /// `YYYY-MM-DD`.
    Date,
    /// RFC 3339.
    Time,
    /// `#RRGGBB`.
    Color,
    /// http or https URL of at most 1000 characters.
    Url,
    /// One of a closed list of words.
    Word(&'static [&'static str]),
    /// A path that begins and ends with `/`.
    Directory,
    /// Integer id of a member.
    Person,
    /// List of ids of members.
    People,
    /// Integer id of an object of one collection.
    Link(Collection),
    /// List of ids of objects of one collection.
    Links(Collection),
    /// A reference `{collection, id}` to an object of one of these collections.
    Ref(&'static [Collection]),
    /// An item's parent: the integer id of a story, or a reference to another item.
    Parent,
    /// The name of an entry of a project's vocabulary.
    Entry(Vocabulary),
    /// List of names of entries of a vocabulary.
    Entries(Vocabulary),
    /// List of names without a vocabulary.
    Names,
    /// A number, the name of an effort, or null (`"~"` is null).
    Score,
    /// Custom fields of an item.
    Fields,
    /// Object from status name to time.
    StatusDates,
    /// `{discussion, files}`.
    ItemEmail,
    /// `{nulab_id, name, unique_id}`.
    NulabAccount,
    /// List of `{rev, message}`, at most 100.
    Revisions,
}

/// The lists of words that belong to a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vocabulary {
    /// Statuses of items.
    Statuses,
    /// Columns of the board.
    Columns,
    /// Priorities.
    Priorities,
    /// Types of items.
    Types,
    /// Resolutions.
    Resolutions,
    /// Labels (tags).
    Labels,
    /// Efforts (sizes).
    Efforts,
}

/// What a member is when nobody gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standard {
    /// It must be given.
    Required,
    /// `null`.
    Null,
    /// This text.
    Text(&'static str),
    /// This number.
    Int(i64),
    /// This boolean.
    Bool(bool),
    /// The empty list.
    EmptyList,
    /// The empty object.
    EmptyMap,
    /// The time of the change.
    At,
    /// The actor of the change.
    Actor,
    /// Worked out by a rule of its own (ranks, numbers, titles of stories, statuses, ...).
    Rule,
}

/// One member of a collection's objects.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Name in JSON.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Whether it may be null.
    pub nullable: bool,
    /// Who sets it.
    pub set_by: SetBy,
    /// Its value when nobody gave one.
    pub standard: Standard,
}

/// The members of one collection, in the order in which JSON shows them.
#[derive(Debug)]
pub struct Schema {
    /// Whose members these are.
    pub collection: Collection,
    /// The members: id, sequence, `external_id`, url, on, own members, `created_at`, `created_by`, `updated_at`, `updated_by`.
    pub members: Vec<Member>,
    /// By the mark of a name: the place of the first member with that mark, from 1 on; 0 where there is none.
    places: [u8; MARKS],
}

/// Different marks of names: enough that few members share one.
const MARKS: usize = 256;

/// A number that tells most names apart.
fn mark(name: &str) -> usize {
    let bytes = name.as_bytes();
    let at = |place: usize| usize::from(bytes.get(place).copied().unwrap_or_default());
    let last = bytes.len().saturating_sub(1);
    (bytes.len() * 37 + at(0) * 5 + at(last / 2) * 11 + at(last) * 3) % MARKS
}

impl Schema {
    fn new(collection: Collection, members: Vec<Member>) -> Self {
        let mut places = [0; MARKS];
        for (place, member) in members.iter().enumerate().rev() {
            if let Some(first) = places.get_mut(mark(member.name)) {
                *first = u8::try_from(place + 1).unwrap_or(u8::MAX);
            }
        }
        Self {
            collection,
            members,
            places,
        }
    }

    /// The place of a member.
    pub fn index(&self, name: &str) -> Option<usize> {
        let first = usize::from(*self.places.get(mark(name))?).checked_sub(1)?;
        let from = self.members.get(first..)?;
        from.iter()
            .position(|m| m.name == name)
            .map(|place| first + place)
    }

    /// A member by name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.get(self.index(name)?)
    }
}

/// The schema of a collection.
pub fn of(collection: Collection) -> &'static Schema {
    static SCHEMAS: LazyLock<Vec<Schema>> =
        LazyLock::new(|| Collection::ALL.iter().map(|c| build(*c)).collect());
    // Collections are numbered in the order of `ALL`.
    #[expect(
        clippy::indexing_slicing,
        reason = "one schema was built for each collection"
    )]
    &SCHEMAS[collection as usize]
}

/// 1..2^53-1.
pub const INT: Kind = Kind::Int {
    min: 1,
    max: crate::value::MAX_SAFE_INTEGER,
};
const NATURAL: Kind = Kind::Int {
    min: 0,
    max: crate::value::MAX_SAFE_INTEGER,
};
const TEXT: Kind = Kind::Text {
    min: 0,
    max: 100_000,
};
const NAME: Kind = line(100);
const HOURS: Kind = Kind::Number { max: 99_999.99 };

const fn line(max: usize) -> Kind {
    Kind::Text { min: 1, max }
}

const fn up_to(max: usize) -> Kind {
    Kind::Text { min: 0, max }
}

const fn member(name: &'static str, kind: Kind, standard: Standard) -> Member {
    Member {
        name,
        kind,
        nullable: matches!(standard, Standard::Null),
        set_by: SetBy::Caller,
        standard,
    }
}

const fn required(name: &'static str, kind: Kind) -> Member {
    member(name, kind, Standard::Required)
}

const fn null(name: &'static str, kind: Kind) -> Member {
    member(name, kind, Standard::Null)
}

const fn flag(name: &'static str) -> Member {
    member(name, Kind::Bool, Standard::Bool(false))
}

const fn list(name: &'static str, kind: Kind) -> Member {
    member(name, kind, Standard::EmptyList)
}

const fn text(name: &'static str) -> Member {
    member(name, TEXT, Standard::Text(""))
}

const fn rule(name: &'static str, kind: Kind) -> Member {
    member(name, kind, Standard::Rule)
}

impl Member {
    const fn by(mut self, set_by: SetBy) -> Self {
        self.set_by = set_by;
        self
    }

    const fn or_null(mut self) -> Self {
        self.nullable = true;
        self
    }
}

const PROGRESS: Kind = Kind::Word(&["todo", "doing", "done"]);

/// What a comment can be on.
pub const COMMENTABLE: &[Collection] = &[
    Collection::Stories,
    Collection::Tasks,
    Collection::Defects,
    Collection::Tests,
    Collection::Features,
    Collection::Sprints,
    Collection::Releases,
    Collection::Discussions,
    Collection::WikiPages,
    Collection::Attachments,
    Collection::PullRequests,
    Collection::Comments,
];
const ITEM: &[Collection] = &crate::collection::ITEMS;
const ATTACHABLE: &[Collection] = &[
    Collection::Stories,
    Collection::Tasks,
    Collection::Defects,
    Collection::Tests,
    Collection::Features,
    Collection::Sprints,
    Collection::Releases,
    Collection::WikiPages,
];
const VOTABLE: &[Collection] = &[
    Collection::Stories,
    Collection::Tasks,
    Collection::Defects,
    Collection::Tests,
    Collection::Discussions,
    Collection::Comments,
];
const MEETABLE: &[Collection] = &[
    Collection::Stories,
    Collection::Tasks,
    Collection::Defects,
    Collection::Tests,
    Collection::Features,
    Collection::Sprints,
    Collection::Releases,
];

fn build(collection: Collection) -> Schema {
    let mut members = vec![
        required("id", Kind::Id).by(SetBy::CallerOnce),
        member("sequence", INT, Standard::Int(1)).by(SetBy::Server),
        null("external_id", line(200)),
        null("url", Kind::Url),
    ];
    if collection == Collection::Videos {
        // A video is its address.
        members.pop();
        members.push(required("url", Kind::Url));
    }
    members.extend(on(collection));
    members.extend(own(collection));
    members.extend([
        member("created_at", Kind::Time, Standard::At).by(SetBy::ImportOnce),
        member("created_by", Kind::Person, Standard::Actor)
            .or_null()
            .by(SetBy::ImportOnce),
        member("updated_at", Kind::Time, Standard::At).by(SetBy::Server),
        member("updated_by", Kind::Person, Standard::Actor)
            .or_null()
            .by(SetBy::Server),
    ]);
    Schema::new(collection, members)
}

fn on(collection: Collection) -> Option<Member> {
    let to = |collections| Some(required("on", Kind::Ref(collections)).by(SetBy::CallerOnce));
    match collection {
        Collection::Comments => to(COMMENTABLE),
        Collection::TimeEntries | Collection::Videos | Collection::Favorites => to(ITEM),
        Collection::Attachments => to(ATTACHABLE),
        Collection::Votes => to(VOTABLE),
        Collection::Meetings => Some(null("on", Kind::Ref(MEETABLE)).by(SetBy::CallerOnce)),
        _ => None,
    }
}

#[expect(clippy::too_many_lines, reason = "one table; a row a member")]
fn own(collection: Collection) -> Vec<Member> {
    use SetBy::{CallerOnce, Import, Server};
    match collection {
        Collection::Members => vec![
            required("first_name", NAME),
            member("last_name", up_to(100), Standard::Text("")),
            null("email", up_to(254)),
            null("username", NAME),
            member(
                "role",
                Kind::Word(&[
                    "product_owner",
                    "scrum_master",
                    "team_member",
                    "stakeholder",
                ]),
                Standard::Text("team_member"),
            ),
            member("active", Kind::Bool, Standard::Bool(true)),
            null("avatar_url", up_to(1000)),
            null("headline", up_to(1000)),
            null("location", up_to(1000)),
            null("time_zone", up_to(100)),
            null("language", up_to(100)),
            null("last_login_at", Kind::Time),
            null("nulab_account", Kind::NulabAccount),
        ],
        Collection::Teams => vec![required("name", NAME), list("members", Kind::People)],
        Collection::Stories | Collection::Tasks | Collection::Defects | Collection::Tests => {
            items(collection == Collection::Stories)
        }
        Collection::Features => vec![
            required("name", NAME),
            null("description", TEXT),
            null("notes", TEXT),
            member("color", Kind::Color, Standard::Text("#0067e8")),
            null("value", Kind::Int { min: 0, max: 99 }),
            rule("rank", INT),
            member(
                "type",
                Kind::Word(&["Functional", "Enabler"]),
                Standard::Text("Functional"),
            ),
            null("release", Kind::Link(Collection::Releases)),
            list("tags", Kind::Names),
            flag("done"),
            null("done_at", Kind::Time).by(Import),
        ],
        Collection::AcceptanceTests => vec![
            required("name", NAME),
            null("description", up_to(1000)),
            required("story", Kind::Link(Collection::Stories)),
            rule("rank", INT),
            member(
                "status",
                Kind::Word(&["to_check", "failed", "success"]),
                Standard::Text("to_check"),
            ),
        ],
        Collection::Sprints => vec![
            required("name", NAME),
            required("start_date", Kind::Date),
            required("end_date", Kind::Date),
            null("release", Kind::Link(Collection::Releases)),
            member("status", PROGRESS, Standard::Text("todo")),
            null("started_at", Kind::Time).by(Import),
            null("closed_at", Kind::Time).by(Import),
            null("description", TEXT),
            null("goal", TEXT),
            null("done_definition", TEXT),
            null("retrospective", TEXT),
            null("delivered_version", TEXT),
            member("color", Kind::Color, Standard::Text("#3B82F6")),
            flag("close_on_finish"),
        ],
        Collection::Releases => vec![
            required("name", NAME),
            text("description"),
            null("goal", TEXT),
            null("vision", TEXT),
            null("start_date", Kind::Date),
            null("end_date", Kind::Date),
            member("status", PROGRESS, Standard::Text("todo")),
            null("started_at", Kind::Time).by(Import),
            null("closed_at", Kind::Time).by(Import),
            flag("archived"),
        ],
        Collection::Comments => vec![
            required("body", line(100_000)),
            member(
                "kind",
                Kind::Word(&["comment", "commit"]),
                Standard::Text("comment"),
            )
            .by(CallerOnce),
            flag("confidential"),
            flag("is_resolution"),
            list("notify", Kind::People).by(CallerOnce),
        ],
        Collection::TimeEntries => vec![
            member("member", Kind::Person, Standard::Actor).by(CallerOnce),
            flag("running").by(CallerOnce),
            null("note", up_to(1000)),
            flag("auto_assigned").by(CallerOnce),
            rule("started_at", Kind::Time).or_null().by(Import),
            rule("stopped_at", Kind::Time).or_null().by(Import),
            rule("minutes", NATURAL).or_null(),
        ],
        Collection::Attachments => vec![
            required("name", line(255)),
            member("size", NATURAL, Standard::Int(0)),
            member(
                "media_type",
                NAME,
                Standard::Text("application/octet-stream"),
            ),
            null("description", TEXT),
            null("url_expires_at", Kind::Time),
        ],
        Collection::Videos => vec![rule("title", line(1000))],
        Collection::Favorites | Collection::Votes => vec![],
        Collection::Blocks => vec![
            null("item", Kind::Ref(ITEM)).by(CallerOnce),
            required("blocked", Kind::Ref(ITEM)).by(CallerOnce),
            flag("unblocked"),
        ],
        Collection::Discussions => vec![required("title", line(500)), text("body")],
        Collection::WikiPages => vec![
            required("name", line(255)),
            text("content"),
            member("version", INT, Standard::Int(1)).by(Server),
        ],
        Collection::SharedFiles => vec![
            member("dir", Kind::Directory, Standard::Text("/")),
            required("name", line(255)),
            member("size", NATURAL, Standard::Int(0)),
        ],
        Collection::Repositories => vec![required("name", NAME), null("description", TEXT)],
        Collection::Pushes => vec![
            required("repository", Kind::Link(Collection::Repositories)).by(CallerOnce),
            required("ref", line(255)).by(CallerOnce),
            member(
                "change_type",
                Kind::Word(&["create", "update", "delete"]),
                Standard::Text("update"),
            )
            .by(CallerOnce),
            list("revisions", Kind::Revisions).by(CallerOnce),
            rule("revision_count", NATURAL).by(CallerOnce),
        ],
        Collection::Commits => vec![
            required("rev", INT).by(CallerOnce),
            text("message").by(CallerOnce),
        ],
        Collection::PullRequests => vec![
            required("repository", Kind::Link(Collection::Repositories)).by(CallerOnce),
            rule("number", INT).by(CallerOnce),
            required("title", line(500)),
            text("description"),
            required("base", line(255)),
            required("branch", line(255)),
            member(
                "status",
                Kind::Word(&["open", "closed", "merged"]),
                Standard::Text("open"),
            ),
            list("assignees", Kind::People),
            null("issue", Kind::Ref(ITEM)),
        ],
        Collection::Meetings => vec![
            required("title", line(500)),
            member("starts_at", Kind::Time, Standard::At),
            null("ends_at", Kind::Time),
            member("provider", NAME, Standard::Text("custom")),
            null("provider_event_id", NAME),
            null("phone", NAME),
            null("pin_code", NAME),
        ],
        Collection::Actors => vec![required("name", NAME)],
    }
}

fn items(story: bool) -> Vec<Member> {
    use SetBy::{CallerOnce, Import};
    let mut all = vec![
        rule("number", INT).by(CallerOnce),
        // A story's title can be built from who, what and why.
        if story {
            rule("title", line(500))
        } else {
            required("title", line(500))
        },
    ];
    if story {
        all.extend([
            null("who", up_to(500)),
            null("what", up_to(500)),
            null("why", up_to(500)),
        ]);
    }
    all.extend([text("description"), null("notes", TEXT)]);
    if story {
        all.extend([null("acceptance_criteria", TEXT)]);
    }
    all.extend([
        rule("status", Kind::Entry(Vocabulary::Statuses)),
        null("column", Kind::Entry(Vocabulary::Columns)),
        rule("priority", Kind::Entry(Vocabulary::Priorities)).or_null(),
        rule("type", Kind::Entry(Vocabulary::Types)),
        null("resolution", Kind::Entry(Vocabulary::Resolutions)),
        null("score", Kind::Score),
        member("value", Kind::Int { min: 0, max: 99 }, Standard::Int(0)),
        rule("rank", INT),
        null("color", Kind::Color),
        list("tags", Kind::Entries(Vocabulary::Labels)),
        list("assignees", Kind::People),
        null("sprint", Kind::Link(Collection::Sprints)),
        null("feature", Kind::Link(Collection::Features)),
        list("releases", Kind::Links(Collection::Releases)),
        list("affected_releases", Kind::Links(Collection::Releases)),
        null("parent", Kind::Parent),
    ]);
    if story {
        all.extend([list("actors", Kind::Links(Collection::Actors))]);
    }
    all.extend([
        null("start_date", Kind::Date),
        null("due_date", Kind::Date),
        null("estimated_hours", HOURS),
        null("actual_hours", HOURS),
        null("remaining_hours", HOURS),
        flag("confidential"),
        flag("archived"),
        member("fields", Kind::Fields, Standard::EmptyMap),
        null("email", Kind::ItemEmail),
        member("status_dates", Kind::StatusDates, Standard::EmptyMap).by(Import),
        null("completed_at", Kind::Time).by(Import),
        null("completed_by", Kind::Person).by(Import),
        null("resolved_at", Kind::Time).by(Import),
        null("resolved_by", Kind::Person).by(Import),
    ]);
    all
}
