//! The catalogue of backups. It consists of the snapshots' tags alone. Tags are read strictly, since they decide what is deleted and
//! what is restored.

mod kept;
mod retention;
mod sets;
mod snapshot;
pub mod tag;
mod tags;
mod wanted;

pub use kept::{Kept, MOST_WHY};
pub(crate) use retention::keep;
pub use retention::{DeleteReason, INCOMPLETE_SECONDS, expired};
pub(crate) use sets::sets;
pub use sets::{Backup, backups, choose};
pub use snapshot::{Snapshot, Tier, VOLUME_OF_COPIES, source_of_copy};
pub use tags::{MOST_TAGS, carried, consistency_tag, tags};
pub use wanted::{Wanted, find, objection, passed_over};

#[cfg(test)]
#[path = "catalogue_properties.rs"]
mod properties;
#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
