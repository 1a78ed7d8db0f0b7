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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two() {
        let shown = |all: &[f64]| Figures::of(all.iter().copied()).to_string();
        assert_eq!(shown(&[3.0, 1.0, 2.0]), "2.00 (min 1.00, max 3.00)");
        assert_eq!(shown(&[4.0, 1.0, 2.0, 3.0]), "2.50 (min 1.00, max 4.00)");
        assert_eq!(shown(&[]), "0.000");
    }

    #[test]
    fn one_measurement_has_no_range() {
        assert_eq!(Figures::one(0.2).to_string(), "0.200");
        assert_eq!(
            Figures::of([1.0, 300.0]).to_string(),
            "150 (min 1, max 300)"
        );
    }
}
