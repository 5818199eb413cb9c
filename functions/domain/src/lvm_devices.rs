//! The LVM devices file of RHEL 9 (safety.md, rule 17). Where it is in force, a volume group is activated only on the devices that it
//! lists, and most are listed by their serial: a volume that a restore made has another one.

use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::observation::Node;
use crate::reply::Section;
use std::collections::BTreeMap;

/// The devices that LVM may use on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LvmDevices {
    /// All: there is no devices file, or it is not in force.
    All,
    /// Those of the devices file: kernel name to the type of id by which it is listed.
    Listed(BTreeMap<String, String>),
    /// `lvmdevices` did not end.
    Unread,
}

/// Ids that a restored volume has too: the device's name, and what is written on the device.
const SURVIVING: [&str; 3] = ["devname", "crypt_uuid", "lvmlv_uuid"];

impl LvmDevices {
    /// Reads `lvmdevices`: lines such as `Device /dev/nvme1n1 IDTYPE=sys_wwid IDNAME=… DEVNAME=/dev/nvme1n1 PVID=…`. It fails where no
    /// devices file is in force, and older versions of LVM have no such command.
    pub fn read(section: &Section) -> Self {
        if section.rc > 127 || section.rc == 125 {
            return Self::Unread;
        }
        let entry = |line: &str| {
            let words = || line.split_whitespace();
            let of = |key: &str| words().find_map(|word| word.strip_prefix(key));
            let device = of("DEVNAME=").or_else(|| words().nth(1))?;
            Some((device.trim_start_matches("/dev/").to_owned(), of("IDTYPE=")?.to_owned()))
        };
        let listed: BTreeMap<String, String> = section.text.lines().filter_map(entry).collect();
        if section.rc == 0 && !listed.is_empty() {
            Self::Listed(listed)
        } else {
            Self::All
        }
    }

    /// The type of id by which a disk, or a partition of it, is listed.
    fn id_type(listed: &BTreeMap<String, String>, disk: &str) -> Option<String> {
        // A partition's number stands behind a `p` where the disk's own name ends in a digit.
        let front = if disk.ends_with(|c: char| c.is_ascii_digit()) {
            "p"
        } else {
            ""
        };
        let of_disk = |device: &str| {
            let rest = device.strip_prefix(disk);
            let number = rest.and_then(|rest| rest.strip_prefix(front));
            rest == Some("") || number.is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()))
        };
        let found = listed.iter().find(|(device, _)| of_disk(device));
        found.map(|(_, kind)| kind.clone())
    }
}

/// Refuses a partition on LVM whose disk LVM would no longer use once it is another volume. Errors: `DeviceNameNotPersistent`, unless the
/// JSON accepts the risk.
pub fn refuse_listed_by_volume(config: &Config, name: &str, node: &Node) -> Result<()> {
    if config.accept_device_name_risk {
        return Ok(());
    }
    for (path, under) in node.devices.iter().filter(|(_, under)| under.is_lvm) {
        for disk in &under.disks {
            let how = match &node.lvm_devices {
                LvmDevices::All => continue,
                LvmDevices::Unread => "lvmdevices did not end, so it is not known which devices LVM may use".to_owned(),
                LvmDevices::Listed(listed) => match LvmDevices::id_type(listed, &disk.name) {
                    Some(kind) if SURVIVING.contains(&kind.as_str()) => continue,
                    Some(kind) => {
                        format!("the LVM devices file lists it by {kind}, which a restored volume does not have")
                    }
                    None => "the LVM devices file does not list it by that name".to_owned(),
                },
            };
            return Err(Error::new(
                Kind::DeviceNameNotPersistent,
                format!("{path} on {name} is a logical volume on {}: {how}", disk.name),
                "set use_devicesfile = 0 in the section devices of /etc/lvm/lvm.conf on both nodes; or set accept_device_name_risk, if \
                 you know better",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::under;

    /// Red Hat, RHEL 9, "Limiting LVM device visibility and usage": the form of a line.
    fn line(device: &str, kind: &str) -> String {
        format!("  Device /dev/{device} IDTYPE={kind} IDNAME=nvme.1d0f-766f6c3061 DEVNAME=/dev/{device} PVID=abc\n")
    }

    fn judged(rc: i32, text: &str) -> Result<()> {
        let lsblk = "KNAME=\"dm-0\" TYPE=\"lvm\" SERIAL=\"\"\nKNAME=\"nvme1n1\" TYPE=\"disk\" SERIAL=\"vol0aaa1\"\n";
        let mut node = crate::testing::node("server1");
        node.devices = BTreeMap::from([("/dev/vg_md1/dp".to_owned(), under(lsblk).unwrap())]);
        let text = text.to_owned();
        node.lvm_devices = LvmDevices::read(&Section { rc, text });
        refuse_listed_by_volume(&crate::testing::config(), "server1", &node)
    }

    #[test]
    fn a_disk_that_is_listed_by_its_serial_is_refused() {
        for kind in ["sys_wwid", "sys_serial", "mpath_uuid", "loop_file"] {
            let error = judged(0, &(line("nvme2n1", "devname") + &line("nvme1n1", kind))).unwrap_err();
            assert_eq!(error.kind(), Kind::DeviceNameNotPersistent);
            assert!(error.to_string().contains(kind), "{error}");
        }
        assert!(judged(0, &line("nvme1n1p2", "sys_wwid")).is_err());
        // Another disk alone, which is not this one though it begins so.
        assert!(judged(0, &line("nvme1n10", "devname")).is_err());
        assert!(judged(137, "").is_err());
    }

    #[test]
    fn what_survives_or_is_not_in_force_passes() {
        for kind in SURVIVING {
            assert!(judged(0, &line("nvme1n1", kind)).is_ok(), "{kind}");
            assert!(judged(0, &line("nvme1n1p1", kind)).is_ok(), "{kind}");
        }
        for (rc, text) in [
            (127, ""),
            (5, "  Devices file not found.\n"),
            (5, "  Devices file is not enabled.\n"),
            (0, ""),
        ] {
            assert!(judged(rc, text).is_ok(), "{rc} {text}");
        }
    }
}
