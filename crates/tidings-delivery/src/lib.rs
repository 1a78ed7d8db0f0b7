//! The delivery engine: lanes, order, sending, verdicts, health, retention.
//!
//! # Cast
//!
//! * [`Hints`] listens to the store's commits and fills the [`Inbox`]; results and wishes go there too.
//! * The *core* is the mind: it is told what happened and says what to do (`effect`). It waits for nothing and does nothing, so
//!   that every rule is a function of what it was told. It has one *lane* per webhook: the deliveries in memory (`book`), whose
//!   turn it is (`order`), how the webhook fares (`health`). All lanes lie in `lanes`; what all share is their `lane::Budget`.
//! * The *shell* is the body: it runs the core, sends (`carry`, the one send path), reads pages of the queue (`load`), puts
//!   deliveries aside, tells people of a disabled webhook (`announce`), carries sweeps (`sweep`).
//! * The *writer* brings results to the store in batches and tells the core what is durable.
//! * `first_tries` is who waits for results: the writer tells them.
//! * `live` is the picture of all lanes for whoever looks, with their `pace`; the `ledger` brings the hours of it to the store; the
//!   [`feed`] tells whoever watches a project what changes.
//! * [`Engine`] is the handle for the floors above; [`waiting`] is what it tells of a delivery that is not sent yet.
//!
//! # Pure parts, each a table in its tests
//!
//! `verdict` (what a try means), `schedule` (when again, when given up), `health` (the state machine), `order`, `request`
//! (headers and signatures).
//!
//! # Invariants
//!
//! * Nothing is lost: what is not settled is still pending in the store; hints and memory only make it faster.
//! * One request in flight per root item and webhook; nothing overtakes but past what is marked late.
//! * One alarm per lane, one timer for all; no task or timer per delivery that waits; nothing polls.
//! * Memory is bounded: a window per lane, a budget for all; the rest waits in the store.
//! * A crash repeats at most 256 tries per webhook; a store that cannot write stops the sending.

mod announce;
mod book;
mod carry;
mod core;
mod couriers;
mod effect;
mod engine;
pub mod feed;
pub mod first_tries;
pub mod health;
mod inbox;
mod keep;
mod lane;
mod lanes;
mod ledger;
mod line;
mod live;
mod load;
mod log;
mod metrics;
mod mixing;
mod order;
mod pace;
mod planted;
mod request;
mod retention;
pub mod schedule;
mod settings;
mod shell;
mod sweep;
mod target;
pub mod tell;
pub mod verdict;
pub mod waiting;
mod writer;

pub use engine::{Engine, EngineFigures, Note, Parts, Switched, Turn};
pub use feed::{News, Watch};
pub use health::after_new_url;
pub use inbox::{Hints, Inbox, hints};
pub use live::Slow;
pub use metrics::Metrics;
pub use pace::Speed;
#[cfg(feature = "planted")]
pub use planted::{Bug, plant};
pub use request::{Keyring, SealedFor};
pub use settings::Settings;
pub use sweep::{Ended, Progress};
