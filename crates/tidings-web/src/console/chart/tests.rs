//! Bars have the heights of their numbers, and none leaves the picture.

use minijinja::{Value, context};

use super::bars;

fn drawn(hours: &[(u64, u64)]) -> [String; 4] {
    let hours: Vec<Value> = hours
        .iter()
        .map(|(good, bad)| context! { good, bad })
        .collect();
    let drawn = bars(&Value::from(hours)).unwrap();
    ["width", "good", "bad", "none"].map(|name| drawn.get_attr(name).unwrap().to_string())
}

#[test]
fn bars_stand_on_each_other() {
    assert_eq!(
        drawn(&[(3, 1), (0, 0), (2, 0), (0, 1)]),
        [
            "24",
            "M0 21.5h5v-19.5h-5zM12 28h5v-13h-5z",
            "M0 28h5v-6.5h-5zM18 28h5v-6.5h-5z",
            "M6 28h5v-1h-5z",
        ]
    );
    assert_eq!(drawn(&[]), ["0", "", "", ""]);
}

#[test]
fn the_highest_fills_the_picture_whatever_the_numbers() {
    for peak in [1, 2, 3, 7, 1_000_003, u64::from(u32::MAX)] {
        assert_eq!(drawn(&[(peak, 0)])[1], "M0 28h5v-26h-5z", "{peak}");
    }
}

#[test]
fn what_is_no_list_of_hours_is_refused() {
    assert!(bars(&Value::from(1)).is_err());
}
