//! The form of tokens.

use super::*;

struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

#[test]
fn a_token_has_its_form_and_every_typing_error_is_found() {
    for fill in [0, 1, 127, 255] {
        let token = new_token(&Fixed(fill));
        assert_eq!(token.len(), 53);
        assert!(is_well_formed(&token), "{token}");
        for i in 4..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[i] = if bytes[i] == b'x' { b'y' } else { b'x' };
            assert!(!is_well_formed(std::str::from_utf8(&bytes).unwrap()), "{i}");
        }
    }
    for bad in ["", "tid_", "tid_abc", "Bearer x", "tid_\u{e9}"] {
        assert!(!is_well_formed(bad), "{bad}");
    }
}

#[test]
fn base62_is_the_big_endian_number() {
    assert_eq!(base62(&[0], 3), "000");
    assert_eq!(base62(&[61], 3), "00z");
    assert_eq!(base62(&[1, 0], 3), "048");
    assert_eq!(base62(&[255; 32], 43).len(), 43);
}

#[test]
fn the_hint_tells_four_characters() {
    assert_eq!(hint(&new_token(&Fixed(255))).len(), 8);
}
