//! What is printed while it runs, the table at the end, and the JSON file.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::disk::{Disks, SLOW_MS};
use super::figures::Figures;
use super::goals::{Better, Goal, Verdict};
use super::options::Options;

/// One figure of a workload.
struct Line {
    metric: &'static str,
    unit: &'static str,
    figures: Figures,
}

/// What a workload found.
pub(super) struct Entry {
    workload: &'static str,
    what: &'static str,
    lines: Vec<Line>,
    notes: Vec<String>,
    failures: Vec<String>,
    /// What only the file has.
    more: Vec<(&'static str, Value)>,
}

/// Everything that was found.
pub(super) struct Report {
    machine: Value,
    entries: Vec<Entry>,
}

impl Entry {
    pub(super) fn new(workload: &'static str, what: &'static str) -> Self {
        Self {
            workload,
            what,
            lines: Vec::new(),
            notes: Vec::new(),
            failures: Vec::new(),
            more: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, metric: &'static str, unit: &'static str, figures: Figures) {
        self.lines.push(Line {
            metric,
            unit,
            figures,
        });
    }

    /// The run fails because of it, once everything is told.
    pub(super) fn fail(&mut self, why: impl Into<String>) {
        self.failures.push(why.into());
    }

    /// Something for the file alone.
    pub(super) fn attach(&mut self, name: &'static str, what: Value) {
        self.more.push((name, what));
    }

    pub(super) fn remark(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

impl Report {
    pub(super) fn new(disks: &Disks) -> Self {
        let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        println!(
            "{processors} processors; disk sync: median {:.3} ms, p99 {:.3} ms",
            disks.sync.median_ms, disks.sync.p99_ms
        );
        if disks.is_slow() {
            println!("the median is above {SLOW_MS} ms: W1 and W1b run on tmpfs");
        }
        let machine = json!({
            "processors": processors,
            "kernel": std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
            "disk_sync_median_ms": disks.sync.median_ms,
            "disk_sync_p99_ms": disks.sync.p99_ms,
            "w1_on_tmpfs": disks.is_slow(),
        });
        Self {
            machine,
            entries: Vec::new(),
        }
    }

    /// Prints and keeps what a workload found.
    pub(super) fn push(&mut self, entry: Entry) {
        println!("\n{}  {}", entry.workload, entry.what);
        for line in &entry.lines {
            let goal = Goal::find(entry.workload, line.metric);
            let verdict = goal
                .map(|g| g.judge(line.figures.median).words())
                .unwrap_or_default();
            println!(
                "    {:28} {} {}  {verdict}",
                line.metric, line.figures, line.unit
            );
        }
        for note in &entry.notes {
            println!("    {note}");
        }
        self.entries.push(entry);
    }

    /// The table of goals, and the file.
    pub(super) fn finish(&self, options: &Options) -> anyhow::Result<()> {
        println!(
            "\n{:8} {:24} {:>12} {:>10} {:>10}",
            "", "", "reached", "must", "aim"
        );
        let mut verdicts = Vec::new();
        for (entry, line) in self.lines() {
            let Some(goal) = Goal::find(entry.workload, line.metric) else {
                continue;
            };
            let verdict = goal.judge(line.figures.median);
            let sign = if goal.better == Better::More {
                ">="
            } else {
                "<="
            };
            let wanted =
                |limit: Option<f64>| limit.map(|l| format!("{sign} {l}")).unwrap_or_default();
            println!(
                "{:8} {:24} {:>12.3} {:>10} {:>10}  {} {}",
                entry.workload,
                line.metric,
                line.figures.median,
                wanted(goal.must),
                wanted(goal.aim),
                verdict.words(),
                goal.unit
            );
            verdicts.push(verdict);
        }
        let missed = verdicts.iter().filter(|v| **v == Verdict::Missed).count();
        println!("{} goals, {missed} missed", verdicts.len());
        self.write(&options.json, options)?;
        let failures: Vec<&String> = self.entries.iter().flat_map(|e| &e.failures).collect();
        for failure in &failures {
            println!("FAILED: {failure}");
        }
        if !failures.is_empty() {
            bail!("{} failures", failures.len());
        }
        Ok(())
    }

    fn lines(&self) -> impl Iterator<Item = (&Entry, &Line)> {
        self.entries
            .iter()
            .flat_map(|e| e.lines.iter().map(move |l| (e, l)))
    }

    fn write(&self, path: &Path, options: &Options) -> anyhow::Result<()> {
        let workloads: Vec<Value> = self.entries.iter().map(entry_json).collect();
        let all = json!({
            "machine": self.machine, "seconds": options.seconds, "rounds": options.rounds, "workloads": workloads,
        });
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_string_pretty(&all)?;
        std::fs::write(path, text + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("written: {}", path.display());
        Ok(())
    }
}

fn entry_json(entry: &Entry) -> Value {
    let figures: Vec<Value> = entry
        .lines
        .iter()
        .map(|line| {
            let mut told = line.figures.json();
            let goal = Goal::find(entry.workload, line.metric);
            if let Some(told) = told.as_object_mut() {
                told.insert("metric".to_owned(), line.metric.into());
                told.insert("unit".to_owned(), line.unit.into());
                if let Some(goal) = goal {
                    let verdict = goal.judge(line.figures.median).words();
                    told.insert("must".to_owned(), goal.must.into());
                    told.insert("aim".to_owned(), goal.aim.into());
                    told.insert("verdict".to_owned(), verdict.into());
                }
            }
            told
        })
        .collect();
    let mut told = json!({"workload": entry.workload, "what": entry.what, "figures": figures, "notes": entry.notes});
    if let Some(told) = told.as_object_mut() {
        let more = entry
            .more
            .iter()
            .map(|(name, what)| ((*name).to_owned(), what.clone()));
        told.extend(more);
    }
    told
}
