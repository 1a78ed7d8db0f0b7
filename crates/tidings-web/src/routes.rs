//! The route table: every route of the server, in the order of its documentation.

use std::sync::LazyLock;

use crate::route::Row;

pub(crate) use deliveries::FILTERS;

mod accounts;
pub(crate) mod audit;
mod catalogue;
mod deliveries;
mod objects;
mod projects;
mod server;
mod settings;
mod tokens;
mod webhooks;

/// Every row.
pub fn table() -> &'static [Row] {
    static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
        [
            projects::rows(),
            tokens::rows(),
            objects::rows(),
            webhooks::rows(),
            deliveries::rows(),
            catalogue::rows(),
            accounts::rows(),
            audit::rows(),
            settings::rows(),
            server::rows(),
        ]
        .into_iter()
        .flatten()
        .collect()
    });
    &TABLE
}

/// Makes a handler of an `async fn(Call) -> Result<Reply, Fault>`.
macro_rules! run {
    ($handler:path) => {
        |call| Box::pin($handler(call))
    };
}
pub(crate) use run;
