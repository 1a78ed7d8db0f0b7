//! Starts that must be refused: with one clear line, before anything is listened on, made or changed.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use serde_json::json;

use super::world::{Server, operator, said, store, tidings};

/// What a row of the table may do to its folder and its command line.
struct Start<'a> {
    folder: &'a Path,
    arguments: Vec<String>,
    settings: Vec<(&'static str, String)>,
    /// Kept until the end: locks, sockets.
    held: Vec<Box<dyn std::any::Any>>,
}

impl Start<'_> {
    fn flag(&mut self, name: &str, value: impl std::fmt::Display) {
        self.arguments.extend([name.to_owned(), value.to_string()]);
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.settings.push((name, value.to_owned()));
    }

    fn config(&mut self, text: &str) {
        let path = self.folder.join("tidings.toml");
        std::fs::write(&path, text).unwrap();
        self.flag("--config", path.display());
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.join(name)
    }

    /// Overwrites bytes of the database.
    fn patch(&self, at: u64, bytes: &[u8]) {
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(self.file("tidings.db"));
        file.unwrap().write_all_at(bytes, at).unwrap();
    }

    fn key(&self, text: &str, mode: u32) {
        let path = self.file("tidings.db.key");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

const GOOD_KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

type Row = (&'static str, fn(&mut Start<'_>), &'static [&'static str]);

/// Before there is a database.
const FRESH: &[Row] = &[
    (
        "unknown setting",
        |s| s.config("[server]\ncolour = \"red\"\n"),
        &["server.colour", "config reference"],
    ),
    (
        "unknown section",
        |s| s.config("[colours]\nserver = \"red\"\n"),
        &["colours.server", "config reference"],
    ),
    (
        "broken file",
        |s| s.config("[server]\n\nlisten = \"127.0.0.1\nx"),
        &["tidings.toml", "line 4"],
    ),
    (
        "missing file",
        |s| s.flag("--config", s.folder.join("none.toml").display()),
        &["none.toml", "cannot read"],
    ),
    (
        "a folder as file",
        |s| s.flag("--config", s.folder.display()),
        &["cannot read the configuration file"],
    ),
    (
        "address",
        |s| s.flag("--listen", "nowhere"),
        &["server.listen", "ADDR:PORT"],
    ),
    (
        "another database",
        |s| s.flag("--store", "postgres://localhost/tidings"),
        &["store.url", "sqlite:PATH"],
    ),
    (
        "no path",
        |s| s.flag("--store", "sqlite:"),
        &["store.url", "sqlite:PATH"],
    ),
    (
        "days",
        |s| s.set("TIDINGS_RETENTION_DAYS", "0"),
        &["retention.days = \"0\"", "1 to 36500"],
    ),
    (
        "schedule",
        |s| s.set("TIDINGS_DELIVERY_RETRY_SCHEDULE", "5,soon"),
        &["delivery.retry_schedule", "whole number"],
    ),
    (
        "allow-list",
        |s| s.flag("--egress-allow", "10.0.0.0/99"),
        &["10.0.0.0/99"],
    ),
    (
        "name server",
        |s| s.set("TIDINGS_EGRESS_RESOLVER", "dns.example.com"),
        &["egress.resolver", "ADDR:PORT"],
    ),
    (
        "missing authorities",
        |s| s.set("TIDINGS_EGRESS_CA_FILE", "/no/such.pem"),
        &["egress.ca_file", "/no/such.pem"],
    ),
    (
        "no authorities",
        |s| s.set("TIDINGS_EGRESS_CA_FILE", "/dev/null"),
        &["egress"],
    ),
    (
        "log level",
        |s| s.set("TIDINGS_LOG_LEVEL", "info,x=loud"),
        &["log.level"],
    ),
    (
        "log format",
        |s| s.flag("--log-format", "xml"),
        &["log.format", "text or json"],
    ),
    (
        "short token",
        |s| s.set("TIDINGS_ADMIN_TOKEN", "secret-but-short"),
        &["admin.token", "at least 32"],
    ),
    (
        "public URL",
        |s| s.flag("--public-url", "ftp://example.com"),
        &["server.public_url", "http or https"],
    ),
    (
        "grace",
        |s| s.set("TIDINGS_SHUTDOWN_GRACE_SECONDS", "-1"),
        &["shutdown.grace_seconds", "0 to 3600"],
    ),
    (
        "key in words",
        |s| s.set("TIDINGS_SECRETS_KEY", "open sesame"),
        &["secrets.key", "openssl rand -base64 32"],
    ),
    (
        "short key",
        |s| s.set("TIDINGS_SECRETS_KEY", "c2hvcnQ="),
        &["secrets.key", "exactly 32 bytes"],
    ),
    (
        "weak key",
        |s| {
            s.set(
                "TIDINGS_SECRETS_KEY",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            );
        },
        &["secrets.key", "repeated"],
    ),
    (
        "key file in words",
        |s| s.key("open sesame", 0o600),
        &["tidings.db.key", "openssl rand -base64 32"],
    ),
    (
        "empty key file",
        |s| s.key("", 0o600),
        &["tidings.db.key", "exactly 32 bytes"],
    ),
    (
        "key file for everybody",
        |s| s.key(GOOD_KEY, 0o644),
        &["can be read by others", "chmod 600"],
    ),
    (
        "a folder as key",
        |s| std::fs::create_dir(s.file("tidings.db.key")).unwrap(),
        &["cannot read the key"],
    ),
    (
        "no folder",
        |s| {
            s.flag(
                "--store",
                format!("sqlite:{}/none/tidings.db", s.folder.display()),
            );
        },
        &["none", "--store"],
    ),
    (
        "a folder as database",
        |s| std::fs::create_dir(s.file("tidings.db")).unwrap(),
        &["is a directory", "--store"],
    ),
    (
        "a device as database",
        |s| s.flag("--store", "sqlite:/dev/null"),
        &["/dev/null is no database", "--store"],
    ),
    (
        "a folder for nobody",
        |s| s.flag("--store", "sqlite:/proc/tidings.db"),
        &["cannot open /proc/tidings.db"],
    ),
    (
        "a text as database",
        |s| std::fs::write(s.file("tidings.db"), "Dear diary, ".repeat(900)).unwrap(),
        &["is no database", "--store"],
    ),
    (
        "half a header",
        |s| std::fs::write(s.file("tidings.db"), "SQLite format 3\0and more").unwrap(),
        &["tidings.db", "tidings doctor"],
    ),
    (
        "a restore of nothing",
        |s| s.flag("--after-restore", "park"),
        &["is no backup", "without --after-restore"],
    ),
    (
        "taken address",
        |s| {
            let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            s.flag("--listen", taken.local_addr().unwrap());
            s.held.push(Box::new(taken));
        },
        &["cannot listen on 127.0.0.1:", "--listen ADDR:PORT"],
    ),
    (
        "an address of another machine",
        |s| s.flag("--listen", "203.0.113.7:8080"),
        &["cannot listen on 203.0.113.7:8080", "--listen"],
    ),
];

/// On a database with secrets.
const USED: &[Row] = &[
    (
        "newer schema",
        |s| s.patch(60, &99_u32.to_be_bytes()),
        &["schema version 99", "use a newer tidings"],
    ),
    (
        "another program's",
        |s| s.patch(68, b"else"),
        &["another program", "--store"],
    ),
    (
        "damaged",
        |s| s.patch(100, &[0xa5; 900]),
        &["tidings.db", "tidings doctor"],
    ),
    (
        "in use",
        |s| {
            let lock = std::fs::File::open(s.file("tidings.db.lock")).unwrap();
            lock.lock().unwrap();
            s.held.push(Box::new(lock));
        },
        &["in use by another process", "stop it first"],
    ),
    (
        "missing key",
        |s| std::fs::remove_file(s.file("tidings.db.key")).unwrap(),
        &["is missing", "put it back"],
    ),
    (
        "another key",
        |s| s.key(GOOD_KEY, 0o600),
        &["were sealed with key", "put the right one there"],
    ),
    (
        "another configured key",
        |s| s.set("TIDINGS_SECRETS_KEY", GOOD_KEY),
        &["were sealed with key", "TIDINGS_SECRETS_KEY"],
    ),
    (
        "key for everybody",
        |s| {
            let mode = std::fs::Permissions::from_mode(0o640);
            std::fs::set_permissions(s.file("tidings.db.key"), mode).unwrap();
        },
        &["can be read by others", "chmod 600"],
    ),
    (
        "damaged key",
        |s| s.key("AQIDBAUG", 0o600),
        &["tidings.db.key", "exactly 32 bytes"],
    ),
    (
        "no backup",
        |s| s.flag("--after-restore", "deliver"),
        &["is no backup", "without --after-restore"],
    ),
    (
        "taken address",
        |s| {
            let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            s.flag("--listen", taken.local_addr().unwrap());
            s.held.push(Box::new(taken));
        },
        &["cannot listen on 127.0.0.1:"],
    ),
    (
        "a lock that is a folder",
        |s| {
            std::fs::remove_file(s.file("tidings.db.lock")).unwrap();
            std::fs::create_dir(s.file("tidings.db.lock")).unwrap();
        },
        &["cannot open", "tidings.db"],
    ),
];

/// On a backup.
const BACKUP: &[Row] = &[
    (
        "backup",
        |_| (),
        &[
            "is the backup of",
            "--after-restore park",
            "--after-restore deliver",
        ],
    ),
    (
        "backup without its key",
        |s| {
            s.flag("--after-restore", "park");
            std::fs::remove_file(s.file("tidings.db.key")).unwrap();
        },
        &["is missing", "put it back"],
    ),
];

/// Every file with its rights and a digest; the memory that SQLite's processes share only by name.
fn state(folder: &Path) -> BTreeMap<String, (u32, u64)> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let mode = path.metadata().unwrap().permissions().mode();
            let mut digest = DefaultHasher::new();
            if path.is_file() && !name.ends_with("-shm") {
                std::fs::read(&path).unwrap().hash(&mut digest);
            }
            (name, (mode, digest.finish()))
        })
        .collect()
}

fn refused(row: &Row, template: Option<&Path>) {
    let (name, prepare, words) = row;
    let folder = tempfile::tempdir().unwrap();
    for entry in template.iter().flat_map(|t| std::fs::read_dir(t).unwrap()) {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let mut start = Start {
        folder: folder.path(),
        arguments: Vec::new(),
        settings: Vec::new(),
        held: Vec::new(),
    };
    prepare(&mut start);
    for (flag, value) in [
        ("--store", store(folder.path())),
        ("--listen", "127.0.0.1:0".into()),
    ] {
        if !start.arguments.iter().any(|a| a == flag) {
            start.flag(flag, value);
        }
    }
    let before = state(folder.path());
    let arguments: Vec<&str> = start.arguments.iter().map(String::as_str).collect();
    let output = tidings(&[&["serve"], &arguments[..]].concat())
        .envs(start.settings.iter().map(|(k, v)| (k, v)))
        .output()
        .unwrap();
    let why = said(&output);
    assert_eq!(output.status.code(), Some(1), "{name}: {why}");
    assert!(output.stdout.is_empty(), "{name} listened");
    assert_eq!(why.lines().count(), 1, "{name}: {why}");
    assert!(why.starts_with("tidings: "), "{name}: {why}");
    for word in *words {
        assert!(why.contains(word), "{name}: {word:?} is not in {why}");
    }
    assert_eq!(state(folder.path()), before, "{name} changed something");
}

/// A database with secrets that was served and stopped.
async fn used(folder: &Path) {
    let server = Server::start(folder);
    server
        .call(
            "POST",
            "/projects",
            &json!({"key": "BAD", "name": "Bad starts"}),
        )
        .await;
    let webhook = json!({"name": "w", "url": "http://127.0.0.1:9/", "dialect": "standard", "events": "all", "secret": "s"});
    server
        .call("POST", "/projects/BAD/webhooks", &webhook)
        .await;
    assert!(server.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_starts_are_refused_in_one_line_and_change_nothing() {
    let served = tempfile::tempdir().unwrap();
    used(served.path()).await;
    let backup = tempfile::tempdir().unwrap();
    let dest = backup.path().join("tidings.db").display().to_string();
    let made = operator(served.path(), &["backup", &dest]);
    assert!(made.status.success(), "{}", said(&made));
    let key = "tidings.db.key";
    std::fs::copy(served.path().join(key), backup.path().join(key)).unwrap();
    // What copying a stopped server's file left.
    for suffix in ["-wal", "-shm"] {
        std::fs::remove_file(served.path().join(format!("tidings.db{suffix}"))).ok();
    }
    let tables = [
        (FRESH, None),
        (USED, Some(served.path())),
        (BACKUP, Some(backup.path())),
    ];
    let mut count = 0;
    for (rows, template) in tables {
        for row in rows {
            refused(row, template);
            count += 1;
        }
    }
    println!("{count} bad starts, {count} refused");
    // And the good one starts, so that the table says something.
    Server::start(served.path());
}
