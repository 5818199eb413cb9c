use super::*;
use crate::catalogue;
use crate::restore::tests::{T, id, present, snapshot};
use crate::testing;

/// The first new volume, when the old one and the snapshot are changed.
fn made(old: impl Fn(&mut OldVolume), taken: impl Fn(&mut Snapshot)) -> Result<NewVolume> {
    let mut present = present();
    present.values_mut().for_each(old);
    let mut one = snapshot("snap-001", T, "md1", 1, true);
    taken(&mut one);
    let found = catalogue::backups("orders", vec![one]);
    let planned = plan(&testing::config(), &id(), &found[0], &testing::healthy(), &present)?;
    Ok(planned.into_iter().next().unwrap())
}

#[test]
fn iops_and_throughput_are_told_only_where_they_are_a_choice() {
    let shaped = |kind: &str| {
        let shape = |old: &mut OldVolume| {
            (old.kind, old.iops, old.throughput) = (kind.to_owned(), Some(4000), Some(200));
        };
        let new = made(shape, |_| ()).unwrap();
        assert_eq!(new.kind, kind);
        (new.iops, new.throughput)
    };
    assert_eq!(shaped("gp3"), (Some(4000), Some(200)));
    assert_eq!(shaped("io1"), (Some(4000), None));
    assert_eq!(shaped("io2"), (Some(4000), None));
    // EC2 shows a baseline of these, and refuses to be told it.
    for fixed in ["gp2", "st1", "sc1", "standard"] {
        assert_eq!(shaped(fixed), (None, None), "{fixed}");
    }
}

#[test]
fn the_larger_of_snapshot_and_old_volume_within_what_the_type_has() {
    let sized = |kind: &str, old: i32, taken: i32| {
        made(
            |volume| (volume.kind, volume.gib) = (kind.to_owned(), old),
            |snapshot| snapshot.gib = taken,
        )
        .map(|new| (new.gib, new.snapshot_gib))
    };
    assert_eq!(sized("gp3", 30, 20), Ok((30, 20)));
    assert_eq!(sized("gp3", 20, 30), Ok((30, 30)));
    assert_eq!(sized("io2", 16_384, 65_536), Ok((65_536, 65_536)));
    for (kind, most) in [
        ("gp2", 16_384),
        ("io1", 16_384),
        ("st1", 16_384),
        ("sc1", 16_384),
        ("standard", 1024),
    ] {
        assert!(sized(kind, 500, most).is_ok(), "{kind}");
        assert_eq!(
            sized(kind, 500, most + 1).unwrap_err().kind(),
            Kind::VolumeUnsupported,
            "{kind}"
        );
    }
}

#[test]
fn multi_attach_is_refused() {
    let refused = made(|old| old.multi_attach = true, |_| ()).unwrap_err();
    assert_eq!(refused.kind(), Kind::VolumeUnsupported);
    assert!(refused.to_string().contains("Multi-Attach"));
}

#[test]
fn the_old_volume_s_key_whatever_the_snapshot_s() {
    let said = |old: Option<&str>, taken: Option<&str>| {
        let mut one = snapshot("snap-001", T, "md1", 1, true);
        one.kms_key = taken.map(str::to_owned);
        let found = catalogue::backups("orders", vec![one]);
        let mut present = present();
        for volume in present.values_mut() {
            volume.kms_key = old.map(str::to_owned);
        }
        let planned = plan(&testing::config(), &id(), &found[0], &testing::healthy(), &present).unwrap();
        assert!(planned.iter().all(|new| new.kms_key.as_deref() == old));
        encryption(&planned, &found[0])
    };
    assert!(said(None, None).is_empty());
    assert!(said(Some("key/a"), Some("key/a")).is_empty());
    // CreateVolume encrypts anew with the key that it is told, from an unencrypted snapshot too.
    for other in [Some("key/b"), None] {
        let words = said(Some("key/a"), other);
        assert!(
            words.len() == 2
                && words[0]
                    .to_string()
                    .contains("encrypted anew with the key of vol-0aaa1"),
            "{words:?}"
        );
    }
    // Encryption cannot be taken away.
    let words = said(None, Some("key/b"));
    assert!(
        words.len() == 2 && words[1].to_string().contains("so will the new volume be"),
        "{words:?}"
    );
}

#[test]
fn tags_are_carried_over_but_aws_s_and_ours_and_refused_where_they_do_not_fit() {
    let tagged = |count: usize, more: &[&str]| {
        let many = (0..count).map(|n| format!("t{n:02}"));
        let names = many.chain(more.iter().map(|name| (*name).to_owned()));
        let old: BTreeMap<String, String> = names.map(|name| (name, "v".to_owned())).collect();
        made(|volume| volume.tags = old.clone(), |_| ())
    };
    let new = tagged(3, &["aws:x", "mirrorsnap:attached"]).unwrap().tags;
    assert_eq!(new.len(), 3 + 2);
    assert!(!new.contains_key("aws:x") && !new.contains_key(tag::ATTACHED));
    // The new volume gets four of ours in the end, and AWS's own do not count.
    assert_eq!(tagged(46, &["aws:x", "aws:y"]).unwrap().tags.len(), 46 + 2);
    for count in [47, 49, 50] {
        let refused = tagged(count, &[]).unwrap_err();
        assert_eq!(refused.kind(), Kind::VolumeUnsupported);
        assert!(
            refused.to_string().contains(&format!("remove {} tags", count - 46)),
            "{refused}"
        );
    }
    // The old volume gets two of ours, unless it has them.
    let ours = ["mirrorsnap:a", "mirrorsnap:b", "mirrorsnap:c"];
    assert!(tagged(46, &ours).is_err());
    assert!(tagged(46, &ours[..2]).is_ok());
    assert!(tagged(46, &[ours[0], ours[1], tag::RESTORE_ID]).is_ok());
}

#[test]
fn whether_the_instance_s_end_deletes_it_is_the_old_attachment_s() {
    for kept in [true, false] {
        let new = made(|old| old.delete_on_termination = kept, |_| ()).unwrap();
        assert_eq!(new.attachment(&"vol-fee".into()).delete_on_termination, kept);
    }
}

/// EC2 knows a volume that was made by its token only as long as the token stays the same.
#[test]
fn a_token_is_the_same_in_every_version() {
    let token = made(|_| (), |_| ()).unwrap().token;
    assert_eq!(token, "c49bced5-ae8e-532a-88dd-f4584af0eee9");
}
