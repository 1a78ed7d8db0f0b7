//! The fuzz targets, each for a while: `cargo xtask soak fuzz [SECONDS] [TARGET]` (60 s each). Needs a nightly compiler and cargo-fuzz;
//! says so where they are absent, and is no failure then: the same checks run as plain tests.

use std::path::Path;

use anyhow::Context;

use crate::kit;

pub(super) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let seconds = arguments.first().map_or("60", String::as_str);
    let only = arguments.get(1);
    if !kit::program("cargo", &["+nightly", "--version"]).works() {
        println!(
            "soak fuzz: skipped, there is no nightly compiler (rustup toolchain install nightly)"
        );
        return Ok(());
    }
    if !kit::program("cargo", &["+nightly", "fuzz", "--version"]).works() {
        println!("soak fuzz: skipped, there is no cargo-fuzz (cargo install cargo-fuzz)");
        return Ok(());
    }
    let mut targets = targets(&kit::root().join("fuzz/fuzz_targets"))?;
    targets.retain(|target| only.is_none_or(|only| only == target));
    println!("soak fuzz: {} targets, {seconds} s each", targets.len());
    for target in targets {
        let time = format!("-max_total_time={seconds}");
        // The code is safe Rust: what an address sanitizer finds, the compiler has refused.
        let words = [
            "+nightly",
            "fuzz",
            "run",
            "--fuzz-dir",
            "fuzz",
            "-s",
            "none",
        ];
        let ends = [
            "--",
            &time,
            "-timeout=5",
            "-max_len=65536",
            "-print_final_stats=1",
        ];
        let all: Vec<&str> = words
            .into_iter()
            .chain([target.as_str()])
            .chain(ends)
            .collect();
        kit::cargo(&all).run(&format!("fuzz {target}"))?;
    }
    Ok(())
}

/// The names of the targets: one file each.
fn targets(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        names.extend(name.map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}
