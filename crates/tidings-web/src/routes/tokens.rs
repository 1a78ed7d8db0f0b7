//! `/projects/{key}/tokens` and `/tokens`.

use http::{StatusCode, header};
use tidings_app::Access;
use tidings_domain::{Fault, Value};

use super::run;
use crate::route::{Call, Method, Reply, Row};

const TAG: &str = "Tokens";

pub(super) fn rows() -> Vec<Row> {
    let places = [
        (
            "/api/v1/projects/{key}/tokens",
            "project_token",
            Access::Manage,
            "TokenInput",
            "of the project",
        ),
        (
            "/api/v1/tokens",
            "admin_token",
            Access::Administrator,
            "AdminTokenInput",
            "of administrators",
        ),
    ];
    let mut rows = Vec::new();
    for (path, noun, access, input, whose) in places {
        let one = format!("{path}/{{id}}");
        rows.extend([
            Row::new(
                Method::Get,
                path,
                format!("list_{noun}s"),
                access,
                run!(list),
            )
            .about(
                TAG,
                format!("Lists the tokens {whose}; never their secrets."),
            )
            .lists("Token"),
            Row::new(
                Method::Post,
                path,
                format!("create_{noun}"),
                access,
                run!(create),
            )
            .about(
                TAG,
                format!("Makes a token {whose}. Its secret is in `token`, in this answer only."),
            )
            .takes(input)
            .gives(201, "NewToken")
            .refuses(&[(422, "invalid")]),
            Row::new(
                Method::Get,
                one.clone(),
                format!("get_{noun}"),
                access,
                run!(get),
            )
            .about(TAG, format!("Reads a token {whose}."))
            .gives(200, "Token"),
            Row::new(
                Method::Delete,
                one,
                format!("revoke_{noun}"),
                access,
                run!(revoke),
            )
            .about(
                TAG,
                format!("Revokes a token {whose}; it is refused from now on."),
            )
            .gives_nothing(204),
        ]);
    }
    rows
}

async fn list(call: Call) -> Result<Reply, Fault> {
    let paging = call.paging()?;
    let project = call.project.as_deref();
    let page = call.app.tokens(call.caller()?, project, paging).await?;
    Ok(call.page(&page.data, page.next))
}

async fn create(call: Call) -> Result<Reply, Fault> {
    let project = call.project.as_deref();
    let all = call.row.path.replace("{key}", call.param("key"));
    let answer = move |made: &Value| {
        let id = made.member("id").and_then(Value::as_int);
        let location = format!("{all}/{}", id.unwrap_or_default());
        Reply::json(StatusCode::CREATED, made).with(header::LOCATION, &location)
    };
    let (caller, keep) = (call.caller()?, call.keep(answer.clone()));
    let app = &call.app;
    let made = app
        .create_token(caller, project, &call.json(), keep)
        .await?;
    Ok(call.kept(answer(&made)))
}

async fn get(call: Call) -> Result<Reply, Fault> {
    let project = call.project.as_deref();
    let token = call.app.token(call.caller()?, project, call.id()?).await?;
    Ok(Reply::json(StatusCode::OK, &token))
}

async fn revoke(call: Call) -> Result<Reply, Fault> {
    let project = call.project.as_deref();
    let keep = call.keep(|(): &()| Reply::empty(StatusCode::NO_CONTENT));
    call.app
        .revoke_token(call.caller()?, project, call.id()?, keep)
        .await?;
    Ok(call.kept(Reply::empty(StatusCode::NO_CONTENT)))
}
