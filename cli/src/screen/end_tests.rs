use super::*;

fn ended(status: Status, output: Option<Value>, error: Option<&str>) -> Execution {
    Execution {
        arn: "arn:e".to_owned(),
        status,
        begun: 0,
        input: json!({"cluster": "orders"}),
        output,
        error: error.map(str::to_owned),
        cause: error.map(|_| "md1 is RED. Next: recover.".to_owned()),
    }
}

#[test]
fn the_exit_code_says_whether_the_cluster_is_back() {
    use Unfinished::{Intent, Nothing};
    for (status, not_back, left, wanted) in [
        (Status::Succeeded, false, Nothing, Exit::Done),
        // Somebody else's intent, or recover's, is not ours.
        (Status::Succeeded, false, Intent, Exit::Done),
        (Status::Failed, false, Nothing, Exit::Refused),
        (Status::Failed, false, Intent, Exit::Refused),
        (Status::Failed, true, Nothing, Exit::NotBack),
        (Status::Failed, true, Intent, Exit::NotBack),
        (Status::Aborted, false, Nothing, Exit::Refused),
        (Status::Aborted, false, Intent, Exit::NotBack),
        (Status::TimedOut, false, Intent, Exit::NotBack),
        (Status::Running, false, Nothing, Exit::Stopped),
    ] {
        assert_eq!(exit(status, not_back, left), wanted, "{status:?} {not_back} {left:?}");
    }
}

#[test]
fn a_backup_says_its_id_and_its_figures() {
    let output = json!({"kind": "backup", "id": "orders-20260501T020304Z", "valid": true, "outage_seconds": 3.25,
        "degraded_seconds": 71, "total_seconds": 140, "snapshots": []});
    let execution = ended(Status::Succeeded, Some(output), None);
    assert_eq!(
        text(&execution, Exit::Done, "orders", Language::English),
        "done: backup orders-20260501T020304Z, valid\noutage 3.2 s, without redundancy 71.0 s, in all 2 min 20 s"
    );
}

#[test]
fn a_frozen_backup_says_its_pause() {
    let output = json!({"kind": "backup", "id": "orders-20260501T020304Z", "valid": true, "outage_seconds": 0.0,
        "consistency": "frozen", "pause_seconds": 2.7, "total_seconds": 140});
    let execution = ended(Status::Succeeded, Some(output), None);
    let said = text(&execution, Exit::Done, "orders", Language::English);
    assert!(said.contains("outage 0.0 s, writes paused 2.7 s"), "{said}");
}

#[test]
fn a_dry_run_says_its_plan_and_recover_what_it_found() {
    let said = |output| {
        text(
            &ended(Status::Succeeded, Some(output), None),
            Exit::Done,
            "orders",
            Language::English,
        )
    };
    assert_eq!(
        said(json!({"dry_run": true, "plan": ["First this.", "Then that."]})),
        "First this.\nThen that."
    );
    assert_eq!(
        said(json!({"cluster": "orders", "recovered": null, "why": "nothing is unfinished"})),
        "nothing to do: nothing is unfinished"
    );
    assert_eq!(
        said(json!({"cluster": "orders", "hold": "who, why"})),
        "done: on hold (who, why)"
    );
    assert_eq!(
        said(json!({"cluster": "orders", "hold": null, "recover": null})),
        "done"
    );
    let unheld = said(json!({"cluster": "orders", "hold": null, "recover": "arn:r"}));
    assert!(unheld.ends_with("mirrorsnap watch --execution arn:r"), "{unheld}");
}

#[test]
fn a_failure_says_what_to_do() {
    let execution = ended(Status::Failed, None, Some("MirrorNotNormal"));
    let said = text(&execution, Exit::Refused, "orders", Language::English);
    assert_eq!(said, "MirrorNotNormal: md1 is RED. Next: recover.");
    let said = text(&execution, Exit::NotBack, "orders", Language::English);
    assert!(said.contains("The cluster is not back."), "{said}");
    assert!(said.ends_with("mirrorsnap watch orders\n  mirrorsnap status"), "{said}");
    let said = text(
        &ended(Status::Aborted, None, None),
        Exit::Refused,
        "orders",
        Language::English,
    );
    assert!(said.starts_with("ABORTED"), "{said}");
}

#[test]
fn a_backup_without_what_a_rebuild_needs_says_so() {
    let said = |description| {
        let output = json!({"kind": "backup", "id": "orders-1", "valid": true, "description": description});
        text(
            &ended(Status::Succeeded, Some(output), None),
            Exit::Done,
            "orders",
            Language::English,
        )
    };
    assert!(!said(json!({"kept": true, "missing": [], "why": null})).contains("rebuild"));
    assert!(
        said(json!({"kept": false, "why": "denied"})).ends_with("\nwhat a rebuild needs was not kept with it: denied")
    );
    assert!(said(json!({"kept": true, "missing": ["server2: silent"]})).ends_with("needs of server2: silent"));
}

#[test]
fn in_japanese_the_catalogue_s_text_stands_before_the_cause() {
    let execution = ended(Status::Failed, None, Some("MirrorNotNormal"));
    let said = text(&execution, Exit::Refused, "orders", Language::Japanese);
    assert!(said.starts_with("MirrorNotNormal: ミラーディスクが"), "{said}");
    assert!(
        said.contains("\n次に行うこと: ") && said.ends_with("\nmd1 is RED. Next: recover."),
        "{said}"
    );
}

#[test]
fn the_document_has_the_exit_code() {
    let found = document(&ended(Status::Failed, None, Some("Stuck")), Exit::NotBack);
    assert_eq!((&found["exit"], &found["error"]), (&json!(3), &json!("Stuck")));
}

#[test]
fn a_proof_says_its_verdict_and_the_backup_to_restore_instead() {
    let disks = json!([{"disk": "md1", "sentence": "the image is not clean (torn)", "blocks": 7}]);
    let output = |verdict: &str, message: Value| json!({"id": "orders-2", "verdict": verdict, "disks": disks, "before": "orders-1", "message": message});
    let said = |output: Value| {
        let execution = ended(Status::Succeeded, Some(output), None);
        text(&execution, Exit::Done, "orders", Language::English)
    };
    let torn = output("torn", json!({"subject": "s", "text": "t"}));
    assert!(tells_a_person(Some(&torn)));
    assert_eq!(
        said(torn),
        "orders-2: torn\nmd1: the image is not clean (torn)\na restore of the latest backup takes the one before it: orders-1"
    );
    let mut took = output("clean", Value::Null);
    for (key, value) in [
        ("blocks", json!(7)),
        ("requests", json!(5)),
        ("seconds", json!(1.24)),
        ("cost_usd", json!(0.000_014)),
    ] {
        took[key] = value;
    }
    let said_so = said(took);
    assert!(
        said_so.contains("\nthe image's proof looked at 7 blocks, by 5 requests, in 1.2 s, for 0.000014 USD"),
        "{said_so}"
    );
    let clean = output("clean", Value::Null);
    assert!(!tells_a_person(Some(&clean)) && !tells_a_person(None));
    assert_eq!(said(clean), "orders-2: clean\nmd1: the image is not clean (torn)");
}

#[test]
fn in_japanese_the_end_is_told_in_japanese() {
    let said = |status, output, error, exit| text(&ended(status, output, error), exit, "orders", Language::Japanese);
    let output = json!({"kind": "backup", "id": "orders-1", "valid": true, "outage_seconds": 3.25, "degraded_seconds": 71,
        "total_seconds": 140, "description": {"kept": false, "why": "denied"}, "leftovers": ["vol-1"]});
    assert_eq!(
        said(Status::Succeeded, Some(output), None, Exit::Done),
        "完了: バックアップ orders-1（有効）\n業務停止 3.2 s, 冗長性なし 71.0 s, 全体 2 min 20 s\n\
         再構築に必要な情報は保存されませんでした: denied\n後片付けが残っています: vol-1"
    );
    let held = json!({"cluster": "orders", "hold": null, "recover": "arn:r"});
    let unheld = said(Status::Succeeded, Some(held), None, Exit::Done);
    assert!(
        unheld.contains("経過を見るには:\n  mirrorsnap watch --execution arn:r"),
        "{unheld}"
    );
    let lost = said(Status::Aborted, None, None, Exit::NotBack);
    assert!(
        lost.contains("cause はありません。\nクラスターは正常に戻っていません。")
            && lost.ends_with("mirrorsnap status"),
        "{lost}"
    );
}
