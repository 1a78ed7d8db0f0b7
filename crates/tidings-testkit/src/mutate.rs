//! Small changes of known inputs, the same in every run: what a fuzzer does, without a fuzzer.

/// Pieces that readers stumble over.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\r\n",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"-",
    b"0",
    b"9007199254740993",
    b"1e309",
    b"null",
    b"true",
    b"[[[[[[[[[[[[[[[[",
    b"@",
    b"%00",
    b"%2e",
    b"..",
    b"//",
    b"127.0.0.1",
    b"[::1]",
    b"xn--",
    b"\xe3\x80\x82",
    b"\xf0\x9f\x98\x80",
];

/// As many mutations of the seeds as wanted, each from one to four changes.
pub fn mutations(seeds: &[Vec<u8>], count: usize) -> impl Iterator<Item = Vec<u8>> {
    let seeds: Vec<Vec<u8>> = seeds.to_vec();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    (0..count).map(move |_| {
        let mut input = dice.of(&seeds).cloned().unwrap_or_default();
        for _ in 0..=dice.below(4) {
            change(&mut input, &seeds, &mut dice);
        }
        input
    })
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(input.len() + 1);
    match dice.below(7) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        1 => input.truncate(at),
        2 => {
            let end = (at + 1 + dice.below(8)).min(input.len());
            input.drain(at..end.max(at));
        }
        3 => {
            let piece = dice.of(PIECES).copied().unwrap_or_default();
            input.splice(at..at, piece.iter().copied());
        }
        4 => {
            let end = (at + dice.below(32)).min(input.len());
            let copied = input.get(at..end).unwrap_or_default().to_vec();
            let to = dice.below(input.len() + 1);
            input.splice(to..to, copied);
        }
        5 => {
            let other = dice.of(seeds).cloned().unwrap_or_default();
            let from = dice.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(other.get(from..).unwrap_or_default());
        }
        _ => {
            let byte = u8::try_from(dice.below(256)).unwrap_or_default();
            input.insert(at, byte);
        }
    }
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n.max(1) as u64).unwrap_or(0)
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}
