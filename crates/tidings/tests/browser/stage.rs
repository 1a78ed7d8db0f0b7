//! The server that a test looks at, and what must be true of every page.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};
use tidings_testkit::browser::{Axe, Browser, Scheme};

use super::people::{Person, Who};
use super::world::Server;

/// A running server with its own database.
pub(crate) struct Stage {
    pub(crate) server: Server,
    folder: tempfile::TempDir,
}

impl Stage {
    /// With nothing in it.
    pub(crate) async fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().to_owned();
        let server = tokio::task::spawn_blocking(move || Server::start(&at));
        Self {
            server: server.await.unwrap(),
            folder,
        }
    }

    /// `http://host:port`.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// An administrator.
    pub(crate) fn administrator(&self) -> Person {
        Person::new(self.folder.path(), "Ada Byron", Who::Administrator)
    }

    /// The address of a page.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }
}

/// Where `cargo xtask setup` put what is no Rust.
pub(crate) fn tools() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "set by cargo xtask test")]
    let folder = std::env::var("TIDINGS_TOOLS").map(PathBuf::from);
    folder.unwrap_or_else(|_| {
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        target.parent().unwrap().join("xtask-tools")
    })
}

/// axe-core, read once.
pub(crate) fn axe() -> &'static Axe {
    static AXE: LazyLock<Axe> = LazyLock::new(|| Axe::read(&tools()));
    &AXE
}

/// Opens a page that must be there for whoever is signed in: neither a refusal nor another page in its place.
pub(crate) async fn visit(browser: &Browser, server: &Server, path: &str) {
    browser.go(&format!("{}{path}", server.url())).await;
    let status = "return performance.getEntriesByType('navigation')[0].responseStatus";
    let status = browser.run(status, &[]).await;
    assert_eq!(status, json!(200), "{path}");
    let is = browser.path().await;
    let moved = path == "/" || path.starts_with("/sign-in");
    assert!(is == path || moved, "{path} leads to {is}");
}

/// What must be so on every page, in both colour schemes: axe finds nothing, nothing sticks out to the right.
pub(crate) async fn assert_good(browser: &Browser, page: &str) {
    let faults = faults(browser).await;
    assert!(faults.is_empty(), "{page}:\n{}", faults.join("\n"));
}

/// What is not as it must be on every page.
pub(crate) async fn faults(browser: &Browser) -> Vec<String> {
    let mut faults = Vec::new();
    for scheme in [Scheme::Light, Scheme::Dark] {
        browser.scheme(scheme).await;
        let found = browser.axe(axe()).await;
        faults.extend(found.iter().map(|f| format!("{}: {f}", scheme.as_str())));
    }
    browser.scheme(Scheme::Light).await;
    faults.extend(too_wide(browser).await);
    faults
}

/// Whether something sticks out to the right, and what.
pub(crate) async fn too_wide(browser: &Browser) -> Option<String> {
    let width = "const e = document.documentElement; return e.scrollWidth - e.clientWidth";
    let by = browser.run(width, &[]).await;
    if by == json!(0) {
        return None;
    }
    let widest = widest(browser).await;
    Some(format!("wider than the screen by {by} pixels: {widest}"))
}

/// The innermost elements that stick out.
async fn widest(browser: &Browser) -> Value {
    let look = "const edge = document.documentElement.clientWidth; const out = [...document.body.querySelectorAll('*')]\
        .filter(e => e.getBoundingClientRect().right > edge + 0.5 && !e.closest('[data-scrolls]'));\
        return out.filter(e => !out.some(o => o !== e && e.contains(o))).slice(0, 5).map(e => e.outerHTML.slice(0, 120))";
    browser.run(look, &[]).await
}
