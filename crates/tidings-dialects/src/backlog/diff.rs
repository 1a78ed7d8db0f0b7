//! The line diff of wiki pages and pull requests, in the form of Backlog's captured test datum.
//!
//! The classic "normal" form, without a blank after `<` and `>`. A line brings its own line end along, so `---` directly
//! follows an old line that has none: `1c1\n<test content---\n>test`.

use std::fmt::Write;

/// Beyond this many cells of the table the middle is told as one replaced block: still right, only longer.
const MOST_CELLS: usize = 4_000_000;

/// What turns `old` into `new`; empty when they are equal.
pub(super) fn normal(old: &str, new: &str) -> String {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let mut out = String::new();
    for (a, b) in blocks(&old, &new) {
        let gone = old.get(a.0..a.1).unwrap_or_default();
        let come = new.get(b.0..b.1).unwrap_or_default();
        let letter = match (gone.is_empty(), come.is_empty()) {
            (true, _) => 'a',
            (_, true) => 'd',
            _ => 'c',
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}{letter}{}", place(a), place(b));
        for line in gone {
            let _ = write!(out, "<{line}");
        }
        if letter == 'c' {
            out.push_str("---\n");
        }
        for line in come {
            let _ = write!(out, ">{line}");
        }
    }
    out
}

/// Line numbers from 1: `4`, `4,6`; for nothing the line after which it would stand.
fn place((from, to): (usize, usize)) -> String {
    match to - from {
        0 | 1 => to.to_string(),
        _ => format!("{},{to}", from + 1),
    }
}

type Range = (usize, usize);

/// The ranges of lines that differ, in order.
fn blocks(old: &[&str], new: &[&str]) -> Vec<(Range, Range)> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - head;
    let tail = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(most)
        .take_while(|(a, b)| a == b)
        .count();
    let a = old.get(head..old.len() - tail).unwrap_or_default();
    let b = new.get(head..new.len() - tail).unwrap_or_default();
    if a.is_empty() && b.is_empty() {
        return Vec::new();
    }
    if a.len().saturating_mul(b.len()) > MOST_CELLS {
        return vec![((head, head + a.len()), (head, head + b.len()))];
    }
    let mut all = Vec::new();
    let (mut i, mut j) = (0, 0);
    for (x, y) in common(a, b).into_iter().chain([(a.len(), b.len())]) {
        if x > i || y > j {
            all.push(((head + i, head + x), (head + j, head + y)));
        }
        (i, j) = (x + 1, y + 1);
    }
    all
}

/// The places of a longest common subsequence.
fn common(a: &[&str], b: &[&str]) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    let mut table = vec![0_u32; (a.len() + 1) * width];
    let at = |table: &[u32], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
    for (i, x) in a.iter().enumerate().rev() {
        for (j, y) in b.iter().enumerate().rev() {
            let best = if x == y {
                at(&table, i + 1, j + 1) + 1
            } else {
                at(&table, i + 1, j).max(at(&table, i, j + 1))
            };
            if let Some(cell) = table.get_mut(i * width + j) {
                *cell = best;
            }
        }
    }
    let mut pairs = Vec::new();
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x == y {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if at(&table, i + 1, j) >= at(&table, i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}
