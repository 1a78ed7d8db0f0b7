//! A secret opens in its place only.

use super::*;

struct Counting;

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::try_from(i % 251).unwrap();
        }
    }
}

#[test]
fn opens_only_in_its_place_and_with_its_key() {
    let vault = Vault::new(&[7; 32]);
    let sealed = vault
        .seal(&Counting, Column::Secret, WebhookId(3), b"canary")
        .unwrap();
    assert_eq!(
        vault.open(Column::Secret, WebhookId(3), &sealed).unwrap(),
        b"canary"
    );
    for (column, id) in [(Column::Secret, 4), (Column::Header, 3)] {
        assert_eq!(
            vault.open(column, WebhookId(id), &sealed),
            Err(VaultError::Damaged)
        );
    }
    assert_eq!(
        Vault::new(&[8; 32]).open(Column::Secret, WebhookId(3), &sealed),
        Err(VaultError::OtherKey)
    );
    assert_eq!(sealed.0.len(), b"canary".len() + OVERHEAD_BYTES);
    assert!(!sealed.0.windows(6).any(|w| w == b"canary"));
    assert_eq!(format!("{sealed:?} {vault:?}"), "Sealed(..) Vault(..)");
}

#[test]
fn every_changed_byte_and_every_cut_is_found() {
    let vault = Vault::new(&[7; 32]);
    let sealed = vault
        .seal(&Counting, Column::Header, WebhookId(1), b"value")
        .unwrap();
    for i in 0..sealed.0.len() {
        let mut bent = sealed.clone();
        bent.0[i] ^= 1;
        assert!(
            vault.open(Column::Header, WebhookId(1), &bent).is_err(),
            "byte {i}"
        );
        let cut = Sealed(sealed.0[..i].to_vec());
        assert!(
            vault.open(Column::Header, WebhookId(1), &cut).is_err(),
            "cut at {i}"
        );
    }
}
