//! Schemas only go forwards, step by step, and a step that was cut off is as if it had not begun.

use std::path::Path;

use super::*;
use crate::look::{Seen, beside};
use crate::open::{OpenError, Opened, open_any};

/// A second step as one may come: it adds, fills, rebuilds and drops.
const SECOND: &str = "
    ALTER TABLE projects ADD COLUMN colour TEXT;
    UPDATE projects SET colour = 'red' WHERE id % 2 = 1;
    CREATE TABLE paints (colour TEXT PRIMARY KEY, projects INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO paints SELECT coalesce(colour, 'none'), count(*) FROM projects GROUP BY 1;
    DROP INDEX projects_being_emptied;
    CREATE INDEX projects_by_colour ON projects (colour);
";
const THIRD: &str = "UPDATE paints SET projects = projects + 1; INSERT INTO documents VALUES ('third', 'was here');";
const ALL: &[&str] = &[STEPS[0], SECOND, THIRD];

#[expect(clippy::unnecessary_wraps, reason = "as `open_any` takes it")]
fn anything(_: &Path, _: &Seen) -> Result<(), OpenError> {
    Ok(())
}

/// A database as the first version leaves it.
fn first(path: &Path) {
    let opened = open_any(path, &ALL[..1], anything, || ()).unwrap();
    for id in 1..=9 {
        opened
            .writer
            .execute(
                "INSERT INTO projects VALUES (?1, 'k' || ?1, 0, 0, 0, '{}')",
                [id],
            )
            .unwrap();
    }
}

/// Schema and rows as text.
fn dump(opened: &Opened) -> Vec<String> {
    let all = |sql: &str| -> Vec<String> {
        let mut statement = opened.writer.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let mut lines = all("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name");
    lines.extend(all(
        "SELECT id || key || coalesce(colour, '-') FROM projects ORDER BY id",
    ));
    lines.extend(all("SELECT colour || projects FROM paints ORDER BY colour"));
    lines.extend(all("SELECT name || text FROM documents ORDER BY name"));
    lines.extend(all(
        "SELECT 'version ' || user_version FROM pragma_user_version",
    ));
    lines.extend(all("SELECT integrity_check FROM pragma_integrity_check"));
    lines
}

#[test]
fn the_first_schema_becomes_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let (stepwise, at_once) = (dir.path().join("a.db"), dir.path().join("b.db"));
    first(&stepwise);
    drop(open_any(&stepwise, &ALL[..2], anything, || ()).unwrap());
    first(&at_once);
    let dumps =
        [stepwise, at_once].map(|path| dump(&open_any(&path, ALL, anything, || ()).unwrap()));
    assert_eq!(dumps[0], dumps[1]);
    assert!(dumps[0].contains(&"1k1red".to_owned()), "{:#?}", dumps[0]);
    assert!(dumps[0].contains(&"version 3".to_owned()));
    assert!(
        dumps[0].contains(&"red6".to_owned()),
        "the third step ran once"
    );
}

#[test]
fn a_step_is_taken_once_and_never_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    first(&path);
    let newest = dump(&open_any(&path, ALL, anything, || ()).unwrap());
    let mut statements = 0;
    let again = dump(&open_any(&path, ALL, anything, || statements += 1).unwrap());
    assert_eq!((again, statements), (newest, 0));
    let back = open_any(&path, &ALL[..2], anything, || ()).unwrap_err();
    assert!(matches!(
        back,
        OpenError::Newer {
            found: 3,
            known: 2,
            ..
        }
    ));
}

/// The files are taken as they are between any two statements: what a `kill -9` there leaves.
#[test]
fn cut_off_at_any_statement_it_begins_again_with_nothing_different() {
    let dir = tempfile::tempdir().unwrap();
    for from_nothing in [false, true] {
        let path = dir.path().join(format!("whole-{from_nothing}.db"));
        if !from_nothing {
            first(&path);
        }
        let mut cuts = Vec::new();
        let opened = open_any(&path, ALL, anything, || {
            let cut = dir
                .path()
                .join(format!("cut-{from_nothing}-{}.db", cuts.len()));
            for suffix in ["", "-wal"] {
                std::fs::copy(beside(&path, suffix), beside(&cut, suffix)).unwrap();
            }
            cuts.push(cut);
        });
        let whole = dump(&opened.unwrap());
        assert!(
            cuts.len() > if from_nothing { 30 } else { 10 },
            "{}",
            cuts.len()
        );
        for cut in &cuts {
            let resumed = dump(&open_any(cut, ALL, anything, || ()).unwrap());
            assert_eq!(resumed, whole, "{}", cut.display());
        }
    }
}

/// A statement that fails (a full disk, a mistake of ours) leaves the version before, which still opens.
#[test]
fn a_step_that_fails_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    first(&path);
    let broken = &[
        STEPS[0],
        "CREATE TABLE half (x); INSERT INTO half VALUES (1); INSERT INTO nowhere VALUES (1);",
    ];
    let error = open_any(&path, broken, anything, || ()).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    let opened = open_any(&path, STEPS, anything, || ()).unwrap();
    let half = "SELECT count(*) FROM sqlite_schema WHERE name = 'half'";
    let tables: i64 = opened.writer.query_row(half, [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 0);
}
