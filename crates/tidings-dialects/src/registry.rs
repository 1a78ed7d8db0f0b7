//! The dialects there are.

use crate::Dialect;

/// Every dialect, in the order in which people are shown them; a line each.
#[rustfmt::skip]
static ALL: &[&dyn Dialect] = &[
    &crate::standard::Standard,
    &crate::icescrum::IceScrum,
    &crate::gitscrum::GitScrum,
    &crate::sprintly::Sprintly,
    &crate::backlog::Backlog,
    &crate::squish::Squish,
];

/// Every dialect, in the order in which people are shown them.
pub fn all() -> &'static [&'static dyn Dialect] {
    ALL
}

/// The dialect of that name.
pub fn find(name: &str) -> Option<&'static dyn Dialect> {
    all().iter().copied().find(|d| d.name() == name)
}
