//! Counters of the HTTP surface, and the text of `/metrics`.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tidings_app::refusal::internal;
use tidings_domain::Fault;

/// Labels of a request; all from closed sets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    /// Name of the operation; `none` where no route fits.
    operation: &'static str,
    /// `2xx`, `4xx`, `5xx`.
    status: &'static str,
}

/// What the door counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Histogram,
    /// Requests being answered.
    pub in_flight: Gauge<i64, AtomicI64>,
    /// Open connections.
    pub connections: Gauge<i64, AtomicI64>,
}

impl Metrics {
    /// Counters at zero. `registry` may hold those of other crates.
    pub fn new(mut registry: Registry) -> Self {
        let requests = Family::default();
        let seconds = Histogram::new([
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
        ]);
        let in_flight = Gauge::default();
        let connections = Gauge::default();
        registry.register(
            "tidings_http_requests",
            "Requests answered, by operation and class of status",
            requests.clone(),
        );
        registry.register(
            "tidings_http_request_seconds",
            "Time from the end of a request's head to its answer",
            seconds.clone(),
        );
        registry.register(
            "tidings_http_requests_in_flight",
            "Requests being answered",
            in_flight.clone(),
        );
        registry.register(
            "tidings_http_connections",
            "Open connections",
            connections.clone(),
        );
        Self {
            registry,
            requests,
            seconds,
            in_flight,
            connections,
        }
    }

    /// Notes an answer.
    pub fn answered(&self, operation: &'static str, status: http::StatusCode, took: Duration) {
        let status = match status.as_u16() / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        let labels = Labels { operation, status };
        self.requests.get_or_create(&labels).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// The text of `/metrics`.
    pub fn text(&self) -> Result<String, Fault> {
        let mut text = String::new();
        encode(&mut text, &self.registry).map_err(|error| {
            tracing::error!("failed to write the metrics: {error}");
            internal()
        })?;
        Ok(text)
    }
}
