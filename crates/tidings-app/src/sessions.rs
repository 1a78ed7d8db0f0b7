//! Signing in and out.
//!
//! A session is 256 random bits in a cookie, of which only a hash is stored. It ends when it was not used for a week, after a month,
//! at sign-out, with a change of the password, and when its account is deactivated. Signing in always begins a new one.
//!
//! Whoever signs in learns nothing from a refusal: an account that does not exist, may not sign in or has no password answers as a
//! wrong password does, and costs the same work.

use std::net::IpAddr;

use tidings_domain::fault::FaultKind;
use tidings_domain::{AccountId, Fault, Project, SessionId, Value, time};
use tidings_storage::accounts::{
    Account, Ends, LinkUse, Membership, NewSession, OneTimeLink, Purpose, StoredSession, fold_login,
};
use tidings_storage::audit::AuditChange;
use tidings_storage::{Deed, Done, MakeNotes, Notes, StoreError};

use crate::accounts::Person;
use crate::reader::{Reader, object};
use crate::refusal::{absent, refusal};
use crate::{
    App, Caller, Credential, Key, Listed, Paging, accounts, audit, auth, passwords, projects,
};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// A session that is not used ends.
pub const IDLE_MS: i64 = 7 * DAY_MS;
/// A session ends, used or not.
pub const ABSOLUTE_MS: i64 = 30 * DAY_MS;
/// Most characters of what a browser says of itself that are kept.
const AGENT_CHARS: usize = 200;

/// Who knocks, before anybody knows who it is.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// From where.
    pub address: Option<IpAddr>,
    /// What the browser says of itself.
    pub agent: String,
    /// The secret of the session that the browser has, if any: it ends when another begins.
    pub session: Option<String>,
}

/// Somebody who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its number.
    pub id: SessionId,
    /// Who.
    pub account: AccountId,
    /// What they type to sign in.
    pub login: String,
    /// For people.
    pub name: String,
    /// Whether they may everything, everywhere.
    pub administrator: bool,
    /// Whether they have a password.
    pub has_password: bool,
    /// From where this request came; see [`Session::at`].
    pub address: Option<IpAddr>,
}

impl Session {
    fn new(stored: &StoredSession, account: &Account) -> Self {
        Self {
            id: stored.id,
            account: account.id,
            login: account.login.clone(),
            name: account.name.clone(),
            administrator: account.administrator,
            has_password: account.password.is_some(),
            address: None,
        }
    }

    /// The same session, used from there.
    #[must_use]
    pub fn at(mut self, address: Option<IpAddr>) -> Self {
        self.address = address;
        self
    }

    /// This person outside of any project.
    pub(crate) fn caller(&self) -> Caller {
        Caller::Account {
            credential: self.credential(),
        }
    }

    /// What a caller of this session shows.
    pub fn credential(&self) -> Credential {
        Credential {
            key: Key::Session {
                id: self.id,
                account: self.account,
                name: self.name.clone(),
            },
            address: self.address,
        }
    }
}

/// A one-time link that can be used.
#[derive(Clone, Debug)]
pub struct OpenLink {
    /// For what.
    pub purpose: Purpose,
    /// Whose; `None`: the first administrator's, who is yet to be made.
    pub account: Option<Account>,
}

/// The one answer to everybody who is not let in.
fn wrong() -> Fault {
    Fault::new(
        FaultKind::Unauthorized,
        "sign_in_failed",
        "login or password is wrong, or this account may not sign in",
    )
}

fn nobody() -> Fault {
    Fault::new(
        FaultKind::Unauthorized,
        "signed_out",
        "nobody is signed in here, or no longer; sign in",
    )
}

fn used_up() -> Fault {
    Fault::not_found(
        "this link does not work, or no longer: links work once and for a time; ask an administrator for another",
    )
}

impl App {
    fn wall_ms(&self) -> i64 {
        self.clock.wall().as_millisecond()
    }

    /// Signs in with a password: the secret for the cookie, and the session.
    pub async fn sign_in(
        &self,
        login: &str,
        password: &str,
        visitor: &Visitor,
    ) -> Result<(String, Session), Fault> {
        let folded = fold_login(login.trim());
        let guess = self
            .gate
            .guess(folded.clone(), visitor.address, self.wall_ms())?;
        let found = self
            .store
            .account_by_login(&folded)
            .await
            .map_err(refusal)?;
        let account = found.filter(|account| account.active);
        let stored = account.as_ref().and_then(|a| a.password.clone());
        let right = self.gate.verify(password, stored).await?;
        let Some(account) = account.filter(|_| right) else {
            // Not the login: people type their passwords there.
            tracing::info!(audit.operation = "sign_in", audit.address = ?visitor.address, "a sign-in was refused");
            return Err(wrong());
        };
        guess.was_right();
        let (secret, new) = self.new_session(account.id, visitor);
        let opened = self
            .open(
                Deed::OpenSession(Box::new(new)),
                Box::new(|_| Notes::default()),
            )
            .await;
        let session = opened.map_err(|error| match error {
            // Deactivated in this very moment.
            StoreError::NotFound => wrong(),
            other => refusal(other),
        })?;
        tracing::info!(audit.operation = "sign_in", audit.account = session.account.0, audit.address = ?visitor.address, "signed in");
        Ok((secret, session.at(visitor.address)))
    }

    fn new_session(&self, account: AccountId, visitor: &Visitor) -> (String, NewSession) {
        let secret = auth::new_secret(&*self.entropy);
        let now_ms = self.wall_ms();
        let session = StoredSession {
            id: SessionId(0),
            account,
            hash: auth::hash(&secret),
            created_ms: now_ms,
            seen_ms: now_ms,
            address: visitor.address.map_or_else(String::new, |a| a.to_string()),
            agent: visitor.agent.chars().take(AGENT_CHARS).collect(),
        };
        let new = NewSession {
            session,
            at: self.now(),
            replaces: visitor.session.as_deref().map(auth::hash),
            ended: (now_ms - ABSOLUTE_MS, now_ms - IDLE_MS),
        };
        (secret, new)
    }

    async fn open(&self, deed: Deed, notes: MakeNotes) -> Result<Session, StoreError> {
        match self.store.keep(deed, notes).await? {
            Done::Session(opened) => Ok(Session::new(&opened.0, &opened.1)),
            other => Err(StoreError::Corrupt(format!("a session became {other:?}"))),
        }
    }

    /// The session behind a cookie: 401 when there is none, or it ended.
    pub async fn session(&self, secret: &str) -> Result<Session, Fault> {
        let found = self.store.session(&auth::hash(secret)).await;
        let (stored, account) = found.map_err(refusal)?.ok_or_else(nobody)?;
        let now_ms = self.wall_ms();
        if now_ms - stored.created_ms >= ABSOLUTE_MS || now_ms - stored.seen_ms >= IDLE_MS {
            return Err(nobody());
        }
        if now_ms - stored.seen_ms >= MINUTE_MS {
            // A disk that is full signs nobody out.
            if let Err(error) = self.store.touch_session(stored.id, now_ms).await {
                tracing::debug!("the use of a session could not be noted: {error}");
            }
        }
        Ok(Session::new(&stored, &account))
    }

    /// Who a session is in a project (`None`: outside of any). A project that does not exist for it answers as an absent one.
    pub async fn caller_in(
        &self,
        session: &Session,
        project: Option<&str>,
    ) -> Result<Caller, Fault> {
        let credential = session.credential();
        if session.administrator {
            return Ok(Caller::Admin { credential });
        }
        let Some(key) = project else {
            return Ok(Caller::Account { credential });
        };
        let project = self.store.project(key).await.map_err(refusal)?;
        let project = project.ok_or_else(absent)?;
        let (member, role) = self
            .place_of(session.account, &project)
            .await?
            .ok_or_else(absent)?;
        Ok(Caller::Member {
            credential,
            project: project.id,
            member: Some(member),
            role,
        })
    }

    /// The member that an account is in a project, and may act as, with the member's role.
    async fn place_of(
        &self,
        account: AccountId,
        project: &Project,
    ) -> Result<Option<(i64, crate::Role)>, Fault> {
        let member = self.store.membership(account, project.id).await;
        let Some(member) = member.map_err(refusal)? else {
            return Ok(None);
        };
        let role = self.role_of(project.id, member).await?;
        Ok(role.map(|role| (member, role)))
    }

    /// The member that a person is in a project, also an administrator: whom to name as the actor of what they write there.
    pub async fn member_in(
        &self,
        session: &Session,
        project: &Project,
    ) -> Result<Option<i64>, Fault> {
        let place = self.place_of(session.account, project).await?;
        Ok(place.map(|(member, _)| member))
    }

    /// The name of the member as whom a person acts in a project, also an administrator.
    pub async fn acting_as(
        &self,
        session: &Session,
        caller: &Caller,
        project: &Project,
    ) -> Result<Option<String>, Fault> {
        let member = match caller {
            Caller::Admin { .. } => self.member_in(session, project).await?,
            other => other.member(),
        };
        let Some(member) = member else {
            return Ok(None);
        };
        let names = self.member_names(project, &[member]).await?;
        Ok(names.into_iter().next().map(|(_, name)| name))
    }

    /// The projects that exist for a session, by id; to each is added `role`, what the person is there (`null`: an administrator).
    pub async fn projects_of(&self, session: &Session, paging: Paging) -> Result<Listed, Fault> {
        let (after, limit) = (paging.from, paging.limit);
        let mut data = Vec::new();
        if session.administrator {
            let page = self.store.projects(after, limit).await.map_err(refusal)?;
            for project in &page.data {
                data.push(with_role(projects::show(project), Value::Null));
            }
            return Ok(Listed {
                data,
                next: page.next,
            });
        }
        let page = self.store.memberships(session.account, after, limit).await;
        let page = page.map_err(refusal)?;
        for Membership {
            project, member, ..
        } in page.data
        {
            let found = self.store.projects(project.0 - 1, 1).await;
            let found = found.map_err(refusal)?.data.into_iter().next();
            let Some(found) = found.filter(|p| p.id == project) else {
                continue;
            };
            if let Some(role) = self.role_of(project, member).await? {
                data.push(with_role(projects::show(&found), role.word().into()));
            }
        }
        Ok(Listed {
            data,
            next: page.next,
        })
    }

    /// Ends a session.
    pub async fn sign_out(&self, session: &Session) -> Result<(), Fault> {
        self.end_session(session, session.id.0).await
    }

    /// Ends one of a person's sessions.
    pub async fn end_session(&self, session: &Session, id: i64) -> Result<(), Fault> {
        let ended = self.store.end_session(session.account, SessionId(id)).await;
        ended.map_err(refusal)
    }

    /// Ends all of a person's sessions.
    pub async fn sign_out_everywhere(&self, session: &Session) -> Result<(), Fault> {
        let ended = self.store.end_sessions(session.account, Ends::All).await;
        ended.map_err(refusal)
    }

    /// A person's sessions that can still be used, newest first: `{id, created_at, last_seen_at, address, agent, current}`.
    pub async fn sessions(&self, session: &Session) -> Result<Vec<Value>, Fault> {
        let most = tidings_storage::accounts::MOST_SESSIONS;
        let page = self.store.sessions(session.account, 0, most).await;
        let now_ms = self.wall_ms();
        let open = |s: &&StoredSession| {
            now_ms - s.created_ms < ABSOLUTE_MS && now_ms - s.seen_ms < IDLE_MS
        };
        let show = |s: &StoredSession| {
            object([
                ("id", s.id.0.into()),
                ("created_at", at(s.created_ms)),
                ("last_seen_at", at(s.seen_ms)),
                ("address", s.address.clone().into()),
                ("agent", s.agent.clone().into()),
                ("current", (s.id == session.id).into()),
            ])
        };
        let page = page.map_err(refusal)?;
        Ok(page.data.iter().rev().filter(open).map(show).collect())
    }

    /// Changes one's own name: `{"name"}`.
    pub async fn rename_oneself(&self, session: &Session, body: &Value) -> Result<(), Fault> {
        let mut reader = Reader::new(body, "")?;
        let name = reader.text("name", 1, 100);
        let name = reader.require("name", name);
        reader.finish()?;
        let found = self.store.account(session.account).await.map_err(refusal)?;
        let before = found.ok_or_else(nobody)?;
        let Some(name) = name.filter(|name| *name != before.name) else {
            return Ok(());
        };
        let after = Account {
            name,
            version: before.version + 1,
            ..before.clone()
        };
        let show = |account: &Account| accounts::shown(account, &[], None);
        let entry = accounts::change("account.update", &after)
            .between(&show(&before), &show(&after))
            .by(&session.caller());
        self.save_account(after, Ends::Nothing, entry)
            .await
            .map(drop)
    }

    /// Changes one's own password. Whoever has one says it; all other sessions end.
    pub async fn set_password(
        &self,
        session: &Session,
        current: &str,
        new: &str,
    ) -> Result<(), Fault> {
        let found = self.store.account(session.account).await.map_err(refusal)?;
        let mut account = found.ok_or_else(nobody)?;
        if let Some(stored) = account.password.clone() {
            let login = fold_login(&account.login);
            let guess = self.gate.guess(login, session.address, self.wall_ms())?;
            if !self.gate.verify(current, Some(stored)).await? {
                return Err(Fault::field(
                    "/current",
                    "wrong_password",
                    "is not your password",
                ));
            }
            guess.was_right();
        }
        if let Some((code, why)) = passwords::weakness(new, &account.login, &account.name) {
            return Err(Fault::field("/password", code, why));
        }
        account.password = Some(self.gate.hash(new, &*self.entropy).await?);
        account.version += 1;
        let ends = Ends::AllBut(session.id);
        let entry = accounts::change("account.update", &account)
            .with(AuditChange::secret("password"))
            .by(&session.caller());
        self.save_account(account, ends, entry).await.map(drop)
    }

    /// A one-time link that is looked at, not used: 404 when it cannot be used.
    pub async fn link(&self, secret: &str) -> Result<OpenLink, Fault> {
        let link = self.find_link(secret).await?;
        let account = match link.account {
            None => None,
            Some(id) => {
                let found = self.store.account(id).await.map_err(refusal)?;
                Some(found.filter(|a| a.active).ok_or_else(used_up)?)
            }
        };
        Ok(OpenLink {
            purpose: link.purpose,
            account,
        })
    }

    async fn find_link(&self, secret: &str) -> Result<OneTimeLink, Fault> {
        let found = self.store.link(&auth::hash(secret), self.wall_ms()).await;
        found.map_err(refusal)?.ok_or_else(used_up)
    }

    /// Uses a one-time link: signs in, after making the first administrator or giving an account its password where that is what
    /// the link is for. `body` has `name`, `login` (first administrator only) and `password`; for a link that only signs in it is
    /// not looked at.
    pub async fn use_link(
        &self,
        secret: &str,
        body: &Value,
        visitor: &Visitor,
    ) -> Result<(String, Session), Fault> {
        let link = self.link(secret).await?;
        let before = link.account.clone();
        let account = match (link.purpose, link.account) {
            (Purpose::SignIn, Some(_)) => None,
            (Purpose::Invite, Some(account)) => {
                let person = Person::read_invited(body, &account)?;
                Some(Account {
                    name: person.name,
                    password: Some(self.gate.hash(&person.password, &*self.entropy).await?),
                    version: account.version + 1,
                    ..account
                })
            }
            (Purpose::First, None) => {
                let person = Person::read_first(body)?;
                let password = self.gate.hash(&person.password, &*self.entropy).await?;
                Some(Account {
                    password: Some(password),
                    administrator: true,
                    ..self.blank_account(person.login, person.name)
                })
            }
            (Purpose::First, Some(_)) | (_, None) => return Err(used_up()),
        };
        let (cookie, session) = self.new_session(AccountId(0), visitor);
        let used = LinkUse {
            hash: auth::hash(secret),
            now_ms: self.wall_ms(),
            account,
            session,
        };
        let sets = used.account.is_some();
        let address = visitor.address;
        let notes = move |done: &Done| match done {
            Done::Session(opened) if sets => set_by_link(before.as_ref(), opened, address),
            _ => Notes::default(),
        };
        let opened = self
            .open(Deed::UseLink(Box::new(used)), Box::new(notes))
            .await;
        let session = opened.map_err(|error| match error {
            StoreError::NotFound => used_up(),
            other => accounts::account_refusal(other),
        })?;
        tracing::info!(audit.operation = "sign_in", audit.account = session.account.0, audit.address = ?visitor.address, "signed in with a link");
        Ok((cookie, session.at(visitor.address)))
    }
}

/// What is noted of an account that was made or changed by a link: it did that itself.
fn set_by_link(
    before: Option<&Account>,
    (stored, account): &(StoredSession, Account),
    address: Option<IpAddr>,
) -> Notes {
    let by = Session::new(stored, account).at(address).caller();
    let show = |account: &Account| accounts::shown(account, &[], None);
    let operation = before.map_or("account.create", |_| "account.update");
    let changed = accounts::change(operation, account)
        .between(&before.map_or(Value::Null, show), &show(account))
        .with(AuditChange::secret("password"));
    audit::notes(None, changed.by(&by))
}

fn at(ms: i64) -> Value {
    time::Time::from_millisecond(ms).map_or(Value::Null, |at| time::show(at).into())
}

fn with_role(mut project: Value, role: Value) -> Value {
    if let Value::Map(members) = &mut project {
        members.push(("role".to_owned(), role));
    }
    project
}
