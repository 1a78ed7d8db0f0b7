//! What the use cases say in sentences, as a page shows it: programs read times as RFC 3339, people do not.

use tidings_domain::time;

/// The same words with their times as all pages write them.
pub(super) fn dated(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for word in words.split_inclusive(' ') {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        match time::parse(bare) {
            Some(at) => {
                out.push_str(&at.strftime("%-d %b %Y, %H:%M:%S UTC").to_string());
                out.push_str(word.get(bare.len()..).unwrap_or_default());
            }
            None => out.push_str(word),
        }
    }
    out
}

#[cfg(test)]
mod tests;
