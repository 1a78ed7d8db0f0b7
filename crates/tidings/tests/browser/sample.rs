//! A project that looks like a real one: people, a sprint, seven webhooks of which some are not well, a log with every state. Names,
//! texts and order are always the same; with [`Times::Fixed`] so is every time.

mod receivers;
mod script;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use tidings_testkit::receiver::Behavior;

pub(crate) use self::receivers::Ports;
use self::receivers::Receivers;
use self::script::{BEFORE, DAY, HOURS, OTHERS, ROUTINE, Step};
use super::people::{Person, Who};
use super::world::{PATIENCE, Server, ask};

/// The project's key.
pub(crate) const KEY: &str = "HB";
/// The last hour of the day, in seconds since 1970: 2026-03-12 16:00 UTC.
const NOW: u64 = 1_773_331_200;
const HOUR: u64 = 3600;
/// From one change of an hour to the next.
const STEP: u64 = 217;
/// How often a look is taken at something that is waited for.
const LOOK: Duration = Duration::from_millis(20);
/// States as the database writes them.
const PARKED: i64 = 2;
const EXPIRED: i64 = 5;
/// Whose webhook is put on hold and deleted in the course of the day.
const OLD_ROOM: &str = "Old chat room";
/// The file that says which time it is.
const CLOCK: &str = "clock";

/// Which times the sample shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    /// Everything happens now.
    Now,
    /// A day of March 2026, hour by hour; needs Debian's libfaketime.
    Fixed,
}

/// The sample, on a running server.
pub(crate) struct Sample {
    server: Option<Server>,
    folder: tempfile::TempDir,
    receivers: Receivers,
    times: Times,
}

impl Sample {
    /// Plays the whole day.
    pub(crate) async fn play(ports: Ports, times: Times) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let receivers = Receivers::start(ports, folder.path()).await;
        let mut sample = Self {
            server: None,
            folder,
            receivers,
            times,
        };
        sample.turn_to(0).await;
        sample.set_the_scene().await;
        let (mut day, mut routine) = (DAY.iter(), (0..).zip(ROUTINE.iter().cycle()));
        for (hour, (often, own)) in (0..).zip(HOURS) {
            if hour > 0 && times == Times::Fixed {
                sample.turn_to(hour).await;
            }
            sample.mishaps(hour).await;
            let own = day.by_ref().take(own.into()).map(|step| (0, step));
            let often = routine.by_ref().take(often.into());
            for (n, (number, step)) in (0..).zip(often.chain(own)) {
                sample.set_clock(hour, n * STEP);
                sample.step(step, number).await;
            }
            sample.settled().await;
        }
        assert!(day.next().is_none(), "the day is longer than its hours");
        sample.people_act().await;
        sample
    }

    /// One call of the API that must succeed, below the project.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/projects/{KEY}{path}");
        self.server().call(method, &path, body).await
    }

    /// Somebody who is signed in.
    pub(crate) fn person(&self, name: &str, who: Who<'_>) -> Person {
        Person::new(self.folder.path(), name, who)
    }

    /// The server.
    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    async fn set_the_scene(&self) {
        let project = json!({"key": KEY, "name": "Harbor storefront", "base_url": "https://tracker.harbor.example",
            "company": {"slug": "harbor", "name": "Harbor Ltd"}});
        self.server().call("POST", "/projects", &project).await;
        for (key, name) in OTHERS {
            let project = json!({"key": key, "name": name});
            self.server().call("POST", "/projects", &project).await;
        }
        for step in BEFORE {
            let body: Value = serde_json::from_str(step.body).unwrap();
            self.call(step.method, &format!("{}?silent=true", step.path), &body)
                .await;
        }
        for (host, path, more) in webhooks() {
            let mut webhook =
                json!({"url": self.receivers.url(host, path), "secret": "a secret of the sample"});
            for (name, value) in more.as_object().unwrap() {
                webhook[name] = value.clone();
            }
            self.call("POST", "/webhooks", &webhook).await;
        }
        self.by_an_app().await;
        let url = self.receivers.url("desk.harbor.example", "/room");
        let room = json!({"name": OLD_ROOM, "dialect": "squish", "url": url});
        self.call("POST", "/webhooks", &room).await;
    }

    /// A webhook that an app made for itself and locked.
    async fn by_an_app(&self) {
        let token = json!({"name": "Zapier", "kind": "app"});
        let made = self.call("POST", "/tokens", &token).await;
        let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
        let webhook = json!({"name": "New stories to the roadmap", "url": self.receivers.url("hooks.zapier.example", "/hooks/catch/8124/"),
            "dialect": "icescrum", "events": ["story.create"], "locked": true});
        let path = format!("/projects/{KEY}/webhooks");
        let headers = [("authorization", bearer.as_str())];
        let reply = ask(self.server().address, "POST", &path, &headers, &webhook).await;
        assert_eq!(reply.as_ref().map(|r| r.status).unwrap(), 201, "{reply:?}");
    }

    /// What goes wrong in the course of the day.
    async fn mishaps(&self, hour: u64) {
        let json = |status, body: &'static str| {
            Behavior::status(status)
                .header("Content-Type", "application/json")
                .body(body)
        };
        match hour {
            14 => {
                let id = self.webhook(OLD_ROOM).await;
                self.call("POST", &format!("/webhooks/{id}/pause"), &json!({}))
                    .await;
            }
            // What was held for it is skipped.
            16 => {
                let id = self.webhook(OLD_ROOM).await;
                self.call("DELETE", &format!("/webhooks/{id}"), &Value::Null)
                    .await;
            }
            // Tried once, and given up.
            19 => self.receivers.hiccup(
                "reports.harbor.example",
                json(422, r#"{"error":"a report of March is closed"}"#),
            ),
            18 => self.receivers.hiccup(
                "ci.harbor.example",
                json(500, r#"{"error":"no executor is free"}"#),
            ),
            20 => self.receivers.set(
                "wall.harbor.example",
                json(500, r#"{"error":"database is read-only"}"#),
            ),
            17 => {
                let id = self.webhook("Old planning tool").await;
                self.call("POST", &format!("/webhooks/{id}/pause"), &json!({}))
                    .await;
            }
            22 => {
                let busy = json(503, r#"{"error":"maintenance until 17:00"}"#)
                    .header("Retry-After", "6600");
                self.receivers.set("timesheets.example.net", busy);
            }
            _ => {}
        }
    }

    async fn step(&self, step: &Step, number: u32) {
        let path = format!("/projects/{KEY}{}", step.path);
        let body = step.body.replace('#', &number.to_string());
        let body = serde_json::from_str(&body).unwrap();
        let actor = step.by.to_string();
        let headers = [("tidings-actor", actor.as_str())];
        let reply = ask(self.server().address, step.method, &path, &headers, &body)
            .await
            .unwrap();
        assert!(
            reply.status < 300,
            "{} {path} {body}: {reply:?}",
            step.method
        );
    }

    /// What people do with webhooks: a test, a resend.
    async fn people_act(&self) {
        self.until("the planning wall is disabled", async || {
            let id = self.webhook("Planning wall").await;
            let webhook = self
                .call("GET", &format!("/webhooks/{id}"), &Value::Null)
                .await;
            webhook["health"]["state"] == "disabled"
        })
        .await;
        let id = self.webhook("Build pipeline").await;
        let test = json!({"event": "task.updated"});
        self.call("POST", &format!("/webhooks/{id}/test"), &test)
            .await;
        let log = self
            .call(
                "GET",
                &format!("/deliveries?webhook={id}&limit=2"),
                &Value::Null,
            )
            .await;
        let delivery = log["data"][1]["id"].as_str().unwrap();
        self.call(
            "POST",
            &format!("/deliveries/{delivery}/resend"),
            &json!({}),
        )
        .await;
        self.settled().await;
        self.expire();
    }

    /// What was put aside first has waited too long: as retention would do it after months.
    fn expire(&self) {
        let database = Connection::open(self.folder.path().join("tidings.db")).unwrap();
        database.busy_timeout(PATIENCE).unwrap();
        let sql = "UPDATE deliveries SET state = ?1, waiting = 0, due_ms = NULL
                   WHERE id IN (SELECT id FROM deliveries WHERE state = ?2 ORDER BY id LIMIT 2)";
        let expired = database.execute(sql, [EXPIRED, PARKED]).unwrap();
        assert_eq!(expired, 2);
    }

    /// The id of a webhook.
    pub(crate) async fn webhook(&self, name: &str) -> i64 {
        let all = self.call("GET", "/webhooks", &Value::Null).await;
        let mut all = all["data"].as_array().unwrap().iter();
        all.find(|w| w["name"] == name).unwrap()["id"]
            .as_i64()
            .unwrap()
    }

    /// Waits until everything was tried that will be tried soon.
    async fn settled(&self) {
        self.until("nothing waits", async || {
            let pending = "/deliveries?state=pending&limit=200";
            let pending = self.call("GET", pending, &Value::Null).await;
            let webhooks = self.call("GET", "/webhooks", &Value::Null).await;
            let is_well = |id: &Value| {
                let mut all = webhooks["data"].as_array().unwrap().iter();
                all.any(|w| w["id"] == *id && w["health"]["state"] == "ok")
            };
            let mut pending = pending["data"].as_array().unwrap().iter();
            !pending.any(|d| is_well(&d["webhook"]))
        })
        .await;
    }

    async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let mut turns = tokio::time::interval(LOOK);
        let look = async {
            while !is_so().await {
                turns.tick().await;
            }
        };
        if tokio::time::timeout(PATIENCE, look).await.is_err() {
            let webhooks = self.call("GET", "/webhooks", &Value::Null).await;
            let pending = self
                .call("GET", "/deliveries?state=pending", &Value::Null)
                .await;
            panic!("waited {PATIENCE:?} until {what}:\n{webhooks}\n{pending}");
        }
    }

    /// The server's clock stands still at that second of that hour.
    fn set_clock(&self, hour: u64, second: u64) {
        if self.times == Times::Fixed {
            let at = NOW - 23 * HOUR + hour * HOUR + second;
            let file = self.folder.path().join(CLOCK);
            let new = file.with_extension("new");
            std::fs::write(&new, clock(at)).unwrap();
            // At once: half a time is none.
            std::fs::rename(new, file).unwrap();
        }
    }

    /// Stops the server and starts it again in that hour of the day.
    async fn turn_to(&mut self, hour: u64) {
        self.set_clock(hour, 0);
        if let Some(running) = self.server.take() {
            let stop = move || running.terminate();
            let status = tokio::task::spawn_blocking(stop).await.unwrap();
            assert!(status.success(), "{status}");
        }
        let command = command(self.folder.path(), &self.receivers, self.times);
        self.server = Some(start(command).await);
    }
}

/// The webhooks: host, path, and what they are made with.
fn webhooks() -> [(&'static str, &'static str, Value); 6] {
    [
        (
            "ci.harbor.example",
            "/hooks/tidings",
            json!({"name": "Build pipeline", "dialect": "standard", "description": "Starts the pipeline when work moves on.",
                "events": "all", "headers": {"X-Pipeline": "storefront-main"}}),
        ),
        (
            "desk.harbor.example",
            "/squish",
            json!({"name": "Support desk", "dialect": "squish", "description": "Tells customers when their defect is fixed.", "events": "all"}),
        ),
        (
            "timesheets.example.net",
            "/in/gitscrum",
            json!({"name": "Time sheets", "dialect": "gitscrum", "events": "all"}),
        ),
        (
            "reports.harbor.example",
            "/backlog",
            json!({"name": "Monthly report", "dialect": "backlog", "events": "all", "retry_schedule": []}),
        ),
        (
            "wall.harbor.example",
            "/ice",
            json!({"name": "Planning wall", "dialect": "icescrum", "events": "all", "failure_limit": 2, "retry_schedule": [1],
                "verify_tls": false}),
        ),
        (
            "planning.example.org",
            "/sprintly",
            json!({"name": "Old planning tool", "dialect": "sprintly", "events": "all"}),
        ),
    ]
}

/// The server's command.
fn command(folder: &Path, receivers: &Receivers, times: Times) -> Command {
    let mut command = Server::command(folder);
    command
        .args(["--egress-allow", "127.0.0.0/8"])
        .env("TIDINGS_EGRESS_RESOLVER", receivers.dns.addr().to_string())
        .env("TIDINGS_EGRESS_CA_FILE", &receivers.ca_file);
    if times == Times::Fixed {
        command
            .env("LD_PRELOAD", other_clock())
            .env("FAKETIME_TIMESTAMP_FILE", folder.join(CLOCK))
            .env("FAKETIME_NO_CACHE", "1")
            .env("TZ", "UTC")
            // Timers go by the monotonic clock, which goes as ever.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }
    command
}

/// Debian's library that gives a process another clock; in a folder named after the machine.
fn other_clock() -> PathBuf {
    let machines = std::fs::read_dir("/usr/lib").unwrap();
    let libraries = machines.map(|m| m.unwrap().path().join("faketime/libfaketime.so.1"));
    let found = libraries.into_iter().find(|library| library.exists());
    found.unwrap_or_else(|| panic!("no libfaketime; run `cargo xtask screenshots`"))
}

/// As libfaketime reads it: `2026-03-12 16:00:00`.
fn clock(seconds: u64) -> String {
    let at = tidings_domain::Time::from_second(i64::try_from(seconds).unwrap()).unwrap();
    at.to_string().replace('T', " ").replace('Z', "")
}

async fn start(command: Command) -> Server {
    let started = tokio::task::spawn_blocking(move || Server::try_start(command)).await;
    started.unwrap().unwrap()
}

#[cfg(test)]
mod tests;
