//! How CLUSTERPRO, systemd and a cluster's configuration show themselves where nobody has confirmed it, or where clusters differ: each way.
//! docs/assumptions.md has the beliefs, and says of the switches of the lab which are not here, and why.

macro_rules! manners {
    ($($(#[$says:meta])* $field:ident: $kind:ident = $plain:ident | $($other:ident)|+;)+) => {
        $($(#[$says])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub(crate) enum $kind {
            #[default]
            $plain,
            $($other),+
        })+

        /// One way of each. The default is what the other simulated worlds print.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub(crate) struct Manner {
            $($(#[$says])* pub(crate) $field: $kind),+
        }

        impl Manner {
            /// Each value but the plain ones, alone.
            pub(crate) fn singles() -> Vec<Self> {
                vec![$($(Self { $field: $kind::$other, ..Self::default() }),+),+]
            }

            /// Each value by the seed.
            pub(crate) fn drawn(seed: u64) -> Self {
                // Beside the numbers that the rest of a schedule is made of.
                let mut rng = fastrand::Rng::with_seed(seed ^ 0x6d61_6e6e_6572);
                Self {
                    $($field: [$kind::$plain, $($kind::$other),+][rng.usize(0..[stringify!($plain), $(stringify!($other)),+].len())]),+
                }
            }
        }
    };
}

manners! {
    /// `clp-current-none`: the node of a group that runs nowhere.
    current: Current = Dash | None | Empty;
    /// `clp-stopped-table`: `clpstat` on a node whose daemon is stopped.
    stopped: Stopped = Error | Table;
    /// `clp-columns`: those of `clpmdstat`.
    columns: Columns = AsConfigured | OwnFirst;
    /// `clp-blanks`: between these columns.
    blanks: Blanks = One | Several;
    /// `clp-mdstat-rc`: the exit code of `clpmdstat`.
    mdstat: MdstatCode = Zero | Coded;
    /// `clp-gray-status`: the mirror's status with one side GRAY.
    gray: GrayStatus = Abnormal | Uncertain;
    /// `clp-recovery-details`: whether `clpmdstat` prints them.
    copy: CopyDetails = Hidden | Shown;
    /// `clp-server-values`: where a value for one server is printed. The paths of both servers differ then.
    values: Values = AtTheCommonPath | BelowTheServer;
    /// `clp-long-names`: whether names of more than 16 characters are cut. They are so long then.
    names: Names = Whole | Cut;
    /// How the configuration names the partitions.
    paths: Paths = Attachment | Partuuid;
    /// `linux-nvme-serial`: what `lsblk` says of a disk.
    disks: Bus = Xen | Nitro;
    /// Comments beside servers, groups and monitors.
    comments: Comments = Absent | Japanese;
    /// Monitors beside those of the mirror disks.
    others: OtherMonitors = Absent | Sixty;
    /// `linux-tools`: whether `systemctl` knows the cluster's services as its own, or hands the question to a script.
    services: Services = Native | Scripts;
    /// `linux-transient-units`: the version of systemd.
    systemd: Systemd = V252 | V239 | V237;
}

impl Manner {
    /// This manner in a cluster that was configured in the other one.
    pub(super) const fn in_place_of(self, configured: Self) -> Self {
        Self {
            values: configured.values,
            names: configured.names,
            paths: configured.paths,
            ..self
        }
    }

    /// The letters of a mirror disk's device on a node.
    const fn letter(self, disk: usize, at: usize) -> &'static str {
        match (self.values, at) {
            (Values::BelowTheServer, 1) => ["h", "i"][disk],
            _ => ["b", "c"][disk],
        }
    }

    /// As what the volume of a mirror disk is attached to a node.
    pub(super) fn device(self, disk: usize, at: usize) -> String {
        format!("/dev/sd{}", self.letter(disk, at))
    }

    /// A partition of a mirror disk as clp.conf and the cluster's JSON name it on a node.
    pub(super) fn partition(self, disk: usize, number: u8, at: usize) -> String {
        match self.paths {
            Paths::Attachment => format!("/dev/xvd{}{number}", self.letter(disk, at)),
            Paths::Partuuid => format!("/dev/disk/by-partuuid/5eed000{disk}-0000-4000-8000-00000000000{number}"),
        }
    }

    /// `lsblk -s -P` of a partition of a mirror disk, whose volume is attached to a node.
    pub(super) fn under(self, disk: usize, number: u8, at: usize, volume: &str) -> String {
        let (name, part, serial) = match self.disks {
            Bus::Xen => (format!("xvd{}", self.letter(disk, at)), "", String::new()),
            // The numbers follow the order in which the disks were found, which is another one on each node.
            Bus::Nitro => (
                format!("nvme{}n1", 1 + (disk + at) % 2),
                "p",
                volume.replace("vol-", "vol"),
            ),
        };
        format!(
            "NAME=\"{name}{part}{number}\" TYPE=\"part\" SERIAL=\"\"\nNAME=\"{name}\" TYPE=\"disk\" SERIAL=\"{serial}\"\n"
        )
    }
}

/// A way in which no operation can be done: it is refused, or ends with the cluster back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// `clp-clpcfget`: the command does not exist.
    NoClpcfget,
    /// `linux-transient-units`: a systemd that is too old.
    Systemd219,
    /// `clp-scripts-say`: the scripts say in other words what they have done.
    OtherWords,
}

/// What a table prints of a name.
pub(super) const WIDTH: usize = 16;

impl Current {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Dash => "-",
            Self::None => "None",
            Self::Empty => "",
        }
    }
}

impl Names {
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Cut => "-of-the-orders-of-today",
        }
    }

    pub(super) fn shown(self, name: &str) -> &str {
        match self {
            Self::Whole => name,
            Self::Cut => name.get(..WIDTH).unwrap_or(name),
        }
    }
}

impl Comments {
    /// Behind the words of a line.
    pub(super) fn with(self, words: &str, comment: &str) -> String {
        match self {
            Self::Absent => words.to_owned(),
            Self::Japanese => format!("{words:<17}{comment}"),
        }
    }
}

impl Systemd {
    pub(super) const fn version(self) -> &'static str {
        match self {
            Self::V252 => "systemd 252 (252-18.el9)\n",
            Self::V239 => "systemd 239 (239-82.el8)\n+PAM +AUDIT +SELINUX +IMA\n",
            Self::V237 => "systemd 237\n+PAM +AUDIT +SELINUX +IMA\n",
        }
    }
}
