//! Fills a server: projects, their objects, their webhooks.

use std::net::SocketAddr;
use std::rc::Rc;

use serde::Deserialize;
use tokio::task::LocalSet;

use crate::Result;
use crate::wire::{Wire, request};

/// Connections that fill at once.
const HANDS: u64 = 16;
/// Objects in one request.
const CHUNK: u64 = 500;

#[derive(Deserialize)]
pub(crate) struct Plan {
    to: SocketAddr,
    token: String,
    /// Keys are this and a number from 0.
    key: String,
    projects: u64,
    /// Of each project.
    objects: u64,
    /// Makes the delivered body as long as wanted.
    description_bytes: usize,
    /// Of each project: bodies as the API wants them.
    webhooks: Vec<serde_json::Value>,
}

pub(crate) async fn run(plan: Plan) -> Result<()> {
    let plan = Rc::new(plan);
    LocalSet::new()
        .run_until(async {
            let mut hands = Vec::new();
            for hand in 0..HANDS.min(plan.projects) {
                hands.push(tokio::task::spawn_local(fill(Rc::clone(&plan), hand)));
            }
            for hand in hands {
                hand.await??;
            }
            println!("{{}}");
            Ok(())
        })
        .await
}

async fn fill(plan: Rc<Plan>, hand: u64) -> Result<()> {
    let mut wire = Wire::connect(plan.to).await?;
    let mut project = hand;
    while project < plan.projects {
        let key = format!("{}{project}", plan.key);
        let body = serde_json::json!({"key": key, "name": key});
        call(&plan, &mut wire, "/projects", &body.to_string()).await?;
        let mut first = 1;
        while first <= plan.objects {
            let last = (first + CHUNK - 1).min(plan.objects);
            let entries: Vec<_> = (first..=last).map(|id| object(&plan, id)).collect();
            let body = serde_json::Value::Array(entries).to_string();
            call(&plan, &mut wire, &format!("/projects/{key}/changes"), &body).await?;
            first = last + 1;
        }
        for webhook in &plan.webhooks {
            let path = format!("/projects/{key}/webhooks");
            call(&plan, &mut wire, &path, &webhook.to_string()).await?;
        }
        project += HANDS;
    }
    Ok(())
}

fn object(plan: &Plan, id: u64) -> serde_json::Value {
    serde_json::json!({
        "op": "put", "collection": "tasks", "id": id, "silent": true,
        "data": {"title": format!("Task {id}"), "description": "x".repeat(plan.description_bytes)},
    })
}

async fn call(plan: &Plan, wire: &mut Wire, path: &str, body: &str) -> Result<()> {
    let mut bytes = Vec::new();
    request(
        &mut bytes,
        "POST",
        &format!("/api/v1{path}"),
        &plan.token,
        body,
    );
    let answer = wire.ask(&bytes).await?;
    if !(200..300).contains(&answer.status) {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        return Err(format!("POST {path}: {} {text}", answer.status).into());
    }
    Ok(())
}
