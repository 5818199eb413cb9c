//! All sentences of plans, in both languages.

use super::{Language, Shown, sentences};
use serde::{Deserialize, Serialize};

sentences! {
    Verbatim { text: String }
        en "{text}"
        ja "{text}";

    // A backup's plan.
    AllGroupsRun { active: String, standby: String }
        en "all groups run on {active}; {standby} is stopped and its volumes are the backup"
        ja "すべてのグループが {active} で稼働しています。{standby} を停止し、そのボリュームをバックアップします";
    BackupOutage { groups: String, disks: u64, seconds: u32 }
        en "outage: as long as CLUSTERPRO stops {groups}, breaks {disks} mirror disk(s) and starts the groups again; at most {seconds} s plus one start"
        ja "業務停止: CLUSTERPRO が {groups} を停止し、ミラーディスク {disks} 個を切り離し、グループを再び起動する間です。最長 {seconds} 秒と起動 1 回分です";
    SnapshotsOf { volumes: String }
        en "snapshots of {volumes}"
        ja "スナップショットを取るボリューム: {volumes}";
    NoRedundancy
        en "no redundancy from the break until the mirror has copied the difference"
        ja "切り離しから、ミラーが差分をコピーし終えるまで、冗長性がありません";
    NoOutage { disks: u64, seconds: u32 }
        en "no outage: the groups stay online, and the file systems of {disks} mirror disk(s) are frozen while the mirror is broken; writes wait for at most {seconds} s, and none fails"
        ja "業務は停止しません: グループは稼働したまま、ミラーを切り離す間、ミラーディスク {disks} 個のファイルシステムを凍結します。書き込みは最長 {seconds} 秒待ちますが、失敗しません";
    CrashConsistentBackup
        en "the backup is crash-consistent: after a restore the applications recover as after a power cut; ext4 is clean, and XFS replays the freeze's own record"
        ja "クラッシュ整合のバックアップです: リストア後、アプリケーションは電源断の後と同様に回復します。ext4 はクリーンで、XFS は凍結時の記録を再生します";
    Hooks { seconds: u32 }
        en "/etc/mirrorsnap/before and after run around the pause where they exist, each for at most {seconds} s; a backup that cannot be proved ends FAILED with the service untouched, and never stops a group"
        ja "/etc/mirrorsnap/before と after があれば、一時停止の前後に、それぞれ最長 {seconds} 秒実行します。証明できないバックアップは、業務に触れずに FAILED で終わり、グループは停止しません";
    Watchers { seconds: u32, unread: Option<Box<Sentence>> }
        en "what watches these file systems or the applications on them must bear a pause of {seconds} s; of CLUSTERPRO the limits of the heartbeat and of the monitors that read or write files, or wait for a command or an application, are read, and no others{unread}"
        ja "これらのファイルシステムやアプリケーションを監視するものは、{seconds} 秒の一時停止に耐える必要があります。CLUSTERPRO では、ハートビートと、ファイルを読み書きするか、コマンドまたはアプリケーションを待つモニタの制限時間だけを読み取ります{unread}";
    LimitsUnread { names: Vec<Sentence> }
        en "; not read, or CLUSTERPRO's default: {names}"
        ja "（読み取れないか既定値のもの: {names}）";
    MonitorsOfType { kind: String }
        en "those of type {kind}"
        ja "種類 {kind} のもの";
    MonitorsOfUnknownType { kind: String }
        en "those of the unknown type {kind}"
        ja "未知の種類 {kind} のもの";
    TheHeartbeat
        en "the heartbeat"
        ja "ハートビート";
    StopAction { disk: String, action: Box<Sentence>, node: String }
        en "if {disk} cannot be stopped, say because its file system is busy, CLUSTERPRO itself {action} (deact/action) on {node}: the groups fail over, and the operation ends there. 1 (do nothing, and do not stop the next resource) avoids that"
        ja "{disk} を停止できない場合（ファイルシステムが使用中など）、CLUSTERPRO 自身が {node} で {action}（deact/action）。グループはフェールオーバーし、操作はそこで終わります。1（何もせず、次のリソースも停止しない）にすると避けられます";
    StopsAndShutsDown
        en "stops the cluster service and shuts the node down"
        ja "クラスターサービスを停止し、サーバーをシャットダウンします";
    StopsAndReboots
        en "stops the cluster service and reboots the node"
        ja "クラスターサービスを停止し、サーバーを再起動します";
    FinalAction { number: u32 }
        en "takes the final action {number}"
        ja "最終動作 {number} を行います";
    FinalActionUnread
        en "takes a final action that could not be read"
        ja "読み取れない最終動作を行います";
    SlowUnmount { seconds: u32, disk: String, limit: u32 }
        en "CLUSTERPRO may take {seconds} s to unmount {disk} (umount/timeout, umount/retry), and group_stop_seconds is {limit}: if it takes longer than that, the groups start again and there is no backup"
        ja "CLUSTERPRO は {disk} のアンマウントに {seconds} 秒かけることがあり（umount/timeout、umount/retry）、group_stop_seconds は {limit} です。これを超えるとグループは再び起動し、バックアップは取られません";
    GroupWaits { group: String, others: String, time: Box<Sentence>, limit: u32 }
        en "{group} is set to stop only after {others}, and to wait {time} for that: mirrorsnap stops all groups at once, and all of them must be down within {limit} s"
        ja "{group} は {others} の後に停止し、それを{time}待つ設定です。mirrorsnap はすべてのグループを同時に停止し、すべてが {limit} 秒以内に停止する必要があります";
    UpTo { seconds: u32 }
        en "up to {seconds} s"
        ja "最長 {seconds} 秒";
    UnknownTime
        en "an unknown time"
        ja "不明な時間";
    ShutdownMonitored { action: Box<Sentence> }
        en "if CLUSTERPRO monitors shutdowns, a node that shuts down too slowly is reset (haltp/action: {action}): it then reboots, and no backup is made"
        ja "CLUSTERPRO がシャットダウンを監視している場合、シャットダウンが遅いサーバーはリセットされます（haltp/action: {action}）。そのときは再起動し、バックアップは取られません";
    ResetByDefault
        en "RESET, the default"
        ja "既定の RESET";
    NotReadable
        en "not readable"
        ja "読み取れません";
    NoReservation { instance: String, node: String }
        en "warning: {instance} ({node}) runs in no capacity reservation; once it is stopped, EC2 may lack the capacity to start it"
        ja "警告: {instance}（{node}）はキャパシティ予約なしで動いています。停止すると、起動時に EC2 の空きがないことがあります";

    // The keys of the nodes' volumes.
    KeyOfAws { key: String }
        en "The KMS key {key} is AWS's own and enabled."
        ja "KMS キー {key} は AWS マネージドキーで、有効です。";
    KeyUnread { key: String, why: String }
        en "The KMS key {key} is enabled. Its policy cannot be read ({why}): whether the roles of set-power, create-volumes and swap-volumes may use it is not known."
        ja "KMS キー {key} は有効です。ポリシーを読み取れないため（{why}）、set-power、create-volumes、swap-volumes のロールが使えるかは不明です。";
    KeyUsable { key: String }
        en "The KMS key {key} is enabled, and its policy lets the roles of set-power, create-volumes and swap-volumes use it."
        ja "KMS キー {key} は有効で、ポリシーは set-power、create-volumes、swap-volumes のロールに使用を許可しています。";
    KeyNotJudged { key: String, actions: String }
        en "The KMS key {key} is enabled. Its policy has conditions or principals that are not judged here: look whether it allows {actions}."
        ja "KMS キー {key} は有効です。ポリシーに、ここでは判断しない条件またはプリンシパルがあります。次を許可しているか確認してください: {actions}";

    // The doctor.
    DoctorUnread { node: String, entry: String, parser: String, why: String }
        en "The doctor on {node} could not read the output of {entry} ({parser}): {why}. An operation reads it after its outage has begun. Next: run the command by hand, then the dry run again."
        ja "{node} の doctor は {entry} の出力を読み取れませんでした（{parser}）: {why}。操作はこれを業務停止の開始後に読みます。次に行うこと: コマンドを手で実行してから、もう一度ドライランを行ってください。";
    DoctorRefutes { node: String, belief: String, why: String, change: Box<Sentence> }
        en "The doctor on {node} refutes {belief} of docs/assumptions.md: {why}. An operation would end after its outage had begun. Next: {change}"
        ja "{node} の doctor によると、docs/assumptions.md の {belief} は事実と異なります: {why}。操作は業務停止の開始後に失敗します。次に行うこと: {change}";
    LookAtTheAssumptions
        en "look at its entry in docs/assumptions.md."
        ja "docs/assumptions.md のその項目を見てください。";
    DoctorLeftOut { node: String, count: u64 }
        en "The doctor on {node} left out {count} commands, for which it had no time or no room."
        ja "{node} の doctor は、時間または容量の不足のため {count} 個のコマンドを省きました。";
    DoctorSilent { node: String, why: String }
        en "The doctor has no answer of {node}: {why}."
        ja "{node} からは doctor への応答がありません: {why}";
    DoctorBrief
        en "The doctor's report holds only the outputs that could not be read: it would be too long."
        ja "長すぎるため、doctor の報告には読み取れなかった出力だけがあります。";

    // A restore's plan: the data.
    DataOf { at: String, backup: String }
        en "data of {at} (backup {backup}), on both nodes; what was written since is only on the replaced volumes"
        ja "両サーバーのデータは {at} 時点（バックアップ {backup}）になります。それ以後に書かれたものは、置き換えられるボリュームだけに残ります";
    DataIsCopy { backup: String, region: String }
        en "the snapshots are a copy of backup {backup}, made from its snapshots in {region}"
        ja "スナップショットはバックアップ {backup} のコピーで、{region} のスナップショットから作られたものです";
    VolumeTakesPlace { node: String, kind: String, gib: i32, snapshot: String, zone: String, old: String, device: String }
        en "{node}: {kind} {gib} GiB from {snapshot} in {zone} takes the place of {old} at {device}"
        ja "{node}: {zone} で {snapshot} から作る {kind} {gib} GiB が、{device} の {old} に置き換わります";
    EncryptedLikeSnapshot { place: String, snapshot: String, key: String, old: String }
        en "{place}: {snapshot} is encrypted with {key}, and so will the new volume be, which {old} is not"
        ja "{place}: {snapshot} は {key} で暗号化されているため、新ボリュームも暗号化されます（{old} は暗号化されていません）";
    EncryptedAnew { place: String, old: String, key: String }
        en "{place}: encrypted anew with the key of {old}, {key}, which the snapshot does not have"
        ja "{place}: {old} のキー {key} で暗号化し直します（スナップショットのキーとは異なります）";
    NewerNotTaken { backup: String, why: Box<Sentence> }
        en "backup {backup} is newer and is not taken: {why}; it is restored only when it is named by its id"
        ja "バックアップ {backup} のほうが新しいものの、使いません: {why}。ID で指定したときだけリストアされます";
    ImageNotClean { verdict: String }
        en "its image is not clean ({verdict})"
        ja "イメージがクリーンではありません（{verdict}）";
    FrozenLeftOut
        en "it is a frozen one, and the cluster's JSON has \"restore_from\": \"stopped\""
        ja "凍結によるバックアップで、クラスターの JSON に \"restore_from\": \"stopped\" があります";
    CrashConsistent { backup: String }
        en "backup {backup} is a frozen one, so the data is crash-consistent: the applications recover at their start as after a power cut; ext4 is clean, and XFS replays the record of the freeze when it is mounted"
        ja "バックアップ {backup} は凍結によるもので、データはクラッシュ整合です: アプリケーションは起動時に、電源断の後と同様に回復します。ext4 はクリーンで、XFS はマウント時に凍結の記録を再生します";
    ProofNotYet
        en "the image of this backup was not proved by its own bytes yet"
        ja "このバックアップのイメージは、まだデータ自体で検証されていません";
    ProofClean { when: Option<Box<Sentence>> }
        en "the image of this backup was proved clean by its own bytes{when}"
        ja "このバックアップのイメージは、データ自体でクリーンと検証されています{when}";
    ProofNotJudged { when: Option<Box<Sentence>> }
        en "the image of this backup cannot be proved by its own bytes (not-judged{when})"
        ja "このバックアップのイメージは、データ自体では検証できません（not-judged{when}）";
    ProofUnclean { reason: String, when: Option<Box<Sentence>> }
        en "THE IMAGE OF THIS BACKUP IS NOT CLEAN ({reason}{when}): it is taken only since it was named by its id"
        ja "このバックアップのイメージはクリーンではありません（{reason}{when}）。ID で指定されたため使います";
    ProvedAt { at: String }
        en " at {at}"
        ja "、{at}";

    // Quotas, and how the volumes become fast.
    QuotaAfter { kind: String, after: i64, limit: i64 }
        en "storage quota of {kind}: {after} of {limit} GiB once the new volumes are there"
        ja "{kind} のストレージクォータ: 新ボリュームの作成後は {limit} GiB のうち {after} GiB";
    QuotaUnknown { kind: String, why: Box<Sentence> }
        en "storage quota of {kind}: not known ({why}); EC2 itself refuses a volume beyond it, before anything is disturbed"
        ja "{kind} のストレージクォータ: 不明です（{why}）。超えるボリュームは、何も変更する前に EC2 自身が拒否します";
    NotListed
        en "it is not listed"
        ja "一覧にありません";
    HowFast { why: Box<Sentence> }
        en "initialization: {why}"
        ja "初期化: {why}";
    NoneAsAsked
        en "none, as asked: blocks are read from the snapshot when they are first used"
        ja "指定どおり、なし。ブロックは最初に使われるときにスナップショットから読まれます";
    AsAsked { how: Box<Sentence>, slowly: Option<Box<Sentence>> }
        en "{how}, as asked{slowly}"
        ja "指定どおり、{how}{slowly}";
    NotAllFast
        en ", and not every volume will be fast: a snapshot of that size has too few credits for the volumes in one zone"
        ja "。ただし、すべてのボリュームが速くはなりません。この大きさのスナップショットは、1 つのゾーンのボリュームに対してクレジットが不足します";
    SmallEnough
        en "none, since the volumes are small enough to be read in no time"
        ja "なし。ボリュームが小さく、すぐに読み終わります";
    Since { how: Box<Sentence>, why: Box<Sentence> }
        en "{how}, since {why}"
        ja "{how}。理由: {why}";
    RatherThan { how: Box<Sentence>, other: Box<Sentence> }
        en "{how}, rather than {other}"
        ja "{how}。他の方法: {other}";
    NoWaitRatherThan { how: Box<Sentence>, other: Box<Sentence> }
        en "{how} and no wait, rather than {other}"
        ja "{how}、待ち時間なし。他の方法: {other}";
    ByRate { rate: i32, usd: String }
        en "{rate} MiB/s for each volume, at most {usd} USD"
        ja "各ボリューム {rate} MiB/s、最大 {usd} USD";
    ByFsr { usd: String, minutes: i64 }
        en "fast snapshot restore, about {usd} USD and up to {minutes} min before the outage"
        ja "高速スナップショット復元、約 {usd} USD、業務停止の前に最長 {minutes} 分";
    FsrNotAll
        en "fast snapshot restore could not make every volume fast"
        ja "高速スナップショット復元では、すべてのボリュームを速くできません";
    FsrWouldWait
        en "no group is online, and fast snapshot restore would be waited for"
        ja "稼働中のグループがなく、高速スナップショット復元は待ち時間が生じます";
    FsrQuota { after: u32, limit: u32 }
        en "fast snapshot restore would be on for {after} snapshots, and {limit} may have it"
        ja "高速スナップショット復元が {after} 個のスナップショットで有効になりますが、上限は {limit} 個です";
    Costs { rate: i32, by_rate: String, by_fsr: String, seconds: i64 }
        en "costs at list prices of us-east-1, a bill may differ: {rate} MiB/s at most {by_rate} USD (by the snapshots' data), fast snapshot restore about {by_fsr} USD and up to {seconds} s before the outage"
        ja "us-east-1 の公表価格での費用（請求額とは異なることがあります）: {rate} MiB/s は最大 {by_rate} USD（スナップショットのデータ量による）、高速スナップショット復元は約 {by_fsr} USD で業務停止の前に最長 {seconds} 秒";

    // The outage of a restore.
    ExpectedOutage { seconds: u32, parts: Vec<Sentence>, bound: u32 }
        en "expected outage: about {seconds} s, an estimate ({parts}); after {bound} s it goes back to the old volumes"
        ja "予想される業務停止: 約 {seconds} 秒（見積もり。{parts}）。{bound} 秒を過ぎると旧ボリュームに戻します";
    ExpectedUntilOnline { seconds: u32, parts: Vec<Sentence>, bound: u32 }
        en "no group is online, so the restore makes no outage of its own; expected until they are: about {seconds} s, an estimate ({parts}); after {bound} s it goes back to the old volumes"
        ja "稼働中のグループがないため、リストアによる業務停止はありません。稼働までの予想: 約 {seconds} 秒（見積もり。{parts}）。{bound} 秒を過ぎると旧ボリュームに戻します";
    PartTakes { what: Box<Sentence>, seconds: u32 }
        en "{what} {seconds} s"
        ja "{what} {seconds} 秒";
    BoundTooLow { bound: u32 }
        en "max_restore_outage_seconds is {bound}, less than what is expected: it will likely go back; raise it first"
        ja "max_restore_outage_seconds は {bound} で、予想より短くなっています。旧ボリュームに戻る可能性が高いので、先に増やしてください";
    GroupsStop en "the groups stop" ja "グループの停止";
    NodesShutDown en "both nodes shut down" ja "両サーバーのシャットダウン";
    VolumesSwapped
        en "the old volumes are taken off and the new ones attached"
        ja "旧ボリュームのデタッチと新ボリュームのアタッチ";
    NodesBoot en "both nodes boot" ja "両サーバーの起動";
    NodesPostProcessed en "both nodes are post-processed" ja "両サーバーの後処理";
    NodesBootAgain en "both nodes boot again" ja "両サーバーの再起動";
    GroupsStart en "the groups start" ja "グループの起動";

    // The phases of a restore.
    InPhase { phase: String, what: Box<Sentence> }
        en "{phase}: {what}"
        ja "{phase} では、{what}";
    StagePrepare { volumes: u64 }
        en "{volumes} volumes are made of the backup's snapshots; nothing is disturbed until all are available"
        ja "バックアップのスナップショットからボリュームを {volumes} 個作ります。すべてが使えるようになるまで何も変更しません";
    StageQuiesce { groups: String, node: String }
        en "everything is looked at once more, and {groups} stopped on {node}"
        ja "すべてをもう一度確認し、{node} の {groups} を停止します";
    StageQuiesceDown
        en "everything is looked at once more; no group is online, so none is stopped"
        ja "すべてをもう一度確認します。稼働中のグループがないため、停止するものはありません";
    StageStop
        en "both nodes go into restore mode and shut themselves down"
        ja "両サーバーがリストアモードに入り、自らシャットダウンします";
    StageDetach
        en "the old volumes are taken off the stopped nodes, tagged, and kept"
        ja "停止したサーバーから旧ボリュームをデタッチし、タグを付けて残します";
    StageAttach
        en "the new volumes are attached at the same device names"
        ja "新ボリュームを同じデバイス名でアタッチします";
    StageStart en "both nodes boot together" ja "両サーバーを同時に起動します";
    StageDevices
        en "every partition is seen on its new volume, or nothing is post-processed"
        ja "すべてのパーティションが新ボリュームにあることを確認します。なければ後処理は行いません";
    StagePost
        en "clprestore.sh --post --skip-copy on both nodes, which boot again"
        ja "両サーバーで clprestore.sh --post --skip-copy を実行し、再起動します";
    StageVerify { groups: String }
        en "both sides of every mirror disk are GREEN, and {groups} online"
        ja "すべてのミラーディスクの両側が GREEN で、{groups} が稼働していることを確認します";

    // What can still end a restore, and what holds afterwards.
    MayStillEnd { phase: String, error: String, when: Box<Sentence>, then: Box<Sentence> }
        en "may still end in {phase} with {error}: {when} ({then})"
        ja "{phase} で {error} により終わることがあります: {when}（{then}）";
    OldVolumesPutBack en "the old volumes are put back" ja "旧ボリュームに戻します";
    NothingDisturbedYet en "nothing is disturbed by then" ja "その時点では何も変更していません";
    LaterNoVolume
        en "EC2 makes no such volume: a quota, a key that may not be used, or no capacity for the initialization rate"
        ja "EC2 がそのボリュームを作れない（クォータ、使えないキー、または初期化レートの空き不足）";
    LaterVolumeFails en "a new volume does not become available" ja "新ボリュームが使えるようにならない";
    LaterGroupsMoved
        en "the groups have moved, started or stopped since the plan"
        ja "計画の後にグループが移動、起動または停止した";
    LaterVolumeExchanged en "somebody exchanged a volume since the plan" ja "計画の後に誰かがボリュームを交換した";
    LaterNodeSilent
        en "a node or its cluster daemon does not answer any more"
        ja "サーバーまたはそのクラスターデーモンが応答しなくなった";
    LaterConstruction
        en "initial mirror construction was switched on since the plan"
        ja "計画の後に初期ミラー構築がオンになった";
    LaterHold en "an operator holds the cluster" ja "誰かがクラスターを hold している";
    LaterOvertaken
        en "the active node's timer starts the groups again before the nodes are down"
        ja "サーバーが停止する前に、現用系のタイマーがグループを再び起動した";
    LaterOtherStop en "a node stops, but not by its own shutdown" ja "サーバーが自身のシャットダウン以外で停止した";
    LaterOverdue
        en "max_restore_outage_seconds have passed, here or later"
        ja "ここまたは以後に max_restore_outage_seconds を過ぎた";
    LaterDevices
        en "a partition is not on its new volume after the boot"
        ja "起動後にパーティションが新ボリュームにない";
    LaterPost en "the post-processing fails on a node three times" ja "サーバーの後処理が 3 回失敗した";
    SkipCopy
        en "--skip-copy: for each mirror disk both volumes come from one snapshot, and no mirror runs in between"
        ja "--skip-copy: 各ミラーディスクの両ボリュームは 1 つのスナップショットから作られ、その間ミラーは動きません";
    ReplacedStay
        en "the replaced volumes stay, tagged, until the restore is released; they cost storage until then"
        ja "置き換えたボリュームは、リストアをリリースするまでタグ付きで残り、その間ストレージの費用がかかります";
    NoSource
        en "without a source node it cannot be rolled back by copy once it was post-processed"
        ja "コピー元のサーバーがないため、後処理の後はコピーによるロールバックができません";

    // What a restore sets back, and what has changed since the backup.
    SetBack { extent: Box<Sentence>, bytes: String, gib: u64, disks: String, share: String, newest: String }
        en "{extent}{bytes} of the {gib} GiB of {disks} ({share}) changed from this backup to {newest}, the newest valid one: that is set back, and so is what was written since"
        ja "{disks} の {gib} GiB のうち{extent} {bytes}（{share}）が、このバックアップから最新の有効なバックアップ {newest} までに変わりました。それと、その後に書かれたものが元に戻ります";
    AtMost en "at most " ja "最大";
    SoFar en "so far as the list of changes was read, " ja "（変更の一覧を読み取れた範囲で）";
    SetBackUnknown { what: Box<Sentence>, why: Box<Sentence> }
        en "how much is set back is not known ({what}): {why}"
        ja "どれだけ元に戻るかは不明です（{what}）: {why}";
    ComparedWith { newest: String } en "compared with {newest}" ja "{newest} との比較";
    DisksComparedWith { disks: String, newest: String }
        en "{disks}, compared with {newest}"
        ja "{disks}、{newest} との比較";
    BackupIsCopy en "the backup is a copy" ja "バックアップがコピーです";
    NodesAsThen
        en "the nodes' clp.conf, partition tables, versions and instances are as they were with the backup"
        ja "両サーバーの clp.conf、パーティションテーブル、バージョン、インスタンスはバックアップ時と同じです";
    SinceBackup { change: Box<Sentence> } en "since the backup: {change}" ja "バックアップ以後の変化: {change}";
    NodeGone { node: String } en "{node} is no node of the cluster any more" ja "{node} はもうクラスターのサーバーではありません";
    ThenUnknown { node: String, why: String }
        en "{node}: what it was like is not known ({why})"
        ja "{node}: 当時の状態は不明です（{why}）";
    NowUnknown { node: String, why: String }
        en "{node}: what it is like now is not known ({why})"
        ja "{node}: 現在の状態は不明です（{why}）";
    PieceDiffers { node: String, what: String } en "{node}: {what} differs" ja "{node}: {what} が異なります";
    InstanceWas { node: String, what: String, then: Box<Sentence>, now: Box<Sentence> }
        en "{node}: the instance's {what} was {then}, and is {now}"
        ja "{node}: インスタンスの {what} は {then} でしたが、現在は {now} です";
    FactNone en "none" ja "なし";
    ChangesUnknown { why: Box<Sentence> }
        en "what has changed on the nodes since the backup is not known: {why}"
        ja "バックアップ以後に両サーバーで何が変わったかは不明です: {why}";
    NoDescription en "the backup has no description" ja "バックアップに構成の情報がありません";

    // A rollback.
    RollbackStops { restore: String }
        en "both nodes stop, and get back the volumes that {restore} replaced"
        ja "両サーバーを停止し、{restore} が置き換えたボリュームに戻します";
    RollbackCopies { source: String }
        en "the groups start on {source}, whose old volumes are the newest; the other side is copied in full from there"
        ja "グループは {source} で起動します。その旧ボリュームが最新です。もう一方は、そこから全体をコピーします";
    RollbackLeaves { volumes: String }
        en "what was written since the restore is only on its volumes, which stay, tagged, until it is released: {volumes}"
        ja "リストア以後に書かれたものはリストアで作ったボリュームだけにあり、リリースするまでタグ付きで残ります: {volumes}";
}
