//! `/accounts`.

use http::{StatusCode, header};
use tidings_app::Access;
use tidings_domain::{Fault, Value};

use super::run;
use crate::route::{Call, Method, Reply, Row};

const TAG: &str = "Accounts";
const ALL: &str = "/api/v1/accounts";
const ADMIN: Access = Access::Administrator;
const INVALID: (u16, &str) = (422, "invalid");
const TAKEN: (u16, &str) = (409, "taken");
const LAST: (u16, &str) = (409, "last_administrator");

pub(super) fn rows() -> Vec<Row> {
    let one = format!("{ALL}/{{id}}");
    let member = format!("{one}/members/{{key}}");
    vec![
        Row::new(Method::Get, ALL, "list_accounts", ADMIN, run!(list))
            .about(TAG, "Lists the people who may sign in, with the members they are in projects.")
            .lists("Account"),
        Row::new(Method::Post, ALL, "create_account", ADMIN, run!(create))
            .about(TAG, "Makes an account. `invite` is a link that works once, for seven days, shown in this answer only: with it its owner sets a password.")
            .takes("AccountInput")
            .gives(201, "NewAccount")
            .refuses(&[TAKEN, INVALID]),
        Row::new(Method::Get, one.clone(), "get_account", ADMIN, run!(get))
            .about(TAG, "Reads an account.")
            .gives(200, "Account"),
        Row::new(Method::Patch, one.clone(), "update_account", ADMIN, run!(update))
            .about(TAG, "Changes an account by a merge patch. One that is made inactive is signed out everywhere.")
            .takes("AccountPatch")
            .gives(200, "Account")
            .refuses(&[TAKEN, LAST, INVALID]),
        Row::new(Method::Delete, one.clone(), "delete_account", ADMIN, run!(delete))
            .about(TAG, "Deletes an account; it is signed out everywhere. The members it was stay.")
            .gives_nothing(204)
            .refuses(&[LAST]),
        Row::new(Method::Post, format!("{one}/invite"), "invite_account", ADMIN, run!(invite))
            .about(TAG, "Makes a link that works once: to set a password, also a new one (`invite`, seven days), or to sign in (`sign_in`, a day). An older link of the same kind no longer works.")
            .may_take("InviteInput")
            .gives(201, "Invitation")
            .refuses(&[(409, "inactive"), INVALID]),
        Row::new(Method::Put, member.clone(), "link_account", ADMIN, run!(link))
            .about(TAG, "Says which member of a project an account is: it may there what that member may, from now on.")
            .takes("AccountMember")
            .gives(200, "Account")
            .refuses(&[TAKEN, INVALID]),
        Row::new(Method::Delete, member, "unlink_account", ADMIN, run!(unlink))
            .about(TAG, "Makes an account none of a project's members: it no longer sees the project.")
            .gives_nothing(204),
    ]
}

async fn list(call: Call) -> Result<Reply, Fault> {
    let page = call.app.accounts(call.caller()?, call.paging()?).await?;
    Ok(call.page(&page.data, page.next))
}

async fn create(call: Call) -> Result<Reply, Fault> {
    let answer = |made: &Value| {
        let id = made.member("id").and_then(Value::as_int);
        let location = format!("{ALL}/{}", id.unwrap_or_default());
        Reply::json(StatusCode::CREATED, made).with(header::LOCATION, &location)
    };
    let (caller, keep) = (call.caller()?, call.keep(answer));
    let made = call.app.create_account(caller, &call.json(), keep).await?;
    Ok(call.kept(answer(&made)))
}

async fn get(call: Call) -> Result<Reply, Fault> {
    let account = call.app.account(call.caller()?, call.id()?).await?;
    Ok(Reply::json(StatusCode::OK, &account))
}

async fn update(call: Call) -> Result<Reply, Fault> {
    let (caller, id) = (call.caller()?, call.id()?);
    let account = call.app.update_account(caller, id, &call.json()).await?;
    Ok(Reply::json(StatusCode::OK, &account))
}

async fn delete(call: Call) -> Result<Reply, Fault> {
    let keep = call.keep(|(): &()| Reply::empty(StatusCode::NO_CONTENT));
    let (caller, id) = (call.caller()?, call.id()?);
    call.app.delete_account(caller, id, keep).await?;
    Ok(call.kept(Reply::empty(StatusCode::NO_CONTENT)))
}

async fn invite(call: Call) -> Result<Reply, Fault> {
    let (caller, id) = (call.caller()?, call.id()?);
    let link = call.app.invite(caller, id, &call.json()).await?;
    // What is kept for a key must not hold it; asked again, another link is made and this one is void.
    let reply = Reply::json(StatusCode::CREATED, &link.show())
        .with(header::LOCATION, &format!("{ALL}/{id}"));
    Ok(Reply {
        kept: true,
        ..reply
    })
}

async fn link(call: Call) -> Result<Reply, Fault> {
    let (caller, id) = (call.caller()?, call.id()?);
    let key = &call.project()?.key;
    let linked = call.app.link_member(caller, id, key, &call.json()).await?;
    Ok(Reply::json(StatusCode::OK, &linked))
}

async fn unlink(call: Call) -> Result<Reply, Fault> {
    let (caller, id) = (call.caller()?, call.id()?);
    call.app
        .unlink_member(caller, id, &call.project()?.key)
        .await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
