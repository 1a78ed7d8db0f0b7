//! Signing in, sessions, one-time links, and who a person is in a project.

use std::collections::HashSet;

use tidings_app::accounts::{INVITE_MS, LINK_MS};
use tidings_app::sessions::{ABSOLUTE_MS, IDLE_MS};
use tidings_app::{Caller, Credential, Key, Paging, Role, Session, Visitor};
use tidings_domain::fault::FaultKind;
use tidings_domain::{Fault, Value};
use tidings_storage::accounts::Purpose;

use crate::house::House;

const PASSWORD: &str = "viermal grauer Regen";
const ALL: Paging = Paging {
    from: 0,
    limit: 100,
};

fn json(text: &str) -> Value {
    Value::parse(text.as_bytes()).unwrap()
}

fn administrator() -> Caller {
    Caller::Admin {
        credential: Credential::new(Key::Configured),
    }
}

fn visitor() -> Visitor {
    Visitor {
        address: Some("192.0.2.7".parse().unwrap()),
        agent: "browser".to_owned(),
        session: None,
    }
}

fn secret_of(link: &Value) -> String {
    let url = link.member("url").and_then(Value::as_str).unwrap();
    let secret = url.strip_prefix("https://tidings.example.com/sign-in/");
    secret.unwrap().to_owned()
}

/// An account with [`PASSWORD`]; its number.
async fn person(house: &House, login: &str, members: &str) -> i64 {
    let body = json(&format!(r#"{{"login":"{login}","name":"N. N."{members}}}"#));
    let made = house
        .app
        .create_account(&administrator(), &body, None)
        .await;
    let made = made.unwrap();
    let link = secret_of(made.member("invite").unwrap());
    let body = json(&format!(r#"{{"password":"{PASSWORD}"}}"#));
    house.app.use_link(&link, &body, &visitor()).await.unwrap();
    made.member("id").and_then(Value::as_int).unwrap()
}

async fn sign_in(house: &House, login: &str) -> (String, Session) {
    house
        .app
        .sign_in(login, PASSWORD, &visitor())
        .await
        .unwrap()
}

async fn is_in(house: &House, secret: &str) -> bool {
    match house.app.session(secret).await {
        Ok(_) => true,
        Err(fault) => {
            assert_eq!(fault.kind, FaultKind::Unauthorized);
            false
        }
    }
}

/// Seconds of so many milliseconds.
fn seconds(ms: i64) -> i64 {
    ms / 1000
}

#[tokio::test]
async fn a_person_signs_in_and_out() {
    for house in House::both().await {
        let id = person(&house, "ada@example.com", "").await;
        let (secret, session) = sign_in(&house, " ADA@example.com ").await;
        assert_eq!(session.account.0, id);
        assert_eq!(
            (session.login.as_str(), session.administrator),
            ("ada@example.com", false)
        );
        let again = house.app.session(&secret).await.unwrap();
        assert_eq!(again.at(session.address), session);
        assert!(secret.len() >= 43, "256 bits");
        let stored = house.stored_bytes();
        let holds = |text: &str| stored.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(!holds(&secret) && !holds(PASSWORD));
        house.app.sign_out(&session).await.unwrap();
        assert!(!is_in(&house, &secret).await);
        assert!(!is_in(&house, "").await);
    }
}

#[tokio::test]
async fn whoever_is_refused_learns_nothing_and_costs_the_same() {
    let house = House::new().await;
    person(&house, "ada", r#","administrator":true"#).await;
    let away = person(&house, "away", "").await;
    let body = json(r#"{"active":false}"#);
    house
        .app
        .update_account(&administrator(), away, &body)
        .await
        .unwrap();
    let body = json(r#"{"login":"invited"}"#);
    house
        .app
        .create_account(&administrator(), &body, None)
        .await
        .unwrap();
    let mut refusals = HashSet::new();
    for (login, password) in [
        ("ada", "wrong password"),
        ("nobody", PASSWORD),
        ("away", PASSWORD),
        ("invited", PASSWORD),
        ("invited", "nobody"),
        ("", ""),
    ] {
        let before = house.app.gate.hashed();
        let fault = house.app.sign_in(login, password, &visitor()).await;
        refusals.insert(format!("{:?}", fault.unwrap_err()));
        assert_eq!(house.app.gate.hashed(), before + 1, "{login}: one hash");
    }
    assert_eq!(refusals.len(), 1, "{refusals:?}");
}

#[tokio::test]
async fn guessing_is_slow_and_does_not_stop_others() {
    let house = House::new().await;
    person(&house, "ada", "").await;
    person(&house, "bob", "").await;
    let mut refused = None;
    for _ in 0..12 {
        let fault = house.app.sign_in("ada", "wrong password", &visitor()).await;
        refused = Some(fault.unwrap_err());
    }
    let refused = refused.unwrap();
    assert_eq!(refused.kind, FaultKind::TooMany);
    assert!(refused.retry_after.is_some_and(|s| s <= 60));
    let right = house.app.sign_in("ada", PASSWORD, &visitor()).await;
    assert_eq!(
        right.unwrap_err().kind,
        FaultKind::TooMany,
        "also with the right one"
    );
    sign_in(&house, "bob").await;
    house.clock.advance(60);
    sign_in(&house, "ada").await;
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    for house in House::both().await {
        person(&house, "ada", "").await;
        let (idle, _) = sign_in(&house, "ada").await;
        house.clock.advance(seconds(IDLE_MS) - 1);
        assert!(is_in(&house, &idle).await);
        house.clock.advance(seconds(IDLE_MS) - 1);
        assert!(is_in(&house, &idle).await, "its use was noted");
        house.clock.advance(seconds(IDLE_MS));
        assert!(!is_in(&house, &idle).await);

        let (used, _) = sign_in(&house, "ada").await;
        for _ in 0..ABSOLUTE_MS / IDLE_MS {
            house.clock.advance(seconds(IDLE_MS) - 1);
            assert!(is_in(&house, &used).await);
        }
        house.clock.advance(seconds(ABSOLUTE_MS % IDLE_MS) + 10);
        assert!(!is_in(&house, &used).await, "used or not");
    }
}

#[tokio::test]
async fn signing_in_replaces_the_session_of_the_browser() {
    let house = House::new().await;
    person(&house, "ada", "").await;
    let (first, _) = sign_in(&house, "ada").await;
    let (elsewhere, _) = sign_in(&house, "ada").await;
    let again = Visitor {
        session: Some(first.clone()),
        ..visitor()
    };
    let (second, _) = house.app.sign_in("ada", PASSWORD, &again).await.unwrap();
    assert_ne!(first, second);
    assert!(!is_in(&house, &first).await);
    assert!(is_in(&house, &second).await && is_in(&house, &elsewhere).await);
    // A secret that somebody planted before never becomes a session.
    let planted = Visitor {
        session: Some("planted".to_owned()),
        ..visitor()
    };
    let (third, session) = house.app.sign_in("ada", PASSWORD, &planted).await.unwrap();
    assert!(!is_in(&house, "planted").await);
    let sessions = house.app.sessions(&session).await.unwrap();
    assert_eq!(sessions.len(), 4, "with that of the invitation");
    let current: Vec<_> = sessions
        .iter()
        .map(|s| s.member("current").cloned())
        .collect();
    assert_eq!(current[0], Some(true.into()));
    house.app.sign_out_everywhere(&session).await.unwrap();
    for secret in [second, third, elsewhere] {
        assert!(!is_in(&house, &secret).await);
    }
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let house = House::new().await;
    person(&house, "ada", "").await;
    let (here, session) = sign_in(&house, "ada").await;
    let (there, _) = sign_in(&house, "ada").await;
    let new = "ein Bach aus Kupfer";
    let set =
        |current: &'static str, new: &'static str| house.app.set_password(&session, current, new);
    let code = |fault: Fault| fault.errors[0].code;
    assert_eq!(code(set("wrong", new).await.unwrap_err()), "wrong_password");
    assert_eq!(code(set(PASSWORD, "short").await.unwrap_err()), "length");
    assert_eq!(
        code(set(PASSWORD, "Password123").await.unwrap_err()),
        "common_password"
    );
    assert!(is_in(&house, &there).await);
    set(PASSWORD, new).await.unwrap();
    assert!(is_in(&house, &here).await && !is_in(&house, &there).await);
    assert!(
        house
            .app
            .sign_in("ada", PASSWORD, &visitor())
            .await
            .is_err()
    );
    house.app.sign_in("ada", new, &visitor()).await.unwrap();
}

#[tokio::test]
async fn whoever_is_deactivated_or_deleted_is_out_at_once() {
    for house in House::both().await {
        let ada = person(&house, "ada", "").await;
        let (secret, _) = sign_in(&house, "ada").await;
        let edit = async |body: &str| {
            let done = house
                .app
                .update_account(&administrator(), ada, &json(body))
                .await;
            done.unwrap();
        };
        edit(r#"{"name":"Ada L."}"#).await;
        assert_eq!(house.app.session(&secret).await.unwrap().name, "Ada L.");
        edit(r#"{"active":false}"#).await;
        assert!(!is_in(&house, &secret).await);
        edit(r#"{"active":true}"#).await;
        assert!(!is_in(&house, &secret).await, "it does not come back");
        let (secret, _) = sign_in(&house, "ada").await;
        house
            .app
            .delete_account(&administrator(), ada, None)
            .await
            .unwrap();
        assert!(!is_in(&house, &secret).await);
        assert!(
            house
                .app
                .sign_in("ada", PASSWORD, &visitor())
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn the_first_link_makes_the_first_administrator() {
    for house in House::both().await {
        let link = house.app.first_link().await.unwrap().unwrap();
        let old = secret_of(&link.show());
        let link = house.app.first_link().await.unwrap().unwrap();
        let secret = secret_of(&link.show());
        assert!(house.app.link(&old).await.is_err(), "replaced");
        assert_eq!(
            house.app.link(&secret).await.unwrap().purpose,
            Purpose::First
        );
        let weak = json(r#"{"login":"ada","name":"Ada","password":"password1"}"#);
        let fault = house
            .app
            .use_link(&secret, &weak, &visitor())
            .await
            .unwrap_err();
        assert_eq!(fault.errors[0].field, "/password");
        let body = json(&format!(
            r#"{{"login":"ada","name":"Ada","password":"{PASSWORD}"}}"#
        ));
        let (cookie, session) = house
            .app
            .use_link(&secret, &body, &visitor())
            .await
            .unwrap();
        assert!(session.administrator && is_in(&house, &cookie).await);
        assert!(
            house
                .app
                .use_link(&secret, &body, &visitor())
                .await
                .is_err(),
            "once"
        );
        assert!(house.app.first_link().await.unwrap().is_none());
        assert!(sign_in(&house, "ada").await.1.administrator);
        let last = house
            .app
            .delete_account(&administrator(), session.account.0, None)
            .await;
        assert_eq!(last.unwrap_err().code, "last_administrator");
    }
}

#[tokio::test]
async fn links_work_once_and_for_a_time() {
    let house = House::new().await;
    let ada = person(&house, "ada", "").await;
    let link = async |purpose: &str| {
        let body = json(&format!(r#"{{"purpose":"{purpose}"}}"#));
        let made = house
            .app
            .invite(&administrator(), ada, &body)
            .await
            .unwrap();
        secret_of(&made.show())
    };
    let nothing = json("{}");
    let signs_in = link("sign_in").await;
    assert_eq!(
        house.app.link(&signs_in).await.unwrap().purpose,
        Purpose::SignIn
    );
    house
        .app
        .use_link(&signs_in, &nothing, &visitor())
        .await
        .unwrap();
    let again = house.app.use_link(&signs_in, &nothing, &visitor()).await;
    assert_eq!(again.unwrap_err().kind, FaultKind::NotFound);

    let late = link("sign_in").await;
    house.clock.advance(seconds(LINK_MS));
    assert!(
        house
            .app
            .use_link(&late, &nothing, &visitor())
            .await
            .is_err()
    );
    let late = link("invite").await;
    house.clock.advance(seconds(INVITE_MS) - 1);
    assert!(house.app.link(&late).await.is_ok());
    house.clock.advance(1);
    assert!(house.app.link(&late).await.is_err());
    let taken_back = link("sign_in").await;
    let body = json(r#"{"active":false}"#);
    house
        .app
        .update_account(&administrator(), ada, &body)
        .await
        .unwrap();
    assert!(house.app.link(&taken_back).await.is_err());
    let used = house.app.use_link(&taken_back, &nothing, &visitor()).await;
    assert_eq!(used.unwrap_err().kind, FaultKind::NotFound);
}

#[tokio::test]
async fn a_person_is_in_a_project_what_the_member_is_there() {
    for house in House::both().await {
        let put = async |body: &str| {
            let made = house
                .admin("PUT", "/api/v1/projects/HB/members/5", body)
                .await;
            assert!(made.status < 300, "{}", made.text);
        };
        put(r#"{"first_name":"Ada","last_name":"L","username":"ada","role":"team_member"}"#).await;
        let ada = person(&house, "ada", "").await;
        let (_, session) = sign_in(&house, "ada").await;
        let inside = async |key| house.app.caller_in(&session, Some(key)).await;
        let absent = inside("NONE").await.unwrap_err();
        assert_eq!(
            inside("HB").await.unwrap_err(),
            absent,
            "as if it were not there"
        );
        assert!(
            house
                .app
                .projects_of(&session, ALL)
                .await
                .unwrap()
                .data
                .is_empty()
        );
        let outside = house.app.caller_in(&session, None).await.unwrap();
        assert!(!outside.manages() && !outside.writes_objects());

        let body = json(r#"{"member":5}"#);
        let linked = house
            .app
            .link_member(&administrator(), ada, "hb", &body)
            .await
            .unwrap();
        let members = linked.member("members").unwrap();
        assert_eq!(members, &json(r#"[{"project":"HB","member":5}]"#));
        let role = async || match inside("HB").await.unwrap() {
            Caller::Member {
                member: Some(5),
                role,
                ..
            } => role,
            other => panic!("{other:?}"),
        };
        assert_eq!(role().await, Role::TeamMember);
        assert_eq!(inside("OTHER").await.unwrap_err(), absent);
        let projects = house.app.projects_of(&session, ALL).await.unwrap().data;
        let shown: Vec<_> = projects
            .iter()
            .map(|p| (p.member("key").cloned(), p.member("role").cloned()))
            .collect();
        assert_eq!(shown, [(Some("HB".into()), Some("team_member".into()))]);

        put(r#"{"first_name":"Ada","last_name":"L","username":"ada","role":"scrum_master"}"#).await;
        assert_eq!(role().await, Role::ScrumMaster, "at once");
        put(r#"{"first_name":"Ada","last_name":"L","username":"ada","role":"scrum_master","active":false}"#).await;
        assert_eq!(inside("HB").await.unwrap_err(), absent);
        put(r#"{"first_name":"Ada","last_name":"L","username":"ada","role":"scrum_master"}"#).await;
        house
            .app
            .unlink_member(&administrator(), ada, "HB")
            .await
            .unwrap();
        assert_eq!(inside("HB").await.unwrap_err(), absent);
        house
            .app
            .link_member(&administrator(), ada, "HB", &body)
            .await
            .unwrap();
        house
            .admin("DELETE", "/api/v1/projects/HB/members/5", "")
            .await;
        put(r#"{"first_name":"Somebody","last_name":"Else","username":"eve","role":"product_owner"}"#).await;
        assert_eq!(
            inside("HB").await.unwrap_err(),
            absent,
            "another person has the number"
        );
    }
}

#[tokio::test]
async fn an_administrator_may_everything() {
    let house = House::new().await;
    person(&house, "root", r#","administrator":true"#).await;
    let (_, session) = sign_in(&house, "root").await;
    for key in [None, Some("HB"), Some("OTHER")] {
        let caller = house.app.caller_in(&session, key).await.unwrap();
        assert!(matches!(caller, Caller::Admin { .. }) && caller.credential().is_session());
    }
    let all = house.app.projects_of(&session, ALL).await.unwrap();
    assert_eq!(all.data.len(), 2);
    let caller = house.app.caller_in(&session, Some("HB")).await.unwrap();
    let project = house.app.project(&caller, "HB").await.unwrap();
    let body = json(r#"{"url":"https://example.com/hook","dialect":"icescrum"}"#);
    let (_, made) = house
        .app
        .create_webhook(&caller, &project, &body, None)
        .await
        .unwrap();
    assert_eq!(made.member("origin"), Some(&"console".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_sign_in_at_once_leave_room_for_others() {
    let house = std::sync::Arc::new(House::new().await);
    person(&house, "ada", "").await;
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..1000_u32 {
        let house = std::sync::Arc::clone(&house);
        asked.spawn(async move {
            let visitor = Visitor {
                address: Some(std::net::Ipv4Addr::from(0x0a00_0000 + n).into()),
                ..Visitor::default()
            };
            let login = format!("login {n}");
            house
                .app
                .sign_in(&login, "wrong password", &visitor)
                .await
                .unwrap_err()
                .kind
        });
    }
    // Whoever comes while they wait is told so at once, and nobody else waits at all.
    let answer = house.admin("GET", "/api/v1/projects/HB", "").await;
    assert_eq!(answer.status, 200);
    let kinds = asked.join_all().await;
    let refused = kinds
        .iter()
        .filter(|k| **k == FaultKind::Unauthorized)
        .count();
    let told = kinds
        .iter()
        .filter(|k| **k == FaultKind::Unavailable)
        .count();
    assert_eq!(refused + told, 1000);
    assert!(refused >= 256 && told > 0, "{refused} {told}");
    assert_eq!(
        house.app.gate.hashed(),
        1 + refused as u64,
        "and no more were hashed"
    );
}
