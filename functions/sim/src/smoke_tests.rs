//! Each operation without a fault.

use crate::faults::Faults;
use crate::operations::{Ended, backup, recover, release, restore, rollback};
use crate::sim::Sim;
use crate::world::{Disks, World};

#[test]
fn a_backup_a_restore_a_rollback_and_a_release() {
    for disks in [Disks::One, Disks::Two] {
        let sim = Sim::new(World::new(disks), Faults::default(), 1);
        sim.world.borrow_mut().pass(5000);
        assert_eq!(backup(&sim), Ended::Succeeded);
        assert!(sim.world.borrow().is_normal());
        assert_eq!(restore(&sim, "none"), Ended::Succeeded);
        assert!(sim.world.borrow().is_normal());
        assert_eq!(rollback(&sim), Ended::Succeeded);
        assert!(sim.world.borrow().is_normal());
        assert_eq!(release(&sim), Ended::Succeeded);
        let world = sim.world.borrow();
        let ours = |key: &String| key.starts_with("mirrorsnap:");
        assert!(!world.ec2.shown.volumes.values().any(|one| one.tags.keys().any(ours)));
        drop(world);
        assert_eq!(recover(&sim), Ended::Succeeded);
        assert_eq!(sim.world.borrow().violations(), Vec::<String>::new());
    }
}
