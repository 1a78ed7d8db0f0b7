//! What happened in a run, in order: to compare two runs of a seed, and to read one that failed.

use std::cell::RefCell;
use std::fmt::Display;

/// What becomes of the lines.
#[derive(Debug, Default)]
enum Trace {
    #[default]
    Off,
    Kept(Vec<String>),
    Printed,
}

thread_local! {
    static TRACE: RefCell<Trace> = RefCell::default();
}

/// Keeps every line from now on.
pub(crate) fn keep() {
    TRACE.set(Trace::Kept(Vec::new()));
}

/// Prints every line from now on.
pub(crate) fn print() {
    TRACE.set(Trace::Printed);
}

/// The lines kept so far; none are kept from now on.
pub(crate) fn take() -> Vec<String> {
    match TRACE.take() {
        Trace::Kept(lines) => lines,
        Trace::Off | Trace::Printed => Vec::new(),
    }
}

/// Something happened.
pub(crate) fn note<T: Display>(line: impl FnOnce() -> T) {
    TRACE.with_borrow_mut(|trace| match trace {
        Trace::Off => {}
        Trace::Kept(lines) => lines.push(line().to_string()),
        Trace::Printed => println!("{}", line()),
    });
}
