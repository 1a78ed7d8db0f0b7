//! The pages, one file for each place of the console.

use http::{StatusCode, header};
use tidings_app::Access;
use tidings_domain::Fault;

use crate::route::{Call, Reply, Row};
use crate::routes::run;

mod account;
mod admin;
mod audit;
mod catalogue;
mod deliveries;
mod docs;
mod health;
mod items;
mod link;
mod members;
mod plans;
mod projects;
mod session;
mod settings;
mod updates;
mod webhooks;

pub(super) fn rows() -> Vec<Row> {
    [
        vec![Row::page("/", "home", Access::Known, run!(home))],
        session::rows(),
        link::rows(),
        account::rows(),
        admin::rows(),
        audit::rows(),
        projects::rows(),
        updates::rows(),
        items::rows(),
        members::rows(),
        settings::rows(),
        plans::rows(),
        deliveries::rows(),
        health::rows(),
        catalogue::rows(),
        docs::rows(),
        webhooks::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn home(_call: Call) -> Result<Reply, Fault> {
    Ok(Reply::empty(StatusCode::SEE_OTHER).with(header::LOCATION, "/projects"))
}
