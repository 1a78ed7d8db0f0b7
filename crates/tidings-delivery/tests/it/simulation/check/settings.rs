//! Each try uses the settings in force when it starts: URL, headers, and the keys that are valid then.

use tidings_dialects::signature::{self, Key, Verdict};
use tidings_domain::Time;
use tidings_domain::webhook::Sealed;

use super::History;
use crate::simulation::hooks::{Config, Hook};
use crate::transport::Seen;

impl History<'_> {
    /// URL, headers and signatures are those of a version that was in force when the try started.
    pub(super) fn settings_in_force_were_used(&self, hook: &Hook, seen: &[usize]) {
        for one in seen.iter().map(|n| &self.seen[*n]) {
            let timestamp: i64 = one.header("webhook-timestamp").unwrap().parse().unwrap();
            assert_eq!(timestamp, one.wall.as_second(), "{one:?}");
            let in_force = hook.in_force(one.at);
            let test = Self::is_test(one);
            assert!(
                test || in_force.iter().any(|config| agrees(one, config)),
                "{one:?} agrees with none of {in_force:#?}"
            );
        }
    }
}

fn agrees(one: &Seen, config: &Config) -> bool {
    let webhook = &config.webhook;
    let url: url::Url = webhook.url.parse().unwrap();
    let custom = webhook
        .headers
        .iter()
        .all(|(name, value)| one.header(name).map(str::as_bytes) == Some(&value.0));
    let custom = custom && (!webhook.headers.is_empty() || one.header("X-Key").is_none());
    url.host_str() == Some(&one.host) && custom && is_signed(one, config)
}

fn is_signed(one: &Seen, config: &Config) -> bool {
    let got = one.header("webhook-signature");
    let Some(secrets) = &config.webhook.secrets else {
        return got.is_none() && one.header("x-icescrum-signature").is_none();
    };
    let text = |sealed: &Sealed| String::from_utf8(sealed.0.clone()).unwrap();
    let time = |text: &str| text.parse::<Time>().unwrap();
    let previous = secrets
        .previous
        .as_ref()
        .filter(|p| one.wall < time(&p.until));
    let mut keys = vec![Key::new(&text(&secrets.current))];
    keys.extend(previous.map(|p| Key::new(&text(&p.secret))));
    let expected = signature::standard(&keys, &one.id, one.wall.as_second(), &one.body);
    let old = previous.filter(|p| one.wall < time(&p.effective_at));
    let vendors = text(old.map_or(&secrets.current, |p| &p.secret));
    let dialect = tidings_dialects::find(&config.webhook.dialect).unwrap();
    let vendor = signature::verify_vendor(dialect, &vendors, &one.body, |name| one.header(name));
    got == Some(&expected) && matches!(vendor, Verdict::Valid | Verdict::NotSigned)
}
