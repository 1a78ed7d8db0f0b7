//! Whose turn it is: per root item, one at a time, in the order of what happened. Pure.
//!
//! A delivery stands in the queue of each of its roots and may start when it is the first in all of them and none of them has a
//! request in flight. Two kinds stand beside the queues: a *late* one (order was given up for it) and one that was delivered
//! before and is sent again on request. They wait for no turn, yet there is never more than one request in flight per root.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tidings_domain::{DeliveryId, ObjectRef};

use crate::line::Line;
use crate::mixing::Mixing;

/// The roots of a delivery; nearly always one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Ordered with nothing.
    None,
    /// One item.
    One(ObjectRef),
    /// A message about several items.
    Many(Box<[ObjectRef]>),
}

impl Roots {
    /// From a message.
    pub(crate) fn new(roots: &[ObjectRef]) -> Self {
        match roots {
            [] => Roots::None,
            [one] => Roots::One(*one),
            many => {
                let mut distinct = many.to_vec();
                distinct.sort_unstable();
                distinct.dedup();
                Roots::Many(distinct.into())
            }
        }
    }

    /// As a slice.
    pub(crate) fn as_slice(&self) -> &[ObjectRef] {
        match self {
            Roots::None => &[],
            Roots::One(one) => std::slice::from_ref(one),
            Roots::Many(many) => many,
        }
    }
}

/// How a delivery stands to the queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the queue.
    Queue,
    /// Beside it: late, or sent again on request.
    Beside,
}

#[derive(Debug, Default)]
struct Root {
    queue: Line,
    beside: Vec<DeliveryId>,
    busy: bool,
}

impl Root {
    fn is_over(&self) -> bool {
        self.queue.is_empty() && self.beside.is_empty() && !self.busy
    }
}

/// Deliveries whose turn may have come or gone. Nearly always one or none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Concerned {
    first: Option<DeliveryId>,
    more: Vec<DeliveryId>,
}

impl Concerned {
    fn add(&mut self, id: DeliveryId) {
        match self.first {
            None => self.first = Some(id),
            Some(_) => self.more.push(id),
        }
    }

    fn add_all(&mut self, root: &Root) {
        for id in root
            .queue
            .first()
            .into_iter()
            .chain(root.beside.iter().copied())
        {
            self.add(id);
        }
    }
}

impl IntoIterator for Concerned {
    type Item = DeliveryId;
    type IntoIter =
        std::iter::Chain<std::option::IntoIter<DeliveryId>, std::vec::IntoIter<DeliveryId>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.more)
    }
}

/// The queues of a webhook's items.
#[derive(Debug, Default)]
pub(crate) struct Order {
    roots: HashMap<ObjectRef, Root, Mixing>,
}

impl Order {
    /// A delivery takes its place: by id, wherever that is. Whom it overtakes by that loses a turn.
    pub(crate) fn insert(&mut self, id: DeliveryId, roots: &Roots, place: Place) -> Concerned {
        let mut concerned = Concerned::default();
        for root in roots.as_slice() {
            let root = self.roots.entry(*root).or_default();
            match place {
                Place::Queue => {
                    root.queue.insert(id);
                    if root.queue.first() == Some(id)
                        && let Some(second) = root.queue.second()
                    {
                        concerned.add(second);
                    }
                }
                Place::Beside => root.beside.push(id),
            }
        }
        concerned
    }

    /// A delivery leaves: delivered, given up, put aside. `busy`: its request was the one in flight.
    pub(crate) fn remove(&mut self, id: DeliveryId, roots: &Roots, busy: bool) -> Concerned {
        self.change(roots, |root| {
            root.busy &= !busy;
            root.queue.remove(id);
            root.beside.retain(|other| *other != id);
        })
    }

    /// Order is given up for a delivery: it steps out of the queues.
    pub(crate) fn step_aside(&mut self, id: DeliveryId, roots: &Roots) -> Concerned {
        self.change(roots, |root| {
            root.queue.remove(id);
            if !root.beside.contains(&id) {
                root.beside.push(id);
            }
        })
    }

    /// A request of these roots starts or ends.
    pub(crate) fn set_busy(&mut self, roots: &Roots, busy: bool) -> Concerned {
        self.change(roots, |root| root.busy = busy)
    }

    /// Something happens to roots; what is empty then is forgotten.
    fn change(&mut self, roots: &Roots, mut change: impl FnMut(&mut Root)) -> Concerned {
        let mut concerned = Concerned::default();
        for key in roots.as_slice() {
            let Entry::Occupied(mut root) = self.roots.entry(*key) else {
                continue;
            };
            change(root.get_mut());
            if root.get().is_over() {
                root.remove();
            } else {
                concerned.add_all(root.get());
            }
        }
        if self.roots.is_empty() {
            // Of ten thousand lanes most are empty: what memory they kept would only be cold.
            self.roots = HashMap::default();
        }
        concerned
    }

    /// Whether a delivery may start as far as order goes.
    pub(crate) fn is_turn(&self, id: DeliveryId, roots: &Roots, place: Place) -> bool {
        roots.as_slice().iter().all(|key| {
            self.roots.get(key).is_none_or(|root| {
                !root.busy && (place == Place::Beside || root.queue.first() == Some(id))
            })
        })
    }

    /// Whether it may start as a judge: everything before it in its queues satisfies `refused`, and nothing is in flight.
    pub(crate) fn is_judge(
        &self,
        id: DeliveryId,
        roots: &Roots,
        refused: impl Fn(DeliveryId) -> bool,
    ) -> bool {
        roots.as_slice().iter().all(|key| {
            self.roots
                .get(key)
                .is_none_or(|root| !root.busy && root.queue.before(id).all(&refused))
        })
    }

    /// What goes before a delivery in the queues of its roots: the first of the longest queue, and how many there are.
    pub(crate) fn before(
        &self,
        id: DeliveryId,
        roots: &Roots,
    ) -> Option<(ObjectRef, DeliveryId, usize)> {
        let queues = roots.as_slice().iter().filter_map(|key| {
            let queue = &self.roots.get(key)?.queue;
            let ahead = queue.before(id).count();
            let first = queue.first().filter(|_| ahead > 0)?;
            Some((*key, first, ahead))
        });
        queues.max_by_key(|(_, _, ahead)| *ahead)
    }

    /// Whether nothing is remembered.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }
}

#[cfg(test)]
mod tests;
