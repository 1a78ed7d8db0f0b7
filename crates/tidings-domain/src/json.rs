//! JSON text, written into a buffer that each thread keeps: what comes out is as large as the text and was never moved about while
//! it grew.

use std::cell::Cell;

use serde::Serialize;

/// A buffer that grew larger is not kept.
const MOST_KEPT: usize = 64 * 1024;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What `write` writes. Where one is written while another is, each has a buffer of its own.
pub fn written<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Vec<u8>, E> {
    let mut buffer = BUFFER.take();
    buffer.clear();
    let text = write(&mut buffer).map(|()| buffer.as_slice().to_vec());
    if buffer.capacity() <= MOST_KEPT {
        BUFFER.set(buffer);
    }
    text
}

/// A value as JSON: one line, no blanks.
///
/// # Errors
/// Those of the value; strings, numbers, lists and maps with string keys have none.
pub fn to_vec(value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, serde_json::Error> {
    written(|buffer| serde_json::to_writer(buffer, value))
}

#[cfg(test)]
mod tests {
    use serde::{Serialize, Serializer};

    use super::*;

    struct Within;

    impl Serialize for Within {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let inner = to_vec(&[1, 2]).map_err(serde::ser::Error::custom)?;
            serializer.collect_seq(inner)
        }
    }

    #[test]
    fn texts_do_not_run_into_each_other() {
        assert_eq!(to_vec("a").unwrap(), br#""a""#);
        assert_eq!(to_vec(&[Within, Within]).unwrap().len(), 35);
        assert_eq!(to_vec(&"b".repeat(MOST_KEPT)).unwrap().len(), MOST_KEPT + 2);
        assert_eq!(to_vec(&()).unwrap(), b"null");
    }
}
