//! Types, catalogue, change detection and policies of Tidings: pure, no input or output.
//!
//! Cast, from the outside in:
//!
//! * [`Project`] is the scope of everything and carries the vocabularies its objects speak.
//! * A [`Collection`] has a [`schema`]: the table of its members, their types, defaults and who may set them.
//! * A [`Doc`] is one object: the values of its collection's members, in the schema's order.
//! * A [`View`] shows one consistent state of a project; everything pure reads through it.
//! * An [`Event`] is a recorded change, with the object as it is now and the field changes.
//! * A [`Fault`] says what is wrong with a request, which member is at fault and what to do.
//!
//! Invariant: nothing here reads a clock, a file, a socket or a random number; [`Clock`] and [`Entropy`] are passed in.

pub mod clock;
pub mod collection;
pub mod delivery;
pub mod display;
pub mod doc;
pub mod event;
pub mod fault;
pub mod headers;
pub mod id;
pub mod json;
pub mod link;
pub mod project;
pub mod scene;
pub mod schema;
pub mod status;
pub mod time;
pub mod value;
pub mod view;
pub mod webhook;
pub mod write;

pub use clock::{Clock, Entropy};
pub use collection::{Collection, ObjectRef};
pub use doc::Doc;
pub use event::{Change, Event, FieldChange, Verb, What};
pub use fault::Fault;
pub use headers::Headers;
pub use id::{AccountId, DeliveryId, EventId, ProjectId, SessionId, TokenId, WebhookId};
pub use project::Project;
pub use time::Time;
pub use value::{Text, Value};
pub use view::View;
