//! The engine as a whole: examples of every rule, and a simulation.

#[cfg(test)]
mod cost;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod health;
#[cfg(test)]
mod order;
#[cfg(test)]
mod people;
#[cfg(test)]
mod recover;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod transport;
#[cfg(test)]
mod waiting;
#[cfg(test)]
mod world;
