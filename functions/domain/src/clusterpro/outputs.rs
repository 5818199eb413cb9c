//! The commands with a line or two of output: `clpbackup.sh`, `clprestore.sh`, `clpcfget`, `systemctl is-enabled`.

use serde::Serialize;

// belief: clp-scripts-say
/// What a `clpbackup.sh` or `clprestore.sh` said about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ScriptOutput {
    /// `All backup flags have set to <ON>` or `<OFF>`; `None`: neither, or both.
    pub flags: Option<bool>,
    /// Services were set to start by hand (`false`), or by themselves (`true`); `None`: neither, or both.
    pub services_auto: Option<bool>,
    /// It announced a shutdown.
    pub shutting_down: bool,
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

/// `clprestore.sh --pre` succeeded.
pub fn restore_prepared(rc: i32, text: &str) -> bool {
    let said = script(text);
    rc == 0 && said.services_auto == Some(false) && said.shutting_down
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

/// Reads `systemctl --version`: `systemd 252 (252-18.el9)`, and a line of compiled-in features.
pub fn systemd_version(text: &str) -> Option<u32> {
    let number = text
        .lines()
        .next()?
        .strip_prefix("systemd ")?
        .split_whitespace()
        .next()?;
    number.split('.').next()?.parse().ok()
}

/// Reads the first line of `sync --version`: from coreutils 8.24 on it writes the named files, and not all file systems. None: it says
/// nothing that we know; those who made it anew call themselves otherwise, and take names.
pub fn syncs_files(text: &str) -> Option<bool> {
    let line = text.lines().next()?;
    let Some(version) = line.strip_prefix("sync (GNU coreutils) ") else {
        return line.contains("coreutils").then_some(true);
    };
    let (major, minor) = version.split_once('.')?;
    let number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok();
    Some((number(major)?, number(minor)?) >= (8, 24))
}

/// Reads `df -Pk`: the least of what is available, in MiB. None: a line that is no answer.
pub fn least_free_mib(text: &str) -> Option<u64> {
    let mut least = None;
    for line in text.lines().skip(1) {
        let available: u64 = line.split_whitespace().nth(3)?.parse().ok()?;
        least = Some(least.map_or(available, |least: u64| least.min(available)));
    }
    least.map(|kib: u64| kib / 1024)
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
        assert!(backup_begun(PRE) && backup_begun(&PRE[..40]) && backup_begun(POST));
        assert!(!backup_begun("Killed\n") && !backup_begun("Failover group failover1 is active on this server.\n"));
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
    fn initial_construction_is_on_unless_a_clear_zero() {
        assert!(initial_construction_off(0, "0\n"));
        for (rc, text) in [(0, ""), (0, "1"), (1, "0"), (0, "00"), (0, "0 1"), (0, "off")] {
            assert!(!initial_construction_off(rc, text), "{rc} {text}");
        }
    }

    #[test]
    fn the_version_of_systemd_is_its_first_number() {
        for (text, version) in [
            ("systemd 219\n+PAM +AUDIT", Some(219)),
            ("systemd 239 (239-82.el8)\n", Some(239)),
            ("systemd 252 (252.22-1~deb12u1)", Some(252)),
            ("systemd 255.4", Some(255)),
            ("", None),
            ("sh: systemctl: not found", None),
            ("systemd v252", None),
        ] {
            assert_eq!(systemd_version(text), version, "{text}");
        }
    }

    #[test]
    fn sync_takes_files_from_8_24_on() {
        for (text, files) in [
            ("sync (GNU coreutils) 8.22\n", Some(false)),
            ("sync (GNU coreutils) 8.24", Some(true)),
            ("sync (GNU coreutils) 9.1.23-a", Some(true)),
            ("sync (uutils coreutils) 0.2.2", Some(true)),
            ("sync (GNU coreutils) x.y", None),
            ("sh: sync: not found", None),
            ("", None),
        ] {
            assert_eq!(syncs_files(text), files, "{text}");
        }
    }

    #[test]
    fn the_fullest_file_system_counts() {
        let head = "Filesystem     1024-blocks    Used Available Capacity Mounted on\n";
        let row = |free: &str| format!("/dev/xvda2  10475520 3000 {free}  29% /\n");
        assert_eq!(
            least_free_mib(&format!("{head}{}{}", row("700000"), row("65535"))),
            Some(63)
        );
        assert_eq!(least_free_mib(&format!("{head}{}", row("65536"))), Some(64));
        for text in [
            "",
            head,
            "df: /run: No such file or directory\n",
            &format!("{head}{}df: /run: gone\n", row("1")),
        ] {
            assert_eq!(least_free_mib(text), None, "{text}");
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
