//! What must hold for any captured request. Shared with the fuzz target `verify`.

use super::{Verdict, check, detect, headers};

/// The secret of the webhook.
pub(crate) const SECRET: &str = "a secret of the harbour";

/// A whole capture: head, blank line, body. Whether it verified.
pub(crate) fn verify(data: &[u8]) -> bool {
    let at = data.windows(4).position(|w| w == b"\r\n\r\n");
    let (head, body) = match at {
        Some(at) => (&data[..at], &data[at + 4..]),
        None => (data, &b""[..]),
    };
    let head = String::from_utf8_lossy(head);
    let Ok(headers) = headers(head.lines()) else {
        return false;
    };
    let name = detect(&headers);
    let dialect = tidings_dialects::find(name).unwrap();
    assert_eq!(check(dialect, None, &headers, b"", None), Verdict::Unsigned);
    match check(dialect, Some(SECRET), &headers, body, Some(1_772_451_600)) {
        Verdict::Good => true,
        Verdict::Unsigned => panic!("there was a secret"),
        Verdict::Bad(why) => {
            assert!(!why.is_empty());
            false
        }
    }
}
