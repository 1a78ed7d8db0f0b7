//! The real binary on loopback: a database file, real receivers, the API and the CLI, as a user has them.

mod cli;
mod demo;
mod kill;
mod reference;
mod signatures;
mod vectors;
mod world;
