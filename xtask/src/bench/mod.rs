//! The benchmarks: the real binary, a receiver and feeders as processes of their own, measured against a bare client in one run.
//!
//! | module | holds |
//! |---|---|
//! | [`options`] | what the command line asks for |
//! | [`goals`] | what each figure must reach, and aims at |
//! | [`figures`] | median, minimum and maximum of the rounds |
//! | [`process`] | children that never outlive us, their CPU time and memory |
//! | [`load`], [`server`] | the processes: receiver, feeders, `tidings serve` |
//! | [`disk`] | the disk's own sync time, and where the databases lie |
//! | [`stage`] | one server with one receiver and a filled world, and a measured run of feeders over it |
//! | [`report`] | what is printed and written |
//! | [`workloads`] | the workloads, one function each |

mod disk;
mod figures;
mod goals;
mod load;
mod options;
mod process;
mod report;
mod server;
mod stage;
mod workloads;

use anyhow::Context;

use crate::kit;

use disk::Disks;
use options::Options;
use report::Report;

/// What a run has: where it runs, what it was asked, what it found.
struct Bench {
    options: Options,
    disks: Disks,
    report: Report,
}

/// `cargo xtask bench [WORKLOAD...] [options]`.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let Some(options) = Options::read(arguments)? else {
        println!("{}\n", options::USAGE);
        for (name, what, _) in workloads::ALL {
            println!("  {name:6} {what}");
        }
        return Ok(());
    };
    if !options.no_build {
        kit::build_programs()?;
        // By themselves: the tests' features of what they need must not come into the server.
        let filler = |package, example| {
            let what = [
                "build",
                "--release",
                "--package",
                package,
                "--example",
                example,
            ];
            kit::cargo(&what).run("build what fills the log")
        };
        if options.wants("W7") || options.wants("level") {
            filler("tidings-sqlite", "fill")?;
        }
        if options.wants("pages") {
            filler("tidings-web", "pages")?;
        }
    }
    let disks = Disks::find(&options)?;
    let mut bench = Bench {
        report: Report::new(&disks),
        options,
        disks,
    };
    for (name, _, workload) in workloads::ALL {
        if bench.options.wants(name) {
            workload(&mut bench).with_context(|| (*name).to_owned())?;
        }
    }
    bench.report.finish(&bench.options)
}

impl Bench {
    /// Runs a round as often as asked.
    fn rounds<T>(&self, mut one: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<Vec<T>> {
        (0..self.options.rounds).map(|_| one()).collect()
    }
}
