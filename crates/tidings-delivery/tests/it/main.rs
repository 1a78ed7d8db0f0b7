//! The engine as a whole: examples of every rule, and a simulation.

#[cfg(test)]
mod sending;
#[cfg(test)]
#[expect(dead_code, reason = "the examples of the rules use the rest")]
mod world;
