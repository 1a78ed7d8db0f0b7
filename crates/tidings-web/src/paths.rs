//! From the path of a request to the rows of that path, and to the values in it.
//!
//! A tree with a node for each segment, walked once for each request. A name goes before a parameter, and a parameter is never empty;
//! paths are compared as they came, only parameters are decoded.

use tidings_app::refusal;
use tidings_domain::Fault;

use crate::query;
use crate::route::Row;

/// The rows by their paths.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    rows: Vec<&'static Row>,
    /// What goes on with a name, by that name.
    named: Vec<(&'static str, Paths)>,
    /// What goes on with a parameter.
    any: Option<Box<Paths>>,
}

impl Paths {
    /// The tree of these rows.
    pub(crate) fn of(rows: impl IntoIterator<Item = &'static Row>) -> Self {
        let mut paths = Self::default();
        for row in rows {
            let mut node = &mut paths;
            for segment in row.path.split('/').skip(1) {
                node = node.grow(segment);
            }
            node.rows.push(row);
        }
        paths
    }

    fn grow(&mut self, segment: &'static str) -> &mut Self {
        if parameter(segment).is_some() {
            return self.any.get_or_insert_default();
        }
        let found = self.named.binary_search_by_key(&segment, |(name, _)| *name);
        let place = found.unwrap_or_else(|place| {
            self.named.insert(place, (segment, Self::default()));
            place
        });
        #[expect(clippy::indexing_slicing, reason = "it is there, or was just inserted")]
        &mut self.named[place].1
    }

    /// The rows of a path, of every method; none where there is no such path.
    pub(crate) fn find(&self, path: &str) -> &[&'static Row] {
        path.strip_prefix('/').map_or(&[], |path| self.below(path))
    }

    fn below(&self, path: &str) -> &[&'static Row] {
        let (segment, rest) = match path.split_once('/') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (path, None),
        };
        let found = self.named.binary_search_by_key(&segment, |(name, _)| *name);
        let named = found.ok().and_then(|place| self.named.get(place));
        let any = self.any.as_deref().filter(|_| !segment.is_empty());
        // What leads nowhere under its name may still be a parameter.
        let ways = named.map(|(_, node)| node).into_iter().chain(any);
        ways.map(|node| node.after(rest))
            .find(|rows| !rows.is_empty())
            .unwrap_or_default()
    }

    fn after(&self, rest: Option<&str>) -> &[&'static Row] {
        rest.map_or(&self.rows, |rest| self.below(rest))
    }
}

/// The name of a parameter, if a segment of a row's path is one.
fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// Most parameters of a path.
const MOST: usize = 4;

/// The parameters of a path, decoded: one text, and where each of them ends in it.
#[derive(Debug, Default)]
pub struct Params {
    text: String,
    ends: [Option<(&'static str, usize)>; MOST],
}

impl Params {
    /// Reads them strictly: a path that is not UTF-8 names nothing.
    pub(crate) fn read(path: &str, row: &'static Row) -> Result<Self, Fault> {
        let mut params = Self {
            text: String::with_capacity(path.len()),
            ends: [None; MOST],
        };
        let segments = row.path.split('/').zip(path.split('/'));
        let named = segments.filter_map(|(name, segment)| Some((parameter(name)?, segment)));
        for (place, (name, segment)) in named.enumerate() {
            params
                .add(place, name, segment)
                .ok_or_else(refusal::absent)?;
        }
        Ok(params)
    }

    fn add(&mut self, place: usize, name: &'static str, segment: &str) -> Option<()> {
        let start = self.text.len();
        if segment.contains('%') {
            self.text.push_str(&query::decode(segment, false)?);
        } else {
            self.text.push_str(segment);
        }
        let plain = !self.text.get(start..)?.chars().any(char::is_control);
        *self.ends.get_mut(place)? = Some((name, self.text.len()));
        plain.then_some(())
    }

    /// A parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut start = 0;
        for (known, end) in self.ends.iter().flatten() {
            if *known == name {
                return self.text.get(start..*end);
            }
            start = *end;
        }
        None
    }
}

#[cfg(test)]
mod tests;
