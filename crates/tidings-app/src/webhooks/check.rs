//! A URL while it is being typed: what saving it would say.

use tidings_domain::{Fault, Project, Value};

use super::pages_open;
use crate::guard::{self, Judged};
use crate::reader::object;
use crate::{Access, App, Caller};

impl App {
    /// Judges a URL as saving it would: refused with the same fault, or fine, with what is worth knowing about it. Nothing is sent there.
    pub async fn check_url(
        &self,
        caller: &Caller,
        project: &Project,
        text: &str,
    ) -> Result<Value, Fault> {
        Access::Manage.check(caller)?;
        pages_open(project)?;
        let url = guard::parse(text, "/url")?;
        let (verdict, detail) = match self.guard.judge(&url).await {
            Judged::Forbidden => return Err(guard::forbidden("/url")),
            Judged::Unresolved => (
                "unresolved",
                "The name does not resolve now. It can be saved, and is looked up again for each request.",
            ),
            Judged::Fine if url.scheme() == "http" => (
                "insecure_url",
                "This URL is not https: anyone on the way can read what is sent.",
            ),
            Judged::Fine => ("fine", "This URL can be sent to."),
        };
        Ok(object([
            ("url", url.as_str().into()),
            ("verdict", verdict.into()),
            ("detail", detail.into()),
        ]))
    }
}
