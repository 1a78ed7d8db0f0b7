//! Every test, with minutes per stage and one line at the end that says how it went.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, bail};

use crate::{kit, setup};

/// Sets up, builds, tests, sums up.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let started = Instant::now();
    setup::run().context("setting up the tests")?;
    println!(
        "== setup: {:.1} min",
        started.elapsed().as_secs_f64() / 60.0
    );
    kit::cargo(&["test", "--workspace", "--locked", "--no-run", "--quiet"]).run("build")?;
    let (mut passed, mut failed) = suites(arguments)?;
    if arguments.is_empty() {
        let (more, worse) = counted(&SCHEMATHESIS, "schemathesis")?;
        passed += more;
        failed += worse;
    }
    println!("== all: {:.1} min", started.elapsed().as_secs_f64() / 60.0);
    println!("{passed} passed, {failed} failed");
    if failed > 0 || passed == 0 {
        bail!("{failed} tests failed, {passed} passed");
    }
    Ok(())
}

/// The API's description against the server: a stage of its own, for it counts minutes.
const SCHEMATHESIS: [&str; 10] = [
    "test",
    "--locked",
    "--package",
    "tidings",
    "--test",
    "it",
    "schemathesis::",
    "--",
    "--ignored",
    "--nocapture",
];

/// Runs the suites.
fn suites(arguments: &[String]) -> anyhow::Result<(u64, u64)> {
    let mut all = vec!["test", "--workspace", "--locked", "--no-fail-fast"];
    all.extend(arguments.iter().map(String::as_str));
    counted(&all, "tests")
}

/// Runs cargo; its own lines go by as they come, the counts are added up.
fn counted(arguments: &[&str], what: &str) -> anyhow::Result<(u64, u64)> {
    let started = Instant::now();
    let mut command = kit::cargo(arguments)
        .env("TIDINGS_TOOLS", kit::tools())
        .command();
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let (mut passed, mut failed) = (0, 0);
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            if let Some((p, f)) = counts(&line) {
                passed += p;
                failed += f;
            }
            // A line for each passed test says nothing; failures and their output do.
            if !line.ends_with("... ok") {
                println!("{line}");
            }
        }
    }
    let status = child.wait()?;
    println!(
        "== {what}: {:.1} min",
        started.elapsed().as_secs_f64() / 60.0
    );
    // A suite that did not compile or was killed has no counts, but cargo says so.
    if !status.success() && failed == 0 {
        failed = 1;
    }
    Ok((passed, failed))
}

fn counts(line: &str) -> Option<(u64, u64)> {
    let rest = line.strip_prefix("test result: ")?;
    let number = |word: &str| {
        rest.split([';', '.'])
            .find_map(|part| part.trim().strip_suffix(word))
            .and_then(|n| n.trim().parse::<u64>().ok())
    };
    Some((number("passed")?, number("failed")?))
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn counts_are_read_from_a_result_line() {
        let line = "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.01s";
        assert_eq!(counts(line), Some((12, 0)));
        let line = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(counts(line), Some((1, 2)));
        assert_eq!(counts("running 3 tests"), None);
    }
}
