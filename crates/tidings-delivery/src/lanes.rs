//! All lanes by the number of their webhook. Numbers are given one after the other and never again, so a page holds neighbours, and
//! finding a lane among ten thousand touches one line of memory that is not at hand.

use std::collections::BTreeMap;

use tidings_domain::WebhookId;

use crate::lane::Lane;

/// Lanes in a page.
const PAGE: i64 = 64;

type Page = Box<[Option<Box<Lane>>]>;

/// All lanes, in the order of their webhooks.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    pages: BTreeMap<i64, Page>,
}

fn place(id: WebhookId) -> (i64, usize) {
    let at = usize::try_from(id.0.rem_euclid(PAGE)).unwrap_or_default();
    (id.0.div_euclid(PAGE), at)
}

impl Lanes {
    pub(crate) fn get(&self, id: WebhookId) -> Option<&Lane> {
        let (page, at) = place(id);
        self.pages.get(&page)?.get(at)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, id: WebhookId) -> Option<&mut Lane> {
        let (page, at) = place(id);
        self.pages.get_mut(&page)?.get_mut(at)?.as_deref_mut()
    }

    pub(crate) fn insert(&mut self, lane: Lane) {
        let (page, at) = place(lane.id);
        let empty = || (0..PAGE).map(|_| None).collect();
        let page = self.pages.entry(page).or_insert_with(empty);
        if let Some(slot) = page.get_mut(at) {
            *slot = Some(Box::new(lane));
        }
    }

    pub(crate) fn remove(&mut self, id: WebhookId) {
        let (number, at) = place(id);
        let Some(page) = self.pages.get_mut(&number) else {
            return;
        };
        if let Some(slot) = page.get_mut(at) {
            *slot = None;
        }
        if page.iter().all(Option::is_none) {
            self.pages.remove(&number);
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Lane> {
        let lanes = self.pages.values().flatten();
        lanes.filter_map(Option::as_deref)
    }

    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Lane> {
        let lanes = self.pages.values_mut().flatten();
        lanes.filter_map(Option::as_deref_mut)
    }
}
