//! What must be so on every page of the console, whoever looks at it and on whatever.

use serde_json::{Value, json};
use tidings_testkit::browser::{Browser, Key, Screen, Setup};

use super::people::Who;
use super::places::Places;
use super::sample::{KEY, Ports, Sample, Times};
use super::stage::{faults, too_wide, visit};

/// What has the focus, and whether one sees that: its outline or its shadow is not that of the same element without the focus.
/// `null` when it has come round. A field for a date has several stops; what scrolls is one without being asked to.
const FOCUS: &str = "const e = document.activeElement; if (!e || e === document.body) return null;\
    if ('seen' in e.dataset) return window.last === e ? {visible: true} : null; window.last = e;\
    if (e.href) (window.reached ??= new Set()).add(e.href + e.textContent.replace(/\\d+/g, ''));\
    if (e.tabIndex < 0) { e.dataset.seen = ''; return {visible: true}; }\
    const look = () => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth, s.boxShadow, s.borderColor, s.backgroundColor].join(); };\
    const on = look(); e.dataset.seen = ''; const box = e.getBoundingClientRect(); e.blur(); const off = look(); e.focus({focusVisible: true});\
    return {what: e.outerHTML.slice(0, 120), visible: on !== off && box.width > 0 && box.height > 0}";

/// Everything that can be pressed or filled in and was not reached. Of radio buttons one stands for all; what is folded away waits
/// until it is unfolded. A link that renewed itself since it was reached is known by what it says.
const UNREACHED: &str = "return [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]\
    .filter(e => !('seen' in e.dataset) && \
      !(e.href && window.reached?.has(e.href + e.textContent.replace(/\\d+/g, ''))) && !e.disabled && e.type !== 'hidden' && e.type !== 'radio' && e.tabIndex >= 0 && \
      e.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}) && e.getClientRects().length > 0)\
    .map(e => e.outerHTML.slice(0, 120))";

/// What is folded away is a part of the page, too.
const UNFOLD: &str = "for (const d of document.querySelectorAll('details')) d.open = true";

/// Sends the first form in which something is typed, with nonsense in each such field, past what the browser would say.
const NONSENSE: &str = "const typed = e => e.localName === 'textarea' || e.localName === 'input' && !/^(hidden|checkbox|radio|submit|search)$/.test(e.type);\
    const form = [...document.forms].find(f => f.method === 'post' && [...f.elements].some(typed)); if (!form) return false;\
    form.noValidate = true; for (const e of form.elements) if (typed(e)) { e.type = 'text'; e.value = '!\\u007f'; }\
    form.requestSubmit(form.querySelector('button.primary, button')); return true";

/// More than any page of the sample has.
const MOST_STOPS: usize = 600;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_by_keyboard_too_quiet_and_fits_on_every_screen() {
    let sample = Sample::play(Ports::Free, Times::Now).await;
    let pages = Places::of(sample.server(), KEY).await.pages();
    // Both at once: there are two cores.
    let (judged, walked) = tokio::join!(judge_all(&sample, &pages), walk_all(&sample, &pages));
    println!("{} pages", pages.len());
    let bad = [judged, walked].concat();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

async fn judge_all(sample: &Sample, pages: &[String]) -> Vec<String> {
    let server = sample.server();
    let browser = Browser::open(Setup::default()).await;
    let person = sample.person("Ada Byron", Who::Administrator);
    person.sit_down(&browser, server).await;
    let mut bad = Vec::new();
    for path in pages {
        browser.screen(Screen::Desktop).await;
        visit(&browser, server, path).await;
        browser.run(UNFOLD, &[]).await;
        let mut found = faults(&browser).await;
        browser.screen(Screen::Phone).await;
        found.extend(
            too_wide(&browser)
                .await
                .map(|fault| format!("on a phone {fault}")),
        );
        bad.extend(found.iter().map(|fault| format!("{path}: {fault}")));
        browser.assert_quiet(&server.url()).await;
    }
    bad
}

async fn walk_all(sample: &Sample, pages: &[String]) -> Vec<String> {
    let server = sample.server();
    let browser = Browser::open(Setup::default()).await;
    let person = sample.person("Grace Murray", Who::Administrator);
    person.sit_down(&browser, server).await;
    let mut bad = Vec::new();
    for path in pages {
        visit(&browser, server, path).await;
        let found = walk(&browser).await;
        bad.extend(found.iter().map(|fault| format!("{path}: {fault}")));
    }
    bad
}

/// Goes through the page with the tabulator; what was not as it should be.
async fn walk(browser: &Browser) -> Vec<String> {
    let mut bad = Vec::new();
    let mut stops = 0;
    // From the top, wherever the page has put the focus.
    browser
        .run("document.activeElement.blur(); window.scrollTo(0, 0)", &[])
        .await;
    loop {
        browser.press(Key::Tab).await;
        let focus = browser.run(FOCUS, &[]).await;
        stops += 1;
        if focus.is_null() || stops > MOST_STOPS {
            break;
        }
        if focus["visible"] != json!(true) {
            bad.push(format!("no visible focus: {}", focus["what"]));
        }
    }
    if let Value::Array(unreached) = browser.run(UNREACHED, &[]).await {
        bad.extend(unreached.iter().map(|what| format!("not reached: {what}")));
    }
    bad
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_see_and_what_refuses_is_accessible_too() {
    let sample = Sample::play(Ports::Free, Times::Now).await;
    let server = sample.server();
    let browser = Browser::open(Setup::default()).await;
    let mut bad = Vec::new();
    let mut judged = 0;
    let mut judge = async |what: &str| {
        browser.run(UNFOLD, &[]).await;
        let found = faults(&browser).await;
        bad.extend(found.iter().map(|fault| format!("{what}: {fault}")));
        judged += 1;
    };
    let status = "return performance.getEntriesByType('navigation')[0].responseStatus";
    let places = Places::of(server, KEY).await;
    let invited = json!({"login": "invited", "name": "Invited"});
    let account = server.call("POST", "/accounts", &invited).await["id"].to_string();
    for purpose in ["invite", "sign_in"] {
        let invite = format!("/accounts/{account}/invite");
        let link = server
            .call("POST", &invite, &json!({ "purpose": purpose }))
            .await;
        browser.go(link["url"].as_str().unwrap()).await;
        judge(&format!("a link to {purpose}")).await;
    }
    let pages = places.pages();
    for path in &pages {
        browser.go(&format!("{}{path}", server.url())).await;
        let is = browser.path().await;
        // Everything else is a page to sign in first.
        if is == *path || path == "/projects" {
            judge(&format!("{path} for a stranger")).await;
        }
    }
    for path in ["/sign-in/none", "/nowhere"] {
        browser.go(&format!("{}{path}", server.url())).await;
        judge(&format!("{path} for a stranger")).await;
    }
    let person = sample.person("Ada Byron", Who::Administrator);
    person.sit_down(&browser, server).await;
    let mut refused = 0;
    for path in &pages {
        visit(&browser, server, path).await;
        if browser.run(NONSENSE, &[]).await != json!(true) {
            continue;
        }
        browser.settle().await;
        browser
            .until("an answer", async || {
                let ready = "return document.readyState === 'complete' && !document.querySelector('[data-sent]')";
                browser.run(ready, &[]).await == json!(true)
            })
            .await;
        if browser.run(status, &[]).await.as_u64() >= Some(400) {
            refused += 1;
            judge(&format!("the form of {path}, refused")).await;
        }
    }
    println!("{judged} pages, {refused} of them refused forms");
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(refused >= 10, "{refused} refused forms");
}
