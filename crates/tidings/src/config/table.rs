//! The table of settings: key, default, what it is for, how it is read.

use std::path::PathBuf;

use ipnet::IpNet;

use super::{Config, LogFormat};

/// One setting.
pub(crate) struct Setting {
    /// `section.key`.
    pub(crate) key: &'static str,
    /// What it is for; first the meaning, then form and unit.
    pub(crate) help: &'static str,
    /// Never shown.
    pub(crate) secret: bool,
    /// Reads it.
    pub(crate) set: fn(&mut Config, &str) -> Result<(), String>,
    /// Shows it.
    pub(crate) show: fn(&Config) -> String,
}

impl Setting {
    /// The environment variable: `TIDINGS_SECTION_KEY`.
    pub(crate) fn variable(&self) -> String {
        format!(
            "TIDINGS_{}",
            self.key.replace('.', "_").to_ascii_uppercase()
        )
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            store: "sqlite:tidings.db".into(),
            egress_allow: Vec::new(),
            egress_resolver: None,
            egress_ca: None,
            failure_limit: 5,
            disable_after_hours: 120,
            retry_schedule: vec![
                5, 30, 120, 600, 3600, 10_800, 21_600, 43_200, 86_400, 86_400,
            ],
            retention_days: 30,
            retention_rows: 0,
            retention_bytes: 0,
            retention_held_days: 90,
            retention_audit_days: 365,
            trusted_proxies: Vec::new(),
            admin_token: None,
            secrets_key: None,
            log_format: LogFormat::Text,
            log_level: "info".into(),
            shutdown_grace_seconds: 30,
        }
    }
}

/// Every setting, in the order of the reference.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        key: "server.listen",
        help: "Where the server listens, ADDR:PORT. Behind a proxy that does TLS, keep it on loopback.",
        secret: false,
        set: |c, v| {
            c.listen = v
                .parse()
                .map_err(|_| "expected ADDR:PORT, for example 127.0.0.1:8080".to_owned())?;
            Ok(())
        },
        show: |c| c.listen.to_string(),
    },
    Setting {
        key: "server.public_url",
        help: "How people reach the server, http(s) URL without a path; the base of links in payloads. Default: http://LISTEN.",
        secret: false,
        set: |c, v| {
            let url = url::Url::parse(v)
                .ok()
                .filter(|u| ["http", "https"].contains(&u.scheme()) && u.has_host());
            c.public_url = Some(
                url.ok_or("expected an http or https URL")?
                    .as_str()
                    .trim_end_matches('/')
                    .to_owned(),
            );
            Ok(())
        },
        show: |c| c.public_url.clone().unwrap_or_default(),
    },
    Setting {
        key: "server.trusted_proxies",
        help: "Addresses or networks of proxies in front of the server: of their requests X-Forwarded-For says who asks.",
        secret: false,
        set: |c, v| {
            c.trusted_proxies = v
                .split(',')
                .map(str::trim)
                .filter(|e| !e.is_empty())
                .map(|e| {
                    let one = e.parse::<std::net::IpAddr>().map(IpNet::from);
                    one.or_else(|_| e.parse()).map_err(|_| {
                        format!(
                            "{e:?} is no address or network, for example 127.0.0.1 or 10.0.0.0/8"
                        )
                    })
                })
                .collect::<Result<_, _>>()?;
            Ok(())
        },
        show: |c| {
            let all: Vec<String> = c.trusted_proxies.iter().map(IpNet::to_string).collect();
            all.join(",")
        },
    },
    Setting {
        key: "store.url",
        help: "Where everything is kept: sqlite:PATH.",
        secret: false,
        set: |c, v| {
            if v.strip_prefix("sqlite:").is_none_or(str::is_empty) {
                return Err("expected sqlite:PATH".into());
            }
            v.clone_into(&mut c.store);
            Ok(())
        },
        show: |c| c.store.clone(),
    },
    Setting {
        key: "egress.allow",
        help: "Internal receivers that may be reached although their addresses are not public: a list of CIDR or HOST, each with an optional :PORT.",
        secret: false,
        set: |c, v| {
            c.egress_allow = v
                .split(',')
                .map(str::trim)
                .filter(|e| !e.is_empty())
                .map(str::to_owned)
                .collect();
            Ok(())
        },
        show: |c| c.egress_allow.join(","),
    },
    Setting {
        key: "egress.resolver",
        help: "A DNS server to ask instead of the system's, ADDR:PORT.",
        secret: false,
        set: |c, v| {
            c.egress_resolver = Some(
                v.parse()
                    .map_err(|_| "expected ADDR:PORT, for example 10.0.0.2:53".to_owned())?,
            );
            Ok(())
        },
        show: |c| c.egress_resolver.map(|a| a.to_string()).unwrap_or_default(),
    },
    Setting {
        key: "egress.ca_file",
        help: "A PEM file with certificate authorities to trust in addition to the system's, for all webhooks.",
        secret: false,
        set: |c, v| {
            c.egress_ca = Some(PathBuf::from(v));
            Ok(())
        },
        show: |c| {
            c.egress_ca
                .as_ref()
                .map(|p| p.display().to_string())
                .unwrap_or_default()
        },
    },
    Setting {
        key: "delivery.failure_limit",
        help: "Failed requests in a row after which an iceScrum webhook is disabled (0 = never), until an administrator sets another in /settings.",
        secret: false,
        set: |c, v| read(v, 0, 1_000_000).map(|n| c.failure_limit = n),
        show: |c| c.failure_limit.to_string(),
    },
    Setting {
        key: "delivery.disable_after_hours",
        help: "Hours of nothing but failures after which a webhook without a failure limit is disabled.",
        secret: false,
        set: |c, v| read(v, 1, 8760).map(|n| c.disable_after_hours = n),
        show: |c| c.disable_after_hours.to_string(),
    },
    Setting {
        key: "delivery.retry_schedule",
        help: "Seconds between tries, a list.",
        secret: false,
        set: |c, v| {
            let steps: Result<Vec<u64>, String> =
                v.split(',').map(|s| read(s.trim(), 1, 604_800)).collect();
            c.retry_schedule = steps.and_then(|s| {
                if s.len() > 50 {
                    Err("at most 50 steps".into())
                } else {
                    Ok(s)
                }
            })?;
            Ok(())
        },
        show: |c| {
            c.retry_schedule
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(",")
        },
    },
    Setting {
        key: "retention.days",
        help: "Days for which settled deliveries and events are kept.",
        secret: false,
        set: |c, v| read(v, 1, 36_500).map(|n| c.retention_days = n),
        show: |c| c.retention_days.to_string(),
    },
    Setting {
        key: "retention.rows",
        help: "Most deliveries kept (0 = no limit); what is pending is never removed.",
        secret: false,
        set: |c, v| read(v, 0, u64::MAX).map(|n| c.retention_rows = n),
        show: |c| c.retention_rows.to_string(),
    },
    Setting {
        key: "retention.bytes",
        help: "Most bytes of bodies and answers kept (0 = no limit).",
        secret: false,
        set: |c, v| read(v, 0, u64::MAX).map(|n| c.retention_bytes = n),
        show: |c| c.retention_bytes.to_string(),
    },
    Setting {
        key: "retention.held_days",
        help: "Days after which held and parked deliveries expire.",
        secret: false,
        set: |c, v| read(v, 1, 36_500).map(|n| c.retention_held_days = n),
        show: |c| c.retention_held_days.to_string(),
    },
    Setting {
        key: "retention.audit_days",
        help: "Days after which entries of the audit log are removed.",
        secret: false,
        set: |c, v| read(v, 1, 36_500).map(|n| c.retention_audit_days = n),
        show: |c| c.retention_audit_days.to_string(),
    },
    Setting {
        key: "admin.token",
        help: "The administrator's token, at least 32 characters. Without it the first start makes one and prints it once.",
        secret: true,
        set: |c, v| {
            if v.len() < 32 || !v.bytes().all(|b| b.is_ascii_graphic()) {
                return Err("expected at least 32 visible ASCII characters without blanks".into());
            }
            c.admin_token = Some(v.to_owned());
            Ok(())
        },
        show: |c| {
            if c.admin_token.is_some() {
                "(set)".into()
            } else {
                String::new()
            }
        },
    },
    Setting {
        key: "secrets.key",
        help: "The key that encrypts webhook secrets, 32 bytes in base64. Without it the first start makes one beside the database.",
        secret: true,
        set: |c, v| {
            crate::keys::decode(v)?;
            c.secrets_key = Some(v.to_owned());
            Ok(())
        },
        show: |c| {
            if c.secrets_key.is_some() {
                "(set)".into()
            } else {
                String::new()
            }
        },
    },
    Setting {
        key: "log.format",
        help: "text or json.",
        secret: false,
        set: |c, v| {
            c.log_format = match v {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return Err("expected text or json".into()),
            };
            Ok(())
        },
        show: |c| {
            if c.log_format == LogFormat::Json {
                "json".into()
            } else {
                "text".into()
            }
        },
    },
    Setting {
        key: "log.level",
        help: "error, warn, info, debug or trace; or directives such as info,tidings_egress=debug.",
        secret: false,
        set: |c, v| {
            tracing_subscriber::EnvFilter::try_new(v).map_err(|e| e.to_string())?;
            v.clone_into(&mut c.log_level);
            Ok(())
        },
        show: |c| c.log_level.clone(),
    },
    Setting {
        key: "shutdown.grace_seconds",
        help: "Seconds that requests in flight may take to finish when the server is told to stop.",
        secret: false,
        set: |c, v| read(v, 0, 3600).map(|n| c.shutdown_grace_seconds = n),
        show: |c| c.shutdown_grace_seconds.to_string(),
    },
];

fn read<T: std::str::FromStr + PartialOrd + std::fmt::Display + Copy>(
    text: &str,
    min: T,
    max: T,
) -> Result<T, String> {
    match text.parse::<T>() {
        Ok(n) if n >= min && n <= max => Ok(n),
        _ => Err(format!("expected a whole number from {min} to {max}")),
    }
}
