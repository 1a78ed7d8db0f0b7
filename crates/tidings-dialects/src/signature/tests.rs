//! Known answers, and what must not pass.

use super::*;

#[test]
fn hmacs_have_the_known_answers() {
    assert_eq!(
        md5("secret", b"{\"project\": \"Weddings\"}"),
        "a55c0d96bf04734d14b9b08054d894f4"
    );
    assert_eq!(md5("secret", b""), "5c8db03f04cec0f43bcb060023914190");
    assert_eq!(md5("secret", b"{}"), "42636b4730e429f6f953f31842dea908");
    assert_eq!(
        sha1("secret", b"{\"project\": \"Weddings\"}"),
        "6140ee2f00b521c1905f8da2f9fa9a761ca9202d"
    );
    assert_eq!(
        sha256("secret", b"{\"project\": \"Weddings\"}"),
        "f0821f46dfb0038e312e3acd2084ebad7f6e02f171dc4c36f13085eefae2d118"
    );
}

#[test]
fn a_whsec_secret_stands_for_its_bytes() {
    // The example of the Standard Webhooks specification.
    let key = Key::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let body = br#"{"test": 2432232314}"#;
    assert_eq!(
        key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
}

#[test]
fn every_other_secret_is_its_own_bytes() {
    let short = format!("whsec_{}", STANDARD.encode([7; 23]));
    let long = format!("whsec_{}", STANDARD.encode([7; 65]));
    for secret in ["plain", "whsec_not base64!", "", "whsec_", &short, &long] {
        assert_eq!(
            Key::new(secret),
            Key::of(secret.as_bytes().to_vec()),
            "{secret}"
        );
    }
    for length in [24, 64] {
        let bytes = vec![7; length];
        let secret = format!("whsec_{}", STANDARD.encode(&bytes));
        assert_eq!(Key::new(&secret), Key::of(bytes));
    }
}

#[test]
fn a_check_passes_only_the_same_bytes_id_time_and_key() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let signature = standard(&[new.clone(), old.clone()], "dlv_1", 1000, b"body");
    let got = Received {
        id: "dlv_1",
        timestamp: "1000",
        signature: &signature,
    };
    assert_eq!(
        verify_standard(&old, got, b"body", Some(1300)),
        Verdict::Valid
    );
    assert_eq!(verify_standard(&new, got, b"body", None), Verdict::Valid);
    assert_eq!(
        verify_standard(&new, got, b"body", Some(1301)),
        Verdict::Stale
    );
    assert_eq!(
        verify_standard(&new, got, b"body", Some(699)),
        Verdict::Stale
    );
    assert_eq!(verify_standard(&new, got, b"bodY", None), Verdict::Wrong);
    assert_eq!(
        verify_standard(&Key::new("x"), got, b"body", None),
        Verdict::Wrong
    );
    let other = Received { id: "dlv_2", ..got };
    assert_eq!(verify_standard(&new, other, b"body", None), Verdict::Wrong);
    for timestamp in ["1001", "", "a", "1000.0"] {
        let other = Received { timestamp, ..got };
        assert_eq!(verify_standard(&new, other, b"body", None), Verdict::Wrong);
    }
    for (signature, verdict) in [
        ("", Verdict::Missing),
        ("v1,", Verdict::Wrong),
        ("v1a,AAAA", Verdict::Wrong),
    ] {
        let other = Received { signature, ..got };
        assert_eq!(verify_standard(&new, other, b"body", None), verdict);
    }
}
