//! Ids of EC2's as they stand in what a node prints.

use std::fmt;

/// What the id is of.
const KINDS: [&str; 12] = [
    "i", "vol", "snap", "ami", "eni", "subnet", "vpc", "sg", "rtb", "eipalloc", "key", "lt",
];
/// Links to disks have the volume's id in their names.
const LINK: &str = "nvme-Amazon_Elastic_Block_Store_vol";

/// An id, and what stands around it in its word. A disk has its volume's id as its serial, without the hyphen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AwsId<'a> {
    /// Up to the number: `vol-`, `vol`, or a link's front.
    front: &'a str,
    /// Three to seventeen hexadecimal digits.
    number: &'a str,
    /// Of a link: which of the disk's names it is.
    rest: &'a str,
}

impl<'a> AwsId<'a> {
    /// The id that this word is or holds.
    pub(super) fn parse(word: &'a str) -> Option<Self> {
        let is_number = |text: &str| (3..=17).contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit());
        if let Some(after) = word.strip_prefix(LINK) {
            let end = after.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(after.len());
            let (number, rest) = after.split_at(end);
            let part = rest.trim_start_matches("_1").trim_start_matches("-ns-1");
            let known = part.is_empty()
                || part
                    .strip_prefix("-part")
                    .is_some_and(|n| n.len() <= 2 && n.parse::<u8>().is_ok());
            let front = word.get(..LINK.len())?;
            return (is_number(number) && known).then_some(Self { front, number, rest });
        }
        let (front, number) = match word.split_once('-') {
            Some((kind, number)) if KINDS.contains(&kind) => (word.get(..=kind.len())?, number),
            Some(_) => return None,
            None => (
                word.get(..3)?,
                word.strip_prefix("vol").filter(|number| number.len() >= 8)?,
            ),
        };
        is_number(number).then_some(Self {
            front,
            number,
            rest: "",
        })
    }

    /// Its number.
    pub(super) const fn number(self) -> &'a str {
        self.number
    }

    /// The same kind of id, in the same place, with another number.
    pub(super) const fn with<'b>(self, number: &'b str) -> AwsId<'b>
    where
        'a: 'b,
    {
        AwsId { number, ..self }
    }
}

impl fmt::Display for AwsId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.front, self.number, self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms() {
        for (word, number) in [
            ("i-0fedcba9876543210", Some("0fedcba9876543210")),
            ("vol-0123456789abcdef0", Some("0123456789abcdef0")),
            ("vol0123456789abcdef0", Some("0123456789abcdef0")),
            (
                "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0-part2",
                Some("0123456789abcdef0"),
            ),
            ("vol-", None),
            ("vol0123", None),
            ("volume-0123", None),
            ("i-xyz", None),
            ("é-0123", None),
        ] {
            assert_eq!(AwsId::parse(word).map(AwsId::number), number, "{word}");
        }
    }

    proptest! {
        #[test]
        fn it_is_written_as_it_was_read(word in "(i|vol|snap|eni)-[0-9a-f]{3,17}", other in "[0-9a-f]{3,17}") {
            let id = AwsId::parse(&word).unwrap();
            prop_assert_eq!(id.to_string(), word.clone());
            let text = id.with(&other).to_string();
            let again = AwsId::parse(&text).unwrap();
            prop_assert_eq!((again.front, again.number, again.rest), (id.front, other.as_str(), ""));
        }
    }
}
