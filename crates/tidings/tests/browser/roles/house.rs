//! The server that everybody works on: one project, somebody in each role, and a receiver.

use serde_json::{Value, json};
use tidings_testkit::browser::Setup;
use tidings_testkit::receiver::{Behavior, Receiver};

use super::actor::Actor;
use crate::people::{Person, Who};
use crate::raw::{FORM, Got, send};
use crate::world::{PATIENCE, Server, ask};

/// The project's key.
pub(super) const KEY: &str = "APL";
/// Everybody's.
pub(super) const PASSWORD: &str = "viermal grauer Regen";

/// Somebody who works in the project; the number is the member's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    ProductOwner = 1,
    ScrumMaster = 2,
    TeamMember = 3,
    Stakeholder = 4,
}

impl Role {
    const ALL: [Role; 4] = [
        Role::ProductOwner,
        Role::ScrumMaster,
        Role::TeamMember,
        Role::Stakeholder,
    ];

    /// As the API writes it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Role::ProductOwner => "product_owner",
            Role::ScrumMaster => "scrum_master",
            Role::TeamMember => "team_member",
            Role::Stakeholder => "stakeholder",
        }
    }

    /// First and last name.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Role::ProductOwner => ("Olga", "Owner"),
            Role::ScrumMaster => ("Sam", "Scrum"),
            Role::TeamMember => ("Tara", "Team"),
            Role::Stakeholder => ("Stefan", "Stake"),
        }
    }

    pub(super) fn name(self) -> String {
        let (first, last) = self.names();
        format!("{first} {last}")
    }
}

/// The server with its project.
pub(super) struct House {
    pub(super) server: Server,
    pub(super) receiver: Receiver,
    administrator: Person,
    // After the server, which writes into it.
    _folder: tempfile::TempDir,
}

impl House {
    /// A project with a member in each role and a story.
    pub(super) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().to_owned();
        let server = tokio::task::spawn_blocking(move || Server::start(&at));
        let house = Self {
            server: server.await.unwrap(),
            receiver: Receiver::start(Behavior::ok()).await,
            administrator: Person::new(folder.path(), "Ada Byron", Who::Administrator),
            _folder: folder,
        };
        let project = json!({"key": KEY, "name": "Apollo"});
        house.server.call("POST", "/projects", &project).await;
        for role in Role::ALL {
            let (first, last) = role.names();
            let path = format!("/members/{}?silent=true", role as u8);
            let member = json!({"first_name": first, "last_name": last, "role": role.word()});
            house.call("PUT", &path, &member).await;
        }
        let story = json!({"title": "First light"});
        house.call("PUT", "/stories/1?silent=true", &story).await;
        house
    }

    /// One call of the API that must succeed, below the project.
    pub(super) async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/projects/{KEY}{path}");
        self.server.call(method, &path, body).await
    }

    /// A webhook that hears everything; its number.
    pub(super) async fn webhook(&self, name: &str) -> i64 {
        let webhook = json!({"name": name, "url": self.receiver.url("/hook"), "dialect": "standard", "events": "all",
            "secret": "a secret of the house", "retry_schedule": []});
        let made = self.call("POST", "/webhooks", &webhook).await;
        made["id"].as_i64().unwrap()
    }

    /// A webhook that an app made for itself and locked; its number.
    pub(super) async fn locked_webhook(&self, name: &str) -> i64 {
        let token = json!({"name": "Zapier", "kind": "app"});
        let made = self.call("POST", "/tokens", &token).await;
        let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        let webhook = json!({"name": name, "url": self.receiver.url("/locked"), "dialect": "icescrum",
            "events": ["story.create"], "locked": true, "secret": "a secret of the app"});
        let path = format!("/projects/{KEY}/webhooks");
        let made = ask(self.server.address, "POST", &path, &headers, &webhook).await;
        made.unwrap().body["id"].as_i64().unwrap()
    }

    /// Another title for the story: an event that nobody caused in a browser.
    pub(super) async fn rename(&self, title: &str) {
        let title = json!({"title": title});
        self.call("PATCH", "/stories/1", &title).await;
    }

    /// The plan of the project.
    pub(super) async fn switch(&self, webhooks: &str) {
        let switch = json!({"webhooks": webhooks});
        self.call("PATCH", "", &switch).await;
    }

    /// Waits until the receiver has had that many requests.
    pub(super) async fn heard(&self, count: usize) {
        self.receiver.requests(count, PATIENCE).await;
    }

    /// A browser with somebody in that role who has just signed in.
    pub(super) async fn seat(&self, role: Role, setup: Setup) -> Actor<'_> {
        let login = role.word();
        self.account(login, &role.name(), Some(role)).await;
        let actor = Actor::open(self, setup).await;
        actor.sign_in(login, PASSWORD).await;
        actor
    }

    /// A browser with somebody who is in no project.
    pub(super) async fn outsider(&self, name: &str, setup: Setup) -> Actor<'_> {
        self.account("outsider", name, None).await;
        let actor = Actor::open(self, setup).await;
        actor.sign_in("outsider", PASSWORD).await;
        actor
    }

    /// A browser with the administrator who has just signed in.
    pub(super) async fn chair(&self, setup: Setup) -> Actor<'_> {
        let login = "grace";
        let id = self.account(login, "Grace Murray", None).await;
        let edit = [
            ("name", "Grace Murray"),
            ("login", login),
            ("administrator", "on"),
        ];
        let edited = self.submit(&format!("/admin/accounts/{id}"), &edit).await;
        assert_eq!(edited.location, format!("/admin/accounts/{id}"));
        let actor = Actor::open(self, setup).await;
        actor.sign_in(login, PASSWORD).await;
        actor
    }

    /// An account with a password, made by the administrator's forms and the link that they give; its number.
    async fn account(&self, login: &str, name: &str, member: Option<Role>) -> String {
        let form = [("login", login), ("name", name)];
        let made = self.submit("/admin/accounts", &form).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let text = made.text.replace("&#x2f;", "/");
        let id = after(&text, "<p><a href=\"/admin/accounts/", '"').to_owned();
        let link = format!("/sign-in/{}", after(&text, "/sign-in/", '<'));
        let set = [("name", name), ("password", PASSWORD), ("again", PASSWORD)];
        // From a browser of their own: with whose cookie a link is used, their session ends.
        let used = post(&self.server, "", &link, &set).await;
        assert_eq!((used.status, used.location.as_str()), (303, "/"));
        if let Some(member) = member {
            let number = (member as u8).to_string();
            let link = [("project", KEY), ("member", number.as_str())];
            let path = format!("/admin/accounts/{id}/link");
            let linked = self.submit(&path, &link).await;
            assert_eq!(linked.location, format!("/admin/accounts/{id}"));
        }
        id
    }

    /// What the administrator's browser would send for a form.
    async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Got {
        post(&self.server, &self.administrator.cookie(), path, fields).await
    }
}

/// What a browser with that cookie sends for a form of one of our pages.
pub(super) async fn post(
    server: &Server,
    cookie: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> Got {
    let own = server.url();
    let headers = [
        ("cookie", cookie),
        ("origin", own.as_str()),
        ("sec-fetch-site", "same-origin"),
        FORM,
    ];
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields);
    send(server, "POST", path, &headers, &body.finish()).await
}

/// What stands between two things.
fn after<'t>(text: &'t str, before: &str, end: char) -> &'t str {
    let rest = text.split_once(before).map(|(_, rest)| rest);
    let rest = rest.unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split(end).next().unwrap_or_default()
}
