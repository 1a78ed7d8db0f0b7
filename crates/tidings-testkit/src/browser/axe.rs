//! axe-core's judgement of the page that is open.

use std::fmt;
use std::path::Path;

use serde_json::{Value, json};

use super::Browser;

/// axe-core, read once.
#[derive(Clone, Debug)]
pub struct Axe(String);

impl Axe {
    /// From the folder that `cargo xtask setup` fills.
    ///
    /// # Panics
    /// When it is not there.
    pub fn read(tools: &Path) -> Self {
        let path = tools.join("node/node_modules/axe-core/axe.min.js");
        match std::fs::read_to_string(&path) {
            Ok(source) => Self(source),
            Err(error) => panic!("{}: {error}; run `cargo xtask setup`", path.display()),
        }
    }
}

/// Something that keeps somebody from using the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: String,
    /// How bad it is, in axe's words.
    pub impact: String,
    /// What must be so.
    pub help: String,
    /// Where it is not, and why.
    pub places: Vec<String>,
}

/// Places of a finding that are printed; the rest is nearly always more of the same.
const SHOWN: usize = 6;

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({}): {}", self.rule, self.impact, self.help)?;
        for place in self.places.iter().take(SHOWN) {
            writeln!(f, "    {place}")?;
        }
        match self.places.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => writeln!(f, "    and {more} more"),
        }
    }
}

/// Places with what axe says of them, few words each.
const RUN: &str = "const done = arguments[arguments.length - 1];\
    axe.run(document, {resultTypes: ['violations']}).then(\
      all => done(all.violations.map(v => ({rule: v.id, impact: v.impact, help: v.help, places: v.nodes.map(n =>\
        n.target.join(' ') + ': ' + n.html.slice(0, 160) + ' -- ' + \
        [...n.any, ...n.all, ...n.none].map(c => c.message).join('; ').slice(0, 240))}))),\
      error => done('axe failed: ' + error))";

impl Browser {
    /// What axe finds on the page as it is shown now.
    ///
    /// # Panics
    /// When axe itself fails.
    pub async fn axe(&self, axe: &Axe) -> Vec<Finding> {
        if self.run("return typeof axe", &[]).await != json!("object") {
            // As a value, so that the page's own policy has no say in it.
            let load = format!("{}; window.axe = axe", axe.0);
            self.run(&load, &[]).await;
        }
        let found = self.run_until_done(RUN, &[]).await;
        let Some(found) = found.as_array() else {
            panic!("{found}");
        };
        found.iter().map(finding).collect()
    }
}

fn finding(value: &Value) -> Finding {
    let text = |name: &str| {
        value
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let places = value
        .get("places")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    Finding {
        rule: text("rule"),
        impact: text("impact"),
        help: text("help"),
        places: places
            .filter_map(|p| Some(p.as_str()?.to_owned()))
            .collect(),
    }
}
