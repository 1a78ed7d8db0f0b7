//! `/settings`.

use http::StatusCode;
use tidings_app::Access;
use tidings_domain::{Fault, Value};

use super::run;
use crate::route::{Call, Method, Reply, Row};

const TAG: &str = "Settings";
const PATH: &str = "/api/v1/settings";

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(Method::Get, PATH, "get_settings", Access::Administrator, run!(get))
            .about(TAG, "Reads the server's settings.")
            .gives(200, "Settings"),
        Row::new(Method::Patch, PATH, "update_settings", Access::Administrator, run!(update))
            .about(TAG, "Changes the server's settings by a merge patch; null is the default. `egress` is for the configuration only.")
            .takes("SettingsPatch")
            .gives(200, "Settings")
            .refuses(&[(422, "invalid")]),
    ]
}

async fn get(call: Call) -> Result<Reply, Fault> {
    let settings = call.app.show_settings(call.caller()?)?;
    Ok(Reply::json(StatusCode::OK, &settings))
}

async fn update(call: Call) -> Result<Reply, Fault> {
    let answer = |settings: &Value| Reply::json(StatusCode::OK, settings);
    let keep = call.keep(answer);
    let settings = call
        .app
        .update_settings_keeping(call.caller()?, (&call.json()).into(), keep)
        .await?;
    Ok(call.kept(answer(&settings)))
}
