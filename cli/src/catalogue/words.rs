//! The words of the screens in the operator's language: docs/catalogue.json has both, and nothing here is a second source.

use super::{Language, read};

macro_rules! words {
    ($($word:ident $({ $($hole:ident),* })? = $id:literal,)*) => {
        /// A text of the screens, with what is filled in.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)] // the catalogue says what each says
        pub enum Words<'a> {
            $($word $({ $($hole: &'a str),* })?,)*
        }

        impl<'a> Words<'a> {
            /// The names of all in the catalogue, with what each fills in.
            pub const ALL: &'static [(&'static str, &'static [&'static str])] =
                &[$(($id, &[$($(stringify!($hole)),*)?]),)*];

            /// Its name in the catalogue.
            pub const fn id(&self) -> &'static str {
                match self {
                    $(Self::$word { .. } => $id,)*
                }
            }

            fn fills(&self) -> Vec<(&'static str, &'a str)> {
                match *self {
                    $(Self::$word $({ $($hole),* })? => vec![$($((stringify!($hole), $hole)),*)?],)*
                }
            }
        }
    };
}

words! {
    NoClusters = "no-clusters",
    ColumnCluster = "column-cluster",
    ColumnActive = "column-active",
    ColumnNewest = "column-newest",
    ColumnAge = "column-age",
    ColumnObjective = "column-objective",
    ColumnRuns = "column-runs",
    ConfigUnreadable { why } = "config-unreadable",
    OnHold { why } = "on-hold",
    WithoutBackup = "without-backup",
    NothingWrong = "nothing-wrong",
    NoBackups { cluster } = "no-backups",
    ColumnBackup = "column-backup",
    ColumnConsistent = "column-consistent",
    ColumnValid = "column-valid",
    ColumnImage = "column-image",
    ColumnConsistency = "column-consistency",
    ColumnSize = "column-size",
    ColumnNode = "column-node",
    ColumnKept = "column-kept",
    ColumnSnapshot = "column-snapshot",
    ColumnVolume = "column-volume",
    ColumnState = "column-state",
    ColumnProgress = "column-progress",
    WasStopped = "was-stopped",
    WasFrozen = "was-frozen",
    IsValid = "is-valid",
    IsIncomplete = "is-incomplete",
    IsUnproved = "is-unproved",
    Backup { at, node, valid, service, image } = "backup",
    ProofTook { blocks, requests, seconds, cost } = "proof-took",
    KeptSince { since, why } = "kept-since",
    Kept { why } = "kept",
    Keeps { id } = "keeps",
    Unkeeps { id } = "unkeeps",
    Rebuild { at } = "rebuild",
    RebuildNone = "rebuild-none",
    RebuildUnreadable { why } = "rebuild-unreadable",
    Instance = "instance",
    NotDescribed { why } = "not-described",
    LeftOut = "left-out",
    Changed { cluster, older, then, newer, now, bytes } = "changed",
    ChangedOf { disks, bytes, gib, share, blocks, size } = "changed-of",
    ChangedMap = "changed-map",
    PhaseInspect = "phase-inspect",
    PhaseQuiesce = "phase-quiesce",
    PhaseSplit = "phase-split",
    PhaseResume = "phase-resume",
    PhaseEnterBackupMode = "phase-enter-backup-mode",
    PhaseStopStandby = "phase-stop-standby",
    PhaseSnapshot = "phase-snapshot",
    PhaseStartStandby = "phase-start-standby",
    PhaseLeaveBackupMode = "phase-leave-backup-mode",
    PhaseResync = "phase-resync",
    PhaseMarkValid = "phase-mark-valid",
    PhasePlan = "phase-plan",
    PhasePrepareVolumes = "phase-prepare-volumes",
    PhaseStopBoth = "phase-stop-both",
    PhaseDetach = "phase-detach",
    PhaseAttach = "phase-attach",
    PhaseStartBoth = "phase-start-both",
    PhaseCheckDevices = "phase-check-devices",
    PhasePostProcess = "phase-post-process",
    PhaseVerify = "phase-verify",
    PhaseRollback = "phase-rollback",
    PartStarting = "part-starting",
    PartAskTheDoctor = "part-ask-the-doctor",
    PartRecoverFirst = "part-recover-first",
    PartBringBack = "part-bring-back",
    PartExpire = "part-expire",
    PartCleanUp = "part-clean-up",
    PartTellTheNodes = "part-tell-the-nodes",
    ServiceDown = "service-down",
    ServiceBack { span } = "service-back",
    OutageLasts { span } = "outage-lasts",
    OutageWas { span } = "outage-was",
    BarSnapshots = "bar-snapshots",
    BarMirror = "bar-mirror",
    WatchingStopped = "watching-stopped",
    OperationOf { machine, cluster, execution } = "operation-of",
    Detached { execution } = "detached",
    ToFollow = "to-follow",
    TypeTheName { cluster } = "type-the-name",
    EndRuns = "end-runs",
    EndSkipped = "end-skipped",
    EndDone = "end-done",
    EndDoneBackup { id } = "end-done-backup",
    EndDoneBackupValid { id } = "end-done-backup-valid",
    EndDoneRestore { kind, id } = "end-done-restore",
    EndRecovered { id } = "end-recovered",
    EndNothing { why } = "end-nothing",
    EndHeld { why } = "end-held",
    FigureOutage { span } = "figure-outage",
    FigurePause { span } = "figure-pause",
    FigureDegraded { span } = "figure-degraded",
    FigureTotal { span } = "figure-total",
    EndRecoverGoesOn = "end-recover-goes-on",
    EndDescriptionNone { why } = "end-description-none",
    EndDescriptionLacks { what } = "end-description-lacks",
    EndLeftover { what } = "end-leftover",
    EndWithoutCause = "end-without-cause",
    EndNotBack = "end-not-back",
    ProofBefore { id } = "proof-before",
    Idle { cluster } = "idle",
    IdleHeld { cluster, why } = "idle-held",
    Unfinished { cluster } = "unfinished",
    UnfinishedHeld { cluster, why } = "unfinished-held",
    NotBack = "not-back",
    Overdue { hours } = "overdue",
    ColumnCopyOf = "column-copy-of",
    ColumnRegion = "column-region",
    CopyValid = "copy-valid",
    CopyFailed = "copy-failed",
    CopyNotProved = "copy-not-proved",
    CopyPending { state, progress } = "copy-pending",
    AgeHours { count } = "age-hours",
    AgeDays { count } = "age-days",
    CopiesUnreadable { region, why } = "copies-unreadable",
    CopiesNone { region } = "copies-none",
    ColumnNodes = "column-nodes",
    ColumnGroups = "column-groups",
    ColumnDisks = "column-disks",
    ColumnMostOutage = "column-most-outage",
    SeeBelow { error } = "see-below",
    ChangesUnreadable { why } = "changes-unreadable",
    ChangesNone = "changes-none",
    Changes = "changes",
    ChangesNothingThere = "changes-nothing-there",
    AddWarns = "add-warns",
    Added { cluster } = "added",
    AddedWithSchedule { cluster } = "added-with-schedule",
    RemoveWarns = "remove-warns",
    Removed { cluster } = "removed",
    AskName = "ask-name",
    AskInstances = "ask-instances",
    AskKeep = "ask-keep",
    AskMostOutage = "ask-most-outage",
    AskSchedule = "ask-schedule",
    AskTimeZone = "ask-time-zone",
    AskObjective = "ask-objective",
    DoctorLooks { one, other } = "doctor-looks",
    DoctorLeftOut { node, count } = "doctor-left-out",
    BackupPossible = "backup-possible",
    DoctorFailed { error, cause } = "doctor-failed",
    DoctorCounts { confirmed, refuted, open } = "doctor-counts",
    DoctorUnread { node, command, why } = "doctor-unread",
    RefutedInOutage { node, belief, why } = "refuted-in-outage",
    RefutedBefore { node, belief, why } = "refuted-before",
    RefutedWords { node, belief, why } = "refuted-words",
    RecordingSaved { file } = "recording-saved",
    RecordingNone { file } = "recording-none",
    CopiesPossible { region } = "copies-possible",
    CopiesMaybePossible { region } = "copies-maybe-possible",
    CopiesNotPossible { region } = "copies-not-possible",
    CheckRegionAnswers { region } = "check-region-answers",
    CheckRegionClosed { region, why } = "check-region-closed",
    MendRegionClosed = "mend-region-closed",
    CheckKeyUsable { key } = "check-key-usable",
    CheckKeyOfAws { key } = "check-key-of-aws",
    CheckKeyMissing { key } = "check-key-missing",
    MendKeyMissing = "mend-key-missing",
    CheckKeyNotShown { key, why } = "check-key-not-shown",
    MendKeyNotShown = "mend-key-not-shown",
    CheckKeyNotEnabled { key, state } = "check-key-not-enabled",
    MendKeyNotEnabled = "mend-key-not-enabled",
    CheckKeyDenied { key, actions } = "check-key-denied",
    MendKeyDenied = "mend-key-denied",
    CheckKeyNotJudged { key, why } = "check-key-not-judged",
    MendKeyNotJudged = "mend-key-not-judged",
    CheckRoom { running, most, region } = "check-room",
    CheckNoRoom { region, most, running } = "check-no-room",
    MendNoRoom = "mend-no-room",
    CheckQuotaNotKnown { region, why } = "check-quota-not-known",
    MendQuotaNotKnown = "mend-quota-not-known",
}

impl Words<'_> {
    /// The text. A name that the catalogue lacks, which a test rules out, stands for itself.
    pub fn said(self, language: Language) -> String {
        let texts = read().and_then(|catalogue| Some(catalogue.screens.get(self.id())?.clone()));
        let text = texts.map_or_else(
            || self.id().to_owned(),
            |texts| match language {
                Language::English => texts.en,
                Language::Japanese => texts.ja,
            },
        );
        let fills = self.fills();
        let mut shown = String::new();
        let mut rest = text.as_str();
        // Once from left to right: what is filled in may have braces itself.
        while let Some((before, (name, after))) = rest
            .split_once('{')
            .and_then(|(before, behind)| Some((before, behind.split_once('}')?)))
        {
            shown.push_str(before);
            shown.push_str(fills.iter().find(|(of, _)| *of == name).map_or("", |(_, value)| value));
            rest = after;
        }
        shown + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_text_is_there_in_both_languages_with_what_is_filled_in_and_none_is_extra() {
        let catalogue = read().unwrap();
        let holes = |text: &str| {
            let parts = text.split('{').skip(1);
            let mut found: Vec<String> = parts.map(|part| part.split('}').next().unwrap().to_owned()).collect();
            found.sort();
            found.dedup();
            found
        };
        let known: BTreeMap<&str, Vec<String>> = Words::ALL
            .iter()
            .map(|(id, names)| {
                let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
                names.sort();
                (*id, names)
            })
            .collect();
        let of = |text: fn(&super::super::Both) -> &String| -> BTreeMap<&str, Vec<String>> {
            catalogue
                .screens
                .iter()
                .map(|(id, both)| (id.as_str(), holes(text(both))))
                .collect()
        };
        assert_eq!((known.len(), &known), (Words::ALL.len(), &of(|both| &both.en)));
        assert_eq!(known, of(|both| &both.ja));
        for (id, texts) in &catalogue.screens {
            assert!(texts.en.is_ascii(), "{id}");
            assert!(texts.ja.chars().any(|c| c > '\u{3000}'), "{id}");
        }
    }

    #[test]
    fn what_stands_in_braces_is_filled_in_once() {
        let said = Words::OnHold { why: "{why} of Tanaka" }.said(Language::English);
        assert_eq!(said, "it is on hold ({why} of Tanaka): no backup is made");
        assert_eq!(Words::IsValid.said(Language::Japanese), "はい");
    }
}
