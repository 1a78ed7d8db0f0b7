//! The cheapest HTTP/1.1 that is still right: one kept connection, requests as bytes, answers read only as far as needed.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;

/// A kept connection.
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) async fn connect(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(64 * 1024),
        })
    }

    /// Sends a request, reads its answer to the end and says its status.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        let (status, _) = self.send(request).await?;
        Ok(status)
    }

    /// The same, with the body.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        let (status, start) = self.send(request).await?;
        let body = self.buffer.get(start..).unwrap_or_default().to_vec();
        Ok(Answer { status, body })
    }

    /// Sends a request and reads of its answer only the head and what comes first after it: for answers that never end.
    pub(crate) async fn begin(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        while self
            .head()
            .is_none_or(|head| head.len() + 4 >= self.buffer.len())
        {
            self.more().await?;
        }
        Ok(())
    }

    /// The head of the last answer.
    pub(crate) fn head(&self) -> Option<&str> {
        let end = self.buffer.windows(4).position(|w| w == b"\r\n\r\n")?;
        std::str::from_utf8(self.buffer.get(..end)?).ok()
    }

    async fn send(&mut self, request: &[u8]) -> Result<(u16, usize)> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (status, start, end) = loop {
            self.more().await?;
            if let Some(head) = head(&self.buffer)? {
                break head;
            }
        };
        while self.buffer.len() < end {
            self.more().await?;
        }
        Ok((status, start))
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err("the connection was closed before the answer was complete".into());
        }
        Ok(())
    }
}

/// Status, where the body begins, where it ends; `None` while the head is incomplete.
fn head(bytes: &[u8]) -> Result<Option<(u16, usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?;
    let status = text.get(9..12).ok_or("no status")?.parse()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>())
    });
    let length = match length {
        Some(length) => length?,
        None if status == 204 => 0,
        None => return Err("an answer without a length".into()),
    };
    Ok(Some((status, end + 4, end + 4 + length)))
}

/// A request as bytes, appended to `into`.
pub(crate) fn request(into: &mut Vec<u8>, method: &str, path: &str, token: &str, body: &str) {
    use std::io::Write;
    // A vector takes everything.
    let _ = write!(
        into,
        "{method} {path} HTTP/1.1\r\nhost: tidings\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_head_says() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(
            head(whole).unwrap(),
            Some((200, whole.len() - 2, whole.len()))
        );
        assert_eq!(
            head(&whole[..20]).unwrap(),
            None,
            "the head is not complete"
        );
        let empty = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(head(empty).unwrap(), Some((204, empty.len(), empty.len())));
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err(), "no length");
    }
}
