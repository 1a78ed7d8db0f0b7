//! Passwords that are guessed first.
//!
//! Lists of stolen passwords are long, but of few kinds: a usual word with digits or signs around it, a run on the keyboard or in
//! the alphabet, something short said again and again, digits alone, one's own name. Those kinds are refused, not a list.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Words that people choose, alone or with something before and after. Lower case.
const WORDS: &str = "\
password passwort motdepasse contrasena contraseña senha parola haslo wachtwoord salasana losenord kennwort passcode passphrase passme mypass \
pass word admin administrator administrador root sysadmin superuser user username guest login logon signin demo test testing tester temp \
temporary default change changeme letmein iamin welcome willkommen bienvenue hello hallo hola access secret secrets private geheim \
tidings webhook webhooks tracker scrum project company office server system network internet website computer laptop desktop windows linux \
ubuntu microsoft google facebook twitter instagram youtube whatsapp snapchat tiktok linkedin amazon apple iphone android samsung nokia \
oracle mysql database docker github gitlab jenkins \
qwerty qwertz azerty asdf zxcv qaz wsx qazwsx qwer asdfgh zxcvbn zxcvbnm asdfghjkl qwertyuiop dvorak \
love loveme iloveyou ilove loveyou lover lovely lovers forever always together baby babygirl babyboy honey sweet sweety sweetie sweetheart darling \
angel angels angelo princess prince queen king kingdom beautiful sexy hottie cutie pretty girl girls boys boy friend friends family mother father mommy daddy \
sunshine flower flowers rainbow butterfly summer winter spring autumn fall season sommer monday tuesday wednesday thursday friday saturday sunday \
january february march april june july august september october november december \
monkey dragon tiger lion eagle eagles falcon panther cougar jaguar leopard wolf wolves bear bears shark dolphin dolphins horse horses rabbit bunny kitty \
kitten cats puppy doggy dogs snoopy tigger penguin turtle spider scorpion phoenix unicorn pegasus banana cherry apple orange lemon peach pepper ginger \
cookie cookies chocolate candy sugar coffee cheese chicken pizza burger tequila whiskey \
football fussball ball soccer baseball basketball softball hockey tennis golf golfer rugby cricket boxing volleyball swimming running \
liverpool arsenal chelsea barcelona realmadrid manchester juventus united steelers cowboys packers yankees lakers raiders broncos redsox \
ferrari porsche mercedes mustang camaro corvette chevy toyota honda yamaha suzuki harley nissan maserati jeep \
superman batman spiderman ironman wolverine starwars startrek skywalker vader yoda gandalf hobbit matrix pokemon pikachu naruto sasuke goku mario zelda \
minecraft fortnite roblox warcraft starcraft counter strike callofduty battlefield halo gamer playstation xbox nintendo \
hunter killer master slayer ninja samurai warrior soldier ranger sniper shadow ghost demon devil satan lucifer hell heaven jesus christ christian church \
faith hope grace blessed blessing buddha matthew trinity destiny freedom liberty justice peace paradise dream dreams dreamer \
magic wizard mystery legend phantom thunder lightning storm fire flame blaze blade sword metal silver golden gold diamond crystal ruby pearl platinum \
black white green blue purple yellow red pink brown scarlet \
music guitar metallica nirvana slipknot eminem beatles elvis queen rock rockstar hiphop piano drummer dance dancer \
michael jennifer jessica jordan ashley amanda daniel andrew joshua joseph matthew nicole michelle robert thomas william charles charlie anthony \
christopher david james john richard george patrick steven stephen kevin brian jason justin brandon tyler austin dylan logan nathan samuel benjamin \
alexander alexandra alex maria anna laura sarah sara emily emma hannah sophie sophia olivia isabella victoria elizabeth rebecca rachel samantha \
stephanie melissa heather danielle natalie vanessa veronica andrea carlos carmen antonio francisco fernando roberto ricardo miguel alejandro sebastian \
martin peter paul andreas stefan claudia sabine monika wolfgang juergen \
london paris berlin newyork boston chicago dallas texas california florida hawaii alaska canada mexico brazil brasil argentina colombia england ireland \
scotland france germany deutschland italia spain espana portugal russia china japan india america american australia africa europe \
money dollar cash rich lucky winner champion victory success power energy master boss chief captain pilot doctor student teacher school college university \
trustno trustnoone whatever nothing everything something anything never open sesame opensesame abracadabra computer creative million billion \
bond agent fuckyou fuckoff fuck shit bitch asshole bastard pussy dick";

/// What stands next to each other on a keyboard, and in the alphabet.
const ROWS: [&str; 8] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiopü",
    "azertyuiop",
    "asdfghjklöä",
    "zxcvbnm",
    "yxcvbnm",
];
/// Columns of the keyboard, from the top and from the bottom.
const COLUMNS: &str = "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p 1q2w3e4r5t6y7u8i9o0p q1w2e3r4t5y6u7i8o9p0 zaq1xsw2cde3vfr4bgt5nhy6mju7";

/// Whether the password is of a kind that is guessed first, or is made of what everybody knows of its owner.
pub(super) fn is_common(password: &str, known: &[&str]) -> bool {
    let lower = password.to_lowercase();
    let chars: Vec<char> = lower.chars().collect();
    repeats(&chars)
        || (chars.len() < 12 && chars.iter().all(|c| !c.is_alphabetic()))
        || in_pieces(&chars, known)
}

/// Letters in place of the digits and signs that are put for them.
fn plain(text: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        '8' => 'b',
        other => other,
    };
    text.chars().map(letter).collect()
}

/// Few different characters, or something short again and again.
fn repeats(chars: &[char]) -> bool {
    let mut different = chars.to_vec();
    different.sort_unstable();
    different.dedup();
    let again = |period: usize| {
        chars
            .iter()
            .zip(chars.iter().skip(period))
            .all(|(a, b)| a == b)
    };
    different.len() < 4 || (1..=chars.len() / 2).filter(|p| *p <= 5).any(again)
}

/// Whether it falls into usual words and runs, with so little between them that nobody has to guess it.
fn in_pieces(chars: &[char], known: &[&str]) -> bool {
    let known: Vec<String> = known.iter().flat_map(|k| parts(k)).collect();
    // best[i]: fewest guesses, as a count of free characters and pieces, for what comes after i.
    let mut best = vec![0_usize; chars.len() + 1];
    for at in (0..chars.len()).rev() {
        let digit = chars.get(at).is_some_and(|c| !c.is_alphabetic());
        let after = best.get(at + 1).copied().unwrap_or_default();
        // A digit or sign is worth half of a letter.
        let mut fewest = after + if digit { 1 } else { 2 };
        for length in 3..=(chars.len() - at).min(LONGEST) {
            let piece: String = chars.iter().skip(at).take(length).collect();
            let rest = best.get(at + length).copied().unwrap_or_default();
            if is_piece(&piece, &known) {
                fewest = fewest.min(rest + 2);
            }
        }
        if let Some(best) = best.get_mut(at) {
            *best = fewest;
        }
    }
    best.first().is_some_and(|fewest| *fewest <= MOST_FREE)
}

/// The longest piece that is looked for.
const LONGEST: usize = 32;

/// One word and four digits, or two words and two digits, or a word and two letters.
const MOST_FREE: usize = 6;

/// A login or name as it may be taken into a password.
fn parts(known: &str) -> Vec<String> {
    let lower = known.to_lowercase();
    let mut parts: Vec<String> = lower
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_owned)
        .collect();
    parts.push(lower);
    parts.retain(|part| part.chars().count() >= 3);
    parts
}

fn is_piece(piece: &str, known: &[String]) -> bool {
    let plain = plain(piece);
    let is_known = |text: &str| known.iter().any(|k| k == text) || USUAL.contains(text);
    is_known(piece) || is_known(&plain) || is_run(piece) || is_year(piece)
}

static USUAL: LazyLock<HashSet<&str>> = LazyLock::new(|| WORDS.split_whitespace().collect());

/// 1950 to 2049.
fn is_year(piece: &str) -> bool {
    piece.len() == 4
        && piece
            .parse()
            .is_ok_and(|year: u32| (1950..2050).contains(&year))
}

fn is_run(piece: &str) -> bool {
    let back: String = piece.chars().rev().collect();
    let inside = |row: &str| row.contains(piece) || row.contains(&back);
    let same = {
        let mut chars = piece.chars();
        let first = chars.next();
        chars.all(|c| Some(c) == first)
    };
    same || ROWS.iter().any(|row| inside(row)) || COLUMNS.split(' ').any(inside)
}
