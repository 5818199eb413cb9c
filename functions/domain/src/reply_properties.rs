//! Replies of a node, changed a little: whatever is read stands there, and nothing of the sections gets lost.

use super::*;
use crate::edits::{edited, hold};
use proptest::prelude::*;

const REPLY: &str = include_str!("../fixtures/observe-reply.txt");

/// A heading as the documents write it; the exit code is the last word.
fn is_heading(line: &str) -> bool {
    let rc = line.strip_prefix("--- ").and_then(|rest| rest.rsplit_once(" rc="));
    rc.is_some_and(|(_, rc)| rc.trim().parse::<i32>().is_ok())
}

#[test]
fn what_is_read_stands_there_and_all_of_it() {
    hold(40, &edited(&[REPLY]), |drawn| {
        let text = &drawn.text;
        let Ok(reply) = Reply::parse("observe", "node1", text) else {
            return Ok(false);
        };
        let first = text.lines().next().unwrap_or_default();
        let written = |key: &str, value: &str| first.contains(&format!("\"{key}\":\"{value}\""));
        prop_assert_eq!(&reply.head.document, "observe");
        prop_assert!(written("run", &reply.head.run) && written("boot_id", &reply.head.boot_id));
        let epoch = format!("\"stored_epoch\":{}", reply.head.stored_epoch.unwrap_or_default());
        prop_assert!(first.contains(&epoch), "no {}", epoch);
        prop_assert!(reply.head.records.iter().all(|(record, _)| first.contains(record)));
        let body: Vec<&str> = text.lines().skip(1).skip_while(|line| !is_heading(line)).collect();
        prop_assert_eq!(
            body.iter().filter(|line| is_heading(line)).count(),
            reply.sections.len()
        );
        let mut lines = 0;
        for (name, section) in &reply.sections {
            let heading = format!("--- {name} rc={}", section.rc);
            let at = body
                .iter()
                .position(|line| line.split_whitespace().eq(heading.split_whitespace()));
            let own = at.map(|at| {
                body[at + 1..]
                    .iter()
                    .take_while(|line| !is_heading(line))
                    .copied()
                    .collect::<Vec<_>>()
            });
            prop_assert_eq!(own, Some(section.text.lines().collect::<Vec<_>>()), "{}", name);
            lines += 1 + section.text.lines().count();
        }
        prop_assert_eq!(lines, body.len());
        Ok(true)
    });
}

#[test]
fn a_reply_cut_anywhere_in_its_first_line_is_not_known() {
    let first = REPLY.find('\n').unwrap();
    for end in 0..first {
        assert!(Reply::parse("observe", "node1", &REPLY[..end]).is_err(), "{end}");
    }
    assert!(
        Reply::parse("observe", "node1", &REPLY[..first])
            .unwrap()
            .sections
            .is_empty()
    );
}

/// Run Command cuts what is too long: no reply that reached its limit is read, however whole it looks.
#[test]
fn a_reply_that_reached_the_limit_is_not_known() {
    for letter in ["x", "鏡"] {
        let padded = |size: usize| format!("{REPLY}{}\n", letter.repeat(size - REPLY.chars().count() - 1));
        assert!(Reply::parse("observe", "node1", &padded(STDOUT_LIMIT - 1)).is_ok());
        assert!(Reply::parse("observe", "node1", &padded(STDOUT_LIMIT)).is_err());
    }
}

prop_compose! {
    fn times()(ticks in 0_u32..100_000_000) -> f64 { f64::from(ticks) / 100.0 }
}

prop_compose! {
    fn records()(
        epoch: u64,
        boot_id in "[a-f0-9-]{1,36}",
        uptime in times(),
        by in prop::option::of("active|timer"),
        reason in prop::option::of("\\PC{0,30}"),
        t1 in prop::option::of(times()),
        t2 in prop::option::of(times()),
        writes in prop::collection::btree_map("[a-z0-9-]{1,9}", "[0-9]{1,9}", 0..3),
        fingerprints in prop::collection::btree_map("[A-Za-z0-9._-]{1,9}", "[0-9a-f]{64}", 0..3),
    ) -> Record {
        Record { epoch, boot_id, uptime, by, reason, t1, t2, writes, fingerprints }
    }
}

prop_compose! {
    fn jobs()(
        started in prop::option::of(("[a-f0-9-]{1,36}", times())),
        ended in prop::option::of((any::<i32>(), "[a-f0-9-]{1,36}", times())),
    ) -> Job {
        Job {
            started: started.map(|(boot_id, uptime)| Started { boot_id, uptime }),
            ended: ended.map(|(rc, boot_id, uptime)| Ended { rc, boot_id, uptime }),
        }
    }
}

prop_compose! {
    fn replies()(
        result in prop::sample::select(vec![Outcome::Ok, Outcome::Failed, Outcome::Invalid, Outcome::Refused, Outcome::Unknown]),
        (epoch, stored_epoch) in (any::<Option<u64>>(), any::<Option<u64>>()),
        (replay, hold) in (any::<bool>(), any::<bool>()),
        uptime in times(),
        reason in prop::option::of("\\PC{0,30}"),
        records in prop::collection::vec((prop::sample::select(vec!["waiting", "breaking", "broke", "armed", "sealed", "void"]), records()), 0..4),
        jobs in prop::collection::btree_map("[a-z-]{1,20}\\.[0-9]{1,4}", jobs(), 0..3),
        sections in prop::collection::btree_map("[a-z]{1,10}( [a-z0-9/._-]{1,20})?", (any::<i32>(), prop::collection::vec("[ -~]{0,40}", 0..5)), 0..5),
    ) -> Reply {
        let mut all = Records::default();
        for (name, record) in records {
            *all.place(name).unwrap() = Some(record);
        }
        let section = |(rc, lines): (i32, Vec<String>)| {
            let text = lines.iter().filter(|line| !is_heading(line)).flat_map(|line| [line.as_str(), "\n"]).collect();
            Section { rc, text }
        };
        Reply {
            head: Head {
                document: "observe".into(),
                run: "orders-20260102T030405Z".into(),
                boot_id: "b".into(),
                units: BTreeMap::new(),
                unfinished: vec![],
                detail: None,
                epoch, uptime, result, reason, replay, hold, stored_epoch, records: all, jobs,
                missing: vec![],
        full: vec![],
                took_ms: Took::default(),
                entries: vec![],
                left_out: 0,
                pack: None,
            },
            sections: sections.into_iter().map(|(name, one)| (name, section(one))).collect(),
            size: 0,
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(reply in replies()) {
        let mut text = format!("mirrorsnap {}\n", serde_json::to_string(&reply.head).unwrap());
        for (name, section) in &reply.sections {
            text = format!("{text}--- {name} rc={}\n{}", section.rc, section.text);
        }
        prop_assert_eq!(Reply::parse("observe", "node1", &text).unwrap(), Reply { size: text.chars().count(), ..reply });
    }

    #[test]
    fn noise_never_panics(text in "(mirrorsnap )?(\\PC|\n|--- a rc=0\n|\\{){0,30}") {
        prop_assert!(Reply::parse("observe", "node1", &text).is_err());
    }
}
