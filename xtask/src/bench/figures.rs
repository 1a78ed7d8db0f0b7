//! Median, minimum and maximum of the rounds.

use serde_json::{Value, json};

/// One figure of some rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figures {
    pub(super) min: f64,
    pub(super) median: f64,
    pub(super) max: f64,
}

impl Figures {
    /// Of these; all zero of none.
    pub(super) fn of(all: impl IntoIterator<Item = f64>) -> Self {
        let mut all: Vec<f64> = all.into_iter().collect();
        all.sort_by(f64::total_cmp);
        let at = |n: usize| all.get(n).copied().unwrap_or_default();
        Self {
            min: at(0),
            median: f64::midpoint(at((all.len().max(1) - 1) / 2), at(all.len() / 2)),
            max: all.last().copied().unwrap_or_default(),
        }
    }

    /// One measurement.
    pub(super) fn one(value: f64) -> Self {
        Self::of([value])
    }

    /// Each as a share of one number.
    pub(super) fn over(self, whole: f64) -> Self {
        Self {
            min: self.min / whole,
            median: self.median / whole,
            max: self.max / whole,
        }
    }

    pub(super) fn json(self) -> Value {
        json!({"median": self.median, "min": self.min, "max": self.max})
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = match self.median.abs() {
            m if m >= 100.0 => 0,
            m if m >= 10.0 => 1,
            m if m >= 1.0 => 2,
            _ => 3,
        };
        write!(f, "{:.digits$}", self.median)?;
        if self.min < self.max {
            write!(f, " (min {:.digits$}, max {:.digits$})", self.min, self.max)?;
        }
        Ok(())
    }
}
