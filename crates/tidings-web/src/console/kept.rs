//! What somebody wrote into a form whose session had ended: it goes along through the sign-in, in the page and nowhere else, and is
//! offered again after it. Scripts do better, they put it back into the form; this is for who has none. What is secret stays behind.

use minijinja::Value;

use super::once::SECRETS;
use super::{Form, view};

/// More than this is not carried along: it grows with each time it is written down.
const MOST_BYTES: usize = 256 * 1024;
/// A longer form is not even sent on: percent signs make of one byte at most three.
pub(super) const MOST_SENT: usize = 3 * MOST_BYTES;
/// Fields that pages fill in themselves.
const MACHINE: [&str; 8] = [
    "form_key",
    "seen",
    "sequence",
    "with_assignees",
    "switch",
    "list",
    "username",
    "confirm_key",
];

/// A form that was not carried out.
pub(crate) struct Kept {
    /// The fields without what is secret.
    form: Form,
    /// Nothing secret was among them, so the form can be sent as it is.
    whole: bool,
    /// Where it was sent to: a path of this server.
    to: String,
}

impl Kept {
    /// Of the form that was sent there; none where nobody wrote anything, or too much.
    pub(crate) fn of(form: &Form, to: &str) -> Option<Self> {
        let is_secret = |name: &str| SECRETS.contains(&name);
        let open = form.fields().filter(|(name, _)| !is_secret(name));
        let kept = Self {
            form: open.collect(),
            whole: form.fields().all(|(n, v)| !is_secret(n) || v.is_empty()),
            to: to.to_owned(),
        };
        let fits = kept.written().len() <= MOST_BYTES;
        (fits && !kept.rows().is_empty() && to != "/").then_some(kept)
    }

    /// From the sign-in's own form.
    pub(crate) fn read(written: &str, to: &str) -> Option<Self> {
        let (mark, fields) = written.split_at_checked(1)?;
        let form = Form::parse(fields.as_bytes())?;
        let whole = mark == "w";
        Self::of(&form, to).map(|kept| Self { whole, ..kept })
    }

    /// As a field of the sign-in's form.
    pub(crate) fn written(&self) -> String {
        let fields = self.form.fields();
        let pairs = fields.map(|(n, v)| format!("{}={}", view::percent(n), view::percent(v)));
        let mark = if self.whole { "w" } else { "p" };
        format!("{mark}{}", pairs.collect::<Vec<_>>().join("&"))
    }

    /// What the page after the sign-in shows; `back` is where the form was.
    pub(crate) fn context(&self, back: &str) -> Value {
        let fields = self.form.fields();
        let fields: Vec<Value> = fields
            .map(|(name, value)| minijinja::context! { name, value })
            .collect();
        let rows = self.rows().into_iter().map(|(name, said)| {
            let name = name.split('.').next_back().unwrap_or_default();
            minijinja::context! { name, said }
        });
        minijinja::context! {
            fields,
            rows => rows.collect::<Vec<_>>(),
            whole => self.whole,
            to => self.to.as_str(),
            back,
        }
    }

    /// What was written, by field.
    fn rows(&self) -> Vec<(&str, String)> {
        let mut rows: Vec<(&str, String)> = Vec::new();
        for (name, value) in self.form.fields() {
            if value.trim().is_empty() || MACHINE.contains(&name) {
                continue;
            }
            let value = if value == "on" { "yes" } else { value };
            match rows.iter_mut().find(|(n, _)| *n == name) {
                Some((_, said)) => {
                    said.push_str(", ");
                    said.push_str(value);
                }
                None => rows.push((name, value.to_owned())),
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, Kept};

    fn kept(text: &str) -> Option<Kept> {
        Kept::of(&Form::parse(text.as_bytes()).unwrap(), "/projects/new")
    }

    #[test]
    fn what_was_written_comes_through_and_what_is_secret_does_not() {
        let text = "form_key=1&title=a+%26%0Ab&code=x&code=y&secret=hush&enabled=on&note=";
        let before = kept(text).unwrap();
        let after = Kept::read(&before.written(), "/projects/new").unwrap();
        assert!(!before.written().contains("hush") && !after.whole);
        assert_eq!(after.form, before.form);
        let rows = [("title", "a &\nb"), ("code", "x, y"), ("enabled", "yes")];
        let found = after.rows();
        let found: Vec<_> = found.iter().map(|(n, v)| (*n, v.as_str())).collect();
        assert_eq!(found, rows);
        let plain = kept("title=a&secret=").unwrap();
        assert!(plain.whole && Kept::read(&plain.written(), "/x").unwrap().whole);
    }

    #[test]
    fn a_button_says_nothing_that_would_be_worth_it() {
        for nothing in ["", "form_key=1&seen=2&list=", "password=x&again=x"] {
            assert!(kept(nothing).is_none(), "{nothing}");
        }
        assert!(kept(&format!("title={}", "x".repeat(300_000))).is_none());
    }
}
