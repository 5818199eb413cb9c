//! Stable pseudonyms for what a recording says about its owner: names, addresses, ids, comments.
//!
//! A word stays only if it is known to be CLUSTERPRO's, Linux's or AWS's own (`words`). Every other one is replaced letter by letter and
//! digit by digit, so that it keeps its length, its hyphens and dots, and the names that it begins like: tables stay aligned, and a name
//! that was cut still is the front of the whole one. A letter's place in a pseudonym is the order in which letters were met there, which
//! says nothing about the letter. Names that users give are learned first, where they stand in tables and arguments: a server may be
//! called `backup`.

mod aws_id;
mod learn;
mod words;

use aws_id::AwsId;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

/// What stands for text in any other script than ASCII.
const OTHER_SCRIPT: char = 'あ';

/// The letters of pseudonyms, from which each place begins somewhere else, so that they can be spoken.
const BEGIN: &[u8] = b"kanoremilusatevo";

/// 198.18.0.1, of a network for tests, which nobody routes.
const TEST_NETWORK: u32 = 0xC612_0001;

/// Kinds of text that are replaced letter by letter, each with pseudonyms of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Names: letters stay letters, digits stay digits.
    Name,
    /// Ids: what is hexadecimal stays so.
    Hex,
}

/// A command as it was recorded: its arguments, and what it printed.
#[derive(Debug, Clone, Copy)]
pub struct Printed<'a> {
    /// The command and its arguments.
    pub argv: &'a [String],
    /// Stdout, or stderr.
    pub text: &'a str,
}

/// The pseudonyms of one recording.
#[derive(Debug, Clone, Default)]
pub struct Pseudonyms {
    /// Names that users gave, by the places where they stood.
    names: BTreeSet<String>,
    /// What has been replaced, and by what.
    given: BTreeMap<String, String>,
    taken: BTreeSet<String>,
    /// What stands for each character behind a front.
    letters: BTreeMap<(Class, String), BTreeMap<char, char>>,
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
    macs: Vec<String>,
}

/// Characters of a word.
const fn of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

impl Pseudonyms {
    /// Learns the names that stand in what was printed; `names` are the nodes'.
    pub fn learned<'a>(
        names: impl IntoIterator<Item = &'a str>,
        printed: impl IntoIterator<Item = Printed<'a>>,
    ) -> Self {
        let mut all = Self::default();
        for name in names {
            all.learn(name);
        }
        for each in printed {
            learn::names(each, |name| all.learn(name));
        }
        all
    }

    fn learn(&mut self, name: &str) {
        if !words::is_vendors_name(name) {
            self.names.insert(name.to_owned());
        }
    }

    /// `text` with pseudonyms in place of what is not the vendor's.
    #[must_use]
    pub fn hide(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let (front, comment) = learn::comment(line);
            self.replace(front, false, &mut out);
            self.replace(comment, !words::is_vendors_comment(comment), &mut out);
        }
        out
    }

    /// The same for the id of an entry, which is ours: its first word stays if its parts may.
    #[must_use]
    pub fn hide_id(&mut self, id: &str) -> String {
        let (first, rest) = id.split_at(id.find(' ').unwrap_or(id.len()));
        if words::is_option(first) && !self.names.contains(first) {
            format!("{first}{}", self.hide(rest))
        } else {
            self.hide(id)
        }
    }

    /// Adds `text` to `out`; `strict`: no word of it stays.
    fn replace(&mut self, text: &str, strict: bool, out: &mut String) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let in_chunk = |c: char| of_word(c) || c == ':';
            let end = rest.find(|c: char| !in_chunk(c)).unwrap_or(rest.len());
            if end == 0 {
                out.push(match c {
                    // Lines of a tree, and what a cut leaves.
                    '\u{2500}'..='\u{257f}' | '…' => c,
                    c if c.is_ascii() => c,
                    _ => OTHER_SCRIPT,
                });
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            } else {
                let (chunk, after) = rest.split_at(end);
                self.chunk(chunk, strict, out);
                rest = after;
            }
        }
    }

    /// Words with colons between them: an address, or words.
    fn chunk(&mut self, chunk: &str, strict: bool, out: &mut String) {
        let colons = chunk.matches(':').count();
        let core = chunk.trim_end_matches('.');
        let core = if core.ends_with("::") {
            core
        } else {
            core.trim_end_matches(':')
        };
        let after = chunk.get(core.len()..).unwrap_or_default();
        if colons >= 2 {
            if let Ok(address) = core.parse::<Ipv6Addr>() {
                out.push_str(&self.v6(address));
                return out.push_str(after);
            }
            if is_mac(core) {
                out.push_str(&self.mac(core));
                return out.push_str(after);
            }
        }
        // Something that looks like an address of IPv6 and cannot be read: none of it stays.
        let strict = strict || colons >= 4 || (chunk.contains("::") && core.contains(|c: char| c.is_ascii_digit()));
        for (n, word) in chunk.split(':').enumerate() {
            if n > 0 {
                out.push(':');
            }
            self.word(word, strict, out);
        }
    }

    /// One word, with the hyphens and dots around it.
    fn word(&mut self, word: &str, strict: bool, out: &mut String) {
        let around = |c: char| matches!(c, '.' | '-');
        let start = word.len() - word.trim_start_matches(around).len();
        let core = word.trim_matches(around);
        let (front, rest) = word.split_at(start);
        let after = rest.get(core.len()..).unwrap_or_default();
        out.push_str(front);
        if core.is_empty() || (!strict && self.stays(core, front)) {
            out.push_str(core);
        } else {
            let image = self.pseudonym(core);
            out.push_str(&image);
        }
        out.push_str(after);
    }

    fn stays(&self, word: &str, front: &str) -> bool {
        if self.names.contains(word) {
            return false;
        }
        words::is_number(word)
            || words::may_stay(word)
            || (front == "--" && words::is_option(word))
            || (front == "-" && word.len() == 1)
    }

    /// What stands for a word.
    fn pseudonym(&mut self, word: &str) -> String {
        if let Ok(address) = word.parse::<Ipv4Addr>() {
            return self.v4(address);
        }
        if let Some(known) = self.given.get(word) {
            return known.clone();
        }
        let image = match AwsId::parse(word) {
            Some(id) if !self.names.contains(word) => {
                let number = self.image(Class::Hex, id.number());
                self.unlike(word, number, Class::Hex, |number| id.with(number).to_string())
            }
            _ if is_hex(word) && !self.names.contains(word) => {
                let image = self.image(Class::Hex, word);
                self.unlike(word, image, Class::Hex, str::to_owned)
            }
            _ => {
                let image = self.image(Class::Name, word);
                self.unlike(word, image, Class::Name, str::to_owned)
            }
        };
        self.taken.insert(image.clone());
        self.given.insert(word.to_owned(), image.clone());
        image
    }

    /// What `whole` makes of the image, or of one beside it if that is a word that stays, or was given already. Only short ones can be.
    fn unlike(&self, word: &str, image: String, class: Class, whole: impl Fn(&str) -> String) -> String {
        let mut image = image;
        for _ in 0..1000 {
            let made = whole(&image);
            if made != word && !words::may_stay(&made) && !self.taken.contains(&made) {
                break;
            }
            image = next(&image, class);
        }
        whole(&image)
    }

    /// Each character by what stands for it behind the same front.
    fn image(&mut self, class: Class, word: &str) -> String {
        let mut front = String::with_capacity(word.len());
        let mut out = String::with_capacity(word.len());
        for (place, c) in word.chars().enumerate() {
            let lower = c.to_ascii_lowercase();
            if c.is_ascii_alphanumeric() {
                let known = self.letters.entry((class, front.clone())).or_default();
                let image = *known.entry(lower).or_insert_with_key(|_| '\0');
                let image = if image == '\0' {
                    first_free(class, place, lower, known)
                } else {
                    image
                };
                known.insert(lower, image);
                out.push(if c.is_ascii_uppercase() {
                    image.to_ascii_uppercase()
                } else {
                    image
                });
            } else {
                out.push(c);
            }
            front.push(lower);
        }
        out
    }

    fn v4(&mut self, address: Ipv4Addr) -> String {
        // Addresses that mean the same everywhere.
        if address.is_loopback() || address.is_unspecified() || address == Ipv4Addr::new(169, 254, 169, 254) {
            return address.to_string();
        }
        let number = number_of(&mut self.v4, address);
        Ipv4Addr::from(TEST_NETWORK.wrapping_add(number)).to_string()
    }

    fn v6(&mut self, address: Ipv6Addr) -> String {
        if address.is_loopback() || address.is_unspecified() {
            return address.to_string();
        }
        let number = number_of(&mut self.v6, address);
        format!("2001:db8::{:x}", number.wrapping_add(1))
    }

    fn mac(&mut self, address: &str) -> String {
        let number = number_of(&mut self.macs, address.to_ascii_lowercase());
        format!("02:00:00:00:{:02x}:{:02x}", number >> 8 & 0xff, number & 0xff)
    }
}

/// The place of `one` among `all`, to which it is added.
fn number_of<T: PartialEq>(all: &mut Vec<T>, one: T) -> u32 {
    let place = all.iter().position(|known| *known == one).unwrap_or_else(|| {
        all.push(one);
        all.len() - 1
    });
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// What stands for a new character at a place: the first that stands for none yet, and not the character itself.
fn first_free(class: Class, place: usize, c: char, known: &BTreeMap<char, char>) -> char {
    let begin = BEGIN
        .get(place % BEGIN.len())
        .map_or(0, |letter| usize::from(letter - b'a'));
    let (alphabet, begin): (&[u8], usize) = match class {
        Class::Hex => (b"0123456789abcdef", place),
        Class::Name if c.is_ascii_digit() => (b"1234567890", 0),
        Class::Name => (b"abcdefghijklmnopqrstuvwxyz", begin),
    };
    let order = alphabet
        .iter()
        .cycle()
        .skip(begin % alphabet.len())
        .take(alphabet.len());
    let free = order
        .map(|byte| char::from(*byte))
        .filter(|free| !known.values().any(|taken| taken == free));
    let mut free = free.peekable();
    let first = free.peek().copied();
    free.find(|free| *free != c).or(first).unwrap_or(c)
}

/// The word with its last letter or digit, and if that ends, the one before it, moved on by one.
fn next(word: &str, class: Class) -> String {
    let mut chars: Vec<char> = word.chars().collect();
    for c in chars.iter_mut().rev().filter(|c| c.is_ascii_alphanumeric()) {
        let (moved, ended) = match *c {
            '9' if class == Class::Hex => ('a', false),
            'f' | 'F' if class == Class::Hex => ('0', true),
            'z' => ('a', true),
            'Z' => ('A', true),
            '9' => ('0', true),
            other => (char::from_u32(u32::from(other) + 1).unwrap_or(other), false),
        };
        *c = moved;
        if !ended {
            break;
        }
    }
    chars.into_iter().collect()
}

/// Six pairs of hexadecimal digits.
fn is_mac(text: &str) -> bool {
    let pairs: Vec<&str> = text.split(':').collect();
    pairs.len() == 6
        && pairs
            .iter()
            .all(|pair| pair.len() == 2 && pair.chars().all(|c| c.is_ascii_hexdigit()))
}

/// UUIDs, serials, hexadecimal ids of any length.
fn is_hex(word: &str) -> bool {
    word.len() >= 8
        && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
        && word.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
#[path = "pseudonyms_tests.rs"]
mod tests;
