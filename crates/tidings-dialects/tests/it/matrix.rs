//! The tables in `docs/dialects/README.md`: which call is told under which codes, worked out by letting it happen.
//!
//! `TIDINGS_BLESS=1 cargo test -p tidings-dialects` writes them anew between the file's two marks.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use tidings_dialects::sample::{SERVER_URL, Sample, Stage};
use tidings_dialects::{Dialect, Scope, all, find, render};
use tidings_domain::{Collection, Value};

const BEGIN: &str = "<!-- made by tests/it/matrix.rs; the text above is free -->\n";

/// Happenings that the standard dialect's own samples do not show.
fn more() -> Vec<(&'static str, Sample)> {
    use Collection::{
        AcceptanceTests, Comments, Defects, Discussions, Features, PullRequests, Sprints, Stories,
        Tasks, Votes, WikiPages,
    };
    let status = |c, name: &str| Stage::new().updated(c, [("status", name.into())]);
    let comment = |on| Stage::new().created_on(Comments, on);
    let title = [("title", "Another title".into())];
    vec![
        (
            "PATCH story: title",
            Stage::new().updated(Stories, title.clone()),
        ),
        ("PATCH story: status", status(Stories, "Closed")),
        ("PATCH defect: status", status(Defects, "Closed")),
        ("PATCH task: title", Stage::new().updated(Tasks, title)),
        ("PATCH task: status", status(Tasks, "Closed")),
        (
            "PATCH task: column",
            Stage::new().updated(Tasks, [("column", "Done".into())]),
        ),
        (
            "PATCH task: assignees",
            Stage::new().updated(Tasks, [("assignees", vec![9].into())]),
        ),
        (
            "PATCH task: rank",
            Stage::new().updated(Tasks, [("rank", 9.into())]),
        ),
        (
            "PATCH acceptance test: name",
            Stage::new().updated(AcceptanceTests, [("name", "x".into())]),
        ),
        (
            "PATCH sprint: goal",
            Stage::new().updated(Sprints, [("goal", "x".into())]),
        ),
        ("POST comment on a story", comment(Stories)),
        ("POST comment on a task", comment(Tasks)),
        ("POST comment on a feature", comment(Features)),
        ("POST comment on a wiki page", comment(WikiPages)),
        ("POST comment on a pull request", comment(PullRequests)),
        (
            "POST vote on a discussion",
            Stage::new().created_on(Votes, Discussions),
        ),
        ("DELETE vote on a story", Stage::new().deleted(Votes)),
        ("PATCH items, as a whole", Stage::new().bulk()),
    ]
}

fn told(dialect: &dyn Dialect, sample: &Sample) -> String {
    let scope = Scope {
        event: &sample.event,
        view: &sample.scene,
        server_url: SERVER_URL,
        options: &Value::Null,
    };
    let said = render(dialect, &scope, &mut |_| true);
    // A webhook with every code gets no message that stands back for another one.
    let all: Vec<_> = said.iter().map(|m| m.code).collect();
    let mut codes: Vec<String> = Vec::new();
    for message in said {
        let code = format!("`{}`", message.code);
        if !message.unless.is_some_and(|other| all.contains(&other)) && !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes.join(", ")
}

fn tables() -> String {
    let others: Vec<_> = all().iter().filter(|d| d.name() != "standard").collect();
    let mut out = String::from("## One change, six ways to say it\n\n");
    out.push_str(
        "Empty: the vendor has no word for it, and the dialect is silent.\n\n| change | standard |",
    );
    for dialect in &others {
        let _ = write!(out, " {} |", dialect.title());
    }
    out.push_str("\n|---|---|");
    out.push_str(&"---|".repeat(others.len()));
    out.push('\n');
    let standard = find("standard").unwrap();
    let own = standard.phrases().iter().map(|phrase| {
        let call = match phrase.cause.body {
            "" => String::new(),
            body => format!(" `{body}`"),
        };
        let call = format!("{} {}{call}", phrase.cause.method, phrase.cause.path);
        (call, (phrase.sample)(Stage::new()))
    });
    let more = more()
        .into_iter()
        .map(|(call, sample)| (call.to_owned(), sample));
    for (call, sample) in own.chain(more) {
        let _ = write!(
            out,
            "| {} | {} |",
            call.replace('|', "\\|"),
            told(standard, &sample)
        );
        for dialect in &others {
            let _ = write!(out, " {} |", told(**dialect, &sample));
        }
        out.push('\n');
    }
    for dialect in others {
        let _ = write!(
            out,
            "\n## {}\n\n| code | what | caused by, for example |\n|---|---|---|\n",
            dialect.title()
        );
        for phrase in dialect.phrases() {
            let body = match phrase.cause.body {
                "" => String::new(),
                body => format!(" `{body}`"),
            };
            let (method, path) = (phrase.cause.method, phrase.cause.path);
            let _ = writeln!(
                out,
                "| `{}` | {} | {method} {path}{body} |",
                phrase.code, phrase.name
            );
        }
    }
    out
}

#[test]
fn the_tables_in_the_papers_are_true() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dialects/README.md");
    let text = fs::read_to_string(&file).unwrap();
    let (free, made) = text.split_once(BEGIN).expect("the mark is there");
    let tables = tables();
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of this test, not of the product"
    )]
    let bless = std::env::var("TIDINGS_BLESS").is_ok();
    if bless && made.trim_start() != tables {
        fs::write(&file, format!("{free}{BEGIN}\n{tables}")).unwrap();
    } else {
        assert!(
            made.trim_start() == tables,
            "run with TIDINGS_BLESS=1: the tables of {} are old",
            file.display()
        );
    }
}
