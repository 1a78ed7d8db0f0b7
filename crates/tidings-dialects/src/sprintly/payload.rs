//! The bodies. Members are in alphabetical order, and what is empty is left out where the guide leaves it out.

use serde::Serialize;

use tidings_domain::{Collection, Doc, Time, Value, View, time};

use crate::derived::{self, status};

/// What every object is rendered from.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) view: &'a dyn View,
    pub(super) server_url: &'a str,
}

#[derive(Serialize)]
pub(super) struct Body {
    attributes: Model,
    model: &'static str,
    product: Product,
}

/// The `attributes`, by what they are.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Model {
    Item(Box<Item>),
    Favorite(Favorite),
    Block(Block),
    Comment(Comment),
}

#[derive(Serialize)]
struct Product {
    admin: bool,
    archived: bool,
    created_at: String,
    email: ProductEmail,
    id: i64,
    name: String,
}

#[derive(Serialize)]
struct ProductEmail {
    backlog: String,
    defects: String,
    stories: String,
    tasks: String,
    tests: String,
}

#[derive(Serialize)]
struct ShortProduct {
    archived: bool,
    id: i64,
    name: String,
}

#[derive(Serialize)]
pub(super) struct User {
    created_at: String,
    email: String,
    first_name: String,
    id: i64,
    last_login: String,
    last_name: String,
}

#[derive(Serialize)]
pub(super) struct Item {
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_by: Option<User>,
    archived: bool,
    assigned_to: Option<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_reason: Option<String>,
    created_at: String,
    created_by: Option<User>,
    description: String,
    email: ItemEmail,
    last_modified: String,
    number: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Parent>,
    product: ShortProduct,
    #[serde(skip_serializing_if = "Progress::is_empty")]
    progress: Progress,
    score: &'static str,
    short_url: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    title: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// The item above: whole, and above that only its number.
#[derive(Serialize)]
#[serde(untagged)]
enum Parent {
    Item(Box<Item>),
    Number(i64),
}

#[derive(Serialize)]
struct ItemEmail {
    discussion: String,
    files: String,
}

#[derive(Serialize)]
struct Progress {
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    triaged_at: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Favorite {
    created_at: String,
    id: i64,
    item: Box<Item>,
    user: Option<User>,
}

#[derive(Serialize)]
pub(super) struct Block {
    blocked: Box<Item>,
    created_at: String,
    id: i64,
    item: Box<Item>,
    unblocked: bool,
    user: Option<User>,
}

#[derive(Serialize)]
pub(super) struct Comment {
    body: String,
    created_at: String,
    created_by: Option<User>,
    id: i64,
    item: Box<Item>,
    last_modified: String,
    r#type: String,
}

/// `2012-08-13T23:14:27+00:00`, as Python prints an instant in UTC.
fn moment(at: Time) -> String {
    let mut text = time::show(at);
    if text.ends_with('Z') {
        text.truncate(text.len() - 1);
        text.push_str("+00:00");
    }
    text
}

fn stored_moment(text: &str) -> String {
    time::parse(text).map_or_else(|| text.to_owned(), moment)
}

impl Progress {
    fn is_empty(&self) -> bool {
        [
            &self.accepted_at,
            &self.closed_at,
            &self.started_at,
            &self.triaged_at,
        ]
        .iter()
        .all(|at| at.is_none())
    }
}

impl Model {
    /// A comment, on the item to which its thread belongs.
    pub(super) fn comment(context: &Context<'_>, doc: &Doc, item: &Doc) -> Self {
        Model::Comment(Comment {
            body: doc.text("body").to_owned(),
            created_at: stored_moment(doc.text("created_at")),
            created_by: context.person(doc, "created_by"),
            id: doc.id(),
            item: context.item(item),
            last_modified: stored_moment(doc.text("updated_at")),
            r#type: doc.opt_text("kind").unwrap_or("comment").to_owned(),
        })
    }
}

impl Context<'_> {
    /// The envelope.
    pub(super) fn body(&self, model: &'static str, attributes: Model) -> Body {
        Body {
            attributes,
            model,
            product: self.product(),
        }
    }

    /// An object that Sprint.ly has a model for; `None` for others, and where an item it is about is not there.
    pub(super) fn model(&self, doc: &Doc) -> Option<Model> {
        match doc.collection() {
            Collection::Favorites => Some(Model::Favorite(Favorite {
                created_at: stored_moment(doc.text("created_at")),
                id: doc.id(),
                item: self.referred(doc, "on")?,
                user: self.person(doc, "created_by"),
            })),
            Collection::Blocks => Some(Model::Block(Block {
                blocked: self.referred(doc, "blocked")?,
                created_at: stored_moment(doc.text("created_at")),
                id: doc.id(),
                item: self.referred(doc, "item")?,
                unblocked: doc.flag("unblocked"),
                user: self.person(doc, "created_by"),
            })),
            Collection::Comments => {
                let item = derived::subject(self.view, doc)?;
                let is_item = item.collection().is_item();
                is_item.then(|| Model::comment(self, doc, &item))
            }
            collection if collection.is_item() => Some(Model::Item(self.item(doc))),
            _ => None,
        }
    }

    /// A person.
    #[expect(
        clippy::unused_self,
        reason = "a part of an object, rendered like the others"
    )]
    pub(super) fn user(&self, doc: &Doc) -> User {
        let created_at = stored_moment(doc.text("created_at"));
        User {
            email: doc.text("email").to_owned(),
            first_name: doc.text("first_name").to_owned(),
            id: doc.id(),
            // Receivers read it unguarded; somebody who never came was last seen when they joined.
            last_login: doc
                .time("last_login_at")
                .map_or_else(|| created_at.clone(), moment),
            last_name: doc.text("last_name").to_owned(),
            created_at,
        }
    }

    fn person(&self, doc: &Doc, member: &str) -> Option<User> {
        derived::person(self.view, doc, member).map(|p| self.user(&p))
    }

    fn referred(&self, doc: &Doc, member: &str) -> Option<Box<Item>> {
        let item = self.view.get(doc.reference(member)?)?;
        item.collection().is_item().then(|| self.item(&item))
    }

    fn product(&self) -> Product {
        let project = self.view.project();
        let domain = project.mail_domain(self.server_url);
        let address = |given: &Option<String>, word: &str| {
            let derive = || format!("{word}-{}@{domain}", project.id);
            given.clone().unwrap_or_else(derive)
        };
        Product {
            // The payload is made for nobody in particular, so nobody is its administrator.
            admin: false,
            archived: project.archived,
            created_at: stored_moment(&project.created_at),
            email: ProductEmail {
                backlog: address(&project.email.backlog, "backlog"),
                defects: address(&project.email.defects, "defects"),
                stories: address(&project.email.stories, "stories"),
                tasks: address(&project.email.tasks, "tasks"),
                tests: address(&project.email.tests, "tests"),
            },
            id: project.id.0,
            name: project.name.clone(),
        }
    }

    fn item(&self, doc: &Doc) -> Box<Item> {
        let above = doc.reference("parent").and_then(|to| self.view.get(to));
        let above = above.filter(|d| d.collection().is_item());
        Box::new(Item {
            parent: above.map(|parent| {
                let number = |d: &Doc| d.int("number").map(Parent::Number);
                let top = parent.reference("parent").and_then(|to| self.view.get(to));
                Parent::Item(Box::new(Item {
                    parent: top.and_then(|d| number(&d)),
                    ..self.lone_item(&parent)
                }))
            }),
            ..self.lone_item(doc)
        })
    }

    /// An item without what is above it.
    fn lone_item(&self, doc: &Doc) -> Item {
        let project = self.view.project();
        let number = doc.int("number").unwrap_or_default();
        let optional = |member: &str| doc.opt_text(member).map(str::to_owned);
        let base = project.base_url.as_deref().unwrap_or(self.server_url);
        Item {
            accepted_by: self.person(doc, "completed_by"),
            archived: doc.flag("archived"),
            assigned_to: derived::responsible(self.view, doc).map(|p| self.user(&p)),
            close_reason: optional("resolution").map(|reason| reason.to_lowercase()),
            created_at: stored_moment(doc.text("created_at")),
            created_by: self.person(doc, "created_by"),
            description: doc.text("description").to_owned(),
            email: self.email(doc),
            last_modified: stored_moment(doc.text("updated_at")),
            number,
            parent: None,
            product: ShortProduct {
                archived: project.archived,
                id: project.id.0,
                name: project.name.clone(),
            },
            progress: self.progress(doc),
            score: self.score(doc),
            short_url: derived::link(base.trim_end_matches('/'), doc, || {
                format!("/i/{}/{number}/", project.id)
            }),
            status: status::of(project, doc.text("status")).sprintly,
            tags: doc.names("tags").into_iter().map(str::to_owned).collect(),
            title: doc.text("title").to_owned(),
            r#type: doc.collection().singular(),
            what: optional("what"),
            who: optional("who"),
            why: optional("why"),
        }
    }

    fn email(&self, doc: &Doc) -> ItemEmail {
        let domain = self.view.project().mail_domain(self.server_url);
        let address = |word: &str| {
            let given = doc.get("email").member(word).and_then(Value::as_str);
            given.map_or_else(|| format!("{word}-{}@{domain}", doc.id()), str::to_owned)
        };
        ItemEmail {
            discussion: address("discussion"),
            files: address("files"),
        }
    }

    fn progress(&self, doc: &Doc) -> Progress {
        let earliest = |words: &[&str]| {
            let dates = doc.get("status_dates").as_map().iter();
            let of_words = dates.filter(|(name, _)| {
                let word = status::of(self.view.project(), name).sprintly;
                words.contains(&word)
            });
            of_words
                .filter_map(|(_, at)| time::parse(at.as_str()?))
                .min()
        };
        // An item was triaged when it left `someday` for the backlog; one that began there never was.
        let triaged = earliest(&["someday"]).and_then(|_| earliest(&["backlog"]));
        Progress {
            accepted_at: earliest(&["accepted"]).map(moment),
            closed_at: earliest(&["completed", "accepted"]).map(moment),
            started_at: earliest(&["in-progress"]).map(moment),
            triaged_at: triaged.map(moment),
        }
    }

    fn score(&self, doc: &Doc) -> &'static str {
        let score = doc.get("score");
        let known = ["S", "M", "L", "XL"];
        if let Some(name) = known.iter().find(|n| score.as_str() == Some(n)) {
            return name;
        }
        match derived::points(self.view.project(), score) {
            None => "~",
            Some(points) if points <= 1.0 => "S",
            Some(points) if points <= 3.0 => "M",
            Some(points) if points <= 5.0 => "L",
            Some(_) => "XL",
        }
    }
}
