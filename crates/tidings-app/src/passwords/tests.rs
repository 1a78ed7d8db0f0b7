//! Which passwords are refused, and what a guess costs.

use super::{Gate, NOBODY, weakness};

struct Fixed;

impl tidings_domain::Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

#[test]
fn what_everybody_guesses_first_is_refused() {
    for common in [
        "password",
        "Password1",
        "P@ssw0rd",
        "password123!",
        "passw0rd2024",
        "12345678",
        "123456789",
        "1234567890",
        "87654321",
        "11111111",
        "00000000",
        "abcabcabc",
        "aaaaaaaa",
        "abcd1234",
        "1q2w3e4r",
        "1qaz2wsx",
        "1qaz@wsx",
        "qwertyuiop",
        "qwerty123",
        "asdfghjkl",
        "zxcvbnm1",
        "iloveyou",
        "iloveyou2",
        "sunshine1",
        "princess",
        "football",
        "baseball1",
        "superman",
        "starwars",
        "trustno1",
        "letmein1",
        "welcome1",
        "Welcome2024",
        "Summer2023!",
        "Winter24!",
        "admin123",
        "administrator",
        "changeme",
        "computer",
        "michael1",
        "jennifer",
        "liverpool1",
        "19841984",
        "01011980",
        "dragonball",
        "monkey123",
        "master12",
        "tidings1",
        "webhook123",
        "passwordpassword",
        "adminadmin",
        "qwertyqwerty",
        "testtest",
        "test1234",
        "blahblah",
        "!!!!!!!!",
        "1111aaaa",
    ] {
        assert!(weakness(common, "ada", "Ada").is_some(), "{common}");
    }
    for own in ["ada.lovelace", "Lovelace1", "lovelace2024", "adalovelace"] {
        let weak = weakness(own, "ada@example.com", "Ada Lovelace");
        assert!(weak.is_some(), "{own}");
    }
    assert!(weakness("short", "ada", "Ada").is_some());
    assert!(weakness(&"long ".repeat(60), "ada", "Ada").is_some());
}

#[test]
fn what_is_hard_to_guess_is_taken() {
    for good in [
        "correct horse battery staple",
        "tr0ub4dor&3x",
        "kQ7#vPz2",
        "viermal grauer Regen",
        "xkcd-936-entropy",
        "mJ4tHwn9",
        "süßer Brei 77",
        "my dog ate 3 shoes",
        "ocelot-tram",
        "9f8c2b71d3",
        "日本語のパスワード",
    ] {
        assert_eq!(weakness(good, "ada@example.com", "Ada"), None, "{good}");
    }
    let long = "ab cd ef gh 12 34 ".repeat(8);
    assert_eq!(long.chars().count(), 144);
    assert_eq!(weakness(&long, "ada", "Ada"), None);
}

#[tokio::test]
async fn a_password_is_known_again_and_kept_as_argon2id() {
    let gate = Gate::default();
    let hash = gate.hash("kQ7#vPz2", &Fixed).await.unwrap();
    assert!(
        hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{hash}"
    );
    assert!(gate.verify("kQ7#vPz2", Some(hash.clone())).await.unwrap());
    assert!(!gate.verify("kQ7#vPz3", Some(hash)).await.unwrap());
}

#[tokio::test]
async fn nobodys_password_is_never_right_and_costs_as_much() {
    let gate = Gate::default();
    assert!(!gate.verify("nobody", None).await.unwrap());
    assert_eq!(gate.hashed(), 1);
    // It is a hash that is really computed: in the right form, of the price of others.
    let hash = argon2::password_hash::phc::PasswordHash::new(NOBODY).unwrap();
    assert_eq!(hash.hash.map(|h| h.len()), Some(32));
    let made = gate.hash("kQ7#vPz2", &Fixed).await.unwrap();
    let price = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
    assert_eq!(price(&made), price(NOBODY));
}

#[tokio::test]
async fn guesses_of_a_login_and_of_an_address_are_counted() {
    let gate = Gate::default();
    let here = Some("192.0.2.1".parse().unwrap());
    let guess = |login: &str| gate.guess(login.to_owned(), here, 0).map(drop);
    for _ in 0..10 {
        assert_eq!(guess("ada"), Ok(()));
    }
    let refused = guess("ada").unwrap_err();
    assert_eq!(
        (refused.code, refused.retry_after),
        ("too_many_attempts", Some(31))
    );
    let some = (0..200).filter(|n| guess(&format!("login {n}")).is_ok());
    assert!(some.count() < 100, "the address is used up");
    // What was right does not count.
    let there = Some("2001:db8::1".parse().unwrap());
    for _ in 0..200 {
        gate.guess("bob".to_owned(), there, 0).unwrap().was_right();
    }
    // A network of addresses is one guesser.
    let next_door = |n: u32| Some(format!("2001:db8::{n:x}").parse().unwrap());
    let some = (1..200).filter(|n| gate.guess(format!("l{n}"), next_door(*n), 0).is_ok());
    assert!(some.count() <= 100);
}
