//! The proof of a backup by its own bytes (safety.md, A2b and rule 24): what a later proof has to know of each mirror disk, and its
//! verdict. Both are in the snapshots' tags. The judge of the bytes is the crate mirrorsnap-prove-image. This file implements a part of
//! the safety argument and must not be "simplified" without changing that.

mod drawn;
mod effort;
mod places;
mod recorded;
mod told;
mod verdict;

pub use drawn::{DueProof, overlooked, random, weekly};
pub use effort::Effort;
pub use places::{Place, Places, places};
pub use recorded::{Recorded, recorded, tags};
pub use told::{Message, before, message};
pub use verdict::{CLEAN, Judged, NOT_JUDGED, Proof, verdict_tags, worst};

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
