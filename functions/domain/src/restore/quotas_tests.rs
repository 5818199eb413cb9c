use super::*;
use crate::catalogue;
use crate::restore::tests::{T, id, planned, present, snapshot};
use crate::restore::volumes;
use crate::sentence::Said;
use crate::testing;

fn new_volumes() -> Vec<NewVolume> {
    let found = catalogue::backups("orders", vec![snapshot("snap-001", T, "md1", 1, true)]);
    volumes::plan(&testing::config(), &id(), &found[0], &testing::healthy(), &present()).unwrap()
}

fn quotas(used: i64) -> Quotas {
    let listed = BTreeMap::from([("L-7A658B76".to_owned(), 50.0), (FAST.to_owned(), 7.0)]);
    Quotas::new(
        BTreeSet::new(),
        Ok(listed),
        Ok(BTreeMap::from([("gp3".to_owned(), used)])),
    )
}

#[test]
fn storage_is_counted_in_gib_with_the_new_volumes() {
    // Two new volumes of 20 GiB each.
    let words = quotas(51_160)
        .storage(&new_volumes())
        .map(|said| Said(said).words())
        .unwrap();
    assert_eq!(
        words,
        ["storage quota of gp3: 51200 of 51200 GiB once the new volumes are there"]
    );
    let full = quotas(51_161).storage(&new_volumes()).unwrap_err();
    assert_eq!(full.kind(), Kind::QuotaExceeded);
    assert!(full.to_string().contains("L-7A658B76"), "{full}");
    assert_eq!(quotas(0).fast_limit, Some(7));
}

#[test]
fn what_was_not_read_is_said_and_refuses_nothing() {
    let failed = || Error::new(Kind::AwsRefused, "no permission", "read the message");
    let listed = || Ok(BTreeMap::from([("L-7A658B76".to_owned(), 50.0)]));
    for quotas in [
        Quotas::new(
            BTreeSet::new(),
            Err(failed()),
            Ok(BTreeMap::from([("gp3".to_owned(), 99_999)])),
        ),
        Quotas::new(BTreeSet::new(), listed(), Err(failed())),
    ] {
        let words = quotas.storage(&new_volumes()).map(|said| Said(said).words()).unwrap();
        assert!(words[0].contains("not known (no permission."), "{words:?}");
        assert!(words[0].contains("before anything is disturbed"), "{words:?}");
    }
    let unlisted = Quotas::new(BTreeSet::new(), Ok(BTreeMap::new()), Ok(BTreeMap::new()));
    assert!(
        unlisted.storage(&new_volumes()).unwrap()[0]
            .to_string()
            .contains("it is not listed")
    );
    assert_eq!(unlisted.fast_limit, None);
    // The plan names it too, and goes on.
    let good = vec![snapshot("snap-001", T, "md1", 1, true)];
    let plan = planned(r#""latest""#, good, &testing::healthy()).unwrap();
    assert!(
        plan.words
            .words()
            .iter()
            .any(|one| one.contains("storage quota of gp3: not known"))
    );
}

#[test]
fn every_type_has_a_quota_of_its_own() {
    let codes: BTreeSet<_> = STORAGE.iter().map(|(kind, _)| code(kind).unwrap()).collect();
    assert_eq!(codes.len(), STORAGE.len());
    assert_eq!(code("gp4"), None);
}
