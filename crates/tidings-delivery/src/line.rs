//! Deliveries in their order. Most lines hold one or none, and that one costs no memory of its own.

use std::collections::BTreeSet;

use tidings_domain::DeliveryId;

/// A set of deliveries, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Line {
    first: Option<DeliveryId>,
    /// All of them come after `first`; empty when there is none.
    rest: BTreeSet<DeliveryId>,
}

impl Line {
    /// The oldest.
    pub(crate) fn first(&self) -> Option<DeliveryId> {
        self.first
    }

    /// The one after it.
    pub(crate) fn second(&self) -> Option<DeliveryId> {
        self.rest.first().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn insert(&mut self, id: DeliveryId) {
        match self.first {
            None => self.first = Some(id),
            Some(first) if id < first => {
                self.first = Some(id);
                self.rest.insert(first);
            }
            Some(first) => {
                if id != first {
                    self.rest.insert(id);
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, id: DeliveryId) {
        if self.first == Some(id) {
            self.first = self.rest.pop_first();
        } else if !self.rest.is_empty() {
            self.rest.remove(&id);
        }
    }

    /// Those that come before `id`.
    pub(crate) fn before(&self, id: DeliveryId) -> impl Iterator<Item = DeliveryId> {
        let first = self.first.into_iter().filter(move |first| *first < id);
        first.chain(self.rest.range(..id).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(line: &Line) -> Vec<i64> {
        line.before(DeliveryId(i64::MAX)).map(|id| id.0).collect()
    }

    #[test]
    fn whoever_comes_when_the_oldest_goes_first() {
        let mut line = Line::default();
        for id in [5, 3, 9, 3, 4, 9] {
            line.insert(DeliveryId(id));
        }
        assert_eq!(all(&line), [3, 4, 5, 9]);
        assert_eq!(line.second(), Some(DeliveryId(4)));
        line.remove(DeliveryId(5));
        line.remove(DeliveryId(3));
        line.remove(DeliveryId(7));
        assert_eq!(all(&line), [4, 9]);
        let before: Vec<_> = line.before(DeliveryId(9)).collect();
        assert_eq!(before, [DeliveryId(4)]);
        line.remove(DeliveryId(4));
        line.remove(DeliveryId(9));
        assert!(line.is_empty() && line.second().is_none());
    }
}
