//! The same strings, typed into the console's own forms. The fields are those of the forms that pages really have, so that a form that
//! is added is in here without a list by hand.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tidings_testkit::browser::{Browser, Setup};
use tidings_testkit::receiver::{Behavior, Receiver};
use tidings_web::route::Method;

use super::{WATCH, look};
use crate::hostile;
use crate::people::Person;
use crate::places::{Known, Places, row_of};
use crate::raw::{FORM, Got, send};
use crate::stage::{Stage, visit};
use crate::world::PATIENCE;

const KEY: &str = "XSS";
/// How many of the strings stand in one field where a page comes back that shows it again.
const AT_ONCE: usize = 10;
/// Every so many a page that an action leads to is looked at, too.
const EVERY: usize = 5;

/// The forms of the page that is open: what its browser would send, and which of it is typed.
const FORMS: &str = "return [...document.forms].map(f => { let pressed = false; return {\
    method: f.method, action: new URL(f.action).pathname, fields: [...f.elements].filter(e => {\
      if (!e.name || e.disabled) return false; if (e.type === 'checkbox' || e.type === 'radio') return e.checked;\
      if (e.type !== 'submit') return true; const first = !pressed && e.name !== 'execute'; pressed = true; return first; })\
    .map(e => ({name: e.name, value: e.value, typed: e.localName === 'textarea' || \
      (e.localName === 'input' && !/^(hidden|checkbox|radio|submit)$/.test(e.type))}))}})\
    .filter(f => f.fields.some(f => f.typed))";

/// What a page is made of, for pages that are not shown: none of it may come from a string.
const PARTS: &str = "const bad = []; for (const page of arguments[0]) { const d = new DOMParser().parseFromString(page, 'text/html');\
    bad.push(...[...d.querySelectorAll('*')].filter(e => [...e.attributes].some(a => /^on|^srcdoc$|^style$|^hx-on|^data-hx/.test(a.name) || \
        (/^(href|src|action|formaction|data|xlink:href)$/.test(a.name) && /^\\s*(javascript|data|vbscript):/i.test(a.value))) || \
      /^(iframe|object|embed|base|math|marquee|audio|video|style|template|animate|use)$/i.test(e.localName) || \
      (e.localName === 'script' && !/^.assets./.test(e.getAttribute('src') || '')) || \
      (e.localName === 'img' && !/^.assets./.test(e.getAttribute('src') || ''))).slice(0, 3).map(e => e.outerHTML.slice(0, 200))); }\
    return bad";

/// Fields that say which version of a thing a page showed.
const VERSIONS: [&str; 2] = ["seen", "sequence"];

/// A form, as a page has it.
struct Form {
    get: bool,
    action: String,
    /// Name, value, whether it is typed.
    fields: Vec<(String, String, bool)>,
}

impl Form {
    fn of(form: &Value) -> Self {
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let fields = form["fields"].as_array().unwrap().iter();
        Self {
            get: form["method"] == "get",
            action: text(&form["action"]),
            fields: fields
                .map(|f| (text(&f["name"]), text(&f["value"]), f["typed"] == true))
                .collect(),
        }
    }

    /// What tells it from other forms.
    fn kind(&self) -> String {
        let method = if self.get { Method::Get } else { Method::Post };
        let names = self.fields.iter().map(|(name, ..)| name.as_str());
        let names: BTreeSet<&str> = names.collect();
        format!("{} {names:?}", row_of(method, &self.action).id)
    }

    fn typed(&self) -> BTreeSet<&str> {
        let typed = self.fields.iter().filter(|(.., typed)| *typed);
        typed.map(|(name, ..)| name.as_str()).collect()
    }

    /// What would be sent with that text in those fields; the `n`-th time, for what must be there once only.
    fn filled(&self, which: &BTreeSet<&str>, text: &str, n: usize) -> String {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        for (name, value, typed) in &self.fields {
            // The form is sent again and again: each time as from a page that was just opened.
            if VERSIONS.contains(&name.as_str()) {
                continue;
            }
            let value = if *typed && which.contains(name.as_str()) {
                text.to_owned()
            } else if *typed && value.is_empty() {
                ordinary(name, n)
            } else {
                value.clone()
            };
            body.append_pair(name, &value);
        }
        body.finish()
    }
}

/// What somebody writes who means no harm, where a form cannot be sent without.
fn ordinary(name: &str, n: usize) -> String {
    match name {
        "key" => format!("XS{n}"),
        "login" => format!("login{n}"),
        "title" | "name" | "first_name" | "body" => format!("ordinary {n}"),
        "url" => "http://127.0.0.1:1/".to_owned(),
        "start_date" => "2026-03-02".to_owned(),
        "end_date" => "2026-03-16".to_owned(),
        _ => String::new(),
    }
}

/// A person at a browser, who can also send forms without it.
struct Typist<'s> {
    stage: &'s Stage,
    person: Person,
    browser: Browser,
}

impl Typist<'_> {
    async fn send(&self, form: &Form, body: &str) -> Got {
        let (own, cookie) = (self.stage.url(), self.person.cookie());
        let headers = [
            ("cookie", cookie.as_str()),
            ("origin", own.as_str()),
            ("sec-fetch-site", "same-origin"),
            FORM,
        ];
        let server = &self.stage.server;
        let got = if form.get {
            let path = format!("{}?{body}", form.action);
            send(server, "GET", &path, &headers[..1], "").await
        } else {
            send(server, "POST", &form.action, &headers, body).await
        };
        assert!(got.status < 500, "{}: {}", form.action, got.text);
        got
    }

    /// The page that an action leads to, with what it says of itself.
    async fn follow(&self, got: &Got) -> String {
        let cookie = format!("{}; {}", self.person.cookie(), got.cookie);
        let headers = [("cookie", cookie.as_str())];
        let server = &self.stage.server;
        send(server, "GET", &got.location, &headers, "").await.text
    }

    async fn inspect(&self, form: &Form, pages: Vec<String>) {
        let bad = self.browser.run(PARTS, &[json!(pages)]).await;
        assert_eq!(bad, json!([]), "{}", form.action);
    }

    /// Types every string into every field of it; how many fields took them, of how many.
    async fn types(&self, form: &Form, strings: &[String]) -> (usize, usize) {
        let typed = form.typed();
        let mut free = BTreeSet::new();
        let mut pages = Vec::new();
        let mut n = 1000;
        for name in &typed {
            n += 1;
            let one = BTreeSet::from([*name]);
            let got = self.send(form, &form.filled(&one, &strings[0], n)).await;
            if got.status < 400 {
                free.insert(*name);
            }
            pages.push(got.text);
        }
        for (n, some) in strings.chunks(AT_ONCE).enumerate() {
            let all = form.filled(&typed, &some.join(" "), 2000 + n);
            pages.push(self.send(form, &all).await.text);
        }
        if !free.is_empty() {
            for (n, s) in strings.iter().enumerate() {
                let got = self.send(form, &form.filled(&free, s, n)).await;
                if n % EVERY == 0 && got.status == 303 {
                    pages.push(self.follow(&got).await);
                } else {
                    pages.push(got.text);
                }
            }
        }
        self.inspect(form, pages).await;
        (free.len(), typed.len())
    }
}

/// Forms after which this session is over, or the project.
const ENDS: [&str; 1] = ["/settings/delete"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_typed_into_a_form_becomes_a_part_of_a_page() {
    let stage = Stage::bare().await;
    let receiver = Receiver::start(Behavior::ok()).await;
    set_the_scene(&stage, &receiver).await;
    let typist = Typist {
        stage: &stage,
        person: stage.administrator(),
        browser: Browser::open(Setup::default()).await,
    };
    let (browser, server) = (&typist.browser, &stage.server);
    let script = json!({"source": WATCH});
    browser
        .devtools("Page.addScriptToEvaluateOnNewDocument", script)
        .await;
    typist.person.sit_down(browser, server).await;
    let mut paths = Places::of(server, KEY).await.pages();
    paths.push(format!("/projects/{KEY}/webhooks/new?dialect=standard"));
    paths.push(format!("/projects/{KEY}/items/sprints/new"));
    let mut forms: Vec<Form> = Vec::new();
    let mut kinds = BTreeSet::new();
    for path in paths {
        visit(browser, server, &path).await;
        let found = browser.run(FORMS, &[]).await;
        let found = found.as_array().unwrap().iter().map(Form::of);
        forms.extend(found.filter(|form| kinds.insert(form.kind())));
    }
    forms.retain(|form| !ENDS.iter().any(|end| form.action.ends_with(end)));
    let strings = hostile::strings();
    let (mut taken, mut fields) = (0, 0);
    for form in &forms {
        let (free, typed) = typist.types(form, &strings).await;
        println!("{} {}: {free} of {typed} fields", form.get, form.action);
        taken += free;
        fields += typed;
    }
    println!(
        "{} forms, {taken} of {fields} fields took every string",
        forms.len()
    );
    assert!(
        forms.len() >= 20 && taken >= 30,
        "{taken} of {fields} fields of {} forms",
        forms.len()
    );
    // What was taken is shown somewhere.
    let mut known = Known::new();
    known.insert("{key}", vec![KEY.to_owned()]);
    for path in Places::of(server, KEY).await.pages_with(&known) {
        visit(browser, server, &path).await;
        look(browser, &stage.url(), &path).await;
    }
}

/// Something of each kind, so that every form is there.
async fn set_the_scene(stage: &Stage, receiver: &Receiver) {
    let server = &stage.server;
    let project = json!({"key": KEY, "name": "Forms"});
    server.call("POST", "/projects", &project).await;
    let below = async |method, path: &str, body: Value| {
        let path = format!("/projects/{KEY}{path}");
        server.call(method, &path, &body).await
    };
    let member = json!({"first_name": "Olga", "role": "product_owner"});
    below("PUT", "/members/1", member).await;
    let webhook = json!({"name": "Build", "url": receiver.url("/hook"), "dialect": "standard", "events": "all", "secret": "one of the stage"});
    below("POST", "/webhooks", webhook).await;
    below("PUT", "/stories/1", json!({"title": "First light"})).await;
    let on = json!({"collection": "stories", "id": 1});
    let timer = json!({"on": on, "running": true, "member": 1});
    below("POST", "/time-entries", timer).await;
    let spent = json!({"on": on, "minutes": 5, "member": 1});
    below("POST", "/time-entries", spent).await;
    below("POST", "/comments", json!({"on": on, "body": "Bright."})).await;
    let token = json!({"name": "tracker", "kind": "app"});
    below("POST", "/tokens", token).await;
    receiver.requests(1, PATIENCE).await;
}
