//! Copies of snapshots in the other region, which has nothing else.

use super::calls::within_limits;
use super::ec2::{Answer, Ec2, Tags, code};
use super::{Ms, SECOND};

/// How many copies EC2 makes at once here: fewer than on AWS, so that a set of two meets it.
pub(crate) const AT_ONCE: usize = 1;
const TAKES: Ms = 40 * SECOND;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Copy {
    pub(crate) source: String,
    pub(crate) started: Ms,
    pub(crate) completes: Ms,
    pub(crate) tags: Tags,
    /// Its key cannot be used.
    pub(crate) fails: bool,
    pub(crate) locked: bool,
}

impl Copy {
    pub(crate) const fn state(&self, now: Ms) -> &'static str {
        match (now >= self.completes, self.fails) {
            (false, _) => "pending",
            (true, false) => "completed",
            (true, true) => "error",
        }
    }
}

impl Ec2 {
    pub(crate) fn copy_snapshot(&mut self, source: &str, tags: &Tags) -> Answer<String> {
        within_limits(tags)?;
        let now = self.now;
        match self.shown.snapshots.get(source) {
            None => {
                return code(
                    "InvalidSnapshot.NotFound",
                    format!("The snapshot '{source}' does not exist."),
                );
            }
            Some(one) if one.completes > now => {
                return code("IncorrectState", format!("Snapshot '{source}' is pending"));
            }
            Some(_) => {}
        }
        if self.shown.copies.values().filter(|one| one.completes > now).count() >= AT_ONCE {
            return code("ResourceLimitExceeded", "Too many snapshot copies in progress.");
        }
        let (id, fails) = (self.id("snap"), self.copies_fail);
        let made = Copy {
            source: source.to_owned(),
            started: now,
            completes: now + TAKES,
            tags: tags.clone(),
            fails,
            locked: false,
        };
        self.change(|shown| shown.copies.insert(id.clone(), made));
        Ok(id)
    }

    fn copy(&mut self, id: &str) -> Answer<&mut Copy> {
        let (now, newborn) = (self.now, self.newborn);
        match self.shown.copies.get_mut(id).filter(|one| now >= one.started + newborn) {
            Some(copy) => Ok(copy),
            None => code(
                "InvalidSnapshot.NotFound",
                format!("The snapshot '{id}' does not exist."),
            ),
        }
    }

    pub(crate) fn tag_copies(&mut self, ids: &[String], tags: &Tags) -> Answer<()> {
        self.change(|_| ());
        for id in ids {
            self.copy(id)?;
        }
        for id in ids {
            self.copy(id)?.tags.extend(tags.clone());
        }
        Ok(())
    }

    pub(crate) fn delete_copy(&mut self, id: &str) -> Answer<()> {
        if self.copy(id)?.locked {
            return code("SnapshotLocked", format!("The snapshot {id} is locked."));
        }
        self.change(|shown| shown.copies.remove(id));
        Ok(())
    }

    pub(crate) fn lock_copy(&mut self, id: &str) -> Answer<()> {
        self.change(|_| ());
        self.copy(id)?.locked = true;
        Ok(())
    }
}
