//! Precedence, refusals and warnings of the configuration.

use std::path::Path;

use super::{SETTINGS, Source, load};

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let file = file("[retention]\ndays = 7\nrows = 70\nbytes = 700\n");
    let env = environment(&[
        ("TIDINGS_RETENTION_ROWS", "80"),
        ("TIDINGS_RETENTION_BYTES", "800"),
    ]);
    let loaded = load(
        Some(file.path()),
        &env,
        &[("retention.bytes", "900".into())],
    )
    .unwrap();
    let c = &loaded.config;
    assert_eq!(
        (
            c.retention_days,
            c.retention_rows,
            c.retention_bytes,
            c.retention_held_days
        ),
        (7, 80, 900, 90)
    );
    let at = SETTINGS
        .iter()
        .position(|s| s.key == "retention.bytes")
        .unwrap();
    assert_eq!(loaded.sources[at], Source::Flag);
}

#[test]
fn lists_can_be_lists() {
    let file = file("[egress]\nallow = [\"10.0.0.0/8\", \"hooks.internal:8443\"]\n");
    let loaded = load(Some(file.path()), &[], &[]).unwrap();
    assert_eq!(
        loaded.config.egress_allow,
        ["10.0.0.0/8", "hooks.internal:8443"]
    );
}

#[test]
fn every_fault_is_named_at_once() {
    let file = file("[server]\nlisten = \"nowhere\"\nlistne = \"x\"\n[retention]\ndays = 0\n");
    let error = load(Some(file.path()), &[], &[]).err().unwrap().to_string();
    for part in [
        "server.listen",
        "ADDR:PORT",
        "server.listne: there is no such setting",
        "retention.days",
        "1 to 36500",
    ] {
        assert!(error.contains(part), "{error}\nlacks {part}");
    }
}

#[test]
fn a_secret_is_not_repeated_in_its_fault() {
    let error = load(
        None,
        &environment(&[("TIDINGS_ADMIN_TOKEN", "hunter2")]),
        &[],
    )
    .err()
    .unwrap()
    .to_string();
    assert!(
        error.contains("admin.token") && !error.contains("hunter2"),
        "{error}"
    );
}

#[test]
fn foreign_variables_are_only_warned_about() {
    let loaded = load(
        None,
        &environment(&[
            ("TIDINGS_COLOUR", "blue"),
            ("PATH", "/bin"),
            ("TIDINGS_URL", "http://x"),
        ]),
        &[],
    )
    .unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].contains("TIDINGS_COLOUR"));
}

#[test]
fn a_missing_file_is_named() {
    let error = load(Some(Path::new("/nonexistent/tidings.toml")), &[], &[])
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("/nonexistent/tidings.toml"));
}

#[test]
fn what_is_shown_can_be_read_back() {
    let mut config = super::Config::default();
    for setting in SETTINGS.iter().filter(|s| !s.secret) {
        let shown = (setting.show)(&config);
        if !shown.is_empty() {
            (setting.set)(&mut config, &shown).unwrap_or_else(|e| panic!("{}: {e}", setting.key));
        }
    }
    assert_eq!(config, super::Config::default());
}
