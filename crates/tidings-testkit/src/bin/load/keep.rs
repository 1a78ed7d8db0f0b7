//! What must not outlive whoever started us.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Result;

/// Returns when the other end of our standard input is closed.
pub(crate) fn until_alone() {
    std::io::stdin().lock().read_to_end(&mut Vec::new()).ok();
}

/// Prints the process id of the program, then runs it until it ends or we are alone.
pub(crate) fn program(program: &str, arguments: &[&str]) -> Result<()> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    println!("{}", child.id());
    let (alone, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        until_alone();
        alone.send(()).ok();
    });
    loop {
        if let Some(status) = child.try_wait()? {
            std::process::exit(status.code().unwrap_or(1));
        }
        if told.recv_timeout(Duration::from_millis(50)).is_ok() {
            child.kill()?;
            child.wait()?;
            return Ok(());
        }
    }
}

/// Removes the folder once we are alone.
pub(crate) fn folder(folder: &str) -> Result<()> {
    until_alone();
    Ok(std::fs::remove_dir_all(folder)?)
}
