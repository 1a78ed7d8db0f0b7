//! What the file may say, and what is said of the rest.

use super::*;

fn good(text: &str) -> Vec<Wanted> {
    read(text, Path::new(".")).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn faults(text: &str) -> Vec<String> {
    match read(text, Path::new(".")) {
        Ok(wanted) => panic!("{wanted:?}"),
        Err(faults) => faults,
    }
}

#[test]
fn every_member_is_read_as_the_api_takes_it() {
    let text = r#"
[[webhook]]
name = "CI"
description = "Builds"
url = "https://ci.example/hook"
dialect = "icescrum"
events = ["task.state", "task.update"]
secret_env = "CI_SECRET"
verify_tls = true
enabled = false
timeout_seconds = 10
ordering = "none"
max_in_flight = 0x10
failure_limit = 0
retry_schedule = [5, 30]
locked = false
unset = ["ca_pem"]
headers = { X-Team = "a" }
header_env = { Authorization = "CI_AUTH" }
options = { envelope = "flat" }
"#;
    let all = good(text);
    assert_eq!(all.len(), 1);
    let one = &all[0];
    assert_eq!((one.name.as_str(), one.line), ("CI", 2));
    assert_eq!(one.secret_env.as_deref(), Some("CI_SECRET"));
    assert_eq!(one.unset, ["ca_pem"]);
    let mut headers = one.headers.clone().unwrap();
    headers.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        headers,
        [
            ("Authorization".to_owned(), Given::Env("CI_AUTH".to_owned())),
            ("X-Team".to_owned(), Given::Text("a".to_owned())),
        ]
    );
    let member = |name: &str| {
        let found = one.members.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.clone()).unwrap()
    };
    assert_eq!(member("events"), vec!["task.state", "task.update"].into());
    assert_eq!(member("max_in_flight"), 16.into());
    assert_eq!(member("failure_limit"), 0.into());
    assert_eq!(
        member("retry_schedule"),
        Value::List(vec![5.into(), 30.into()])
    );
    assert_eq!(member("enabled"), false.into());
    let given = MEMBERS.iter().filter(|(name, _)| *name != "ca_pem");
    for (name, _) in given {
        member(name);
    }
    assert!(good("").is_empty());
    assert_eq!(good("[[webhook]]\nname=\"a\"\n")[0].headers, None);
    let none = good("[[webhook]]\nname=\"a\"\nheaders={}\n");
    assert_eq!(none[0].headers, Some(Vec::new()));
}

#[test]
fn every_fault_is_told_with_its_line() {
    let text = r#"
colour = "blue"

[[webhook]]
name = "a"
evnts = "all"
secret = "hunter2"
timeout_seconds = "5"
max_in_flight = 1.5
retry_schedule = [1, "2"]

[[webhook]]
url = "https://a.example"

[[webhook]]
name = "a"
unset = ["url", "secret"]
secret_env = "X"
header_env = { A = "V" }
headers = { a = "v", B = 1 }
ca_file = "not-there.pem"
"#;
    let told = faults(text).join("\n");
    for expected in [
        "line 2: `colour` is not known here; write [[webhook]]",
        "line 6: `evnts` is not known here; known are name, secret_env,",
        "line 7: a secret is not written into the file",
        "line 8: `timeout_seconds` must be a whole number",
        "line 9: `max_in_flight` must be a whole number",
        "line 10: `retry_schedule` must be a list of whole numbers",
        "line 12: a webhook needs a `name`",
        "line 15: the name \"a\" is taken by line 4",
        "line 15: secret is given and unset at once",
        "line 17: \"url\" cannot be unset; these can: ca_pem,",
        "is there twice",
        "line 20: headers.B must be a string",
        "line 21: ca_file not-there.pem:",
    ] {
        assert!(told.contains(expected), "{expected} in\n{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let told = faults("[[webhook]]\nname = \"a\"\nurl = \n");
    assert!(told[0].starts_with("line 3: "), "{told:?}");
    let told = faults("[[webhook]]\nname = \"a\"\nname = \"b\"\n");
    assert!(told[0].starts_with("line 3: "), "{told:?}");
    assert!(faults("webhook = 1\n")[0].contains("[[webhook]]"));
    assert!(faults("webhook = [1]\n")[0].contains("[[webhook]]"));
}
