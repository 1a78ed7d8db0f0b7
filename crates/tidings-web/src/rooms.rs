//! How much of what clients send and fetch is in memory at once, whoever they are and however many.
//!
//! Rooms, each counted in KiB: texts of bodies while they arrive, values made of them while they are carried out, answers until they
//! are taken; those for strangers have a room of their own, so that nobody without a token can fill the others'. What is small needs no
//! room: the number of requests under way bounds it. Who finds no room waits a little and is then told to come back; nothing was done
//! for it yet.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is no larger needs no room.
pub(crate) const SMALL: usize = 8 * 1024;
/// A page of a list is counted with this until it is known how large it is; `tidings-storage` ends pages at about this size.
const PAGE_KIB: u32 = 4 * 1024;
/// An answer is given out in pieces of this size, so that its room is free once it is taken and not once it is made.
const PIECE: usize = 64 * 1024;
/// Bytes that one value of a JSON text may take in memory, its place in a list or map that has grown included.
const VALUE_BYTES: usize = 112;
/// How often a text is in memory while it is carried out: as it came, as values, as the object, as what is stored.
const TEXT_COPIES: usize = 4;
/// Most values of one body: 500 members for each of the 1,000 entries of a batch.
const MOST_VALUES: usize = 500_000;

/// The rooms.
pub(crate) struct Rooms {
    texts: Hall,
    values: Hall,
    answers: Hall,
    strangers: Hall,
    patience: Duration,
}

/// What some room is taken of.
struct Hall {
    free: Arc<Semaphore>,
    kib: u32,
}

impl Hall {
    fn new(mib: u32) -> Self {
        let kib = mib.saturating_mul(1024);
        let free = Arc::new(Semaphore::new(usize::try_from(kib).unwrap_or(0)));
        Self { free, kib }
    }
}

/// Some room; free again when dropped.
#[derive(Debug)]
pub(crate) struct Room(OwnedSemaphorePermit);

/// A room's size, and what is asked of it, in KiB.
fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

impl Rooms {
    /// `mib`: of texts, of values, of answers, of answers for strangers. `patience`: how long somebody waits for room.
    pub(crate) fn new(mib: [u32; 4], patience: Duration) -> Self {
        let [texts, values, answers, strangers] = mib.map(Hall::new);
        Self {
            texts,
            values,
            answers,
            strangers,
            patience,
        }
    }

    async fn wait(&self, hall: &Hall, wanted: u32) -> Result<Room, Fault> {
        // What is larger than the room has it for itself; but a room without any place is closed.
        let wanted = wanted.min(hall.kib).max(1);
        let turn = Arc::clone(&hall.free).acquire_many_owned(wanted);
        match tokio::time::timeout(self.patience, turn).await {
            Ok(Ok(permit)) => Ok(Room(permit)),
            Ok(Err(_)) | Err(_) => Err(overloaded()),
        }
    }

    /// Room for the text of a body of at most so many bytes.
    pub(crate) async fn for_text(&self, bytes: usize) -> Result<Option<Room>, Fault> {
        if bytes <= SMALL {
            return Ok(None);
        }
        self.wait(&self.texts, kib(bytes)).await.map(Some)
    }

    /// Room for the values of a text; refuses a text that has too many of them.
    pub(crate) async fn for_values(&self, text: &[u8]) -> Result<Option<Room>, Fault> {
        if text.len() <= SMALL {
            return Ok(None);
        }
        let values = count_values(text);
        if values > MOST_VALUES {
            return Err(Fault::new(
                FaultKind::TooLarge,
                "too_large",
                format!("the body may have at most {MOST_VALUES} values; send it in parts"),
            ));
        }
        let wanted = kib(text.len() * TEXT_COPIES + values * VALUE_BYTES);
        self.wait(&self.values, wanted).await.map(Some)
    }

    /// Room for a page of a list that is about to be read.
    pub(crate) async fn for_page(&self) -> Result<Room, Fault> {
        self.wait(&self.answers, PAGE_KIB).await
    }

    /// Room for an answer that was made, for somebody who is known or for a stranger.
    pub(crate) async fn for_answer(
        &self,
        bytes: usize,
        is_known: bool,
    ) -> Result<Option<Room>, Fault> {
        if bytes <= PIECE {
            return Ok(None);
        }
        let hall = if is_known {
            &self.answers
        } else {
            &self.strangers
        };
        self.wait(hall, kib(bytes)).await.map(Some)
    }
}

impl Room {
    /// Gives back what is not needed for so many bytes; nothing is kept for a small answer.
    pub(crate) fn shrink(mut self, bytes: usize) -> Option<Self> {
        let needed = if bytes <= PIECE {
            0
        } else {
            usize::try_from(kib(bytes)).unwrap_or(usize::MAX)
        };
        let more = self.0.num_permits().saturating_sub(needed);
        drop(self.0.split(more));
        (needed > 0).then_some(self)
    }
}

/// An answer that keeps its room until the client has taken it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) rest: Bytes,
    pub(crate) _room: Room,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(piece);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// No room now.
pub(crate) fn overloaded() -> Fault {
    let fault = Fault::new(
        FaultKind::Unavailable,
        "overloaded",
        "the server is answering as many requests as it can; try again in a second",
    );
    Fault {
        retry_after: Some(1),
        ..fault
    }
}

/// How many values and member names a JSON text has, at least: each but the first follows a comma, a colon or a bracket. Of a text
/// that is no JSON it says something.
fn count_values(text: &[u8]) -> usize {
    let (mut count, mut inside, mut escaped) = (1, false, false);
    for byte in text {
        if inside {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => inside = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => inside = true,
                b',' | b':' | b'[' | b'{' => count += 1,
                _ => {}
            }
        }
    }
    count
}

#[cfg(test)]
mod tests;
