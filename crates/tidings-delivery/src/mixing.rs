//! How items are told apart in memory: by a few multiplications. Their keys are a collection and a number, both ours, and the
//! factor is drawn at the start, so that nobody can choose numbers that collide.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

static FACTOR: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0_u8) | 1);

/// Makes [`Mix`]es.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mixing;

impl BuildHasher for Mixing {
    type Hasher = Mix;

    fn build_hasher(&self) -> Mix {
        Mix {
            sum: 0,
            factor: *FACTOR,
        }
    }
}

/// A hash of a few numbers.
#[derive(Debug)]
pub(crate) struct Mix {
    sum: u64,
    factor: u64,
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.sum = self.sum.wrapping_add(number).wrapping_mul(self.factor);
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(number.cast_unsigned());
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number.cast_unsigned() as u64);
    }

    /// The upper bits of a product are the mixed ones, and tables look at the lowest too.
    fn finish(&self) -> u64 {
        let folded = self.sum ^ (self.sum >> 32);
        folded.wrapping_mul(self.factor).rotate_left(26)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::Hash;

    use tidings_domain::{Collection, ObjectRef};

    use super::*;

    #[test]
    fn neighbours_fall_into_different_places() {
        for step in [1, 64, 1 << 20, 1 << 40] {
            let place = |n: i64| {
                let mut mix = Mix {
                    sum: 0,
                    factor: 0x9e37_79b9_7f4a_7c15,
                };
                ObjectRef::new(Collection::Stories, n * step).hash(&mut mix);
                mix.finish() % 4_096
            };
            let places: HashSet<u64> = (0..1_000).map(place).collect();
            assert!(places.len() > 600, "{} places of 1,000", places.len());
        }
    }
}
