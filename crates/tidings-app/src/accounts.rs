//! Accounts: the people who sign in. Made, changed and deleted by administrators.
//!
//! An account has no password until its owner sets one, through an invitation that works once. What it may in a project is what the
//! member may that it is linked to there.

use tidings_domain::{AccountId, Fault, ProjectId, Value, time};
use tidings_storage::accounts::{Account, Ends, Membership, OneTimeLink, Purpose};
use tidings_storage::audit::{AuditChange, AuditEntry};
use tidings_storage::{Deed, Done, Notes, StoreError};

use crate::audit::{self, Changed, member_ref};
use crate::reader::{Reader, object};
use crate::refusal::{absent, refusal};
use crate::{Access, App, Caller, Edit, Keep, Listed, Paging, auth, passwords, seen};

const HOUR_MS: i64 = 3_600_000;
/// How long an invitation works.
pub const INVITE_MS: i64 = 7 * 24 * HOUR_MS;
/// How long a link to sign in works, and that of the first start.
pub const LINK_MS: i64 = 24 * HOUR_MS;
/// Most projects that are shown with an account.
const MOST_SHOWN: usize = 200;
/// How often an edit is tried again when somebody else was faster.
const EDIT_TRIES: usize = 16;

/// Who uses an invitation, or the first link.
pub(crate) struct Person {
    pub(crate) login: String,
    pub(crate) name: String,
    pub(crate) password: String,
}

impl Person {
    pub(crate) fn read_first(body: &Value) -> Result<Self, Fault> {
        let mut reader = Reader::new(body, "")?;
        let login = read_login(&mut reader);
        let login = reader.require("login", login);
        let name = reader.text("name", 1, 100);
        let name = reader.require("name", name);
        Self::finish(reader, login, name)
    }

    pub(crate) fn read_invited(body: &Value, account: &Account) -> Result<Self, Fault> {
        let mut reader = Reader::new(body, "")?;
        let name = reader.text("name", 1, 100);
        let name = name.unwrap_or_else(|| account.name.clone());
        Self::finish(reader, Some(account.login.clone()), Some(name))
    }

    fn finish(
        mut reader: Reader<'_>,
        login: Option<String>,
        name: Option<String>,
    ) -> Result<Self, Fault> {
        let password = reader.raw("password").and_then(Value::as_str);
        let password = reader.require("password", password);
        let weak = password.and_then(|password| {
            let name = name.as_deref().unwrap_or_default();
            passwords::weakness(password, login.as_deref().unwrap_or_default(), name)
        });
        if let Some((code, why)) = weak {
            reader.refuse("password", code, why);
        }
        reader.finish()?;
        match (login, name, password) {
            (Some(login), Some(name), Some(password)) => Ok(Self {
                login,
                name,
                password: password.to_owned(),
            }),
            _ => Err(Fault::invalid(Vec::new())),
        }
    }
}

fn read_login(reader: &mut Reader<'_>) -> Option<String> {
    let login = reader.text("login", 1, 100)?;
    if login.chars().any(char::is_whitespace) {
        reader.refuse(
            "login",
            "blank",
            "must not hold blanks; an e-mail address or a short name",
        );
    }
    Some(login)
}

/// What the store says of an account, to people.
pub(crate) fn account_refusal(error: StoreError) -> Fault {
    match error {
        StoreError::Conflict("login") => Fault::conflict(
            "/login",
            "taken",
            "another account has this login; choose another",
        ),
        StoreError::Conflict("administrator") => Fault::conflict(
            "",
            "last_administrator",
            "this is the last administrator who can sign in; make another first",
        ),
        StoreError::Conflict("member") => {
            Fault::conflict("/member", "taken", "another account is this member already")
        }
        other => refusal(other),
    }
}

/// A link as its maker sees it, once.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// The whole address.
    pub url: String,
    /// Until when it works (RFC 3339).
    pub expires_at: String,
}

impl App {
    pub(crate) fn blank_account(&self, login: String, name: String) -> Account {
        Account {
            id: AccountId(0),
            login,
            name,
            password: None,
            administrator: false,
            active: true,
            created_at: self.now(),
            last_sign_in: None,
            version: 1,
        }
    }

    /// Accounts, by id.
    pub async fn accounts(&self, caller: &Caller, paging: Paging) -> Result<Listed, Fault> {
        Access::Administrator.check(caller)?;
        let page = self.store.accounts(paging.from, paging.limit).await;
        let page = page.map_err(refusal)?;
        let mut data = Vec::with_capacity(page.data.len());
        for account in &page.data {
            data.push(self.show_account(account).await?);
        }
        Ok(Listed {
            data,
            next: page.next,
        })
    }

    /// One account.
    pub async fn account(&self, caller: &Caller, id: i64) -> Result<Value, Fault> {
        Access::Administrator.check(caller)?;
        let account = self.find_account(id).await?;
        self.show_account(&account).await
    }

    /// The same, and the word for its version: see [`Edit`].
    pub async fn account_to_edit(
        &self,
        caller: &Caller,
        id: i64,
    ) -> Result<(Value, String), Fault> {
        Access::Administrator.check(caller)?;
        let account = self.find_account(id).await?;
        Ok((self.show_account(&account).await?, word(&account)))
    }

    pub(crate) async fn find_account(&self, id: i64) -> Result<Account, Fault> {
        let found = self.store.account(AccountId(id)).await;
        found.map_err(refusal)?.ok_or_else(absent)
    }

    /// Makes an account: the account as it is read later, with the invitation in `invite`, which works once. In the answer that is
    /// kept `invite` is null.
    pub async fn create_account(
        &self,
        caller: &Caller,
        body: &Value,
        keep: Option<Keep<Value>>,
    ) -> Result<Value, Fault> {
        Access::Administrator.check(caller)?;
        let mut reader = Reader::new(body, "")?;
        let login = read_login(&mut reader);
        let login = reader.require("login", login);
        let name = reader.text("name", 1, 100);
        let administrator = reader.flag("administrator").unwrap_or(false);
        reader.finish()?;
        let Some(login) = login else {
            return Err(Fault::invalid(Vec::new()));
        };
        let name = name.unwrap_or_else(|| login.clone());
        let account = Account {
            administrator,
            ..self.blank_account(login, name)
        };
        let who = caller.clone();
        let notes = move |done: &Done| {
            let Done::Account(made) = done else {
                return Notes::default();
            };
            let memo = keep.map(|keep| keep(&shown(made, &[], Some(Value::Null))));
            let changed = change("account.create", made);
            let changed = changed.between(&Value::Null, &shown(made, &[], None));
            audit::notes(memo, changed.by(&who))
        };
        let deed = Deed::CreateAccount(Box::new(account));
        let done = self.store.keep(deed, Box::new(notes)).await;
        let Done::Account(made) = done.map_err(account_refusal)? else {
            return Err(crate::refusal::internal());
        };
        // After the account: one without an invitation can be invited again, an invitation without an account is nothing.
        let link = self.make_link(Purpose::Invite, Some(made.id), None).await?;
        Ok(shown(&made, &[], Some(link.show())))
    }

    /// Changes an account by a merge patch: `login`, `name`, `administrator`, `active`. Deactivating ends its sessions.
    pub async fn update_account(
        &self,
        caller: &Caller,
        id: i64,
        asked: impl Into<Edit<'_>>,
    ) -> Result<Value, Fault> {
        Access::Administrator.check(caller)?;
        let asked = asked.into();
        for _ in 0..EDIT_TRIES {
            let before = self.find_account(id).await?;
            asked.check(&word(&before))?;
            let after = edited(&before, asked.body)?;
            if after == before {
                return self.show_account(&before).await;
            }
            let ends = if after.active {
                Ends::Nothing
            } else {
                Ends::All
            };
            let entry = change("account.update", &after)
                .between(&shown(&before, &[], None), &shown(&after, &[], None))
                .by(caller);
            match self.save_account(after, ends, entry).await {
                Err(fault) if fault.code == "conflict" => {}
                saved => return self.show_account(&saved?).await,
            }
        }
        Err(refusal(StoreError::Conflict("version")))
    }

    /// Writes an account whose version was raised.
    pub(crate) async fn save_account(
        &self,
        account: Account,
        ends: Ends,
        entry: AuditEntry,
    ) -> Result<Account, Fault> {
        let deed = Deed::UpdateAccount(Box::new(account), ends);
        let notes = Box::new(|_: &_| audit::notes(None, entry));
        let done = self.store.keep(deed, notes).await;
        match done.map_err(account_refusal)? {
            Done::Account(saved) => Ok(*saved),
            _ => Err(crate::refusal::internal()),
        }
    }

    /// Deletes an account: its sessions end, and it is nobody's member any more.
    pub async fn delete_account(
        &self,
        caller: &Caller,
        id: i64,
        keep: Option<Keep<()>>,
    ) -> Result<(), Fault> {
        Access::Administrator.check(caller)?;
        let account = self.find_account(id).await?;
        let entry = change("account.delete", &account)
            .between(&shown(&account, &[], None), &Value::Null)
            .by(caller);
        let notes = move |_: &Done| audit::notes(keep.map(|keep| keep(&())), entry);
        let deed = Deed::DeleteAccount(account.id);
        let done = self.store.keep(deed, Box::new(notes)).await;
        done.map(drop).map_err(account_refusal)
    }

    /// Links an account to a member of a project, in place of the one it was there: `{"member": 5}`.
    pub async fn link_member(
        &self,
        caller: &Caller,
        id: i64,
        project: &str,
        body: &Value,
    ) -> Result<Value, Fault> {
        Access::Administrator.check(caller)?;
        let account = self.find_account(id).await?;
        let project = self.project(caller, project).await?;
        let mut reader = Reader::new(body, "")?;
        let wanted = reader.raw("member").cloned();
        let wanted = reader.require("member", wanted);
        reader.finish()?;
        let member = self
            .find_member(&project, &wanted.unwrap_or_default())
            .await?
            .ok_or_else(|| {
                Fault::field(
                    "/member",
                    "unknown_reference",
                    "must be the id of an active member of the project",
                )
            })?;
        let new = Membership {
            account: account.id,
            project: project.id,
            member,
        };
        let before = self.store.membership(account.id, project.id).await;
        let before = before.map_err(refusal)?.map_or(Value::Null, member_ref);
        let link = AuditChange::new("member", before, member_ref(member));
        let entry = change("account.link", &account)
            .within(&project)
            .with(link)
            .by(caller);
        let notes = Box::new(|_: &_| audit::notes(None, entry));
        let done = self.store.keep(Deed::PutMembership(new), notes).await;
        done.map_err(account_refusal)?;
        self.show_account(&account).await
    }

    /// Takes the link to a member of a project back.
    pub async fn unlink_member(
        &self,
        caller: &Caller,
        id: i64,
        project: &str,
    ) -> Result<(), Fault> {
        Access::Administrator.check(caller)?;
        let project = self.project(caller, project).await?;
        let account = self.find_account(id).await?;
        let before = self.store.membership(account.id, project.id).await;
        let before = before.map_err(refusal)?.ok_or_else(absent)?;
        let link = AuditChange::new("member", member_ref(before), Value::Null);
        let entry = change("account.unlink", &account)
            .within(&project)
            .with(link)
            .by(caller);
        let notes = Box::new(|_: &_| audit::notes(None, entry));
        let deed = Deed::RemoveMembership(account.id, project.id);
        let done = self.store.keep(deed, notes).await;
        done.map(drop).map_err(refusal)
    }

    /// Makes a link that lets an account in, once: an invitation to set its password (also a new one), or one that signs in.
    /// `{"purpose": "invite" | "sign_in"}`; without, an invitation.
    pub async fn invite(&self, caller: &Caller, id: i64, body: &Value) -> Result<NewLink, Fault> {
        Access::Administrator.check(caller)?;
        let mut reader = Reader::new(body, "")?;
        let purpose = reader.word("purpose", &["invite", "sign_in"]);
        reader.finish()?;
        let account = self.find_account(id).await?;
        if !account.active {
            return Err(Fault::conflict(
                "",
                "inactive",
                "this account may not sign in; activate it first",
            ));
        }
        let purpose = match purpose {
            Some("sign_in") => Purpose::SignIn,
            _ => Purpose::Invite,
        };
        let word = match purpose {
            Purpose::SignIn => "sign_in",
            Purpose::Invite | Purpose::First => "invite",
        };
        let entry = change("account.invite", &account)
            .with(AuditChange::new("purpose", Value::Null, word.into()))
            .by(caller);
        self.make_link(purpose, Some(account.id), Some(entry)).await
    }

    /// The link for the first administrator, as long as nobody has an account; a new one each time, the old one is void.
    pub async fn first_link(&self) -> Result<Option<NewLink>, Fault> {
        if !self.is_unclaimed().await? {
            return Ok(None);
        }
        self.make_link(Purpose::First, None, None).await.map(Some)
    }

    /// Whether nobody has an account yet: the first link is what lets somebody in.
    pub async fn is_unclaimed(&self) -> Result<bool, Fault> {
        let page = self.store.accounts(0, 1).await.map_err(refusal)?;
        Ok(page.data.is_empty())
    }

    async fn make_link(
        &self,
        purpose: Purpose,
        account: Option<AccountId>,
        audit: Option<AuditEntry>,
    ) -> Result<NewLink, Fault> {
        let secret = auth::new_secret(&*self.entropy);
        let now_ms = self.clock.wall().as_millisecond();
        let lasts = match purpose {
            Purpose::Invite => INVITE_MS,
            Purpose::SignIn | Purpose::First => LINK_MS,
        };
        let link = OneTimeLink {
            hash: auth::hash(&secret),
            purpose,
            account,
            expires_ms: now_ms + lasts,
        };
        let deed = Deed::CreateLink(link, now_ms);
        let notes = Notes { memo: None, audit };
        let done = self.store.keep(deed, Box::new(|_| notes)).await;
        done.map_err(refusal)?;
        let expires = time::Time::from_millisecond(now_ms + lasts).unwrap_or_default();
        Ok(NewLink {
            url: format!("{}/sign-in/{secret}", self.server_url),
            expires_at: time::show(expires),
        })
    }

    async fn show_account(&self, account: &Account) -> Result<Value, Fault> {
        let page = self.store.memberships(account.id, 0, MOST_SHOWN).await;
        let mut places = Vec::new();
        for membership in page.map_err(refusal)?.data {
            if let Some(key) = self.key_of(membership.project).await? {
                places.push((key, membership.member));
            }
        }
        Ok(shown(account, &places, None))
    }

    async fn key_of(&self, project: ProjectId) -> Result<Option<String>, Fault> {
        let found = self
            .store
            .projects(project.0 - 1, 1)
            .await
            .map_err(refusal)?;
        let found = found.data.into_iter().find(|p| p.id == project);
        Ok(found.map(|p| p.key.clone()))
    }
}

impl NewLink {
    /// The link as the API shows it.
    pub fn show(&self) -> Value {
        object([
            ("url", self.url.clone().into()),
            ("expires_at", self.expires_at.clone().into()),
        ])
    }
}

/// A change of an account, for the audit log.
pub(crate) fn change(operation: &str, account: &Account) -> Changed {
    let name = format!("{} ({})", account.name, account.login);
    Changed::new(operation, format!("accounts/{}", account.id)).called(&name)
}

fn edited(before: &Account, body: &Value) -> Result<Account, Fault> {
    let mut reader = Reader::new(body, "")?;
    let login = read_login(&mut reader);
    let name = reader.text("name", 1, 100);
    let administrator = reader.flag("administrator");
    let active = reader.flag("active");
    reader.finish()?;
    let mut after = Account {
        login: login.unwrap_or_else(|| before.login.clone()),
        name: name.unwrap_or_else(|| before.name.clone()),
        administrator: administrator.unwrap_or(before.administrator),
        active: active.unwrap_or(before.active),
        ..before.clone()
    };
    if after != *before {
        after.version += 1;
    }
    Ok(after)
}

/// The word for what can be changed of an account.
fn word(account: &Account) -> String {
    seen::word(&object([
        ("login", account.login.clone().into()),
        ("name", account.name.clone().into()),
        ("administrator", account.administrator.into()),
        ("active", account.active.into()),
    ]))
}

pub(crate) fn shown(account: &Account, places: &[(String, i64)], invite: Option<Value>) -> Value {
    let place = |(key, member): &(String, i64)| {
        object([
            ("project", key.clone().into()),
            ("member", (*member).into()),
        ])
    };
    let places: Vec<Value> = places.iter().map(place).collect();
    let mut shown = object([
        ("id", account.id.0.into()),
        ("login", account.login.clone().into()),
        ("name", account.name.clone().into()),
        ("administrator", account.administrator.into()),
        ("active", account.active.into()),
        ("has_password", account.password.is_some().into()),
        ("members", places.into()),
        ("created_at", account.created_at.clone().into()),
        ("last_sign_in_at", account.last_sign_in.clone().into()),
    ]);
    if let (Some(invite), Value::Map(members)) = (invite, &mut shown) {
        members.push(("invite".to_owned(), invite));
    }
    shown
}
