//! What the commands printed, changed a little: no change makes a success of what was none.

use super::*;
use crate::edits::{edited, hold, stands, without};
use proptest::prelude::*;

const PRE: &str = include_str!("../../fixtures/clpbackup-pre.txt");
const POST: &str = include_str!("../../fixtures/clpbackup-post.txt");
const RESTORE_PRE: &str = include_str!("../../fixtures/clprestore-pre.txt");
const RESTORE_POST: &str = include_str!("../../fixtures/clprestore-post.txt");
const SYSV_AUTO: &str = include_str!("../../fixtures/is-enabled-sysv-auto.txt");
const SYSV_MANUAL: &str = include_str!("../../fixtures/is-enabled-sysv-manual.txt");

const ON: &str = "All backup flags have set to <ON>";
const OFF: &str = "All backup flags have set to <OFF>";
const MANUAL: &str = "Changing the setting of cluster services to Manual Startup";
const AUTO: &str = "Changing the setting of cluster services to Auto Startup";
const DOWN: &str = "Shutting down...";

/// A judgement of a script's output, the outputs that it holds for, what they must say and what they must not.
type Success = (
    fn(i32, &str) -> bool,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

const SUCCESSES: [Success; 2] = [
    (backup_prepared, &[PRE], &[ON, MANUAL, DOWN], &[OFF, AUTO]),
    (restore_prepared, &[RESTORE_PRE, PRE], &[MANUAL, DOWN], &[AUTO]),
];

const SCRIPTS: &[&str] = &[PRE, POST, RESTORE_PRE, RESTORE_POST];

#[test]
fn a_script_succeeds_only_in_its_own_words() {
    hold(15, &(edited(SCRIPTS), 1_i32..256), |(drawn, failure)| {
        let text = &drawn.text;
        let has = |sentence: &&str| text.contains(*sentence);
        let mut any = false;
        for (succeeded, sources, needed, never) in SUCCESSES {
            prop_assert!(!succeeded(failure, text), "exit code {}", failure);
            if succeeded(0, text) {
                prop_assert!(sources.contains(&drawn.source));
                prop_assert!(needed.iter().all(has) && !never.iter().any(has));
                any = true;
            } else {
                let whole = sources.contains(&drawn.source) && needed.iter().all(has) && !never.iter().any(has);
                prop_assert!(!whole, "all that is needed was said");
            }
        }
        Ok(any)
    });
}

#[test]
fn every_sentence_that_is_needed_is_missed() {
    for (succeeded, sources, needed, never) in SUCCESSES {
        for source in sources {
            assert!(succeeded(0, source));
            for sentence in needed {
                let less = without(source, |line| line.contains(sentence));
                assert!(!succeeded(0, &less), "{sentence}");
            }
            for sentence in never {
                assert!(
                    !succeeded(0, &format!("{source}clpbackup.sh : {sentence}.\n")),
                    "{sentence}"
                );
            }
        }
    }
}

#[test]
fn services_that_are_not_native_to_systemd() {
    assert_eq!(
        (services(SYSV_AUTO), services(SYSV_MANUAL)),
        (Services::Auto, Services::Manual)
    );
    // What systemd says on the way is no state, and without a state nothing is known.
    let said = without(SYSV_AUTO, |line| line == "enabled");
    assert_eq!(services(&said), Services::Mixed);
    assert_eq!(services(&format!("{SYSV_AUTO}{SYSV_MANUAL}")), Services::Mixed);
    assert_eq!(services("Executing: enabled\n"), Services::Mixed);
}

#[test]
fn services_are_alike_only_where_no_other_state_is_shown() {
    const STATES: &[&str] = &[
        SYSV_AUTO,
        SYSV_MANUAL,
        "enabled\nenabled\n",
        "disabled\ndisabled\n",
        "enabled\ndisabled\n",
        "enabled\nstatic\n",
        "masked\ndisabled\n",
    ];
    hold(20, &edited(STATES), |drawn| {
        let has = |state: &str| stands(state, &drawn.text);
        let other = ["static", "masked"].into_iter().any(has);
        let found = services(&drawn.text);
        match found {
            Services::Auto => prop_assert!(has("enabled") && !has("disabled") && !other),
            Services::Manual => prop_assert!(has("disabled") && !has("enabled") && !other),
            Services::Mixed => {}
        }
        Ok(found != Services::Mixed)
    });
}

#[test]
fn a_setting_is_read_from_nothing_else() {
    hold(20, &edited(&["0\n", " 0\n", "0", "\t0\n", "1\n"]), |drawn| {
        let off = initial_construction_off(0, &drawn.text);
        prop_assert!(off == (drawn.text.trim() == "0") && !initial_construction_off(1, &drawn.text));
        Ok(off)
    });
}

proptest! {
    #[test]
    fn noise_is_no_success(rc: i32, text in "(\\PC|\n|<ON>|Shutting down...|enabled|is not a native service){0,30}") {
        prop_assert!(SUCCESSES.iter().all(|(succeeded, ..)| !succeeded(rc, &text)));
        let _ = (script(&text), services(&text));
    }
}
