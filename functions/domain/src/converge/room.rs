//! A node whose disk is full: the error names it, what to free, and what to run then. A full disk explains a step that failed, and much of
//! what CLUSTERPRO does not do, so whoever reads the error looks there first.

use super::{Case, Verdict};
use crate::error::{Error, Kind};
use crate::observation::Node;
use crate::reply::Full;

/// Whether the node can keep no record in one of its directories.
pub(super) fn is_full(node: &Node) -> bool {
    !node.full.is_empty()
}

/// Where there is no room: `/var/lib of server1`. `None`: no node that answers says so.
fn places(case: &Case<'_>) -> Option<String> {
    let of_node = |name: &str| {
        let node = case.seen.node(name).filter(|node| is_full(node))?;
        let all: Vec<&str> = node.full.iter().copied().map(Full::directory).collect();
        Some(format!("{} of {name}", all.join(" and ")))
    };
    let all: Vec<String> = case.names().into_iter().filter_map(of_node).collect();
    (!all.is_empty()).then(|| all.join(" and "))
}

/// What converge concludes, with the name of a full disk where there is one.
pub(super) fn told(case: &Case<'_>, verdict: Verdict) -> Verdict {
    let Some(places) = places(case) else {
        return verdict;
    };
    let low = |error: &Error, next: String| {
        let found = format!("{}; there is no room in {places}", error.found());
        Error::new(Kind::DiskSpaceLow, found, next)
    };
    match verdict {
        Verdict::Stuck(error) if error.kind() == Kind::Stuck => {
            let next = format!("make room in {places}, then run `mirrorsnap recover CLUSTER`");
            Verdict::Stuck(low(&error, next))
        }
        Verdict::Turn { course, why } => {
            let next = format!(
                "make room in {places}: the old volumes are put back meanwhile; then run `mirrorsnap restore CLUSTER` again"
            );
            let why = low(&why, next);
            Verdict::Turn { course, why }
        }
        verdict => verdict,
    }
}
