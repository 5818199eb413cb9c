use super::*;
use crate::catalogue::{backups, tag, tags};
use crate::ids::{Id, IdKind};
use crate::testing;
use crate::time::Moment;
use proptest::prelude::*;

fn snapshot(name: &str, day: i64, node: &str, disks: &str, size: usize) -> Snapshot {
    let at = Moment::from_unix(1_780_000_000 + day * 86_400);
    let id = Id::new(IdKind::Backup, "orders", at).unwrap();
    let mut tags = tags(&id, at, node, &[disks.to_owned()], size);
    tags.insert(tag::VALID.to_owned(), "true".to_owned());
    testing::completed(name, if disks == "md1" { "vol-001" } else { "vol-002" }, at, tags)
}

fn backup(snapshots: Vec<Snapshot>) -> Backup {
    backups("orders", snapshots).remove(0)
}

fn page(blocks: impl IntoIterator<Item = u64>, next: Option<&str>) -> Page {
    Page {
        block_bytes: 512 * 1024,
        blocks: blocks.into_iter().collect(),
        next: next.map(str::to_owned),
    }
}

fn of(gib: u64, pages: &[Page]) -> Changed {
    let mut changed = Changed::nothing(gib);
    for page in pages {
        changed.add(page);
    }
    changed
}

#[test]
fn snapshots_of_the_same_disks_belong_together_whatever_their_order() {
    let older = backup(vec![
        snapshot("snap-001", 1, "server2", "md1", 2),
        snapshot("snap-002", 1, "server2", "md2 md3", 2),
    ]);
    let newer = backup(vec![
        snapshot("snap-004", 2, "server2", "md2 md3", 2),
        snapshot("snap-003", 2, "server2", "md1", 2),
    ]);
    assert_eq!(in_order(&newer, &older), (&older, &newer));
    let found = pairs(&older, &newer).unwrap();
    let named: Vec<String> = found
        .iter()
        .map(|one| format!("{}: {} {}", one.disks, one.older.snapshot, one.newer.snapshot))
        .collect();
    assert_eq!(named, ["md1: snap-001 snap-003", "md2 md3: snap-002 snap-004"]);
}

#[test]
fn what_cannot_be_compared_is_refused_by_what_differs() {
    let older = backup(vec![snapshot("snap-001", 1, "server2", "md1", 1)]);
    let more = backup(vec![
        snapshot("snap-002", 2, "server2", "md1", 2),
        snapshot("snap-003", 2, "server2", "md2", 2),
    ]);
    let mut grown = snapshot("snap-004", 2, "server2", "md1", 1);
    grown.gib = 40;
    let mut archived = snapshot("snap-006", 2, "server2", "md1", 1);
    archived.tier = crate::catalogue::Tier::Archive;
    for (newer, words) in [
        (&older, "compared with itself"),
        (&more, "snapshots of md1, and orders-20260530T202640Z of md1 and of md2"),
        (&backup(vec![grown]), "had 20 GiB in"),
        (&backup(vec![archived]), "snap-006 is in the archive"),
    ] {
        let error = pairs(&older, newer).unwrap_err();
        assert_eq!(error.kind(), Kind::NotComparable);
        assert!(error.found().contains(words), "{error}");
    }
    let other = backup(vec![snapshot("snap-005", 2, "server1", "md1", 1)]);
    let unrelated = pairs(&older, &other).unwrap()[0].unrelated();
    assert_eq!(unrelated.kind(), Kind::NotComparable);
    assert!(
        unrelated
            .found()
            .contains("snap-001 was taken of vol-001 of server2, and snap-005 of vol-001 of server1"),
        "{unrelated}"
    );
}

#[test]
fn blocks_are_counted_and_drawn() {
    // 1 GiB has 2,048 blocks: 32 for each cell.
    let changed = of(
        1,
        &[
            page([0], Some("x")),
            page([], Some("y")),
            page((32..64).chain([2047]), None),
        ],
    );
    assert_eq!(
        (changed.blocks(), changed.bytes(), changed.next()),
        (34, 17 << 20, 2048)
    );
    assert_eq!(changed.map(), format!(":#{}:", ".".repeat(61)));
    assert_eq!(changed.cells()[1].to_bits(), 1.0_f64.to_bits());
    assert_eq!(
        (percent(changed.share()).as_str(), changed.extent()),
        ("1.7%", Extent::Whole)
    );
    assert_eq!(of(1, &[page([5], Some("x"))]).extent(), Extent::Part);
    // A list that begins anew where the last one ended counts nothing twice.
    assert_eq!(of(1, &[page([5, 6], Some("x")), page([6, 7], None)]).blocks(), 3);
}

#[test]
fn words_say_how_much() {
    for (bytes, said) in [
        (0, "nothing"),
        (512 << 10, "512 KiB"),
        (3 << 19, "1.5 MiB"),
        (3 << 29, "1.5 GiB"),
    ] {
        assert_eq!(size(bytes), said);
    }
    assert_eq!(percent(0.0), "0.0%");
    assert_eq!(percent(0.0001), "less than 0.1%");
}

#[test]
fn a_plan_says_what_is_set_back_or_why_that_is_not_known() {
    let older = backup(vec![snapshot("snap-001", 1, "server2", "md1", 1)]);
    let newer = backup(vec![snapshot("snap-002", 2, "server2", "md1", 1)]);
    let pair = &pairs(&older, &newer).unwrap()[0];
    let said = |changed: &Result<Changed>| set_back(&newer, pair, changed).to_string();
    assert_eq!(
        said(&Ok(of(20, &[page([0, 1], None)]))),
        "at most 1.0 MiB of the 20 GiB of md1 (less than 0.1%) changed from this backup to orders-20260530T202640Z, the newest valid \
         one: that is set back, and so is what was written since"
    );
    assert!(
        said(&Ok(of(20, &[page([0, 1], Some("x"))]))).starts_with("so far as the list of changes was read, 1.0 MiB")
    );
    assert!(said(&Err(pair.unrelated())).starts_with("how much is set back is not known (md1, compared with"));
}

proptest! {
    /// Whatever the size of the volume: each block is in one cell, no cell is more than full, and a volume that changed whole is full.
    #[test]
    fn cells_hold_every_block_once(gib in 1_u64..70, some in proptest::collection::btree_set(0_u64..2048, 0..200)) {
        let total = gib * 2048;
        let changed = of(gib, &[page(some.iter().map(|block| block * gib), None)]);
        prop_assert_eq!(changed.cells.iter().sum::<u64>(), some.len() as u64);
        prop_assert!(changed.cells().iter().all(|share| (0.0..=1.0).contains(share)));
        prop_assert_eq!(of(gib, &[page(0..total, None)]).map(), "#".repeat(CELLS));
    }
}
