//! Whose turn it is: per root item, one at a time, in the order of what happened. Pure.
//!
//! A delivery stands in the queue of each of its roots and may start when it is the first in all of them and none of them has a
//! request in flight. Two kinds stand beside the queues: a *late* one (order was given up for it) and one that was delivered
//! before and is sent again on request. They wait for no turn, yet there is never more than one request in flight per root.

use std::collections::{HashMap, VecDeque};

use tidings_domain::{DeliveryId, ObjectRef};

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
    queue: VecDeque<DeliveryId>,
    beside: Vec<DeliveryId>,
    busy: bool,
}

/// The queues of a webhook's items.
#[derive(Debug, Default)]
pub(crate) struct Order {
    roots: HashMap<ObjectRef, Root>,
}

impl Order {
    /// A delivery takes its place: by id, wherever that is.
    pub(crate) fn insert(&mut self, id: DeliveryId, roots: &Roots, place: Place) {
        for root in roots.as_slice() {
            let root = self.roots.entry(*root).or_default();
            match place {
                Place::Queue => match root.queue.back() {
                    Some(last) if *last > id => {
                        let at = root.queue.partition_point(|other| *other < id);
                        root.queue.insert(at, id);
                    }
                    _ => root.queue.push_back(id),
                },
                Place::Beside => root.beside.push(id),
            }
        }
    }

    /// A delivery leaves: delivered, given up, put aside.
    pub(crate) fn remove(&mut self, id: DeliveryId, roots: &Roots) {
        for key in roots.as_slice() {
            let Some(root) = self.roots.get_mut(key) else {
                continue;
            };
            if root.queue.front() == Some(&id) {
                root.queue.pop_front();
            } else if let Ok(at) = root.queue.binary_search(&id) {
                root.queue.remove(at);
            }
            root.beside.retain(|other| *other != id);
            if root.queue.is_empty() && root.beside.is_empty() && !root.busy {
                self.roots.remove(key);
            }
        }
    }

    /// Order is given up for a delivery: it steps out of the queues.
    pub(crate) fn step_aside(&mut self, id: DeliveryId, roots: &Roots) {
        self.remove(id, roots);
        self.insert(id, roots, Place::Beside);
    }

    /// Whether a delivery may start as far as order goes.
    pub(crate) fn is_turn(&self, id: DeliveryId, roots: &Roots, place: Place) -> bool {
        roots.as_slice().iter().all(|key| {
            self.roots.get(key).is_none_or(|root| {
                !root.busy && (place == Place::Beside || root.queue.front() == Some(&id))
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
            self.roots.get(key).is_none_or(|root| {
                let mut before = root.queue.iter().take_while(|other| **other < id);
                !root.busy && before.all(|other| refused(*other))
            })
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
            let ahead = queue.partition_point(|other| *other < id);
            let first = queue.front().filter(|_| ahead > 0)?;
            Some((*key, *first, ahead))
        });
        queues.max_by_key(|(_, _, ahead)| *ahead)
    }

    /// A request of these roots starts or ends.
    pub(crate) fn set_busy(&mut self, roots: &Roots, busy: bool) {
        for key in roots.as_slice() {
            let root = self.roots.entry(*key).or_default();
            root.busy = busy;
            if !busy && root.queue.is_empty() && root.beside.is_empty() {
                self.roots.remove(key);
            }
        }
    }

    /// The deliveries whose turn may have come or gone after something happened to these roots.
    pub(crate) fn concerned(&self, roots: &Roots) -> Vec<DeliveryId> {
        let mut ids = Vec::new();
        for key in roots.as_slice() {
            if let Some(root) = self.roots.get(key) {
                ids.extend(root.queue.front());
                ids.extend(&root.beside);
            }
        }
        ids
    }

    /// Whether nothing is remembered.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }
}

#[cfg(test)]
mod tests;
