//! Small charts of good and bad by the hour or minute, as paths: a list shows one for each of its rows.

use std::fmt::Write as _;

use minijinja::{Value, context};

/// From the left side of one bar to that of the next; a bar is one narrower.
const STEP: usize = 6;
/// Height of the picture, and of the highest bar in it, in tenths.
const BOTTOM: u64 = 280;
const HIGHEST: u64 = 260;

/// The bars of `{good, bad}`: how wide they are together, and a path for the good, the bad, and where there was nothing.
pub(super) fn bars(hours: &Value) -> Result<Value, minijinja::Error> {
    let mut bars = Vec::new();
    for hour in hours.try_iter()? {
        let of = |name| hour.get_attr(name).map(|n| u64::try_from(n).unwrap_or(0));
        bars.push((of("good")?, of("bad")?));
    }
    let peak = bars.iter().map(|(good, bad)| good + bad).max();
    let peak = peak.unwrap_or_default().max(1);
    let high = |number: u64| (number * HIGHEST + peak / 2) / peak;
    let [mut good, mut bad, mut none] = [const { String::new() }; 3];
    for (place, (fine, failed)) in bars.iter().enumerate() {
        let left = place * STEP;
        let (up, down) = (high(*fine), high(*failed));
        if fine + failed == 0 {
            bar(&mut none, left, BOTTOM, 10);
        }
        bar(&mut good, left, BOTTOM.saturating_sub(down), up);
        bar(&mut bad, left, BOTTOM, down);
    }
    Ok(context! { width => bars.len() * STEP, good, bad, none })
}

/// A bar that stands so deep and is so high, both in tenths.
fn bar(path: &mut String, left: usize, foot: u64, height: u64) {
    if height > 0 {
        let (foot, height) = (tenths(foot), tenths(height));
        let width = STEP - 1;
        let _ = write!(path, "M{left} {foot}h{width}v-{height}h-{width}z");
    }
}

fn tenths(number: u64) -> String {
    match number % 10 {
        0 => (number / 10).to_string(),
        part => format!("{}.{part}", number / 10),
    }
}

#[cfg(test)]
mod tests;
