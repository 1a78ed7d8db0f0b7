//! A real browser, driven over WebDriver: Debian's Chromium through its `chromedriver`.
//!
//! | file | holds |
//! |---|---|
//! | `driver` | the one `chromedriver` of a test binary; it and every browser go when the test binary goes, however it ends |
//! | `wire` | WebDriver's HTTP and JSON |
//! | `hands` | click, type, choose, press keys |
//! | `eyes` | read, wait until something is to be seen, take a picture |
//! | `ears` | what the browser asked for and what it complained about |
//! | `axe` | axe-core's judgement of a page |
//!
//! Whatever is looked for is waited for, with a deadline; nothing sleeps. A place on a page is a CSS selector, or an XPath that
//! begins with `/` or `(`; [`button`], [`link`], and [`field`] make one from the words that people read.
//!
//! ```no_run
//! # async fn example(server: &str) {
//! use tidings_testkit::browser::{Browser, Setup, button, field};
//!
//! let browser = Browser::open(Setup::default()).await;
//! browser.go(server).await;
//! browser.fill(&field("Name"), "CI").await;
//! browser.click(&button("Save")).await;
//! assert_eq!(browser.text("h1").await, "CI");
//! browser.assert_quiet(server).await;
//! # }
//! ```

mod axe;
mod driver;
mod ears;
mod eyes;
mod hands;
mod wire;

use std::time::Duration;

use serde_json::{Value, json};

pub use axe::{Axe, Finding};
pub use ears::Complaint;
pub use hands::Key;

use self::wire::Refusal;

/// The longest a browser waits for what takes milliseconds; a machine that runs everything at once may need some of it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Which colours the page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Scheme {
    /// As CSS says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What the page is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// A laptop.
    Desktop,
    /// A phone, held upright, with three dots to two pixels.
    Phone,
}

/// How a browser begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Whether pages may run scripts. The browser itself still answers what a test asks.
    pub scripts: bool,
    /// Colours.
    pub scheme: Scheme,
    /// Screen.
    pub screen: Screen,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            scripts: true,
            scheme: Scheme::Light,
            screen: Screen::Desktop,
        }
    }
}

impl Setup {
    /// A browser that runs no script of a page.
    pub fn without_scripts() -> Self {
        Self {
            scripts: false,
            ..Self::default()
        }
    }
}

/// One browser with one tab and a profile of its own; closed when it is dropped.
#[derive(Debug)]
pub struct Browser {
    wire: wire::Session,
    // After `wire`: the browser goes before its profile does.
    _profile: tempfile::TempDir,
}

/// Flags that keep it silent: it must ask nobody for anything but the pages of a test.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    // Names of the machine itself only: a page that asks another host is caught by the log, and fails at once.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
];

impl Browser {
    /// Starts one.
    ///
    /// # Panics
    /// When there is none to start.
    pub async fn open(setup: Setup) -> Self {
        #[expect(clippy::expect_used, reason = "a test without a folder cannot go on")]
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let mut flags: Vec<String> = FLAGS.iter().map(ToString::to_string).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let wire =
            wire::Session::begin(driver::address().await, &wanted(&flags, setup.scripts)).await;
        let browser = Self {
            wire,
            _profile: profile,
        };
        browser.scheme(setup.scheme).await;
        browser.screen(setup.screen).await;
        browser
    }

    /// From now on in these colours.
    pub async fn scheme(&self, scheme: Scheme) {
        let feature = json!([
            {"name": "prefers-color-scheme", "value": scheme.as_str()},
            // Half-way through a transition, a colour is one that nobody chose.
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": feature}))
            .await;
    }

    /// From now on on this screen.
    pub async fn screen(&self, screen: Screen) {
        let (width, height, dots, mobile) = match screen {
            Screen::Desktop => (1280, 800, 1.0, false),
            Screen::Phone => (390, 844, 1.5, true),
        };
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": dots, "mobile": mobile});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// Opens an address and waits until it has loaded.
    pub async fn go(&self, url: &str) {
        self.must(
            &format!("go to {url}"),
            "POST",
            "/url",
            &json!({"url": url}),
        )
        .await;
    }

    /// Runs the body of a function in the page; what it returns.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Value {
        let body = json!({"script": script, "args": arguments});
        self.must(script, "POST", "/execute/sync", &body).await
    }

    /// The same for one that is done when it calls its last argument.
    pub async fn run_until_done(&self, script: &str, arguments: &[Value]) -> Value {
        let body = json!({"script": script, "args": arguments});
        self.must(script, "POST", "/execute/async", &body).await
    }

    /// The cookies that this page's server would get, as it set them.
    pub async fn cookies(&self) -> Vec<Value> {
        let all = self
            .must("read cookies", "GET", "/cookie", &Value::Null)
            .await;
        all.as_array().cloned().unwrap_or_default()
    }

    /// Sets a cookie (WebDriver's members: `name`, `value`, `path` ...) for the host of the page that is open.
    pub async fn add_cookie(&self, cookie: &Value) {
        self.must(
            "set a cookie",
            "POST",
            "/cookie",
            &json!({"cookie": cookie}),
        )
        .await;
    }

    /// Forgets all of them.
    pub async fn forget_cookies(&self) {
        self.must("forget cookies", "DELETE", "/cookie", &Value::Null)
            .await;
    }

    /// A command of Chromium's own protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.must(command, "POST", "/goog/cdp/execute", &body).await
    }

    async fn must(&self, what: &str, method: &str, path: &str, body: &Value) -> Value {
        match self.wire.ask(method, path, body).await {
            Ok(value) => value,
            Err(refusal) => self.fail(what, &refusal).await,
        }
    }

    /// Ends the test with what the page says at that moment.
    async fn fail(&self, what: &str, refusal: &Refusal) -> ! {
        let look =
            json!({"script": "return location.href + '\\n' + document.body.innerText", "args": []});
        let page = self.wire.ask("POST", "/execute/sync", &look).await;
        let page = page.unwrap_or_default();
        let page: String = page
            .as_str()
            .unwrap_or_default()
            .chars()
            .take(3000)
            .collect();
        panic!("browser: {what}: {refusal}\non the page {page}");
    }
}

fn wanted(flags: &[String], scripts: bool) -> Value {
    json!({"capabilities": {"alwaysMatch": {
        "browserName": "chrome",
        // A dialog is nothing a page of ours shows by itself: it fails the command that meets it.
        "unhandledPromptBehavior": "dismiss and notify",
        "timeouts": {"script": PATIENCE.as_millis(), "pageLoad": PATIENCE.as_millis(), "implicit": 0},
        "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
        "goog:chromeOptions": {
            "args": flags,
            "perfLoggingPrefs": {"enableNetwork": true, "enablePage": false},
            "prefs": {
                "profile.managed_default_content_settings.javascript": if scripts { 1 } else { 2 },
                // Not the new-tab page, which loads a hundred files.
                "session.restore_on_startup": 4,
                "session.startup_urls": ["about:blank"],
            },
        },
    }}})
}

/// The button with these words.
pub fn button(words: &str) -> String {
    format!(
        "//button[normalize-space(.)={0} or @aria-label={0}] | //input[@type='submit' and @value={0}]",
        quoted(words)
    )
}

/// The link with these words.
pub fn link(words: &str) -> String {
    format!(
        "//a[normalize-space(.)={0} or @aria-label={0}]",
        quoted(words)
    )
}

/// The input that has a label with these words.
pub fn field(words: &str) -> String {
    let words = quoted(words);
    format!(
        "//*[@id=//label[normalize-space(.)={words}]/@for] | //label[normalize-space(.)={words}]//*[self::input or self::select or self::textarea] | //*[@aria-label={words}]"
    )
}

/// XPath knows no escapes: a text with both kinds of quotes is put together from pieces.
fn quoted(text: &str) -> String {
    if !text.contains('"') {
        return format!("\"{text}\"");
    }
    let pieces: Vec<String> = text
        .split('"')
        .map(|piece| format!("\"{piece}\""))
        .collect();
    format!("concat({})", pieces.join(", '\"', "))
}
