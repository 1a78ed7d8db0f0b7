//! What the tests need beyond Rust: Python and Node with the official Standard Webhooks packages, as independent judges of our
//! signatures; Chromium with its driver and axe-core, as judges of our pages. Installed from Debian, PyPI and npm; nothing else is
//! fetched.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::kit::{program, tools};

/// The version of the official packages that the tests verify against.
const STANDARD_WEBHOOKS: &str = "1.1.0";

/// The version of axe-core that judges the pages.
const AXE: &str = "4.14.1";

/// Every Python package that is installed, with its version: what schemathesis generates from a seed differs from version to version,
/// also of what it stands on.
const PYTHON: &str = include_str!("python.txt");

/// What of them is wanted for itself.
const WANTED: [&str; 2] = ["standardwebhooks", "schemathesis"];

/// Installs what is missing.
pub(crate) fn run() -> anyhow::Result<()> {
    fs::create_dir_all(tools()).context("cannot make the folder for tools")?;
    debian()?;
    python()?;
    node()
}

fn debian() -> anyhow::Result<()> {
    let mut missing = Vec::new();
    let probe = tools().join("probe-venv");
    if !program("python3", &["-m", "venv", &probe.to_string_lossy()]).works() {
        missing.extend(["python3", "python3-venv"]);
    }
    fs::remove_dir_all(&probe).ok();
    if !program("node", &["--version"]).works() {
        missing.push("nodejs");
    }
    if !program("npm", &["--version"]).works() {
        missing.push("npm");
    }
    if !program("chromium", &["--version"]).works() {
        // Without a font of its own, a fresh machine writes boxes.
        missing.extend(["chromium", "fonts-dejavu-core"]);
    }
    if !program("chromedriver", &["--version"]).works() {
        missing.push("chromium-driver");
    }
    install(&missing)
}

/// Another clock for a process, so that pictures of the same pages are the same.
pub(crate) fn other_clock() -> anyhow::Result<()> {
    let mut machines = fs::read_dir("/usr/lib")?.filter_map(Result::ok);
    if machines.any(|m| m.path().join("faketime/libfaketime.so.1").exists()) {
        return Ok(());
    }
    install(&["libfaketime"])
}

fn install(missing: &[&str]) -> anyhow::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    println!("installing from Debian: {packages}");
    if !is_root() {
        bail!(
            "the tests need Debian packages; run once as root: apt-get update && apt-get install -y --no-install-recommends {packages}"
        );
    }
    program("apt-get", &["update", "-qq"]).run("apt-get update")?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(missing);
    program("apt-get", &arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run("apt-get install")
}

fn is_root() -> bool {
    let output = program("id", &["-u"]).command().output();
    output.is_ok_and(|o| o.stdout.trim_ascii() == b"0")
}

fn python() -> anyhow::Result<()> {
    let venv = tools().join("python");
    let python = venv.join("bin/python").to_string_lossy().into_owned();
    let pinned: Vec<(&str, &str)> = PYTHON
        .lines()
        .filter_map(|line| line.split_once("=="))
        .collect();
    if program(&python, &["-c", &probe(&pinned)]).works() {
        return Ok(());
    }
    program("python3", &["-m", "venv", &venv.to_string_lossy()]).run("python environment")?;
    let constraints = tools().join("python.txt");
    fs::write(&constraints, PYTHON)?;
    let constraints = constraints.to_string_lossy();
    let mut arguments = vec![
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--constraint",
        &constraints,
    ];
    arguments.extend(WANTED);
    program(&python, &arguments).run("PyPI: standardwebhooks, schemathesis")
}

/// A program that fails unless what is wanted is there, and everything in its version. What one Python needs, another may not.
fn probe(pinned: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pinned
        .iter()
        .map(|(name, version)| format!("({name:?}, {version:?})"))
        .collect();
    format!(
        "from importlib.metadata import distributions\n\
         there = {{d.metadata['Name'].lower(): d.version for d in distributions()}}\n\
         assert all(name in there for name in {WANTED:?})\n\
         assert all(there.get(name.lower(), version) == version for name, version in [{}])",
        pairs.join(", ")
    )
}

fn node() -> anyhow::Result<()> {
    let folder = tools().join("node");
    fs::create_dir_all(&folder)?;
    let wanted = [("standardwebhooks", STANDARD_WEBHOOKS), ("axe-core", AXE)];
    let missing = wanted
        .iter()
        .filter(|(name, version)| !has(&folder, name, version));
    let missing: Vec<String> = missing
        .map(|(name, version)| format!("{name}@{version}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    fs::write(folder.join("package.json"), "{\"private\": true}\n")?;
    let prefix = folder.to_string_lossy().into_owned();
    let mut arguments = vec![
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--no-save",
        "--prefix",
        &prefix,
    ];
    // All of them: npm removes what it is not told of.
    let all = wanted.map(|(name, version)| format!("{name}@{version}"));
    arguments.extend(all.iter().map(String::as_str));
    program("npm", &arguments).run(&format!("npm: {}", missing.join(", ")))
}

/// Whether that very version of a package is there.
fn has(folder: &Path, name: &str, version: &str) -> bool {
    let path = folder.join("node_modules").join(name).join("package.json");
    let package = fs::read(path).ok();
    let package = package.and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    package.is_some_and(|p| p.get("version").and_then(serde_json::Value::as_str) == Some(version))
}
