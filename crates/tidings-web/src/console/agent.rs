//! What a browser calls itself, in words.

/// Marks of browsers, in the order in which they tell: most browsers claim to be others, too.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "Chrome without a window"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// `Firefox 141 on Windows`; what is unknown stays as it was said.
pub(super) fn words(agent: &str) -> String {
    if !agent.starts_with("Mozilla/") {
        return agent.to_owned();
    }
    let browser = BROWSERS.iter().find_map(|(mark, name)| {
        let (_, rest) = agent.split_once(mark)?;
        let version: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some(format!("{name} {version}"))
    });
    let Some(browser) = browser else {
        return agent.to_owned();
    };
    let system = SYSTEMS.iter().find(|(mark, _)| agent.contains(mark));
    match system {
        Some((_, system)) => format!("{browser} on {system}"),
        None => browser,
    }
}

#[cfg(test)]
mod tests;
