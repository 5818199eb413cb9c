//! What a proof has found: of one mirror disk, and of a backup by the tags of its snapshots.

use super::Effort;
use crate::catalogue::{Snapshot, tag};
use crate::ec2::SnapshotId;
use crate::sentence::Sentence;
use crate::time::Moment;
use serde::Serialize;
use std::collections::BTreeMap;

/// The name of the verdict of an image that was found to be good.
pub const CLEAN: &str = "clean";
/// The name of the verdict of an image against which nothing was found, and which cannot be called clean either.
pub const NOT_JUDGED: &str = "not-judged";

/// Whether a verdict speaks against an image, whatever it says: only two words do not.
pub(super) fn is_against(verdict: &str) -> bool {
    verdict != CLEAN && verdict != NOT_JUDGED
}

/// What a backup's image says of itself, by the tags of its snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Proof {
    /// Not every snapshot of it was judged yet.
    NotYet,
    /// Every mirror disk is as it was left at the quiet moment, unmounted or frozen, and has the bytes of that moment.
    Clean {
        /// When the first of its snapshots was judged.
        at: Option<Moment>,
    },
    /// Nothing was found against it, and not everything can be judged.
    NotJudged {
        /// When the first of its snapshots was judged.
        at: Option<Moment>,
    },
    /// One mirror disk at least is not what a backup has to be.
    Unclean {
        /// The name of the reason.
        reason: String,
        /// When it was judged.
        at: Option<Moment>,
    },
}

impl Proof {
    /// Of these snapshots, which are all of a backup.
    pub fn of(snapshots: &[Snapshot]) -> Self {
        let said = |one: &Snapshot| one.tags.get(tag::PROVED).cloned();
        let moment = |one: &Snapshot| one.tags.get(tag::PROVED_AT).and_then(|text| Moment::parse(text).ok());
        let against = snapshots
            .iter()
            .find_map(|one| Some((said(one).filter(|said| is_against(said))?, moment(one))));
        if let Some((reason, at)) = against {
            return Self::Unclean { reason, at };
        }
        if snapshots.is_empty() || snapshots.iter().any(|one| said(one).is_none()) {
            return Self::NotYet;
        }
        let at = snapshots.iter().filter_map(moment).min();
        if snapshots.iter().all(|one| said(one).as_deref() == Some(CLEAN)) {
            Self::Clean { at }
        } else {
            Self::NotJudged { at }
        }
    }

    /// Whether something was found against the image.
    pub const fn is_unclean(&self) -> bool {
        matches!(self, Self::Unclean { .. })
    }

    /// The verdict as the tags have it; `not yet` without one.
    pub fn word(&self) -> &str {
        match self {
            Self::NotYet => "not yet",
            Self::Clean { .. } => CLEAN,
            Self::NotJudged { .. } => NOT_JUDGED,
            Self::Unclean { reason, .. } => reason,
        }
    }

    /// When it was judged.
    pub const fn at(&self) -> Option<Moment> {
        match self {
            Self::NotYet => None,
            Self::Clean { at } | Self::NotJudged { at } | Self::Unclean { at, .. } => *at,
        }
    }

    /// What the plan of a restore says of the image of the backup that it takes.
    pub fn words(&self) -> Sentence {
        let when = self.at().map(|at| Box::new(Sentence::ProvedAt { at: at.to_string() }));
        match self {
            Self::NotYet => Sentence::ProofNotYet,
            Self::Clean { .. } => Sentence::ProofClean { when },
            Self::NotJudged { .. } => Sentence::ProofNotJudged { when },
            Self::Unclean { reason, .. } => Sentence::ProofUnclean {
                reason: reason.clone(),
                when,
            },
        }
    }
}

/// The tags of a verdict.
pub fn verdict_tags(verdict: &str, at: Moment, effort: Effort) -> BTreeMap<String, String> {
    BTreeMap::from([
        (tag::PROVED.to_owned(), verdict.to_owned()),
        (tag::PROVED_AT.to_owned(), at.to_string()),
        (tag::PROOF_TOOK.to_owned(), effort.to_string()),
    ])
}

/// What was judged of one mirror disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// Its name.
    pub disk: String,
    /// The snapshot that holds it.
    pub snapshot: SnapshotId,
    /// `clean`, `not-judged`, or the name of the reason why it is not clean.
    pub verdict: String,
    /// The verdict for a person.
    pub sentence: String,
    /// What was found on the way.
    pub seen: Vec<String>,
    /// Blocks that were looked at.
    pub blocks: u32,
}

/// The verdict of several mirror disks together. None at all is nothing that could be judged.
pub fn worst(disks: &[Judged]) -> &str {
    match disks.iter().find(|one| is_against(&one.verdict)) {
        Some(found) => &found.verdict,
        None if !disks.is_empty() && disks.iter().all(|one| one.verdict == CLEAN) => CLEAN,
        None => NOT_JUDGED,
    }
}
