//! The engine's numbers. Labels come from closed sets only: dialect, outcome, trigger, state; never a webhook, a project or a host.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tidings_domain::delivery::{Outcome, Trigger};
use tidings_egress::Report;
use tidings_storage::{Settlement, Then};

use crate::first_tries::Waiters;
use crate::live::{Live, Totals};
use crate::target::Target;

/// Seconds; a try ends within a minute.
const DURATIONS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

type AttemptLabels = [(&'static str, &'static str); 3];
type DialectLabel = [(&'static str, &'static str); 1];
type StateLabel = [(&'static str, &'static str); 1];

/// Counters and histograms of delivery.
#[derive(Clone)]
pub struct Metrics {
    attempts: Family<AttemptLabels, Counter>,
    durations: Family<DialectLabel, Histogram, fn() -> Histogram>,
    deliveries: Family<StateLabel, Counter>,
    settle_failures: Counter,
    live: Arc<Live>,
    waiters: Arc<Waiters>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    pub(crate) fn new(live: Arc<Live>, waiters: Arc<Waiters>) -> Self {
        Self {
            attempts: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            deliveries: Family::default(),
            settle_failures: Counter::default(),
            live,
            waiters,
        }
    }

    /// Adds the engine's numbers to a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "tidings_attempts",
            "HTTP tries, by dialect, outcome and trigger",
            self.attempts.clone(),
        );
        registry.register(
            "tidings_attempt_duration_seconds",
            "Time a try took, body of the answer included, by dialect",
            self.durations.clone(),
        );
        registry.register(
            "tidings_deliveries",
            "Deliveries that came to rest, by state",
            self.deliveries.clone(),
        );
        registry.register(
            "tidings_settle_failures",
            "Times the store could not write results; they are kept and written later",
            self.settle_failures.clone(),
        );
        registry.register_collector(Box::new(LiveCollector(
            Arc::clone(&self.live),
            Arc::clone(&self.waiters),
        )));
    }

    /// Everything in the text format of `OpenMetrics`, for `/metrics`.
    pub fn exposition(&self) -> String {
        let mut registry = Registry::default();
        self.register(&mut registry);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        text
    }

    /// A try ended. What a first try that is accepted counts in is looked for once per webhook.
    pub(crate) fn attempted(&self, target: &Target, trigger: Trigger, report: &Report) {
        let dialect = target.dialect();
        let find = |outcome: Outcome| {
            let labels = [
                ("dialect", dialect),
                ("outcome", outcome.as_str()),
                ("trigger", trigger.as_str()),
            ];
            self.attempts.get_or_create_owned(&labels)
        };
        if report.outcome == Outcome::Accepted && trigger == Trigger::Event {
            let usual = target.usual.get_or_init(|| find(Outcome::Accepted));
            usual.inc();
        } else {
            find(report.outcome).inc();
        }
        let durations = target.durations.get_or_init(|| {
            let labels = [("dialect", dialect)];
            self.durations.get_or_create_owned(&labels)
        });
        durations.observe(report.took.as_secs_f64());
    }

    /// These were written.
    pub(crate) fn settled(&self, settlements: &[Settlement]) {
        let mut delivered = 0;
        for settlement in settlements {
            let state = match settlement.then {
                Then::Delivered => {
                    delivered += 1;
                    continue;
                }
                Then::Failed => "failed",
                Then::Parked => "parked",
                Then::Skipped => "skipped",
                Then::Retry { .. } => "retry",
                Then::AsItIs => continue,
            };
            self.deliveries.get_or_create(&[("state", state)]).inc();
        }
        if delivered > 0 {
            let labels = [("state", "delivered")];
            self.deliveries.get_or_create(&labels).inc_by(delivered);
        }
    }

    pub(crate) fn settle_failed(&self) {
        self.settle_failures.inc();
    }
}

/// Gauges that are read from the lanes when somebody looks.
struct LiveCollector(Arc<Live>, Arc<Waiters>);

impl fmt::Debug for LiveCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LiveCollector")
    }
}

impl Collector for LiveCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Totals {
            in_flight,
            behind,
            states,
        } = self.0.totals();
        let gauge = |n: usize| ConstGauge::new(i64::try_from(n).unwrap_or(i64::MAX));
        let mut one = |name, help, value: usize| {
            let gauge = gauge(value);
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)
        };
        one(
            "tidings_requests_in_flight",
            "HTTP requests to receivers under way",
            in_flight,
        )?;
        one(
            "tidings_webhooks_behind",
            "Webhooks with more deliveries waiting in the store than in memory",
            behind,
        )?;
        one(
            "tidings_requests_waiting",
            "Requests of the API that wait for first tries (Prefer: wait)",
            self.1.count(),
        )?;
        let kind = gauge(0).metric_type();
        let mut family =
            encoder.encode_descriptor("tidings_webhooks", "Webhooks, by health", None, kind)?;
        let names = ["ok", "backing_off", "paused", "disabled"];
        for (name, count) in names.into_iter().zip(states) {
            gauge(count).encode(family.encode_family(&[("state", name)])?)?;
        }
        Ok(())
    }
}
