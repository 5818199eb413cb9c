//! The commands with a line or two of output: `clpgrp -n`, `clpmonctrl`, `clpmdctrl`, `clpbackup.sh`, `clprestore.sh`,
//! `clpcfget`, `systemctl is-enabled`.

use serde::Serialize;

/// Where a group runs, from `clpgrp -n <group>`. `None` is "no node named": that alone is not offline (rule 2).
pub fn group_node(rc: i32, text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    match (rc, words.next(), words.next()) {
        (0, Some(node), None) if node.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) => {
            Some(node.to_owned())
        }
        _ => None,
    }
}

/// What an exit code of `clpmonctrl` means [likely].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum MonitorControl {
    /// Carried out.
    Done,
    /// The cluster is not active on that node.
    ClusterNotActive,
    /// The monitor, or the cluster, is suspended already.
    Suspended,
    /// The node waits for its peer.
    Waiting,
    /// There is no such monitor, or it cannot be controlled.
    BadMonitor,
    /// The node cannot be reached, or is none of the cluster's.
    NoServer,
    /// Any other code.
    Unknown,
}

impl MonitorControl {
    /// Reads an exit code.
    pub const fn read(rc: i32) -> Self {
        match rc {
            0 => Self::Done,
            5 | 6 => Self::BadMonitor,
            10 => Self::ClusterNotActive,
            11 => Self::Suspended,
            12 => Self::Waiting,
            200 | 202 => Self::NoServer,
            _ => Self::Unknown,
        }
    }
}

/// `<disk>: Isolated completed successfully` of `clpmdctrl --break <disk>`.
pub fn isolated(disk: &str, rc: i32, text: &str) -> bool {
    let wanted = format!("{disk}: Isolated completed successfully");
    rc == 0 && text.lines().any(|line| line.trim() == wanted)
}

/// What a `clpbackup.sh` or `clprestore.sh` said about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ScriptOutput {
    /// `All backup flags have set to <ON>` or `<OFF>`; `None`: neither, or both.
    pub flags: Option<bool>,
    /// Services were set to start by hand (`false`), or by themselves (`true`); `None`: neither, or both.
    pub services_auto: Option<bool>,
    /// It announced a shutdown.
    pub shutting_down: bool,
    /// It announced a reboot.
    pub rebooting: bool,
}

/// Reads the output of `clpbackup.sh` or `clprestore.sh`.
pub fn script(text: &str) -> ScriptOutput {
    let has = |part: &str| text.lines().any(|line| line.contains(part));
    let either = |yes: bool, no: bool| match (yes, no) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    };
    ScriptOutput {
        flags: either(
            has("All backup flags have set to <ON>"),
            has("All backup flags have set to <OFF>"),
        ),
        services_auto: either(
            has("Changing the setting of cluster services to Auto Startup"),
            has("Changing the setting of cluster services to Manual Startup"),
        ),
        shutting_down: has("Shutting down..."),
        rebooting: has("Rebooting..."),
    }
}

/// `clpbackup.sh --pre` succeeded: exit code 0, flags ON, services by hand, and the shutdown announced.
pub fn backup_prepared(rc: i32, text: &str) -> bool {
    let said = script(text);
    rc == 0 && said.flags == Some(true) && said.services_auto == Some(false) && said.shutting_down
}

/// Whether `clpbackup.sh --pre` may have set backup flags: it prints that it begins before it touches them.
pub fn backup_begun(text: &str) -> bool {
    text.contains("Beginning backup-mode") || script(text).flags.is_some()
}

/// `clpbackup.sh --post` succeeded. It prints no final `Command succeeded.` of its own.
pub fn backup_ended(rc: i32, text: &str) -> bool {
    let said = script(text);
    rc == 0 && said.flags == Some(false) && said.services_auto == Some(true) && said.rebooting
}

/// `clprestore.sh --pre` succeeded.
pub fn restore_prepared(rc: i32, text: &str) -> bool {
    let said = script(text);
    rc == 0 && said.services_auto == Some(false) && said.shutting_down
}

/// `clprestore.sh --post` succeeded.
pub fn restore_processed(rc: i32, text: &str) -> bool {
    let said = script(text);
    rc == 0 && said.services_auto == Some(true) && said.rebooting
}

/// Initial mirror construction, from `clpcfget -g …/parameters/fullcopy`. The default is on, so only a clear `0` is off.
pub fn initial_construction_off(rc: i32, text: &str) -> bool {
    rc == 0 && text.trim() == "0"
}

/// How the cluster's services start at a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Services {
    /// All by themselves.
    Auto,
    /// All by hand: in backup or restore mode.
    Manual,
    /// Mixed, or not readable: a script ended between two of its steps.
    Mixed,
}

/// What `systemctl` says before the state of a service that has a System V script and no unit.
fn is_redirection(line: &str) -> bool {
    line.ends_with(".service is not a native service, redirecting to systemd-sysv-install.")
        || (line.starts_with("Executing: /") && line.contains("/systemd-sysv-install is-enabled "))
}

/// Reads `systemctl is-enabled clusterpro clusterpro_md …`: one word a line. Its exit code says nothing of use.
pub fn services(text: &str) -> Services {
    let states = text.lines().map(str::trim).filter(|line| !is_redirection(line));
    let mut words = states.flat_map(str::split_whitespace).peekable();
    if words.peek().is_none() {
        return Services::Mixed;
    }
    let (mut enabled, mut disabled) = (true, true);
    for word in words {
        enabled &= word == "enabled";
        disabled &= word == "disabled";
    }
    match (enabled, disabled) {
        (true, _) => Services::Auto,
        (_, true) => Services::Manual,
        _ => Services::Mixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRE: &str = "clpbackup.sh : Beginning backup-mode.\nAll backup flags have set to <ON>.\n\
        clpbackup.sh : Changing the setting of cluster services to Manual Startup.\nclpbackup.sh : Shutting down...\n\
        Command succeeded.\nclpbackup.sh : Command succeeded.\n";
    const POST: &str = "clpbackup.sh : Starting Mirror Agent.\nCommand succeeded.\nclpbackup.sh : Ending backup-mode.\n\
        All backup flags have set to <OFF>.\nclpbackup.sh : Changing the setting of cluster services to Auto Startup.\n\
        clpbackup.sh : Stopping Mirror Agent.\nCommand succeeded.\nclpbackup.sh : Rebooting...\n";
    const RESTORE_POST: &str = "Mirror info will be set as default.\n\
        The main handle on initializing mirror disk <md1> success.\nInitializing mirror disk complete.\n\
        clprestore.sh : Changing the setting of cluster services to Auto Startup.\nclprestore.sh : Rebooting...\n";

    #[test]
    fn the_seed_s_scripts() {
        assert!(backup_prepared(0, PRE) && !backup_prepared(1, PRE) && !backup_prepared(0, POST));
        assert!(backup_ended(0, POST) && !backup_ended(0, PRE));
        assert!(backup_begun(PRE) && backup_begun(&PRE[..40]) && backup_begun(POST));
        assert!(!backup_begun("Killed\n") && !backup_begun("Failover group failover1 is active on this server.\n"));
        assert!(restore_processed(0, RESTORE_POST) && !restore_processed(1, RESTORE_POST));
        let restore_pre = "clprestore.sh : Changing the setting of cluster services to Manual Startup.\n\
            clprestore.sh : Shutting down...\nCommand succeeded.\nclprestore.sh : Command succeeded.\n";
        assert!(restore_prepared(0, restore_pre) && !restore_prepared(0, RESTORE_POST));
    }

    #[test]
    fn a_script_cut_anywhere_has_not_succeeded() {
        for end in 0..PRE.find("Shutting").unwrap() {
            assert!(!backup_prepared(0, &PRE[..end]));
        }
        assert!(!backup_prepared(0, &format!("{PRE}{POST}")));
    }

    #[test]
    fn a_break_names_its_disk() {
        assert!(isolated("md1", 0, "md1: Isolated completed successfully\n"));
        assert!(!isolated("md1", 1, "md1: Isolated completed successfully\n"));
        assert!(!isolated("md1", 0, "md11: Isolated completed successfully\n"));
        assert!(!isolated("md1", 0, ""));
    }

    #[test]
    fn where_a_group_runs() {
        assert_eq!(group_node(0, "server1\n").as_deref(), Some("server1"));
        for (rc, text) in [
            (0, ""),
            (1, "server1"),
            (0, "server1 server2"),
            (0, "Error: x"),
            (0, "(none)"),
        ] {
            assert_eq!(group_node(rc, text), None, "{text}");
        }
    }

    #[test]
    fn exit_codes_of_clpmonctrl() {
        let all = [
            (0, MonitorControl::Done),
            (5, MonitorControl::BadMonitor),
            (6, MonitorControl::BadMonitor),
            (10, MonitorControl::ClusterNotActive),
            (11, MonitorControl::Suspended),
            (12, MonitorControl::Waiting),
            (200, MonitorControl::NoServer),
            (202, MonitorControl::NoServer),
            (99, MonitorControl::Unknown),
            (-1, MonitorControl::Unknown),
        ];
        assert!(all.iter().all(|(rc, meaning)| MonitorControl::read(*rc) == *meaning));
    }

    #[test]
    fn initial_construction_is_on_unless_a_clear_zero() {
        assert!(initial_construction_off(0, "0\n"));
        for (rc, text) in [(0, ""), (0, "1"), (1, "0"), (0, "00"), (0, "0 1"), (0, "off")] {
            assert!(!initial_construction_off(rc, text), "{rc} {text}");
        }
    }

    #[test]
    fn services_are_auto_only_if_all_are() {
        assert_eq!(services("enabled\nenabled\n"), Services::Auto);
        assert_eq!(services("disabled\ndisabled\n"), Services::Manual);
        for text in [
            "",
            "enabled\ndisabled",
            "static",
            "masked\nenabled",
            "Failed to get unit file state",
        ] {
            assert_eq!(services(text), Services::Mixed, "{text}");
        }
    }
}

#[cfg(test)]
#[path = "outputs_properties.rs"]
mod properties;
