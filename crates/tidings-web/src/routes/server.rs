//! What the server tells about itself: health, metrics, the API's own description.

use std::time::Duration;

use http::StatusCode;
use tidings_app::Access;
use tidings_app::reader::object;
use tidings_app::refusal::refusal;
use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;

use super::run;
use crate::openapi;
use crate::route::{Call, Method, Reply, Row};

const TAG: &str = "Server";
/// A load balancer gives up sooner or later; a store that takes longer is not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            Method::Get,
            "/healthz",
            "healthz",
            Access::Anyone,
            run!(healthz),
        )
        .about(TAG, "Answers as long as the process lives.")
        .gives(200, "Status"),
        Row::new(
            Method::Get,
            "/readyz",
            "readyz",
            Access::Anyone,
            run!(readyz),
        )
        .about(TAG, "Answers 200 when the store takes writes.")
        .gives(200, "Status")
        .refuses(&[(503, "unavailable")]),
        Row::new(
            Method::Get,
            "/metrics",
            "metrics",
            Access::Anyone,
            run!(metrics),
        )
        .about(TAG, "Metrics for Prometheus.")
        .gives_text("application/openmetrics-text; version=1.0.0; charset=utf-8"),
        Row::new(
            Method::Get,
            "/api/v1/server",
            "get_server",
            Access::Administrator,
            run!(figures),
        )
        .about(TAG, "Tells how the server does: how many deliveries wait and since when, how many go out, which receivers are slow, what is stored.")
        .gives(200, "Server"),
        Row::new(
            Method::Get,
            "/api/v1/openapi.json",
            "openapi",
            Access::Anyone,
            run!(description),
        )
        .about(TAG, "This description (OpenAPI 3.1).")
        .gives_text("application/json"),
    ]
}

async fn healthz(_call: Call) -> Result<Reply, Fault> {
    Ok(Reply::json(
        StatusCode::OK,
        &object([("status", "ok".into())]),
    ))
}

async fn readyz(call: Call) -> Result<Reply, Fault> {
    let asked = tokio::time::timeout(READY_WITHIN, call.app.store.check()).await;
    match asked {
        Ok(done) => done.map_err(refusal)?,
        Err(_) => {
            return Err(Fault {
                retry_after: Some(2),
                ..Fault::new(
                    FaultKind::Unavailable,
                    "unavailable",
                    "the store does not answer",
                )
            });
        }
    }
    Ok(Reply::json(
        StatusCode::OK,
        &object([("status", "ready".into())]),
    ))
}

async fn metrics(call: Call) -> Result<Reply, Fault> {
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let text = call.metrics.text()?;
    Ok(Reply::text(StatusCode::OK, media_type, text))
}

async fn figures(call: Call) -> Result<Reply, Fault> {
    let figures = call.app.server_figures(call.caller()?).await?;
    Ok(Reply::json(StatusCode::OK, &figures))
}

async fn description(_call: Call) -> Result<Reply, Fault> {
    Ok(Reply::fixed("application/json", openapi::text().as_bytes()))
}
