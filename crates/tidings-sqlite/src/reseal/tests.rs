//! Either every value is sealed anew or none, and nothing of the old ones is left in the file.

use super::*;
use crate::look;
use crate::look::beside;
use crate::tests::open;

/// A value as it stands in the file.
fn text(fill: u8) -> String {
    serde_json::to_string(&Sealed(vec![fill; 90])).unwrap()
}

fn stored(path: &Path) -> Vec<String> {
    let conn = Connection::open(path).unwrap();
    let mut statement = conn
        .prepare("SELECT sealed FROM webhooks ORDER BY id")
        .unwrap();
    let rows = statement
        .query_map([], |row| row.get::<_, Option<String>>(0))
        .unwrap();
    rows.map(|row| row.unwrap().unwrap_or_default()).collect()
}

/// Three webhooks: two secrets and two headers, a header only, nothing.
fn some(path: &Path) {
    drop(open(path).unwrap());
    let conn = Connection::open(path).unwrap();
    let secrets = format!(
        r#"{{"current":{},"previous":{{"secret":{},"effective_at":"a","until":"b"}}}}"#,
        text(1),
        text(2)
    );
    let rows = [
        Some(format!(
            r#"[{secrets},[["X-A",{}],["X-B",{}]]]"#,
            text(3),
            text(4)
        )),
        Some(format!(r#"[null,[["X-C",{}]]]"#, text(5))),
        None,
    ];
    for sealed in rows {
        let sql = "INSERT INTO webhooks (project, version, deleted, body, sealed) VALUES (1, 0, 0, '{}', ?1)";
        conn.execute(sql, [sealed]).unwrap();
    }
}

#[test]
fn every_value_is_sealed_anew_and_the_old_ones_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    some(&path);
    let mut asked = Vec::new();
    let values = reseal(&path, "0000beef", |id, purpose, sealed| {
        asked.push((id.0, purpose, sealed.0[0]));
        Ok(Sealed(vec![sealed.0[0] + 100; 90]))
    });
    assert_eq!(values.unwrap(), 5);
    let (secret, header) = (SealedAs::Secret, SealedAs::Header);
    assert_eq!(
        asked,
        [
            (1, secret, 1),
            (1, secret, 2),
            (1, header, 3),
            (1, header, 4),
            (2, header, 5)
        ]
    );
    assert_eq!(look(&path).unwrap().key_id.as_deref(), Some("0000beef"));
    let all = stored(&path).concat();
    for old in 1..=5 {
        assert!(all.contains(&text(old + 100)));
        for suffix in ["", "-wal"] {
            let bytes = std::fs::read(beside(&path, suffix)).unwrap_or_default();
            let old = text(old);
            let left = bytes.windows(old.len()).any(|w| w == old.as_bytes());
            assert!(!left, "an old value is left in the file{suffix}");
        }
    }
    assert!(all.contains(r#""effective_at":"a""#) && all.contains("X-C"));
}

#[test]
fn one_value_that_does_not_open_and_nothing_changes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    some(&path);
    let before = stored(&path);
    let refused = reseal(&path, "0000beef", |id, _, sealed| match id.0 {
        2 => Err("the secret is damaged".to_owned()),
        _ => Ok(sealed.clone()),
    });
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.starts_with("webhook 2: the secret is damaged"),
        "{refused}"
    );
    assert_eq!(stored(&path), before);
    assert_eq!(look(&path).unwrap().key_id, None);
}

#[test]
fn a_file_in_use_and_one_that_is_not_there_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let seal = |_: WebhookId, _: SealedAs, sealed: &Sealed| Ok(sealed.clone());
    let missing = reseal(&path, "0000beef", seal).unwrap_err();
    assert!(matches!(missing, ResealError::Open(OpenError::Missing(_))));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let store = open(&path).unwrap();
    let in_use = reseal(&path, "0000beef", seal).unwrap_err();
    assert!(matches!(in_use, ResealError::Open(OpenError::InUse(_))));
    assert!(matches!(vacuum(&path), Err(OpenError::InUse(_))));
    drop(store);
    assert_eq!(reseal(&path, "0000beef", seal).unwrap(), 0);
    vacuum(&path).unwrap();
}
