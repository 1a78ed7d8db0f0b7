//! Accounts, what they are in projects, sessions and one-time links.

use std::sync::Arc;

use tidings_domain::{AccountId, Collection, Doc, ObjectRef, ProjectId, SessionId, TokenId};

use super::{Bench, conflict, not_found};
use crate::accounts::{
    Account, Ends, LinkUse, MOST_SESSIONS, Membership, NewSession, OneTimeLink, Purpose,
    StoredSession,
};
use crate::{Deed, Done, Notes, StoreError, Token, TokenKind, WriteWhat};

const AT: &str = "2023-11-14T22:13:20Z";

fn account(login: &str, administrator: bool) -> Account {
    Account {
        id: AccountId(0),
        login: login.to_owned(),
        name: "Ada".to_owned(),
        password: Some("$argon2id$".to_owned()),
        administrator,
        active: true,
        created_at: AT.to_owned(),
        last_sign_in: None,
        version: 1,
    }
}

fn session(account: AccountId, hash: u8, at_ms: i64) -> NewSession {
    NewSession {
        session: StoredSession {
            id: SessionId(0),
            account,
            hash: [hash; 32],
            created_ms: at_ms,
            seen_ms: at_ms,
            address: "192.0.2.1".to_owned(),
            agent: "browser".to_owned(),
        },
        at: AT.to_owned(),
        replaces: None,
        ended: (0, 0),
    }
}

impl Bench {
    async fn deed(&self, deed: Deed) -> Result<Done, StoreError> {
        let notes = Box::new(|_: &Done| Notes::default());
        self.store.keep(deed, notes).await
    }

    async fn person(&self, login: &str, administrator: bool) -> Account {
        let new = Box::new(account(login, administrator));
        match self.deed(Deed::CreateAccount(new)).await.unwrap() {
            Done::Account(account) => *account,
            other => panic!("{other:?}"),
        }
    }

    async fn open(&self, new: NewSession) -> StoredSession {
        match self.deed(Deed::OpenSession(Box::new(new))).await.unwrap() {
            Done::Session(opened) => opened.0,
            other => panic!("{other:?}"),
        }
    }

    async fn is_open(&self, hash: u8) -> bool {
        self.store.session(&[hash; 32]).await.unwrap().is_some()
    }

    async fn become_member(
        &self,
        account: AccountId,
        project: ProjectId,
        member: i64,
    ) -> Result<Done, StoreError> {
        let new = Membership {
            account,
            project,
            member,
        };
        self.deed(Deed::PutMembership(new)).await
    }
}

fn next(account: &Account) -> Box<Account> {
    Box::new(Account {
        version: account.version + 1,
        ..account.clone()
    })
}

pub(super) async fn people(b: Bench) {
    let ada = b.person("Ada@Example.com", true).await;
    let bob = b.person("bob", false).await;
    assert!(bob.id > ada.id);
    assert_eq!(b.store.account(ada.id).await.unwrap(), Some(ada.clone()));
    let found = b.store.account_by_login("ADA@example.COM").await.unwrap();
    assert_eq!(found, Some(ada.clone()), "case does not count");
    assert_eq!(b.store.account_by_login("eve").await.unwrap(), None);
    let taken = Deed::CreateAccount(Box::new(account("BOB", false)));
    conflict(b.deed(taken).await, "login");
    let page = b.store.accounts(0, 1).await.unwrap();
    assert_eq!((page.data, page.next), (vec![ada.clone()], Some(ada.id.0)));
    let page = b.store.accounts(ada.id.0, 1).await.unwrap();
    assert_eq!((page.data, page.next), (vec![bob.clone()], None));

    let mut renamed = next(&bob);
    "Robert".clone_into(&mut renamed.login);
    renamed.password = None;
    let edit = Deed::UpdateAccount(renamed.clone(), Ends::Nothing);
    b.deed(edit.clone()).await.unwrap();
    conflict(b.deed(edit).await, "version");
    assert_eq!(b.store.account_by_login("bob").await.unwrap(), None);
    let found = b.store.account_by_login("robert").await.unwrap();
    assert_eq!(found.as_ref(), Some(&*renamed));
    let mut taken = next(&renamed);
    "ada@example.com".clone_into(&mut taken.login);
    conflict(
        b.deed(Deed::UpdateAccount(taken, Ends::Nothing)).await,
        "login",
    );

    // Somebody must be left who can look after the server.
    let mut resigned = next(&ada);
    resigned.administrator = false;
    let resign = Deed::UpdateAccount(resigned.clone(), Ends::All);
    conflict(b.deed(resign.clone()).await, "administrator");
    conflict(b.deed(Deed::DeleteAccount(ada.id)).await, "administrator");
    let mut away = next(&ada);
    away.active = false;
    conflict(
        b.deed(Deed::UpdateAccount(away, Ends::All)).await,
        "administrator",
    );
    let mut promoted = next(&renamed);
    promoted.administrator = true;
    b.deed(Deed::UpdateAccount(promoted, Ends::Nothing))
        .await
        .unwrap();
    b.deed(resign).await.unwrap();
    b.deed(Deed::DeleteAccount(ada.id)).await.unwrap();
    not_found(b.deed(Deed::DeleteAccount(ada.id)).await);
    not_found(
        b.deed(Deed::UpdateAccount(next(&resigned), Ends::Nothing))
            .await,
    );
    let eve = b.person("eve", false).await;
    assert!(eve.id > bob.id, "a number is never used again");
}

pub(super) async fn memberships(b: Bench) {
    let (p, q) = (b.project("p").await, b.project("q").await);
    let (ada, bob) = (
        b.person("ada", true).await.id,
        b.person("bob", false).await.id,
    );
    b.become_member(ada, p, 1).await.unwrap();
    b.become_member(ada, q, 7).await.unwrap();
    conflict(b.become_member(bob, p, 1).await, "member");
    b.become_member(bob, p, 2).await.unwrap();
    b.become_member(ada, p, 3).await.unwrap();
    assert_eq!(
        b.store.membership(ada, p).await.unwrap(),
        Some(3),
        "replaced"
    );
    not_found(b.become_member(AccountId(99), p, 9).await);
    not_found(b.become_member(ada, ProjectId(99), 9).await);
    let page = b.store.memberships(ada, 0, 1).await.unwrap();
    assert_eq!(page.data[0].member, 3);
    assert_eq!(page.next, Some(p.0));
    let page = b.store.memberships(ada, p.0, 1).await.unwrap();
    assert_eq!((page.data[0].project, page.next), (q, None));
    let page = b.store.accounts_of(p, 0, 9).await.unwrap();
    let who: Vec<_> = page.data.iter().map(|m| (m.account, m.member)).collect();
    assert_eq!(who, [(ada, 3), (bob, 2)]);
    b.deed(Deed::RemoveMembership(bob, p)).await.unwrap();
    not_found(b.deed(Deed::RemoveMembership(bob, p)).await);
    assert_eq!(b.store.membership(bob, p).await.unwrap(), None);

    // A member who is deleted leaves a number that may become somebody else's.
    let person = Doc::empty(Collection::Members)
        .with("id", 3)
        .with("sequence", 1);
    b.write(p, WriteWhat::Put(Arc::new(person))).await;
    assert_eq!(b.store.membership(ada, p).await.unwrap(), Some(3));
    let gone = ObjectRef::new(Collection::Members, 3);
    b.write(p, WriteWhat::Delete(gone)).await;
    assert_eq!(b.store.membership(ada, p).await.unwrap(), None);
    members_tokens(&b, p, q).await;
    b.store.delete_project(q).await.unwrap();
    assert_eq!(b.store.memberships(ada, 0, 9).await.unwrap().data, []);
}

/// A member's tokens go with the member, in the same transaction, and nobody else's.
async fn members_tokens(b: &Bench, p: ProjectId, q: ProjectId) {
    let person = |sequence: i64| {
        let doc = Doc::empty(Collection::Members)
            .with("id", 7)
            .with("sequence", sequence);
        WriteWhat::Put(Arc::new(doc))
    };
    b.write(p, person(1)).await;
    b.write(q, person(1)).await;
    let app = TokenKind::App;
    let of = |member| TokenKind::Member { member };
    let all = [(p, of(7)), (p, of(70)), (p, app), (q, of(7))];
    for (n, (project, kind)) in (100..).zip(all) {
        let token = Token {
            id: TokenId(0),
            project: Some(project),
            name: "of a member".into(),
            kind,
            hash: [n; 32],
            hint: "tid_xxxx".into(),
            expires_at: None,
            created_at: AT.into(),
        };
        b.store.create_token(token).await.unwrap();
    }
    let left = async || {
        let mut left = Vec::new();
        for n in 100..104 {
            left.push(b.store.token_by_hash(&[n; 32]).await.unwrap().is_some());
        }
        left
    };
    b.write(p, person(2)).await;
    assert_eq!(left().await, [true, true, true, true], "they only changed");
    let gone = ObjectRef::new(Collection::Members, 7);
    b.write(p, WriteWhat::Delete(gone)).await;
    assert_eq!(left().await, [false, true, true, true]);
    b.write(p, person(3)).await;
    assert_eq!(left().await, [false, true, true, true]);
}

pub(super) async fn sessions(b: Bench) {
    let (ada, bob) = (b.person("ada", true).await, b.person("bob", false).await);
    let first = b.open(session(ada.id, 1, 1000)).await;
    let (found, who) = b.store.session(&[1; 32]).await.unwrap().unwrap();
    assert_eq!((found, who.id), (first.clone(), ada.id));
    assert_eq!(who.last_sign_in.as_deref(), Some(AT));
    b.store.touch_session(first.id, 5000).await.unwrap();
    b.store.touch_session(first.id, 4000).await.unwrap();
    let (found, _) = b.store.session(&[1; 32]).await.unwrap().unwrap();
    assert_eq!(found.seen_ms, 5000, "time does not run backwards");

    let other = b.open(session(bob.id, 9, 1000)).await;
    let mut rotated = session(ada.id, 2, 2000);
    rotated.replaces = Some([1; 32]);
    b.open(rotated).await;
    assert_eq!((b.is_open(1).await, b.is_open(2).await), (false, true));
    let kept = b.open(session(ada.id, 3, 2000)).await;
    let page = b.store.sessions(ada.id, 0, 1).await.unwrap();
    assert_eq!((page.data.len(), page.next.is_some()), (1, true));
    not_found(b.store.end_session(bob.id, kept.id).await);
    b.store
        .end_sessions(ada.id, Ends::AllBut(kept.id))
        .await
        .unwrap();
    assert_eq!(
        (b.is_open(2).await, b.is_open(3).await, b.is_open(9).await),
        (false, true, true)
    );
    b.store.end_session(bob.id, other.id).await.unwrap();
    assert!(!b.is_open(9).await);

    // Whoever may not sign in has no session.
    b.open(session(bob.id, 4, 3000)).await;
    let mut away = next(&b.store.account(bob.id).await.unwrap().unwrap());
    away.active = false;
    b.deed(Deed::UpdateAccount(away.clone(), Ends::Nothing))
        .await
        .unwrap();
    assert!(!b.is_open(4).await);
    let refused = Deed::OpenSession(Box::new(session(bob.id, 5, 3000)));
    not_found(b.deed(refused).await);
    let mut back = next(&away);
    back.active = true;
    b.deed(Deed::UpdateAccount(back, Ends::All)).await.unwrap();
    assert!(!b.is_open(4).await, "ended with the change");

    // Those that have ended are forgotten with the next one; and nobody has very many.
    let mut late = session(bob.id, 6, 9000);
    late.ended = (2500, 0);
    b.open(late).await;
    assert!(!b.is_open(3).await);
    let mut last = SessionId(0);
    for _ in 0..=MOST_SESSIONS {
        let mut new = session(bob.id, 0, 9000);
        new.session.hash = [0; 32];
        new.session.hash[..8].copy_from_slice(&last.0.to_be_bytes());
        last = b.open(new).await.id;
    }
    let page = b.store.sessions(bob.id, 0, 200).await.unwrap();
    assert_eq!(page.data.len(), MOST_SESSIONS);
    assert_eq!(page.data.last().map(|s| s.id), Some(last));
    assert!(!b.is_open(6).await, "the oldest is gone");
    b.deed(Deed::DeleteAccount(bob.id)).await.unwrap();
    assert_eq!(b.store.sessions(bob.id, 0, 9).await.unwrap().data, []);
}

fn link(hash: u8, purpose: Purpose, account: Option<AccountId>, expires_ms: i64) -> Deed {
    let link = OneTimeLink {
        hash: [hash; 32],
        purpose,
        account,
        expires_ms,
    };
    Deed::CreateLink(link, 0)
}

fn used(hash: u8, now_ms: i64, account: Option<Account>, session: NewSession) -> Deed {
    Deed::UseLink(Box::new(LinkUse {
        hash: [hash; 32],
        now_ms,
        account,
        session,
    }))
}

pub(super) async fn links(b: Bench) {
    let nobody = AccountId(0);
    b.deed(link(1, Purpose::First, None, 1000)).await.unwrap();
    b.deed(link(2, Purpose::First, None, 1000)).await.unwrap();
    assert_eq!(b.store.link(&[1; 32], 0).await.unwrap(), None, "replaced");
    assert_eq!(b.store.link(&[2; 32], 1000).await.unwrap(), None, "expired");
    assert!(b.store.link(&[2; 32], 999).await.unwrap().is_some());
    let ada = account("ada", true);
    let late = used(2, 1000, Some(ada.clone()), session(nobody, 1, 1));
    not_found(b.deed(late).await);
    assert_eq!(
        b.store.accounts(0, 9).await.unwrap().data,
        [],
        "nothing half-done"
    );
    let first = used(2, 999, Some(ada.clone()), session(nobody, 1, 1));
    let Done::Session(opened) = b.deed(first).await.unwrap() else {
        panic!("no session");
    };
    let ada = opened.1;
    assert_eq!((ada.login.as_str(), opened.0.account), ("ada", ada.id));
    assert!(b.is_open(1).await);
    let again = used(2, 999, Some(account("eve", true)), session(nobody, 2, 1));
    not_found(b.deed(again).await);
    b.deed(link(3, Purpose::First, None, 1000)).await.unwrap();
    assert_eq!(
        b.store.link(&[3; 32], 0).await.unwrap(),
        None,
        "there is an account"
    );

    // An invitation: the account is changed, and signed in to.
    let bob = b.person("bob", false).await;
    b.open(session(bob.id, 5, 1)).await;
    b.deed(link(4, Purpose::Invite, Some(bob.id), 1000))
        .await
        .unwrap();
    b.deed(link(5, Purpose::SignIn, Some(bob.id), 1000))
        .await
        .unwrap();
    let mut taken = next(&b.store.account(bob.id).await.unwrap().unwrap());
    "ADA".clone_into(&mut taken.login);
    let refused = used(4, 0, Some(*taken.clone()), session(nobody, 6, 1));
    conflict(b.deed(refused).await, "login");
    assert!(
        b.store.link(&[4; 32], 0).await.unwrap().is_some(),
        "still good"
    );
    "bobby".clone_into(&mut taken.login);
    b.deed(used(4, 0, Some(*taken), session(nobody, 6, 1)))
        .await
        .unwrap();
    assert_eq!((b.is_open(5).await, b.is_open(6).await), (false, true));
    assert!(b.store.account_by_login("bobby").await.unwrap().is_some());
    b.deed(used(5, 0, None, session(nobody, 7, 1)))
        .await
        .unwrap();
    assert_eq!((b.is_open(6).await, b.is_open(7).await), (true, true));
    not_found(b.deed(used(5, 0, None, session(nobody, 8, 1))).await);
    not_found(
        b.deed(link(9, Purpose::SignIn, Some(AccountId(99)), 1000))
            .await,
    );
    b.deed(link(9, Purpose::SignIn, Some(bob.id), 1000))
        .await
        .unwrap();
    b.deed(Deed::DeleteAccount(bob.id)).await.unwrap();
    assert_eq!(b.store.link(&[9; 32], 0).await.unwrap(), None);
}
