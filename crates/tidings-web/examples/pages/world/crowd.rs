//! Projects with their members, accounts and tokens, and who changed what.

use tidings_app::objects::Op;
use tidings_app::{App, Caller, Visitor};
use tidings_domain::Value;
use tidings_storage::Plan;
use tidings_storage::audit::{Actor, AuditChange, AuditEntry};

use super::house::{House, entry, json, told};
use super::{BIG, Result, Size};

/// Entries of the audit log that are written at once.
const STEP: usize = 1000;
/// Comments on one story: more than its page shows.
const COMMENTS: usize = 400;
/// What each has in `BIG`.
const STORIES: usize = 3000;

/// Everybody.
pub(crate) struct Crowd {
    administrator: i64,
    member: i64,
    owner: i64,
}

/// Who looks at the console, by their cookies.
pub(crate) struct People {
    pub(crate) administrator: String,
    /// A team member of `BIG` and of some other projects.
    pub(crate) member: String,
    /// A product owner of `BIG`.
    pub(crate) owner: String,
    /// The number of the member's account.
    pub(crate) account: i64,
    /// The secret of a link that signs in, for whoever looks at its page.
    pub(crate) link: String,
}

impl Crowd {
    pub(crate) async fn gather(house: &House, size: Size) -> Result<Self> {
        let mut account = Vec::new();
        for n in 0..size.people {
            account.push(new_account(house, n).await?);
        }
        let at = |n: usize| account.get(n).copied().ok_or("too few people");
        let crowd = Self {
            administrator: at(0)?,
            member: at(1)?,
            owner: at(2)?,
        };
        project(house, BIG, size.people).await?;
        objects(house, BIG, STORIES.min(size.changes * 3)).await?;
        link(house, crowd.member, BIG, 1).await?;
        link(house, crowd.owner, BIG, 2).await?;
        for n in 1..=size.projects {
            let key = key_of(n);
            project(house, &key, 4).await?;
            objects(house, &key, 20).await?;
            link(house, crowd.member, &key, 1).await?;
        }
        let big = house.project(BIG).await?;
        for n in 0..size.people {
            for (project, body) in [
                (Some(&*big), format!(r#"{{"name":"App {n}","kind":"app"}}"#)),
                (None, format!(r#"{{"name":"Admin {n}","kind":"admin"}}"#)),
            ] {
                let body = json(&body)?;
                let made = house.app.create_token(&house.admin, project, &body, None);
                made.await.map_err(told)?;
            }
        }
        Ok(crowd)
    }

    pub(crate) async fn sign_in(self, house: &House) -> Result<People> {
        let app = &house.app;
        let mut sessions = Vec::new();
        // The page of an account lists its sessions.
        for _ in 0..20 {
            sessions.push(session(app, &house.admin, self.administrator).await?);
        }
        Ok(People {
            administrator: sessions.pop().unwrap_or_default(),
            member: session(app, &house.admin, self.member).await?,
            owner: session(app, &house.admin, self.owner).await?,
            account: self.member,
            link: one_time(app, &house.admin, self.member).await?,
        })
    }
}

/// The key of a project beside `BIG`.
pub(crate) fn key_of(n: usize) -> String {
    format!("P{n}")
}

async fn new_account(house: &House, n: usize) -> Result<i64> {
    let more = if n == 0 {
        r#","administrator":true"#
    } else {
        ""
    };
    let body = json(&format!(
        r#"{{"login":"person{n}","name":"Person {n}"{more}}}"#
    ))?;
    let made = house.app.create_account(&house.admin, &body, None).await;
    id_of(&made.map_err(told)?)
}

fn id_of(value: &Value) -> Result<i64> {
    let id = value.member("id").and_then(Value::as_int);
    id.ok_or_else(|| "no id".into())
}

async fn one_time(app: &App, admin: &Caller, account: i64) -> Result<String> {
    let body = json(r#"{"purpose":"sign_in"}"#)?;
    let link = app.invite(admin, account, &body).await.map_err(told)?;
    let shown = link.show();
    let url = shown.member("url").and_then(Value::as_str);
    let secret = url.and_then(|url| url.rsplit_once('/'));
    Ok(secret.ok_or("no link")?.1.to_owned())
}

/// The cookie of a new session.
async fn session(app: &App, admin: &Caller, account: i64) -> Result<String> {
    let visitor = Visitor {
        address: Some([127, 0, 0, 1].into()),
        agent: "Mozilla/5.0 (X11; Linux x86_64) a browser".to_owned(),
        session: None,
    };
    let secret = one_time(app, admin, account).await?;
    let opened = app.use_link(&secret, &json("{}")?, &visitor).await;
    Ok(format!("tidings={}", opened.map_err(told)?.0))
}

/// A project with so many members: the first is a team member, the second a product owner.
async fn project(house: &House, key: &str, members: usize) -> Result<()> {
    let body = json(&format!(r#"{{"key":"{key}","name":"The project {key}"}}"#))?;
    let made = house.app.create_project(&house.admin, &body, None).await;
    made.map_err(told)?;
    let mut entries = Vec::new();
    for n in 1..=members {
        let role = match n {
            2 => "product_owner",
            n if n % 10 == 0 => "stakeholder",
            _ => "team_member",
        };
        let data = format!(
            r#"{{"first_name":"Ada {n}","last_name":"Byron","email":"ada{n}@example.com","role":"{role}"}}"#
        );
        let mut one = entry(Op::Put, "members", Some(n.to_string()), &data)?;
        one.by = None;
        entries.push(one);
    }
    house.write(key, entries).await.map(drop)
}

async fn link(house: &House, account: i64, key: &str, member: i64) -> Result<()> {
    let body = json(&format!(r#"{{"member":{member}}}"#))?;
    let linked = house.app.link_member(&house.admin, account, key, &body);
    Ok(linked.await.map(drop).map_err(told)?)
}

/// Stories and as many tasks, numbered from 1; a sprint; and time that was spent and comments on the first story, where there is room
/// for them.
async fn objects(house: &House, key: &str, stories: usize) -> Result<()> {
    let mut entries = Vec::new();
    let sprint = r#"{"name":"Sprint","start_date":"2026-03-02","end_date":"2026-03-16"}"#;
    entries.push(entry(Op::Put, "sprints", Some("1".to_owned()), sprint)?);
    let text = "As a captain I want to see the tide before I cast off, so that the boat does not run aground. ".repeat(4);
    for n in 1..=stories {
        let data = format!(r#"{{"title":"Moor boat {n}","description":"{text}"}}"#);
        entries.push(entry(Op::Put, "stories", Some(n.to_string()), &data)?);
        let data = format!(r#"{{"title":"Splice line {n}","description":"{text}"}}"#);
        entries.push(entry(Op::Put, "tasks", Some(n.to_string()), &data)?);
    }
    for n in 0..COMMENTS.min(stories) {
        let data =
            format!(r#"{{"on":{{"collection":"stories","id":1}},"body":"Comment {n}: {text}"}}"#);
        entries.push(entry(Op::Post, "comments", None, &data)?);
    }
    let spent = r#"{"on":{"collection":"stories","id":1},"minutes":30,"member":1}"#;
    entries.push(entry(Op::Post, "time-entries", None, spent)?);
    while !entries.is_empty() {
        let rest = entries.split_off(entries.len().min(500));
        house
            .write(key, std::mem::replace(&mut entries, rest))
            .await?;
    }
    Ok(())
}

/// Fills the audit log: every other entry is about `BIG`.
pub(crate) async fn note(house: &House, entries: usize) -> Result<()> {
    let big = house.project(BIG).await?;
    let one = |n: usize| {
        let here = n.is_multiple_of(2);
        let operation = match n % 100 {
            0..90 => "webhook.update",
            90..99 => "member.update",
            _ => "token.create",
        };
        AuditEntry {
            project: here.then_some(big.id),
            webhook: None,
            operation: operation.into(),
            actor: Actor {
                kind: "account".into(),
                id: Some(1),
                name: "Person 0".to_owned(),
                member: None,
            },
            address: Some("192.0.2.7".to_owned()),
            key: here.then(|| BIG.to_owned()),
            target: "webhooks/1".to_owned(),
            name: "A webhook".to_owned(),
            changes: vec![AuditChange::new(
                "timeout_seconds",
                30.into(),
                i64::try_from(n % 60).unwrap_or_default().into(),
            )],
        }
    };
    let mut done = 0;
    while done < entries {
        let upto = entries.min(done + STEP);
        let planner = Box::new(
            |_: &[&dyn tidings_storage::Snapshot], _: &mut dyn tidings_storage::EventIds| {
                Ok(Plan {
                    audit: (done..upto).map(one).collect(),
                    ..Plan::default()
                })
            },
        );
        house.store.record(&[big.id], planner).await?;
        done = upto;
    }
    Ok(())
}
