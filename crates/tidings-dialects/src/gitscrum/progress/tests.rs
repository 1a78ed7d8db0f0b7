//! Percentages and hours.

use tidings_domain::Value;

use super::Progress;

#[test]
fn percentages_are_rounded() {
    for (closed, total, percentage) in [
        (0, 0, 0),
        (0, 3, 0),
        (1, 3, 33),
        (2, 3, 67),
        (7, 12, 58),
        (1, 8, 13),
        (1, 200, 1),
        (1, 201, 0),
        (3, 3, 100),
    ] {
        let progress = Progress {
            total,
            closed,
            ..Progress::default()
        };
        assert_eq!(progress.percentage(), percentage, "{closed} of {total}");
    }
}

#[test]
fn hours_and_points_have_two_decimals_at_most() {
    for (minutes, hours) in [
        (0, Value::Int(0)),
        (60, Value::Int(1)),
        (90, Value::Float(1.5)),
        (100, Value::Float(1.67)),
        (1, Value::Float(0.02)),
    ] {
        let progress = Progress {
            minutes,
            ..Progress::default()
        };
        assert_eq!(progress.worked_hours(), hours, "{minutes}");
    }
    let progress = Progress {
        points: 0.1 + 0.2,
        ..Progress::default()
    };
    assert_eq!(progress.points(), Value::Float(0.3));
}
