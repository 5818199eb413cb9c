//! Real names, changed a little: whatever is accepted can stand in a shell, a path, a tag and an ARN.

use super::*;
use crate::edits::hold;
use proptest::prelude::*;
use proptest::sample::Index;

/// Letters of names, and some of what a shell, a path or an ARN would read.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789ABZ__--..//:+=@;&|<>$`\\\"'*?[(){!#~^%, \t\n\u{e4}";

#[derive(Debug, Clone)]
enum Change {
    Insert(Index, char),
    Replace(Index, char),
    Drop(Index),
    Double(Index),
    Turn(Index, Index),
}

impl Change {
    fn apply(&self, text: &mut Vec<char>) {
        let count = text.len();
        match self {
            Self::Insert(at, c) => text.insert(at.index(count + 1), *c),
            _ if count == 0 => {}
            Self::Replace(at, c) => text[at.index(count)] = *c,
            Self::Drop(at) => _ = text.remove(at.index(count)),
            Self::Double(at) => text.insert(at.index(count), text[at.index(count)]),
            Self::Turn(a, b) => text.swap(a.index(count), b.index(count)),
        }
    }
}

fn near(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let (at, letter) = (any::<Index>, || {
        prop::sample::select(LETTERS.chars().collect::<Vec<_>>())
    });
    let change = prop_oneof![
        (at(), letter()).prop_map(|(at, c)| Change::Insert(at, c)),
        (at(), letter()).prop_map(|(at, c)| Change::Replace(at, c)),
        at().prop_map(Change::Drop),
        at().prop_map(Change::Double),
        (at(), at()).prop_map(|(a, b)| Change::Turn(a, b)),
    ];
    (prop::sample::select(names), prop::collection::vec(change, 0..3)).prop_map(|(name, changes)| {
        let mut text: Vec<char> = name.chars().collect();
        for change in &changes {
            change.apply(&mut text);
        }
        text.into_iter().collect()
    })
}

/// What no name may hold, wherever it goes: written without a look at the rules of any one name.
fn safe(text: &str, more: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

fn judge(names: &'static [&'static str], accepts: impl Fn(&str) -> bool, good: impl Fn(&str) -> bool) {
    assert!(names.iter().all(|name| accepts(name) && good(name)));
    hold(20, &near(names), |text| {
        let accepted = accepts(&text);
        prop_assert!(!accepted || good(&text), "{:?}", text);
        Ok(accepted)
    });
}

#[test]
fn clusters() {
    let good = |text: &str| {
        let id = crate::ids::Id::new(crate::ids::IdKind::Backup, text, crate::time::Moment::from_unix(0));
        // A backup's id is nobody's restore id.
        let read = id.ok().and_then(|id| crate::ids::Id::parse(&id.to_string()).ok());
        safe(text, "-")
            && text.len() <= 40
            && text.to_lowercase() == text
            && read.is_some_and(|id| id.kind() == crate::ids::IdKind::Backup && id.cluster() == text)
    };
    judge(
        &["orders", "billing-2", "orders-rx", "a"],
        |text| cluster(text).is_ok(),
        good,
    );
}

#[test]
fn groups_disks_and_monitors() {
    let names = &["failover1", "md1", "mdw1", "fci_md", "failover-of-the-billing-data"];
    judge(
        names,
        |text| resource("x", text).is_ok(),
        |text| safe(text, "_-") && text.len() <= 31,
    );
}

#[test]
fn nodes() {
    let names = &["server1", "db-1.example.com", "116rhel94-billing-production", "node_2"];
    judge(
        names,
        |text| node(text).is_ok(),
        |text| safe(text, "_-.") && !text.starts_with('.') && text.len() <= 63,
    );
}

#[test]
fn partitions() {
    let names = &[
        "/dev/xvdb1",
        "/dev/mapper/vg0-lv_data",
        "/dev/vg_md1/dp",
        "/dev/nvme1n1p2",
        "/dev/disk/by-path/pci-0000:00:1f.0",
    ];
    judge(
        names,
        |text| partition(text).is_ok(),
        |text| {
            let parts: Vec<&str> = text.split('/').collect();
            safe(text, "_-./:+=@")
                && parts[..2] == ["", "dev"]
                && parts.len() > 2
                && parts[1..].iter().all(|part| !["", ".", ".."].contains(part))
        },
    );
}

#[test]
fn devices() {
    let names = &["/dev/sdb", "/dev/xvdba", "/dev/sda1", "/dev/xvdf"];
    let plain = |text: &str| {
        text.strip_prefix("/dev/")
            .is_some_and(|name| safe(name, "") && name.len() <= 8)
    };
    judge(
        names,
        |text| device(text).is_ok(),
        |text| plain(text) && text.to_lowercase() == text,
    );
}

#[test]
fn ids_of_ec2() {
    let hexadecimal = |text: &str| {
        let digits = text.strip_prefix("i-");
        digits.is_some_and(|digits| digits.len() < 18 && u128::from_str_radix(digits, 16).is_ok() && safe(digits, ""))
    };
    let names = &["i-0123456789abcdef", "i-0aaa", "i-11111111ccccccc"];
    judge(
        names,
        |text| is_id("i", text),
        |text| hexadecimal(text) && text.to_lowercase() == text,
    );
}

type Accepts = fn(&str) -> bool;

/// The longest of each is accepted, and one character more is not.
#[test]
fn the_longest_names() {
    let of = |front: &str, length: usize| format!("{front}{}", "a".repeat(length - front.len()));
    let accepts: [(&str, usize, Accepts); 6] = [
        ("a", CLUSTER_MAX, |text| cluster(text).is_ok()),
        ("a", RESOURCE_MAX, |text| resource("x", text).is_ok()),
        ("a", NODE_MAX, |text| node(text).is_ok()),
        ("/dev/", PATH_MAX, |text| partition(text).is_ok()),
        ("/dev/", 13, |text| device(text).is_ok()),
        ("i-", 19, |text| is_id("i", text)),
    ];
    for (front, most, accepts) in accepts {
        assert!(
            accepts(&of(front, most)) && !accepts(&of(front, most + 1)),
            "{front} {most}"
        );
    }
}

proptest! {
    #[test]
    fn noise_that_is_accepted_holds_nothing_of_a_shell(text in "\\PC{0,40}") {
        for ok in [cluster(&text), resource("x", &text), node(&text), partition(&text), device(&text)] {
            prop_assert!(ok.is_err() || safe(&text, "_-./:+=@"));
        }
        prop_assert!(!is_id("i", &text) || safe(&text, "-"));
    }
}
