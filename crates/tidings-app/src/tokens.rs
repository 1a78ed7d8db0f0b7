//! Tokens: made, listed, revoked. The secret is shown once, in the answer to its creation.

use tidings_domain::{Collection, Fault, ObjectRef, Project, TokenId, Value, time};
use tidings_storage::{AsOf, Deed, Done, Notes, StoreError, Token, TokenKind};

use crate::audit::{self, Changed};
use crate::reader::{Reader, object};
use crate::refusal::{absent, refusal};
use crate::{Access, App, Caller, Keep, Listed, Paging, auth};

const ROLES: [&str; 4] = [
    "product_owner",
    "scrum_master",
    "team_member",
    "stakeholder",
];

impl App {
    /// Makes a token of a project (`None`: an administrator's): the token as it is read later, and its secret in `token`. In the
    /// answer that is kept `token` is null.
    pub async fn create_token(
        &self,
        caller: &Caller,
        project: Option<&Project>,
        body: &Value,
        keep: Option<Keep<Value>>,
    ) -> Result<Value, Fault> {
        may(caller, project)?;
        let mut reader = Reader::new(body, "")?;
        let name = reader.text("name", 1, 100);
        let name = reader.require("name", name);
        let expires = reader.time_or_null("expires_at").flatten();
        if expires.is_some_and(|at| at <= self.clock.wall()) {
            reader.refuse("expires_at", "past", "must lie in the future");
        }
        let kind = match project {
            None => reader
                .word("kind", &["admin"])
                .map_or(Some(TokenKind::Admin), |_| Some(TokenKind::Admin)),
            Some(project) => self.read_kind(project, &mut reader).await?,
        };
        reader.finish()?;
        let (Some(name), Some(kind)) = (name, kind) else {
            return Err(Fault::invalid(Vec::new()));
        };
        let secret = auth::new_token(&*self.entropy);
        let token = Token {
            id: TokenId(0),
            project: project.map(|p| p.id),
            name,
            kind,
            hash: auth::hash(&secret),
            hint: auth::hint(&secret),
            expires_at: expires.map(time::show),
            created_at: self.now(),
        };
        let token = self
            .insert_token(caller, project, token, keep)
            .await
            .map_err(refusal)?;
        Ok(show_new(&token, secret.into()))
    }

    async fn insert_token(
        &self,
        caller: &Caller,
        project: Option<&Project>,
        token: Token,
        keep: Option<Keep<Value>>,
    ) -> Result<Token, StoreError> {
        let (caller, project) = (caller.clone(), project.cloned());
        let notes = move |done: &Done| {
            let Done::Token(token) = done else {
                return Notes::default();
            };
            let memo = keep.map(|keep| keep(&show_new(token, Value::Null)));
            let changed = change("token.create", token, project.as_ref());
            audit::notes(
                memo,
                changed.between(&Value::Null, &show(token)).by(&caller),
            )
        };
        let deed = Deed::CreateToken(Box::new(token));
        match self.store.keep(deed, Box::new(notes)).await? {
            Done::Token(token) => Ok(*token),
            other => Err(StoreError::Corrupt(format!("a token became {other:?}"))),
        }
    }

    async fn read_kind(
        &self,
        project: &Project,
        reader: &mut Reader<'_>,
    ) -> Result<Option<TokenKind>, Fault> {
        let kind = reader.word("kind", &["member", "app"]);
        let kind = reader.require("kind", kind);
        let role = reader.word("role", &ROLES);
        let member = reader.raw("member").cloned();
        let member = match member {
            None | Some(Value::Null) => None,
            Some(value) => {
                let found = self.find_member(project, &value).await?;
                if found.is_none() {
                    reader.refuse(
                        "member",
                        "unknown_reference",
                        "must be the id of an active member of the project",
                    );
                }
                found
            }
        };
        Ok(match (kind, member, role) {
            (Some("app"), None, None) => Some(TokenKind::App),
            (Some("app"), _, _) => {
                reader.refuse("kind", "ambiguous", "an app has neither member nor role");
                None
            }
            (Some(_), Some(member), None) => Some(TokenKind::Member { member }),
            (Some(_), None, Some(role)) => Some(TokenKind::Role {
                role: role.to_owned(),
            }),
            (Some(_), Some(_), Some(_)) => {
                reader.refuse(
                    "role",
                    "ambiguous",
                    "give either member or role: a member has a role",
                );
                None
            }
            (Some(_), None, None) => reader.require::<TokenKind>("member", None),
            (None, _, _) => None,
        })
    }

    pub(crate) async fn find_member(
        &self,
        project: &Project,
        value: &Value,
    ) -> Result<Option<i64>, Fault> {
        let mut found = None;
        let job = Box::new(|state: &dyn tidings_storage::Snapshot| {
            let id = match value {
                Value::Int(id) => Some(*id),
                Value::Text(text) => text
                    .strip_prefix("ext:")
                    .and_then(|ext| state.by_external_id(Collection::Members, ext)),
                _ => None,
            };
            found = id
                .and_then(|id| state.get(ObjectRef::new(Collection::Members, id)))
                .filter(|doc| doc.flag("active"))
                .map(|doc| doc.id());
        });
        self.store
            .read(project.id, AsOf::Now, job)
            .await
            .map_err(refusal)?;
        Ok(found)
    }

    /// Tokens of a project (`None`: the administrators').
    pub async fn tokens(
        &self,
        caller: &Caller,
        project: Option<&Project>,
        paging: Paging,
    ) -> Result<Listed, Fault> {
        may(caller, project)?;
        let page = self
            .store
            .tokens(project.map(|p| p.id), paging.from, paging.limit)
            .await
            .map_err(refusal)?;
        Ok(Listed {
            data: page.data.iter().map(show).collect(),
            next: page.next,
        })
    }

    /// One token.
    pub async fn token(
        &self,
        caller: &Caller,
        project: Option<&Project>,
        id: i64,
    ) -> Result<Value, Fault> {
        may(caller, project)?;
        self.find_token(project, id).await.map(|token| show(&token))
    }

    async fn find_token(&self, project: Option<&Project>, id: i64) -> Result<Token, Fault> {
        let page = self
            .store
            .tokens(project.map(|p| p.id), id.saturating_sub(1), 1)
            .await
            .map_err(refusal)?;
        let found = page.data.into_iter().find(|token| token.id.0 == id);
        found.ok_or_else(absent)
    }

    /// Revokes a token: from now on it is refused.
    pub async fn revoke_token(
        &self,
        caller: &Caller,
        project: Option<&Project>,
        id: i64,
        keep: Option<Keep<()>>,
    ) -> Result<(), Fault> {
        may(caller, project)?;
        let token = self.find_token(project, id).await?;
        let entry = change("token.delete", &token, project)
            .between(&show(&token), &Value::Null)
            .by(caller);
        let notes = Box::new(move |_: &Done| audit::notes(keep.map(|keep| keep(&())), entry));
        let deed = Deed::DeleteToken(project.map(|p| p.id), token.id);
        let done = self.store.keep(deed, notes).await;
        done.map(drop).map_err(refusal)
    }
}

fn may(caller: &Caller, project: Option<&Project>) -> Result<(), Fault> {
    match project {
        Some(_) => Access::Manage.check(caller),
        None => Access::Administrator.check(caller),
    }
}

fn change(operation: &str, token: &Token, project: Option<&Project>) -> Changed {
    let changed = Changed::new(operation, format!("tokens/{}", token.id)).called(&token.name);
    match project {
        Some(project) => changed.within(project),
        None => changed,
    }
}

/// A token as the answer to its creation shows it.
fn show_new(token: &Token, secret: Value) -> Value {
    let mut shown = show(token);
    if let Value::Map(members) = &mut shown {
        members.push(("token".to_owned(), secret));
    }
    shown
}

fn show(token: &Token) -> Value {
    let (kind, member, role) = match &token.kind {
        TokenKind::Admin => ("admin", Value::Null, Value::Null),
        TokenKind::App => ("app", Value::Null, Value::Null),
        TokenKind::Member { member } => ("member", (*member).into(), Value::Null),
        TokenKind::Role { role } => ("member", Value::Null, role.clone().into()),
    };
    object([
        ("id", token.id.0.into()),
        ("name", token.name.clone().into()),
        ("kind", kind.into()),
        ("member", member),
        ("role", role),
        ("hint", token.hint.clone().into()),
        ("expires_at", token.expires_at.clone().into()),
        ("created_at", token.created_at.clone().into()),
    ])
}
