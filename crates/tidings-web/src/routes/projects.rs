//! `/projects`.

use http::{StatusCode, header};
use tidings_app::{Access, projects};
use tidings_domain::{Fault, Project};

use super::run;
use crate::route::{Call, Method, Reply, Row};

const TAG: &str = "Projects";

pub(super) fn rows() -> Vec<Row> {
    let one = "/api/v1/projects/{key}";
    vec![
        Row::new(Method::Get, "/api/v1/projects", "list_projects", Access::Known, run!(list))
            .about(TAG, "Lists the projects that this token sees.")
            .lists("Project"),
        Row::new(Method::Post, "/api/v1/projects", "create_project", Access::Administrator, run!(create))
            .about(TAG, "Creates a project with the usual statuses, columns, priorities, types and efforts.")
            .takes("ProjectInput")
            .gives(201, "Project")
            .refuses(&[(409, "taken"), (422, "invalid")]),
        Row::new(Method::Get, one, "get_project", Access::Project, run!(get))
            .about(TAG, "Reads a project.")
            .gives(200, "Project"),
        Row::new(Method::Patch, one, "update_project", Access::Manage, run!(update))
            .about(TAG, "Changes a project by a merge patch; lists are replaced whole. `webhooks` is the App switch (`on`, `off`) and the administrator's plan gate (`view_only`).")
            .takes("ProjectPatch")
            .gives(200, "Project")
            .refuses(&[(403, "plan_view_only"), (409, "in_use"), (422, "invalid")]),
        Row::new(Method::Delete, one, "delete_project", Access::Manage, run!(delete))
            .about(TAG, "Deletes a project with everything in it.")
            .gives_nothing(204),
    ]
}

async fn list(call: Call) -> Result<Reply, Fault> {
    let paging = call.paging()?;
    let page = call.app.projects(call.caller()?, paging).await?;
    Ok(call.page(&page.data, page.next))
}

async fn create(call: Call) -> Result<Reply, Fault> {
    let answer = |made: &Project| {
        let location = format!("/api/v1/projects/{}", made.key);
        Reply::json(StatusCode::CREATED, made).with(header::LOCATION, &location)
    };
    let (caller, keep) = (call.caller()?, call.keep(answer));
    let made = call.app.create_project(caller, &call.json(), keep).await?;
    Ok(call.kept(answer(&made)))
}

async fn get(call: Call) -> Result<Reply, Fault> {
    Ok(Reply::json(
        StatusCode::OK,
        &projects::show(call.project()?),
    ))
}

async fn update(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let answer = |after: &Project| Reply::json(StatusCode::OK, after);
    let keep = call.keep(answer);
    let after = call
        .app
        .update_project(caller, project, &call.json(), keep)
        .await?;
    Ok(call.kept(answer(&after)))
}

async fn delete(call: Call) -> Result<Reply, Fault> {
    let keep = call.keep(|(): &()| Reply::empty(StatusCode::NO_CONTENT));
    call.app
        .delete_project(call.caller()?, call.project()?, keep)
        .await?;
    Ok(call.kept(Reply::empty(StatusCode::NO_CONTENT)))
}
