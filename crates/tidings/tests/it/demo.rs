//! The demo does what the README says it does.

use super::world::tidings;

#[test]
fn demo_once_delivers_and_verifies_everything() {
    let output = tidings(&["demo", "--once"])
        .env("TMPDIR", std::env::temp_dir())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let rows: Vec<&str> = text.lines().filter(|l| l.ends_with("verified")).collect();
    assert!(rows.len() >= 100, "{text}");
    for dialect in [
        "standard", "icescrum", "gitscrum", "sprintly", "backlog", "squish",
    ] {
        assert!(
            rows.iter().any(|r| r.contains(&format!(" {dialect} "))),
            "nothing in {dialect}:\n{text}"
        );
    }
    assert!(
        text.contains("in 6 dialects") && text.contains("all arrived, all signatures verified"),
        "{text}"
    );
}
