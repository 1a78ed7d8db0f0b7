//! The one `chromedriver` of a test binary.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use tokio::sync::OnceCell;

/// Runs the driver until standard input ends, as it does when the test binary ends in any way, then kills everything that was
/// started: shell, driver and browsers are one process group.
const SCRIPT: &str = "chromedriver --port=0 </dev/null & cat >/dev/null; kill -KILL 0";

/// What it says when it listens.
const LISTENS: &str = "started successfully on port ";

struct Driver {
    address: SocketAddr,
    // Its standard input stays open as long as this lives: to the end, as it is static.
    _child: Child,
}

/// Where the driver listens; starts it if this is the first to ask.
pub(super) async fn address() -> SocketAddr {
    static DRIVER: OnceCell<Driver> = OnceCell::const_new();
    let start = || async { tokio::task::spawn_blocking(start).await };
    #[expect(clippy::panic, reason = "a test without a browser cannot go on")]
    match DRIVER.get_or_try_init(start).await {
        Ok(driver) => driver.address,
        Err(error) => panic!("chromedriver: {error}"),
    }
}

#[expect(clippy::expect_used, reason = "a test without a browser cannot go on")]
fn start() -> Driver {
    let mut child = Command::new("/bin/sh")
        .args(["-c", SCRIPT])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let port = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| port(&line))
        .expect("chromium and chromium-driver: `cargo xtask setup` installs them");
    // Whatever else it says is read, so that it never waits for a reader.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    Driver {
        address: ([127, 0, 0, 1], port).into(),
        _child: child,
    }
}

fn port(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once(LISTENS)?;
    rest.trim_end_matches('.').parse().ok()
}
