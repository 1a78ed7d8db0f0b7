//! The walls between the crates, read from cargo's own metadata.

use std::collections::BTreeSet;

use anyhow::Context;

/// The floors, from the ground up; a crate may only depend on floors below its own.
const FLOORS: &[&[&str]] = &[
    &["tidings-domain"],
    &["tidings-dialects", "tidings-storage", "tidings-egress"],
    &["tidings-delivery", "tidings-sqlite"],
    &["tidings-app"],
    &["tidings-web"],
    &["tidings"],
];

/// Outside libraries that belong behind one wall: library, the crates that may use it.
const WALLS: &[(&str, &[&str])] = &[
    ("rusqlite", &["tidings-sqlite"]),
    ("axum", &["tidings-web"]),
    ("hickory-resolver", &["tidings-egress"]),
    ("rustls", &["tidings-egress", "tidings-testkit"]),
    ("chacha20poly1305", &["tidings-app"]),
    ("clap", &["tidings"]),
    ("toml", &["tidings"]),
];

struct Package {
    name: String,
    /// Normal dependencies.
    uses: BTreeSet<String>,
    /// Dependencies of its tests.
    tests_use: BTreeSet<String>,
}

fn packages() -> anyhow::Result<Vec<Package>> {
    let arguments = [
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ];
    let output = crate::kit::cargo(&arguments)
        .command()
        .output()
        .context("cannot run cargo metadata")?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata is no JSON")?;
    let text =
        |value: &serde_json::Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let mut all = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let mut found = Package {
            name: text(package, "name"),
            uses: BTreeSet::new(),
            tests_use: BTreeSet::new(),
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let set = if dependency["kind"].is_null() {
                &mut found.uses
            } else {
                &mut found.tests_use
            };
            set.insert(text(dependency, "name"));
        }
        all.push(found);
    }
    Ok(all)
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

#[test]
fn dependencies_only_point_down() {
    let packages = packages().unwrap();
    assert!(
        packages.len() > FLOORS.len(),
        "cargo metadata lists the workspace"
    );
    for package in &packages {
        let Some(own) = floor(&package.name) else {
            assert!(
                ["xtask", "tidings-testkit"].contains(&package.name.as_str()),
                "{} stands on no floor",
                package.name
            );
            continue;
        };
        for used in package.uses.iter().filter(|u| u.starts_with("tidings")) {
            let below = floor(used).is_some_and(|f| f < own);
            assert!(
                below,
                "{} may not use {used}: dependencies only point down",
                package.name
            );
        }
    }
}

#[test]
fn outside_libraries_stay_behind_their_walls() {
    for package in packages().unwrap() {
        for (library, allowed) in WALLS {
            let inside =
                allowed.contains(&package.name.as_str()) || package.name == "tidings-testkit";
            assert!(
                inside || !package.uses.contains(*library),
                "{} may not use {library}: only {allowed:?} may",
                package.name
            );
        }
    }
}

#[test]
fn nothing_ships_the_testkit_or_the_chores() {
    for package in packages().unwrap() {
        assert!(
            !package.uses.contains("tidings-testkit") && !package.uses.contains("xtask"),
            "{}",
            package.name
        );
        assert!(!package.tests_use.contains("xtask"), "{}", package.name);
    }
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let root = crate::kit::root();
    let output = crate::kit::program("git", &["ls-files", "*.rs"])
        .command()
        .current_dir(&root)
        .output()
        .unwrap();
    for file in String::from_utf8_lossy(&output.stdout).lines() {
        // A file that was deleted but not yet committed is listed too.
        let Ok(text) = std::fs::read_to_string(root.join(file)) else {
            continue;
        };
        assert!(
            text.starts_with("//!"),
            "{file} does not open with `//!` and a sentence of purpose"
        );
    }
}
