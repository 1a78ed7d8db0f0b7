//! Use cases: what a person or a program may ask for, and who may.
//!
//! Three doors (REST, console, CLI) and one set of use cases. Each answers or refuses with a [`Fault`](tidings_domain::Fault).

pub mod caller;
pub mod objects;

pub use caller::{Caller, Role};
