//! What is taken as `ca_pem`.

use tidings_testkit::tls::{Authority, Kind};

use super::check_pem;

#[test]
fn pems_are_checked_before_they_are_saved() {
    let authority = Authority::new();
    let own = authority.server(Kind::SelfSigned);
    assert_eq!(check_pem(&authority.pem()), Ok(1));
    assert_eq!(
        check_pem(&format!("# ours\n{}\n{}", authority.pem(), own.pem())),
        Ok(2)
    );
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned();
    for (pem, words) in [
        (String::new(), "no certificate"),
        ("hello".to_owned(), "no certificate"),
        (broken, "cannot be used"),
        (authority.pem() + &key, "private key"),
        (authority.pem().repeat(21), "more than 20"),
        ("x".repeat(70_000), "more than 65536"),
        (
            "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n".to_owned(),
            "cannot be read",
        ),
    ] {
        let fault = check_pem(&pem).unwrap_err();
        assert!(fault.contains(words), "{fault}");
    }
}
