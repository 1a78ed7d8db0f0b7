//! `/dialects`: the catalogue.

use http::StatusCode;
use tidings_app::{Access, catalogue};
use tidings_domain::Fault;

use super::run;
use crate::route::{Call, Method, OutputBody, Reply, Row};

const TAG: &str = "Catalogue";
const EVENTS: &str = "/api/v1/dialects/{dialect}/events";

pub(super) fn rows() -> Vec<Row> {
    vec![
        whole(Row::new(Method::Get, "/api/v1/dialects", "list_dialects", Access::Anyone, run!(dialects)), "Dialect")
            .about(TAG, "Lists the dialects with their options."),
        whole(Row::new(Method::Get, EVENTS, "list_dialect_events", Access::Anyone, run!(events)), "EventCode")
            .about(TAG, "Lists the event codes of a dialect."),
        Row::new(Method::Get, format!("{EVENTS}/{{code}}"), "get_dialect_event", Access::Anyone, run!(event))
            .about(TAG, "Reads one event code: the call that causes it, the headers, a sample and its exact bytes.")
            .gives(200, "EventCodeDetail"),
    ]
}

/// A list that is short and complete.
fn whole(mut row: Row, schema: &'static str) -> Row {
    row.output.body = OutputBody::List(schema.into());
    row
}

async fn dialects(call: Call) -> Result<Reply, Fault> {
    Ok(call.page(&catalogue::dialects(), None))
}

async fn events(call: Call) -> Result<Reply, Fault> {
    let events = catalogue::events(call.param("dialect"))?;
    Ok(call.page(&events, None))
}

async fn event(call: Call) -> Result<Reply, Fault> {
    let event = catalogue::event(call.param("dialect"), call.param("code"))?;
    Ok(Reply::json(StatusCode::OK, &event))
}
