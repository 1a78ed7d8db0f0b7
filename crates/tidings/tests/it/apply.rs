//! `webhook apply`: the webhooks of a project as a file says.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tidings_testkit::dns::{Dns, Zone};

use super::world::{Server, TOKEN, tidings};

const FILE: &str = r#"
[[webhook]]
name = "CI"
url = "http://127.0.0.1:1/ci"
dialect = "icescrum"
events = ["task.state", "task.update"]
secret_env = "CI_SECRET"

[[webhook]]
name = "Chat"
url = "http://127.0.0.1:1/chat"
dialect = "standard"
max_in_flight = 2
header_env = { Authorization = "CHAT_AUTH" }
"#;

struct World {
    folder: tempfile::TempDir,
    server: Server,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path());
        Self::on(folder, server).await
    }

    async fn on(folder: tempfile::TempDir, server: Server) -> Self {
        let project = json!({"key": "P", "name": "Project"});
        server.call("POST", "/projects", &project).await;
        Self { folder, server }
    }

    fn file(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("webhooks.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `webhook apply -f FILE` with what else is given.
    fn apply(&self, file: &Path, more: &[&str]) -> Output {
        let file = file.to_str().unwrap();
        let fixed = ["webhook", "--project", "P", "apply", "-f", file];
        tidings(&[&fixed, more].concat())
            .env("TIDINGS_URL", self.server.url())
            .env("TIDINGS_TOKEN", TOKEN)
            .env("CI_SECRET", "hunter2")
            .env("CHAT_AUTH", "Bearer hunter3")
            .output()
            .unwrap()
    }

    async fn webhooks(&self) -> Vec<Value> {
        let all = self
            .server
            .call("GET", "/projects/P/webhooks", &Value::Null)
            .await;
        all["data"].as_array().unwrap().clone()
    }
}

fn text(output: &Output) -> String {
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!text.contains("hunter"), "{text}");
    text
}

fn names(webhooks: &[Value]) -> Vec<&str> {
    webhooks
        .iter()
        .map(|w| w["name"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn looked_at_asked_for_made_and_then_the_same() {
    let world = World::new().await;
    let file = world.file(FILE);
    let looked = world.apply(&file, &["--dry-run"]);
    let said = text(&looked);
    assert_eq!(looked.status.code(), Some(0), "{said}");
    assert!(
        said.contains("CI: create")
            && said.contains("secret: *** (from CI_SECRET)")
            && said.contains("headers.Authorization: *** (from CHAT_AUTH)")
            && said.contains("2 to create, 0 to change"),
        "{said}"
    );
    // Nobody can be asked here.
    let refused = world.apply(&file, &[]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    assert!(text(&refused).contains("--yes"), "{}", text(&refused));
    assert!(world.webhooks().await.is_empty());

    let applied = world.apply(&file, &["--yes"]);
    let said = text(&applied);
    assert_eq!(applied.status.code(), Some(0), "{said}");
    assert!(
        said.contains("created CI (1)") && said.contains("created Chat (2)"),
        "{said}"
    );
    let made = world.webhooks().await;
    assert_eq!(names(&made), ["CI", "Chat"]);
    assert_eq!(made[0]["has_secret"], true);
    assert_eq!(made[1]["headers"], json!({"Authorization": "***"}));

    // The same again writes nothing, and needs nobody's consent.
    let again = world.apply(&file, &[]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again));
    assert!(text(&again).contains("0 to create, 0 to change, 0 to delete, 2 as they should be"));
    let same = world.webhooks().await;
    assert_eq!(same[0]["updated_at"], made[0]["updated_at"]);

    // An edit of the file changes just that.
    let file = world.file(&FILE.replace("max_in_flight = 2", "max_in_flight = 3"));
    let said = text(&world.apply(&file, &["--yes"]));
    assert!(
        said.contains("Chat (2): change") && said.contains("max_in_flight: 2 -> 3"),
        "{said}"
    );
    assert!(said.contains("CI (1): unchanged"), "{said}");
    assert_eq!(world.webhooks().await[1]["max_in_flight"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_ones_stay_without_prune() {
    let world = World::new().await;
    world.apply(&world.file(FILE), &["--yes"]);
    let only = FILE.split("\n[[webhook]]\nname = \"Chat\"").next().unwrap();
    let file = world.file(only);
    let said = text(&world.apply(&file, &["--yes"]));
    assert!(
        said.contains("Chat (2): is not in the file and stays"),
        "{said}"
    );
    assert_eq!(names(&world.webhooks().await), ["CI", "Chat"]);
    let looked: Value = {
        let output = world.apply(&file, &["--prune", "--dry-run", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(looked["plan"][1]["action"], "delete");
    assert_eq!(looked["done"], json!([]));
    let said = text(&world.apply(&file, &["--prune", "--yes"]));
    assert!(said.contains("deleted Chat (2)"), "{said}");
    assert_eq!(names(&world.webhooks().await), ["CI"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_half_way_says_what_was_done_and_what_was_not() {
    let world = World::new().await;
    let bad = FILE.replace("\"task.state\"", "\"task.nonsense\"");
    let good = "\n[[webhook]]\nname = \"First\"\nurl = \"http://127.0.0.1:1/first\"\ndialect = \"squish\"\n";
    let file = world.file(&format!("{good}{bad}"));
    let output = world.apply(&file, &["--yes"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("created First (1)")
            && said.contains("still to do: create \"CI\", create \"Chat\"")
            && said.contains("/events/0"),
        "{said}"
    );
    assert_eq!(names(&world.webhooks().await), ["First"]);
    // Mended, it goes on from there.
    let file = world.file(&format!("{good}{FILE}"));
    let output = world.apply(&file, &["--yes", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["plan"][0]["action"], "unchanged");
    assert_eq!(report["done"].as_array().unwrap().len(), 2, "{report}");
    assert_eq!(report["failure"], Value::Null);
    assert_eq!(names(&world.webhooks().await), ["First", "CI", "Chat"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_faults_changes_nothing() {
    let world = World::new().await;
    let file = world.file(&format!("{FILE}evnts = \"all\"\n"));
    let output = world.apply(&file, &["--yes"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("webhooks.toml: line 15: `evnts` is not known here"),
        "{said}"
    );
    let file = world.file(&FILE.replace("CI_SECRET", "NOT_THERE"));
    let output = world.apply(&file, &["--yes"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("the variable NOT_THERE is not set"));
    assert!(world.webhooks().await.is_empty());
}

/// The example of the documentation is a file that can be applied.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_can_be_applied() {
    let dns = Dns::start().await;
    for host in ["builds.example.com", "chat.example.com"] {
        dns.set(host, Zone::address("93.184.215.14"));
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::guarded(folder.path(), dns.addr());
    let world = World::on(folder, server).await;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/webhooks.example.toml");
    let output = world.apply(&example, &["--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let again = world.apply(&example, &[]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again));
}
