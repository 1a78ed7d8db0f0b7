//! A hundred attempts to run a script, in every place that takes text: none runs, none becomes a part of a page.

mod forms;

use serde_json::json;
use tidings_testkit::browser::{Browser, Setup};

use super::hostile::{self, Hostile};
use super::places::{Known, Places};
use super::stage::{Stage, visit};

/// Runs before any script of a page: whatever calls it is noticed.
const WATCH: &str = "window.hits = []; window.hit = n => window.hits.push(n)";

/// What no page of ours has: attributes that run, links that run, elements that bring others' pages or files.
const INTRUDERS: &str = "const bad = [...document.querySelectorAll('*')].filter(e => \
      [...e.attributes].some(a => /^on|^srcdoc$|^style$|^hx-on|^data-hx/.test(a.name) || \
        (/^(href|src|action|formaction|data|xlink:href)$/.test(a.name) && /^\\s*(javascript|data|vbscript):/i.test(a.value))) || \
      /^(iframe|object|embed|base|math|marquee|audio|video|style|template|animate|use)$/i.test(e.localName) || \
      (e.localName === 'script' && new URL(e.src || 'x:').origin !== location.origin) || \
      (e.localName === 'meta' && e.httpEquiv));\
    return {hits: window.hits, bad: bad.slice(0, 5).map(e => e.outerHTML.slice(0, 200))}";

async fn look(browser: &Browser, server: &str, path: &str) {
    let seen = browser.run(INTRUDERS, &[]).await;
    assert_eq!(seen, json!({"hits": [], "bad": []}), "{path}");
    browser.assert_quiet(server).await;
}

#[test]
fn there_are_a_hundred_different_strings() {
    let mut all = hostile::strings();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), hostile::COUNT);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_anybody_wrote_becomes_a_part_of_a_page() {
    let stage = Stage::bare().await;
    let hostile = Hostile::make(&stage.server).await;
    let paths = pages(&stage, &hostile).await;
    let person = stage.administrator();
    // Two at a time: as many as there are cores.
    let (even, odd): (Vec<_>, Vec<_>) = (0..).zip(paths).partition(|(n, _)| n % 2 == 0);
    let walk = async |paths: Vec<(u32, String)>| {
        let browser = Browser::open(Setup::default()).await;
        let script = json!({"source": WATCH});
        browser
            .devtools("Page.addScriptToEvaluateOnNewDocument", script)
            .await;
        person.sit_down(&browser, &stage.server).await;
        for (_, path) in paths {
            visit(&browser, &stage.server, &path).await;
            look(&browser, &stage.url(), &path).await;
        }
    };
    tokio::join!(walk(even), walk(odd));
}

/// Every page of the console in the hostile project, with long lists whole; for each answer the page that shows it; of the pages of one
/// webhook or item as many as there is time for, others for each page.
async fn pages(stage: &Stage, hostile: &Hostile) -> Vec<String> {
    let mut known = Known::new();
    known.insert("{key}", vec![hostile::KEY.to_owned()]);
    known.insert(
        "webhooks/{id}",
        hostile.webhooks.iter().map(ToString::to_string).collect(),
    );
    known.insert("deliveries/{id}", hostile.deliveries.clone());
    known.insert(
        "{collection}/{id}",
        hostile.stories.iter().map(ToString::to_string).collect(),
    );
    Places::of(&stage.server, hostile::KEY)
        .await
        .pages_with(&known)
}
