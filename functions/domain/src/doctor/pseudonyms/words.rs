//! Which words may stay in a recording: CLUSTERPRO's, Linux's and AWS's own. This is a list of what stays, since a name that slips
//! through is worse than a message that nobody can read any more.

use std::collections::BTreeSet;
use std::sync::LazyLock;

static VOCABULARY: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    include_str!("vocabulary.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .collect()
});

/// Words by which our parsers tell lines apart. A server or a group of that name says nothing about its owner, and without the word a
/// recording could not be read.
const READ_BY_PARSERS: [&str; 30] = [
    "Online",
    "Offline",
    "Normal",
    "Caution",
    "Suspend",
    "Pending",
    "Failure",
    "Error",
    "Unknown",
    "None",
    "current",
    "Mirror",
    "Status",
    "Color",
    "GREEN",
    "RED",
    "GRAY",
    "YELLOW",
    "BLUE",
    "Recovering",
    "Abnormal",
    "Uncertain",
    "Monitor",
    "Difference",
    "Percent",
    "src",
    "dst",
    "enabled",
    "disabled",
    "ManagementGroup",
];

/// Comments that CLUSTERPRO itself puts behind a status.
const COMMENTS: [&str; 8] = [
    "Kernel Mode LAN Heartbeat",
    "LAN Heartbeat",
    "DISK Heartbeat",
    "Witness Heartbeat",
    "BMC Heartbeat",
    "ping resolution",
    "http resolution",
    "majority resolution",
];

/// Names that the Cluster WebUI gives by itself, with a number behind.
const NUMBERED: [&str; 32] = [
    "server",
    "node",
    "failover",
    "md",
    "hd",
    "mdw",
    "mdnw",
    "hdw",
    "hdnw",
    "exec",
    "fip",
    "awsvip",
    "awseip",
    "awsdns",
    "volmgr",
    "lankhb",
    "diskhb",
    "witnesshb",
    "pingnp",
    "httpnp",
    "genw",
    "ipw",
    "miiw",
    "diskw",
    "psw",
    "awsvipw",
    "awsazw",
    "Monitor",
    "Group",
    "NMP",
    "HB",
    "part",
];

/// Letters behind a number that say what it counts, and parts of a distribution's version.
const UNITS: [&str; 20] = [
    "K", "M", "G", "T", "B", "KB", "MB", "GB", "KiB", "MiB", "GiB", "TiB", "s", "ms", "us", "min", "h", "d", "sec", "Z",
];

/// More digits in a row may be an account, a telephone or a serial.
const MOST_DIGITS: usize = 8;

fn digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

/// Whether what follows `front` is a number of one or two digits.
fn numbered(word: &str, front: &str) -> bool {
    word.strip_prefix(front)
        .is_some_and(|number| number.len() <= 2 && digits(number))
}

/// Whether the word is a name that CLUSTERPRO gives by itself, or one by which a parser tells lines apart. Such a name stays even where
/// names stand that users give.
pub(super) fn is_vendors_name(word: &str) -> bool {
    READ_BY_PARSERS.contains(&word)
        || ["ManagementIP", "ManagementGrou", "userw", "md", "mdw", "hd"].contains(&word)
        || NUMBERED.iter().any(|front| numbered(word, front))
}

/// Whether a word may stay. Numbers are judged by [`is_number`].
pub(super) fn may_stay(word: &str) -> bool {
    in_vocabulary(word) || is_vendors_name(word) || is_device(word) || is_version(word) || is_quantity(word)
}

fn in_vocabulary(word: &str) -> bool {
    VOCABULARY.contains(word.to_ascii_lowercase().as_str())
}

/// Whether an option such as `--no-shutdown` (here without its hyphens) is made of words that may stay.
pub(super) fn is_option(name: &str) -> bool {
    in_vocabulary(name) || name.split('-').all(in_vocabulary)
}

/// Whether `text` is a comment that CLUSTERPRO itself prints.
pub(super) fn is_vendors_comment(text: &str) -> bool {
    COMMENTS.contains(&text.trim())
}

/// A number, or a date or a version of numbers alone. Four numbers with dots between them are an address.
pub(super) fn is_number(word: &str) -> bool {
    let all = word.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-');
    all && word.chars().filter(char::is_ascii_digit).count() <= MOST_DIGITS && word.split('.').count() < 4
}

/// The kernel's names of disks and of their partitions, and its names of networks.
fn is_device(word: &str) -> bool {
    let letters = |front: &str| {
        let rest = word.strip_prefix(front).unwrap_or_default();
        rest.chars().next().is_some_and(|c| c.is_ascii_lowercase())
            && rest.len() <= 4
            && rest.chars().skip(1).all(|c| c.is_ascii_digit())
    };
    let nvme = || {
        let (controller, rest) = word.strip_prefix("nvme")?.split_once('n')?;
        let (namespace, part) = rest.split_once('p').unwrap_or((rest, "1"));
        [controller, namespace, part]
            .iter()
            .all(|number| number.len() <= 2 && digits(number))
            .then_some(())
    };
    letters("sd")
        || letters("xvd")
        || nvme().is_some()
        || ["dm-", "loop", "eth", "ens"].iter().any(|front| numbered(word, front))
        || word == "lo"
}

/// `4.18.0-553.el8_10.x86_64`, `252-18.el9`, `deb12u1`.
fn is_version(word: &str) -> bool {
    const TAGS: [&str; 5] = ["el", "amzn", "fc", "deb", "u"];
    let part = |part: &str| {
        (part.len() <= 4 && digits(part))
            || ["x86", "64", "aarch64", "generic", "aws", "default"].contains(&part)
            || TAGS.iter().any(|tag| {
                part.strip_prefix(tag)
                    .is_some_and(|rest| rest.len() <= 4 && rest.split('u').all(digits))
            })
    };
    let parts: Vec<&str> = word.split(['.', '-', '_']).collect();
    // A number and nothing else is for `is_number`, which looks for addresses and accounts.
    parts.iter().all(|each| part(each)) && word.chars().any(|c| c.is_ascii_alphabetic()) && !holds_quad(word)
}

/// Whether four numbers of an address follow each other somewhere.
fn holds_quad(word: &str) -> bool {
    word.split(|c: char| !c.is_ascii_digit() && c != '.')
        .any(|run| run.split('.').filter(|part| digits(part)).count() >= 4)
}

/// `20G`, `1.5s`, `2027-01-02T03`.
fn is_quantity(word: &str) -> bool {
    let front = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = word.get(front.len()..).unwrap_or_default();
    let date = || {
        let (day, hour) = word.split_once('T')?;
        let day: Vec<&str> = day.split('-').collect();
        (day.iter().map(|part| part.len()).eq([4, 2, 2])
            && day.iter().all(|part| digits(part))
            && digits(hour)
            && hour.len() == 2)
            .then_some(())
    };
    (!front.is_empty() && is_number(front) && UNITS.contains(&unit)) || date().is_some()
}
