//! iceScrum: the fact sheet's objects, when each code is said, and the derived values.

mod derived_values;
mod orbit;
mod phrases;
mod wire;
