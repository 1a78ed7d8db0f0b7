//! The project's chores, in plain Rust so that there is nothing to install.
#![expect(
    clippy::print_stdout,
    reason = "a command line tool talks on standard output"
)]

mod bench;
mod kit;
mod setup;
mod soak;
mod test;
#[cfg(test)]
mod walls;

use std::process::ExitCode;

const COMMANDS: &[(&str, &str)] = &[
    (
        "setup",
        "install what the tests need (Debian packages, PyPI, npm); says what it does",
    ),
    (
        "check",
        "the quick gate: format, clippy and docs without a warning",
    ),
    (
        "test",
        "set up what is missing, then run every test; what the README names and CI runs",
    ),
    (
        "golden",
        "rewrite the golden files and the generated reference; read the diff before you commit it",
    ),
    (
        "screenshots",
        "pictures of the console's main pages into docs/screenshots; look at them before you commit them",
    ),
    (
        "sample",
        "the project of these pictures on a running server, to walk about in; prints a link for each role, until Ctrl-C",
    ),
    (
        "bench",
        "the benchmarks: shares of what a bare client reaches on this machine, in one run; --help lists them",
    ),
    (
        "soak",
        "the long runs with the large figures: all of them, or one by name; an unknown name lists them",
    ),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let result = match command.as_str() {
        "setup" => setup::run(),
        "check" => check(),
        "test" => test::run(&rest),
        "golden" => golden(),
        "screenshots" => screenshots(),
        "sample" => sample(),
        "bench" => bench::run(&rest),
        "soak" => soak::run(&rest),
        _ => {
            println!("cargo xtask COMMAND\n");
            for (name, what) in COMMANDS {
                println!("  {name:11} {what}");
            }
            return if command.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(2)
            };
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("xtask {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> anyhow::Result<()> {
    kit::cargo(&["fmt", "--all", "--check"]).run("format")?;
    kit::cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ])
    .run("clippy")?;
    kit::cargo(&["doc", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run("docs")
}

fn screenshots() -> anyhow::Result<()> {
    setup::run()?;
    setup::other_clock()?;
    let folder = kit::root().join("docs/screenshots");
    browser(&["pictures_of_the_main_pages"])
        .env("TIDINGS_TOOLS", kit::tools())
        .env("TIDINGS_PICTURES", &folder)
        .run("pictures")?;
    println!("written to {}", folder.display());
    Ok(())
}

fn sample() -> anyhow::Result<()> {
    browser(&["--nocapture", "sample_to_look_at"]).run("sample")
}

/// A browser test that only a task here runs.
fn browser(arguments: &[&str]) -> kit::Program {
    let test = [
        "test",
        "--quiet",
        "--package",
        "tidings",
        "--test",
        "browser",
        "--",
        "--ignored",
    ];
    kit::cargo(&[&test, arguments].concat())
}

fn golden() -> anyhow::Result<()> {
    let rewritten = [
        (
            "dialects",
            &["--package", "tidings-dialects", "--test", "it"][..],
        ),
        (
            "OpenAPI",
            &["--package", "tidings-web", "--test", "it", "openapi"],
        ),
        (
            "settings",
            &["--package", "tidings", "--test", "it", "reference"],
        ),
    ];
    for (what, arguments) in rewritten {
        let arguments: Vec<&str> = ["test", "--quiet"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        kit::cargo(&arguments).env("TIDINGS_BLESS", "1").run(what)?;
    }
    println!("rewritten; `git diff` shows what changed");
    Ok(())
}
