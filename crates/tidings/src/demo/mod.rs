//! `tidings demo`: the whole job in one process, on real sockets and a real database in a temporary folder.

mod script;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use parking_lot::Mutex;
use tidings_domain::Value;
use tokio::sync::Notify;

use crate::capture::Verdict;
use crate::client::Server;
use crate::clock::SystemEntropy;
use crate::listen::{Received, Receiver};
use crate::output::{cell, line};
use crate::{Failure, config, serve};

/// See everything work in one process: a server, a receiver for each dialect, a scripted sprint
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// Stop when every delivery arrived and verified, instead of staying up
    #[arg(long)]
    once: bool,
    /// Where the server listens [default: any free port on loopback]
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:0",
        hide_default_value = true
    )]
    listen: SocketAddr,
}

const PROJECT: &str = "HB";
/// Longest wait for the deliveries of one change; they take milliseconds, unless the machine is stuck.
const PATIENCE: Duration = Duration::from_secs(30);
const WIDTHS: [usize; 7] = [28, 9, 30, 18, 6, 6, 9];

impl Demo {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let folder = Folder::make()?;
        let board = Arc::new(Board::default());
        let seen = Arc::clone(&board);
        let receiver = Receiver::start(([127, 0, 0, 1], 0).into(), secrets(), move |received| {
            seen.arrived(received);
        })
        .await?;
        let token = tidings_app::auth::new_token(&SystemEntropy);
        let running = serve::start(config(&folder, self.listen, &token), None).await?;
        let server = Server::at(&format!("http://{}", running.address), &token);
        let started = Instant::now();
        let told = tell(&server, receiver.address, &board).await?;
        let summary = board.summary(&told)?;
        println!("\n{summary} in {:.1} s", started.elapsed().as_secs_f64());
        if self.once {
            running.stop().await;
            return Ok(());
        }
        let link = sign_in_link(&server).await?;
        println!("\nThe server stays up until Ctrl-C:");
        println!("  open   {link}");
        println!("         signs you in, once");
        println!(
            "  API    http://{}/api/v1   documented at http://{}/docs",
            running.address, running.address
        );
        println!("  token  {token}");
        println!(
            "  try    curl -H 'Authorization: Bearer {}' http://{}/api/v1/projects/{PROJECT}/deliveries",
            token, running.address
        );
        open_browser(&link);
        crate::signals::interrupted().await;
        running.stop().await;
        Ok(())
    }
}

/// Makes an administrator, who is also the product owner of the sprint, and a link that signs them in.
async fn sign_in_link(server: &Server) -> anyhow::Result<String> {
    let account = r#"{"login":"demo","name":"Demo","administrator":true}"#;
    let made = call(server, "POST", "/accounts", account).await?;
    let one = format!("/accounts/{}", cell(&made, "id"));
    let member = format!("{one}/members/{PROJECT}");
    call(server, "PUT", &member, r#"{"member":1}"#).await?;
    let link = call(
        server,
        "POST",
        &format!("{one}/invite"),
        r#"{"purpose":"sign_in"}"#,
    )
    .await?;
    Ok(cell(&link, "url"))
}

/// Shows the link in a browser where there is a desktop; where that fails, the link is printed anyway.
fn open_browser(link: &str) {
    let desktop = |name: &str| {
        let all = serve::environment();
        all.iter().any(|(n, v)| n == name && !v.is_empty())
    };
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if desktop("DISPLAY") || desktop("WAYLAND_DISPLAY") {
        "xdg-open"
    } else {
        return;
    };
    let quiet = std::process::Stdio::null;
    std::process::Command::new(program)
        .arg(link)
        .stdin(quiet())
        .stdout(quiet())
        .stderr(quiet())
        .spawn()
        .ok();
}

fn secrets() -> HashMap<String, String> {
    let secret = |d: &dyn tidings_dialects::Dialect| {
        (d.name().to_owned(), format!("demo secret of {}", d.title()))
    };
    tidings_dialects::all().iter().map(|d| secret(*d)).collect()
}

fn config(folder: &Folder, listen: SocketAddr, token: &str) -> config::Config {
    config::Config {
        listen,
        store: format!("sqlite:{}", folder.0.join("demo.db").display()),
        egress_allow: vec!["127.0.0.1".into()],
        admin_token: Some(token.to_owned()),
        ..config::Config::default()
    }
}

/// Sets the scene and plays the sprint; the deliveries of every step, in order.
async fn tell(server: &Server, receiver: SocketAddr, board: &Board) -> anyhow::Result<Vec<String>> {
    let project = r#"{"key":"HB","name":"Harbor","base_url":"https://tracker.example.com","company":{"slug":"harbor","name":"Harbor Ltd"}}"#;
    call(server, "POST", "/projects", project).await?;
    for step in script::BEFORE {
        call(
            server,
            step.method,
            &format!("/projects/{PROJECT}{}?silent=true", step.path),
            step.body,
        )
        .await?;
    }
    for dialect in tidings_dialects::all() {
        let secret = secrets().remove(dialect.name()).unwrap_or_default();
        let body = Value::Map(vec![
            ("name".into(), dialect.title().into()),
            (
                "url".into(),
                format!("http://{receiver}/{}", dialect.name()).into(),
            ),
            ("dialect".into(), dialect.name().into()),
            ("events".into(), "all".into()),
            ("secret".into(), secret.into()),
        ]);
        server
            .call(
                "POST",
                &format!("/projects/{PROJECT}/webhooks"),
                Some(&body),
            )
            .await?;
    }
    println!(
        "{}",
        line(
            [
                "CHANGE",
                "DIALECT",
                "EVENT",
                "OBJECT",
                "STATUS",
                "MS",
                "SIGNATURE"
            ]
            .into_iter(),
            &WIDTHS
        )
    );
    let mut told = Vec::new();
    for step in script::SPRINT {
        told.extend(
            play(server, step, board)
                .await
                .with_context(|| format!("{}: {} {}", step.what, step.method, step.path))?,
        );
    }
    Ok(told)
}

async fn call(server: &Server, method: &str, path: &str, body: &str) -> anyhow::Result<Value> {
    let body = if body.is_empty() {
        None
    } else {
        Some(Value::parse(body.as_bytes())?)
    };
    Ok(server.call(method, path, body.as_ref()).await?.body)
}

/// One change: makes it, waits for its deliveries, prints a row for each.
async fn play(server: &Server, step: &script::Step, board: &Board) -> anyhow::Result<Vec<String>> {
    let before = newest(server).await?;
    let started = Instant::now();
    let body = if step.body.is_empty() {
        None
    } else {
        Some(Value::parse(step.body.as_bytes())?)
    };
    let server = server.acting_as(step.by);
    server
        .call(
            step.method,
            &format!("/projects/{PROJECT}{}", step.path),
            body.as_ref(),
        )
        .await?;
    // What the change caused is in the log already: recording comes before the answer.
    let mut deliveries = since(&server, before.as_deref()).await?;
    deliveries.reverse();
    let mut what = step.what;
    for delivery in &deliveries {
        let id = cell(delivery, "id");
        let arrival = board.wait(&id).await.with_context(|| {
            format!("delivery {id} ({}) did not arrive", cell(delivery, "code"))
        })?;
        let ms = arrival.at.saturating_duration_since(started).as_secs_f64() * 1000.0;
        let row = [
            what.to_owned(),
            arrival.received.dialect.clone(),
            cell(delivery, "code"),
            cell(delivery, "object"),
            arrival.received.status.to_string(),
            format!("{ms:.1}"),
            arrival.received.verdict.to_string(),
        ];
        println!("{}", line(row.iter().map(String::as_str), &WIDTHS));
        what = "";
    }
    Ok(deliveries.iter().map(|d| cell(d, "id")).collect())
}

async fn newest(server: &Server) -> anyhow::Result<Option<String>> {
    let all = server
        .list(&format!("/projects/{PROJECT}/deliveries"), 1)
        .await?;
    Ok(all.first().map(|d| cell(d, "id")))
}

/// The deliveries made after the one named, newest first.
async fn since(server: &Server, last: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let all = server
        .list(&format!("/projects/{PROJECT}/deliveries"), 200)
        .await?;
    Ok(all
        .into_iter()
        .take_while(|d| Some(cell(d, "id").as_str()) != last)
        .collect())
}

/// What arrived, by `webhook-id`.
#[derive(Default)]
struct Board {
    arrived: Mutex<HashMap<String, Arrival>>,
    news: Notify,
}

#[derive(Clone)]
struct Arrival {
    at: Instant,
    received: Received,
}

impl Board {
    fn arrived(&self, received: Received) {
        let arrival = Arrival {
            at: Instant::now(),
            received,
        };
        self.arrived
            .lock()
            .entry(arrival.received.id.clone())
            .or_insert(arrival);
        self.news.notify_waiters();
    }

    async fn wait(&self, id: &str) -> anyhow::Result<Arrival> {
        let look = async {
            loop {
                let news = self.news.notified();
                if let Some(arrival) = self.arrived.lock().get(id) {
                    return arrival.clone();
                }
                news.await;
            }
        };
        tokio::time::timeout(PATIENCE, look)
            .await
            .with_context(|| format!("nothing came within {} s", PATIENCE.as_secs()))
    }

    fn summary(&self, told: &[String]) -> anyhow::Result<String> {
        let arrived = self.arrived.lock();
        let bad: Vec<&Arrival> = arrived
            .values()
            .filter(|a| a.received.verdict != Verdict::Good)
            .collect();
        if let Some(first) = bad.first() {
            return Err(Failure::Unverified(format!(
                "{} of {} deliveries did not verify; first: {:?}",
                bad.len(),
                told.len(),
                first.received
            ))
            .into());
        }
        if arrived.len() != told.len() {
            bail!(
                "{} deliveries were recorded, {} arrived",
                told.len(),
                arrived.len()
            );
        }
        let mut codes: Vec<(&str, &str)> = arrived
            .values()
            .map(|a| (a.received.dialect.as_str(), a.received.code.as_str()))
            .collect();
        codes.sort_unstable();
        codes.dedup();
        Ok(format!(
            "{} changes, {} deliveries in {} dialects under {} codes: all arrived, all signatures verified",
            script::SPRINT.len(),
            told.len(),
            tidings_dialects::all().len(),
            codes.len()
        ))
    }
}

/// A folder that goes with the demo.
struct Folder(std::path::PathBuf);

impl Folder {
    fn make() -> anyhow::Result<Self> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|e| anyhow::anyhow!("the system has no random bytes: {e}"))?;
        let path =
            std::env::temp_dir().join(format!("tidings-demo-{:016x}", u64::from_le_bytes(random)));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
