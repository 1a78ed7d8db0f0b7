//! Who listens to the sample project: six services, each on a machine of its own, as well as that can be had on one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tidings_testkit::dns::{Dns, Zone};
use tidings_testkit::receiver::{Behavior, Receiver};
use tidings_testkit::tls::{Authority, Kind};

/// Whose ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// Those that URLs need not name; one process at a time can have them, and it must be root. For pictures.
    WellKnown,
    /// Whichever are free.
    Free,
}

/// A service.
pub(super) struct Service {
    pub(super) host: &'static str,
    secure: bool,
    answer: &'static str,
}

pub(super) const SERVICES: [Service; 7] = [
    Service {
        host: "ci.harbor.example",
        secure: true,
        answer: r#"{"queued":true,"pipeline":"storefront"}"#,
    },
    Service {
        host: "desk.harbor.example",
        secure: true,
        answer: r#"{"ok":true}"#,
    },
    Service {
        host: "timesheets.example.net",
        secure: true,
        answer: "accepted",
    },
    Service {
        host: "reports.harbor.example",
        secure: false,
        answer: r#"{"stored":1}"#,
    },
    Service {
        host: "wall.harbor.example",
        secure: true,
        answer: "OK",
    },
    Service {
        host: "planning.example.org",
        secure: true,
        answer: r#"{"status":"ok"}"#,
    },
    Service {
        host: "hooks.zapier.example",
        secure: true,
        answer: r#"{"status":"success","id":"018e3c1a"}"#,
    },
];

/// The services, their certificates, and the name server that knows them.
pub(crate) struct Receivers {
    receivers: Vec<Receiver>,
    pub(crate) dns: Dns,
    pub(crate) ca_file: PathBuf,
}

impl Receivers {
    pub(crate) async fn start(ports: Ports, folder: &Path) -> Self {
        let authority = Authority::new();
        let ca_file = folder.join("authority.pem");
        std::fs::write(&ca_file, authority.pem()).unwrap();
        let dns = Dns::start().await;
        let mut receivers = Vec::new();
        for (n, service) in SERVICES.iter().enumerate() {
            // Neighbours on loopback, so that each has the port for itself.
            let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 7, 11 + u8::try_from(n).unwrap()));
            dns.set(service.host, Zone::Addresses(vec![ip]));
            let port = match ports {
                Ports::Free => 0,
                Ports::WellKnown if service.secure => 443,
                Ports::WellKnown => 80,
            };
            let tls = service
                .secure
                .then(|| authority.server_for(Kind::Valid, &[service.host]));
            let at = SocketAddr::new(ip, port);
            receivers.push(Receiver::start_at(at, service.good(), tls).await);
        }
        Self {
            receivers,
            dns,
            ca_file,
        }
    }

    /// A URL of the service with this host.
    pub(super) fn url(&self, host: &str, path: &str) -> String {
        let (n, service) = found(host);
        let scheme = if service.secure { "https" } else { "http" };
        let port = match self.receivers[n].addr().port() {
            80 | 443 => String::new(),
            port => format!(":{port}"),
        };
        format!("{scheme}://{host}{port}{path}")
    }

    /// From now on that service answers so.
    pub(super) fn set(&self, host: &str, behavior: Behavior) {
        self.receivers[found(host).0].set(behavior);
    }

    /// From now on it answers well again, after this one answer.
    pub(super) fn hiccup(&self, host: &str, once: Behavior) {
        let (n, service) = found(host);
        self.receivers[n].set(Behavior::Script(vec![once, service.good()]));
    }
}

impl Service {
    fn good(&self) -> Behavior {
        let media_type = if self.answer.starts_with('{') {
            "application/json"
        } else {
            "text/plain"
        };
        Behavior::status(200)
            .header("Content-Type", media_type)
            .header("Server", "nginx")
            .body(self.answer)
    }
}

fn found(host: &str) -> (usize, &'static Service) {
    let mut all = SERVICES.iter().enumerate();
    all.find(|(_, service)| service.host == host).unwrap()
}
