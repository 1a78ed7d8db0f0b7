//! The sample shows what it is for.

use serde_json::Value;

use super::{Ports, Sample, Times};

#[tokio::test(flavor = "multi_thread")]
async fn sample_has_webhooks_in_every_health_and_a_log_with_every_common_state() {
    let sample = Sample::play(Ports::Free, Times::Now).await;
    let webhooks = sample.call("GET", "/webhooks", &Value::Null).await;
    let states = |list: &Value, pointer: &str| -> Vec<String> {
        let all = list["data"].as_array().unwrap().iter();
        all.map(|one| one.pointer(pointer).unwrap().to_string())
            .collect()
    };
    let health = states(&webhooks, "/health/state");
    for state in ["ok", "backing_off", "paused", "disabled"] {
        assert!(
            health.contains(&format!("\"{state}\"")),
            "{state}: {health:?}"
        );
    }
    for state in [
        "pending",
        "held",
        "parked",
        "delivered",
        "failed",
        "skipped",
        "expired",
    ] {
        let log = sample
            .call("GET", &format!("/deliveries?state={state}"), &Value::Null)
            .await;
        assert_ne!(log["data"], serde_json::json!([]), "{state}");
    }
    for trigger in ["event", "retry", "test", "resend"] {
        let log = sample
            .call(
                "GET",
                &format!("/deliveries?trigger={trigger}"),
                &Value::Null,
            )
            .await;
        assert_ne!(log["data"], serde_json::json!([]), "{trigger}");
    }
}
