//! Hostile receivers and hostile URLs, seen as a user sees them: through the API and the sent log of the real binary.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tidings_domain::{Time, time};
use tidings_testkit::closed_port;
use tidings_testkit::dns::{Dns, Zone};
use tidings_testkit::receiver::{Behavior, Receiver};
use tidings_testkit::tls::{Authority, Kind};
use tokio::task::JoinSet;

use super::world::{PATIENCE, Server, call};

/// How often a test looks again.
const LOOK: Duration = Duration::from_millis(20);

/// A server with one project, `H`.
struct World {
    server: Server,
    _folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path());
        Self::on(server, folder).await
    }

    async fn guarded(resolver: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::guarded(folder.path(), resolver);
        Self::on(server, folder).await
    }

    async fn on(server: Server, folder: tempfile::TempDir) -> Self {
        let project = json!({"key": "H", "name": "Hostile"});
        server.call("POST", "/projects", &project).await;
        Self {
            server,
            _folder: folder,
        }
    }

    /// A webhook to `url` that takes everything and tries again much later than the test ends; `more` overrides.
    async fn webhook(&self, url: &str, more: &Value) -> i64 {
        let wanted = webhook_to(url, more);
        let made = self
            .server
            .call("POST", "/projects/H/webhooks", &wanted)
            .await;
        made["id"].as_i64().unwrap()
    }

    async fn task(&self, title: &str) {
        self.server
            .call("POST", "/projects/H/tasks", &json!({"title": title}))
            .await;
    }

    async fn get(&self, path: &str) -> Value {
        let path = format!("/projects/H{path}");
        self.server.call("GET", &path, &Value::Null).await
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let path = format!("/projects/H{path}");
        self.server.call("POST", &path, body).await
    }

    async fn health(&self, webhook: i64) -> Value {
        self.get(&format!("/webhooks/{webhook}")).await["health"].clone()
    }

    /// The log rows of a webhook, newest first.
    async fn rows(&self, webhook: i64) -> Vec<Value> {
        let list = self.get(&format!("/deliveries?webhook={webhook}")).await;
        list["data"].as_array().unwrap().clone()
    }

    /// The newest delivery of a webhook, once it has this many attempts.
    async fn tried(&self, webhook: i64, attempts: usize) -> Value {
        let what = format!("{attempts} attempts for webhook {webhook}");
        until(&what, async || {
            let rows = self.rows(webhook).await;
            let id = rows.first()?["id"].as_str()?.to_owned();
            let delivery = self.get(&format!("/deliveries/{id}")).await;
            (delivery["attempts"].as_array()?.len() >= attempts).then_some(delivery)
        })
        .await
    }

    /// The health of a webhook, once it is in this state.
    async fn in_state(&self, webhook: i64, state: &str) -> Value {
        let what = format!("webhook {webhook} to be {state}");
        until(&what, async || {
            let health = self.health(webhook).await;
            (health["state"] == state).then_some(health)
        })
        .await
    }
}

fn webhook_to(url: &str, more: &Value) -> Value {
    let mut wanted = json!({"name": "w", "url": url, "dialect": "standard", "events": "all", "retry_schedule": [3600]});
    for (name, value) in more.as_object().into_iter().flatten() {
        wanted[name] = value.clone();
    }
    wanted
}

/// Asks again and again until there is an answer.
pub(super) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut turns = tokio::time::interval(LOOK);
    let look = async {
        loop {
            turns.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    let Ok(answer) = tokio::time::timeout(PATIENCE, look).await else {
        panic!("waited {PATIENCE:?} for {what}");
    };
    answer
}

fn last_attempt(delivery: &Value) -> &Value {
    delivery["attempts"].as_array().unwrap().last().unwrap()
}

fn at(value: &Value) -> Time {
    time::parse(value.as_str().unwrap()).unwrap()
}

/// Seconds from the start of an attempt to a later time.
fn seconds_after(attempt: &Value, later: &Value) -> f64 {
    at(later)
        .duration_since(at(&attempt["started_at"]))
        .as_secs_f64()
}

/// One kind of receiver and what the log must say about it.
struct Row {
    name: &'static str,
    receiver: Receiver,
    more: Value,
    outcome: &'static str,
    status: Option<u16>,
    /// Words joined by `|` where it is the kernel's timing that decides.
    code: &'static str,
    detail: &'static str,
}

async fn plain(
    name: &'static str,
    behavior: Behavior,
    (outcome, status, code): (&'static str, Option<u16>, &'static str),
) -> Row {
    Row {
        name,
        receiver: Receiver::start(behavior).await,
        more: json!({"timeout_seconds": 1}),
        outcome,
        status,
        code,
        detail: "",
    }
}

async fn misbehaving() -> Vec<Row> {
    let cut = Bytes::from_static(b"HTTP/1.1 200 OK\r\nX-Cut: ");
    let table = [
        (
            "never answers",
            Behavior::NeverAnswer,
            ("timed_out", None, "deadline_answer"),
        ),
        (
            "never reads",
            Behavior::NeverRead,
            ("timed_out", None, "deadline_answer"),
        ),
        (
            "one byte per second",
            Behavior::drip_head(Duration::from_secs(1)),
            ("timed_out", None, "deadline_head"),
        ),
        (
            "endless head",
            Behavior::endless_head(),
            ("unreachable", None, "answer_too_large"),
        ),
        (
            "endless status line",
            Behavior::endless_status_line(),
            ("unreachable", None, "answer_too_large"),
        ),
        (
            "endless interim",
            Behavior::endless_interim(103),
            ("unreachable", None, "answer_invalid"),
        ),
        (
            "endless body",
            Behavior::endless_body(),
            ("accepted", Some(200), ""),
        ),
        (
            "endless chunks",
            Behavior::endless_chunks(),
            ("accepted", Some(200), ""),
        ),
        (
            "resets at once",
            Behavior::ResetOnAccept,
            ("unreachable", None, "connect_reset|answer_reset"),
        ),
        (
            "resets before it answers",
            Behavior::ResetAfterRequest,
            ("unreachable", None, "answer_reset"),
        ),
        (
            "resets in its answer",
            Behavior::ResetAfter(cut),
            ("unreachable", None, "answer_reset"),
        ),
        (
            "closes unanswered",
            Behavior::CloseAfterRequest,
            ("unreachable", None, "answer_cut"),
        ),
        (
            "fails",
            Behavior::status(500),
            ("rejected", Some(500), "status"),
        ),
        (
            "asks who we are",
            Behavior::status(401),
            ("rejected", Some(401), "status"),
        ),
    ];
    let mut rows = Vec::new();
    for (name, behavior, expected) in table {
        rows.push(plain(name, behavior, expected).await);
    }
    rows
}

async fn certificates() -> Vec<Row> {
    let authority = Authority::new();
    let trusted = json!({"ca_pem": authority.pem()});
    let refused = "unreachable";
    let table = [
        (
            "expired",
            Kind::Expired,
            trusted.clone(),
            refused,
            "tls_expired",
            "renew it",
        ),
        (
            "not yet valid",
            Kind::NotYetValid,
            trusted.clone(),
            refused,
            "tls_not_yet_valid",
            "check both clocks",
        ),
        (
            "self-signed",
            Kind::SelfSigned,
            json!({}),
            refused,
            "tls_self_signed",
            "ca_pem",
        ),
        (
            "wrong name",
            Kind::WrongName,
            trusted.clone(),
            refused,
            "tls_wrong_name",
            "elsewhere.example",
        ),
        (
            "unknown authority",
            Kind::Valid,
            json!({}),
            refused,
            "tls_unknown_authority",
            "ca_pem",
        ),
        (
            "its authority given",
            Kind::Valid,
            trusted,
            "accepted",
            "",
            "",
        ),
        (
            "not verified",
            Kind::SelfSigned,
            json!({"verify_tls": false}),
            "accepted",
            "",
            "",
        ),
    ];
    let mut rows = Vec::new();
    for (name, kind, more, outcome, code, detail) in table {
        let receiver = Receiver::start_tls(Behavior::ok(), authority.server(kind)).await;
        rows.push(Row {
            name,
            receiver,
            more,
            outcome,
            status: code.is_empty().then_some(200),
            code,
            detail,
        });
    }
    rows
}

impl Row {
    fn check(&self, delivery: &Value) {
        let name = self.name;
        let attempt = last_attempt(delivery);
        assert_eq!(attempt["outcome"], self.outcome, "{name}: {attempt}");
        assert_eq!(attempt["status"], json!(self.status), "{name}: {attempt}");
        let code = attempt["error"]["code"].as_str().unwrap_or("");
        assert!(
            self.code.split('|').any(|word| word == code),
            "{name}: {attempt}"
        );
        let detail = attempt["error"]["detail"].as_str().unwrap_or("");
        assert!(detail.contains(self.detail), "{name}: {attempt}");
        assert_eq!(detail.is_empty(), code.is_empty(), "{name}: {attempt}");
        let kept = attempt["response"]["body"].as_str().unwrap_or("").len();
        assert!(kept <= 16 * 1024, "{name} left {kept} bytes in the log");
        if self.name.starts_with("endless ") && self.outcome == "accepted" {
            assert_eq!(attempt["response"]["truncated"], true, "{name}");
        }
    }
}

/// Every row gets the same change, and then a test send: the log says the same about both.
#[tokio::test(flavor = "multi_thread")]
async fn each_misbehaviour_has_its_words_in_the_log() {
    let world = World::start().await;
    let mut rows = misbehaving().await;
    rows.extend(certificates().await);
    let mut webhooks = Vec::new();
    for row in &rows {
        webhooks.push(world.webhook(&row.receiver.url("/hook"), &row.more).await);
    }
    let refuses = world
        .webhook(&format!("http://{}/", closed_port().await), &json!({}))
        .await;

    world.task("To all of them").await;
    for (row, webhook) in rows.iter().zip(&webhooks) {
        let delivery = world.tried(*webhook, 1).await;
        row.check(&delivery);
        let accepted = row.outcome == "accepted";
        let state = if accepted { "delivered" } else { "pending" };
        assert_eq!(delivery["state"], state, "{}", row.name);
        assert_eq!(
            delivery["next_attempt_at"].is_null(),
            accepted,
            "{}",
            row.name
        );
    }
    let delivery = world.tried(refuses, 1).await;
    assert_eq!(last_attempt(&delivery)["error"]["code"], "connect_refused");
    assert_eq!(world.health(refuses).await["state"], "backing_off");

    let mut tests = JoinSet::new();
    for (at, webhook) in webhooks.iter().enumerate() {
        let (address, webhook) = (world.server.address, *webhook);
        tests.spawn(async move {
            let path = format!("/projects/H/webhooks/{webhook}/test");
            let body = json!({"event": "task.created"});
            (at, call(address, "POST", &path, &body).await.unwrap())
        });
    }
    for (at, (status, delivery)) in tests.join_all().await {
        assert_eq!(status, 200, "{}: {delivery}", rows[at].name);
        assert_eq!(last_attempt(&delivery)["trigger"], "test");
        rows[at].check(&delivery);
        let id = delivery["id"].as_str().unwrap();
        let logged = world.get(&format!("/deliveries/{id}")).await;
        assert_eq!(
            logged["attempts"], delivery["attempts"],
            "{}",
            rows[at].name
        );
    }
    // A certificate that was refused was told nothing.
    for row in rows.iter().filter(|row| row.code.starts_with("tls_")) {
        assert!(row.receiver.received().is_empty(), "{}", row.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_does_not_verify_says_so() {
    let world = World::start().await;
    let url = "https://127.0.0.1:9/";
    let careless = world.webhook(url, &json!({"verify_tls": false})).await;
    let careful = world.webhook(url, &json!({})).await;
    for (webhook, warned) in [(careless, true), (careful, false)] {
        let shown = world.get(&format!("/webhooks/{webhook}")).await;
        let mut codes = shown["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|w| &w["code"]);
        assert_eq!(
            codes.any(|code| code == "tls_not_verified"),
            warned,
            "{shown}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_told_and_not_followed() {
    let world = World::start().await;
    let canary = Receiver::start(Behavior::ok()).await;
    let target = canary.url("/elsewhere");
    for status in [301, 302, 303, 307, 308] {
        let receiver = Receiver::start(Behavior::redirect(status, &target)).await;
        let webhook = world.webhook(&receiver.url("/hook"), &json!({})).await;
        world.task("Moved").await;
        let delivery = world.tried(webhook, 1).await;
        let attempt = last_attempt(&delivery);
        assert_eq!(attempt["outcome"], "rejected", "{attempt}");
        assert_eq!(attempt["status"], status, "{attempt}");
        assert_eq!(attempt["error"]["code"], "redirect", "{attempt}");
        let detail = attempt["error"]["detail"].as_str().unwrap();
        assert!(detail.contains(&target), "{detail}");
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_disables_at_once_and_tells_the_others() {
    let world = World::start().await;
    let receiver = Receiver::start(Behavior::gone()).await;
    let people = Receiver::start(Behavior::ok()).await;
    let told = json!({"events": ["webhook.disabled"]});
    world.webhook(&people.url("/people"), &told).await;
    let webhook = world.webhook(&receiver.url("/hook"), &json!({})).await;

    // A test send changes no health, not even by a 410.
    let body = json!({"event": "task.created"});
    let test = world
        .post(&format!("/webhooks/{webhook}/test"), &body)
        .await;
    assert_eq!(last_attempt(&test)["error"]["code"], "gone");
    assert_eq!(world.health(webhook).await["state"], "ok");

    world.task("Nobody wants this").await;
    let health = world.in_state(webhook, "disabled").await;
    assert_eq!(health["reason"], "gone");
    assert_eq!(health["last_status"], 410);
    // Health is shown live, the switch as it is stored, a moment later.
    until("the switch to be off", async || {
        let shown = world.get(&format!("/webhooks/{webhook}")).await;
        (shown["enabled"] == false).then_some(())
    })
    .await;
    let delivery = world.tried(webhook, 1).await;
    assert_eq!(last_attempt(&delivery)["error"]["code"], "gone");

    let news = people.requests(1, PATIENCE).await;
    assert_eq!(
        news[0].header("x-tidings-event").as_deref(),
        Some("webhook.disabled")
    );
    let object = format!("webhooks/{webhook}");
    assert_eq!(news[0].header("x-tidings-object"), Some(object));
    assert!(news[0].json().to_string().contains("\"gone\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_honoured_in_both_forms() {
    let world = World::start().await;
    for status in [429, 503] {
        for dated in [false, true] {
            let receiver = Receiver::start(Behavior::ok()).await;
            let more = json!({"retry_schedule": [1, 1, 1]});
            let webhook = world.webhook(&receiver.url("/hook"), &more).await;
            let shown = world.get(&format!("/webhooks/{webhook}")).await;
            let limit = at(&shown["created_at"]) + Duration::from_mins(2);
            let date = limit.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            let after = if dated { &date } else { "120" };
            receiver.set(Behavior::status(status).header("Retry-After", after));

            world.task("Slowly").await;
            let delivery = world.tried(webhook, 1).await;
            let health = world.in_state(webhook, "backing_off").await;
            let attempt = last_attempt(&delivery);
            assert_eq!(attempt["status"], status);
            for (what, time) in [
                ("delivery", &delivery["next_attempt_at"]),
                ("probe", &health["next_probe_at"]),
            ] {
                let wait = seconds_after(attempt, time);
                // The date was taken a moment before the attempt, in whole seconds; jitter only adds, at most a fifth.
                let range = if dated { 110.0..150.0 } else { 119.0..150.0 };
                assert!(range.contains(&wait), "{what}: {status} {after}: {wait} s");
            }
        }
    }
}

/// All of the hostile ones still hold their requests while the healthy one gets everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_webhook_does_not_wait_for_the_others() {
    let world = World::start().await;
    let more = json!({"timeout_seconds": 60});
    let mut hostile = Vec::new();
    for behavior in [
        Behavior::NeverAnswer,
        Behavior::NeverRead,
        Behavior::drip_head(Duration::from_secs(1)),
    ] {
        let receiver = Receiver::start(behavior).await;
        let webhook = world.webhook(&receiver.url("/hook"), &more).await;
        hostile.push((receiver, webhook));
    }
    let healthy = Receiver::start(Behavior::ok()).await;
    world.webhook(&healthy.url("/hook"), &more).await;
    for n in 0..20 {
        world.task(&format!("Task {n}")).await;
    }
    healthy.requests(20, PATIENCE).await;
    for (receiver, webhook) in &hostile {
        until("its requests", async || {
            (receiver.connections() > 0).then_some(())
        })
        .await;
        assert!(receiver.open() > 0, "it was given up already");
        let rows = world.rows(*webhook).await;
        assert!(rows.iter().all(|row| row["attempt_count"] == 0), "{rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_limit_disables_and_recover_brings_back_what_was_parked() {
    let world = World::start().await;
    let limit = json!({"failure_limit": 2});
    world.server.call("PATCH", "/settings", &limit).await;
    let receiver = Receiver::start(Behavior::status(500)).await;
    let more = json!({"dialect": "icescrum", "retry_schedule": [1, 1, 1]});
    let webhook = world.webhook(&receiver.url("/hook"), &more).await;
    let since = world.get(&format!("/webhooks/{webhook}")).await["created_at"].clone();

    world.task("Fails twice").await;
    let health = world.in_state(webhook, "backing_off").await;
    assert_eq!(health["consecutive_failures"], 1);
    let health = world.in_state(webhook, "disabled").await;
    assert_eq!(health["reason"], "failure_limit");
    assert_eq!(health["consecutive_failures"], 2);
    let delivery = world.tried(webhook, 2).await;
    assert_eq!(delivery["attempts"].as_array().unwrap().len(), 2);
    until("the delivery to be parked", async || {
        (world.rows(webhook).await[0]["state"] == "parked").then_some(())
    })
    .await;
    assert_eq!(receiver.received().len(), 2);

    receiver.set(Behavior::ok());
    let shown = world
        .post(&format!("/webhooks/{webhook}/enable"), &Value::Null)
        .await;
    assert_eq!(shown["enabled"], true);
    assert_eq!(shown["health"]["state"], "ok");
    assert_eq!(shown["health"]["consecutive_failures"], 0);
    assert_eq!(shown["health"]["parked"], 1, "enabling leaves it parked");
    world.task("Is new").await;
    receiver.requests(3, PATIENCE).await;

    let path = format!("/webhooks/{webhook}/recover");
    let mut body = json!({"since": since, "mode": "deliver", "dry_run": true});
    assert_eq!(world.post(&path, &body).await["count"], 1);
    body["dry_run"] = json!(false);
    assert_eq!(world.post(&path, &body).await["count"], 1);
    let got = receiver.requests(4, PATIENCE).await;
    let ids: HashSet<_> = got
        .iter()
        .map(|r| r.header("webhook-id").unwrap())
        .collect();
    assert_eq!(ids.len(), 2, "the one that failed twice kept its id");
    assert_eq!(got[3].header("webhook-id"), got[0].header("webhook-id"));
    assert_eq!(got[3].body, got[0].body);
    until("all to be delivered", async || {
        let rows = world.rows(webhook).await;
        (rows.len() == 2 && rows.iter().all(|row| row["state"] == "delivered")).then_some(())
    })
    .await;
    assert_eq!(world.post(&path, &body).await["count"], 0, "nothing twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhooks_own_limit_disables_and_recover_enables() {
    let world = World::start().await;
    let receiver = Receiver::start(Behavior::status(500)).await;
    let more = json!({"failure_limit": 1});
    let webhook = world.webhook(&receiver.url("/hook"), &more).await;
    let since = world.get(&format!("/webhooks/{webhook}")).await["created_at"].clone();
    world.task("Fails once").await;
    let health = world.in_state(webhook, "disabled").await;
    assert_eq!(health["reason"], "failure_limit");
    receiver.set(Behavior::ok());
    let body = json!({"since": since, "mode": "deliver"});
    world
        .post(&format!("/webhooks/{webhook}/recover"), &body)
        .await;
    let got = receiver.requests(2, PATIENCE).await;
    assert_eq!(got[1].header("webhook-id"), got[0].header("webhook-id"));
    world.in_state(webhook, "ok").await;
}

async fn names() -> Dns {
    let dns = Dns::start().await;
    dns.set("public.example.com", Zone::address("93.184.216.34"));
    dns.set("private.example.com", Zone::address("10.1.2.3"));
    dns.set("private6.example.com", Zone::address("fd00::1"));
    dns.set(
        "mixed.example.com",
        Zone::addresses(&["93.184.216.34", "192.168.0.1"]),
    );
    dns.set(
        "alias.example.com",
        Zone::Alias("private.example.com".to_owned()),
    );
    dns
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_moves_to_a_private_address_is_blocked() {
    let dns = names().await;
    let world = World::guarded(dns.addr()).await;
    let canary = Receiver::start(Behavior::ok()).await;
    let url = canary.url_at("public.example.com", "/hook");
    let webhook = world.webhook(&url, &json!({})).await;
    for zone in [
        Zone::address("127.0.0.1"),
        Zone::addresses(&["93.184.216.34", "127.0.0.1"]),
        Zone::address("::ffff:127.0.0.1"),
    ] {
        dns.set("public.example.com", zone);
        world.task("Rebinding").await;
        let delivery = world.tried(webhook, 1).await;
        let attempt = last_attempt(&delivery);
        assert_eq!(attempt["outcome"], "blocked", "{attempt}");
        assert_eq!(attempt["error"]["code"], "blocked", "{attempt}");
        assert!(attempt["status"].is_null());
        assert_eq!(delivery["state"], "pending");
        let path = format!("/webhooks/{webhook}/test");
        let test = world.post(&path, &json!({"event": "task.created"})).await;
        assert_eq!(last_attempt(&test)["outcome"], "blocked");
    }
    assert_eq!(
        world.health(webhook).await["consecutive_failures"],
        0,
        "it is not the receiver's fault"
    );
    assert_eq!(canary.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_resolve_is_saved_with_a_warning() {
    let dns = names().await;
    let world = World::guarded(dns.addr()).await;
    let url = "https://not-yet.example.com/";
    let webhook = world.webhook(url, &json!({})).await;
    let shown = world.get(&format!("/webhooks/{webhook}")).await;
    let mut codes = shown["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| &w["code"]);
    assert!(codes.any(|code| code == "unresolved"), "{shown}");
    world.task("To nobody").await;
    let delivery = world.tried(webhook, 1).await;
    assert_eq!(last_attempt(&delivery)["outcome"], "unreachable");
    assert_eq!(last_attempt(&delivery)["error"]["code"], "dns_not_found");
}
