//! Generated pages of the documentation are what the program says.

use std::path::PathBuf;

use super::world::tidings;

fn fresh(name: &str, arguments: &[&str], heading: &str) {
    let output = tidings(arguments).output().unwrap();
    assert!(output.status.success());
    let text = format!(
        "{heading}{}```\n",
        String::from_utf8(output.stdout).unwrap()
    );
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/reference")
        .join(name);
    #[expect(clippy::disallowed_methods, reason = "the tests' own switch")]
    if std::env::var("TIDINGS_BLESS").is_ok() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == text,
        "docs/reference/{name} is stale: run `cargo xtask golden` and read the diff"
    );
}

#[test]
fn reference_of_the_configuration_is_fresh() {
    let heading = "# Configuration\n\nPrinted by `tidings config reference`.\n\n```toml\n";
    fresh("configuration.md", &["config", "reference"], heading);
}
