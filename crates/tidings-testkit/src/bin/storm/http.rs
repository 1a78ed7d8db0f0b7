//! The least of HTTP that a client needs, so that ten thousand of them fit into one process.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::{Plan, Result};

/// Who waits longer for an answer was not answered.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A connection from the kind's own address.
pub(crate) async fn connect(plan: &Plan) -> Result<TcpStream> {
    connect_with(plan, None).await
}

/// The same; `buffer`: how much the kernel takes of what is never read.
pub(crate) async fn connect_with(plan: &Plan, buffer: Option<u32>) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(plan.from)?;
    let stream = tokio::time::timeout(PATIENCE, socket.connect(plan.server)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The head of a request with a body of so many bytes.
pub(crate) fn head(plan: &Plan, method: &str, path: &str, length: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: tidings\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n",
        plan.token
    )
}

/// An answer, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// It says when to come back.
    pub(crate) retry_after: bool,
    /// The connection is to be closed.
    pub(crate) close: bool,
}

/// Reads one answer to its end.
pub(crate) async fn answer(stream: &mut TcpStream) -> Result<Answer> {
    tokio::time::timeout(PATIENCE, read(stream)).await?
}

async fn read(stream: &mut TcpStream) -> Result<Answer> {
    let mut said = Vec::with_capacity(1024);
    let mut piece = [0; 2048];
    let end = loop {
        if let Some(at) = said.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut piece).await? {
            0 => return Err("closed before an answer".into()),
            read => said.extend_from_slice(piece.get(..read).unwrap_or_default()),
        }
    };
    let head = String::from_utf8_lossy(said.get(..end).unwrap_or_default()).to_ascii_lowercase();
    let status = head.split(' ').nth(1).ok_or("no status")?.parse::<u16>()?;
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let length: usize = header("content-length:")
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    let mut left = length.saturating_sub(said.len() - end);
    while left > 0 {
        match stream.read(&mut piece).await? {
            0 => return Err("closed within an answer".into()),
            read => left = left.saturating_sub(read),
        }
    }
    Ok(Answer {
        status,
        retry_after: header("retry-after:").is_some(),
        close: header("connection:").is_some_and(|text| text.trim() == "close"),
    })
}

/// One request and its answer.
pub(crate) async fn ask(
    stream: &mut TcpStream,
    plan: &Plan,
    (method, path): (&str, &str),
    body: &[u8],
) -> Result<Answer> {
    stream
        .write_all(head(plan, method, path, body.len()).as_bytes())
        .await?;
    // A server that refuses a body need not take it.
    let sent = stream.write_all(body).await;
    let answer = answer(stream).await?;
    Ok(Answer {
        close: answer.close || sent.is_err(),
        ..answer
    })
}
