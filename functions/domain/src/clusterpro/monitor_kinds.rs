//! The types of CLUSTERPRO's monitors, and what a pause of the mirror disks' file systems is to each. A monitor whose look waits for a
//! frozen file system takes a pause that outlasts its time limit for a failure, and its recovery would stop or move a group.

use serde::Serialize;

/// What a look of a monitor's waits for while the file systems of the mirror disks are frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Waits {
    /// For its own read or write of a file system or a disk, which may be a frozen one.
    ForAFile,
    /// For a command or an application, which may write where it is frozen.
    ForAnApplication,
    /// For neither: what it looks at goes on during a pause.
    ForNothing,
}

/// How it is known that CLUSTERPRO has a type of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Source {
    /// A text of NEC's own people, or a real clp.conf, names it.
    Named(&'static str),
    /// Nothing that was found does. Such a type is asked for all the same, and if it is called otherwise it is not read.
    Likely,
}

macro_rules! kinds {
    ($($variant:ident = $word:literal, $waits:ident, $source:expr;)*) => {
        /// A type of monitor.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub enum MonitorKind {
            $(#[doc = concat!("`", $word, "`")] $variant,)*
        }

        impl MonitorKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in clp.conf.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What a look of it waits for.
            pub const fn waits(self) -> Waits {
                match self { $(Self::$variant => Waits::$waits,)* }
            }

            /// How its name is known.
            pub const fn source(self) -> Source {
                match self { $(Self::$variant => $source,)* }
            }

            /// Reads [`Self::word`].
            pub fn read(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

/// EXPRESSCLUSTER/CreateClusterOnLinux, doc/jp/MonitorParameters_Linux_jp.md.
const CREATED: Source = Source::Named("EXPRESSCLUSTER/CreateClusterOnLinux, monitor resource parameters");
/// EXPRESSCLUSTER/clpcfset, doc/linux.
const SET: Source = Source::Named("EXPRESSCLUSTER/clpcfset, doc/linux");
/// A clp.conf of X 5.3.1 in EXPRESSCLUSTER/clpcfdiff.
const REAL: Source = Source::Named("a clp.conf of X 5.3.1, EXPRESSCLUSTER/clpcfdiff");

// belief: clp-monitor-kinds
kinds! {
    // Reads or writes a file or a disk itself. The user space monitor may open and write a file of its own (repopen, repwrite).
    DiskRw = "diskw", ForAFile, CREATED;
    UserSpace = "userw", ForAFile, REAL;
    // A script of the user's, which may do anything.
    Custom = "genw", ForAnApplication, REAL;
    // Databases. Their default level writes a table at each look.
    MySql = "mysqlw", ForAnApplication, SET;
    Oracle = "oraclew", ForAnApplication, SET;
    PostgreSql = "psqlw", ForAnApplication, SET;
    Db2 = "db2w", ForAnApplication, Source::Likely;
    SqlServer = "sqlserverw", ForAnApplication, Source::Likely;
    Odbc = "odbcw", ForAnApplication, Source::Likely;
    // Servers, which may write a log or a mailbox before they answer.
    Http = "httpw", ForAnApplication, SET;
    Ftp = "ftpw", ForAnApplication, SET;
    Smtp = "smtpw", ForAnApplication, SET;
    Pop3 = "pop3w", ForAnApplication, Source::Likely;
    Imap4 = "imap4w", ForAnApplication, Source::Likely;
    Nfs = "nfsw", ForAnApplication, Source::Likely;
    Samba = "sambaw", ForAnApplication, Source::Likely;
    // Application servers.
    Tuxedo = "tuxw", ForAnApplication, Source::Likely;
    WebLogic = "wlsw", ForAnApplication, Source::Likely;
    WebSphere = "wasw", ForAnApplication, Source::Likely;
    WebOtx = "otxw", ForAnApplication, Source::Likely;
    Jvm = "jraw", ForAnApplication, Source::Likely;
    // Those of the mirror disks: suspended while the mirror is broken, or asking the drivers and not the file system.
    MirrorDisk = "mdw", ForNothing, REAL;
    MirrorConnect = "mdnw", ForNothing, REAL;
    // Whether a process is there: one that waits for a frozen file system is.
    Pid = "pidw", ForNothing, SET;
    ProcessName = "psw", ForNothing, SET;
    // LVM's metadata lies beside the file system, and a freeze does not hold reads of the device.
    VolumeManager = "volmgrw", ForNothing, CREATED;
    // The network and the cloud.
    Ip = "ipw", ForNothing, CREATED;
    FloatingIp = "fipw", ForNothing, CREATED;
    LinkUp = "miiw", ForNothing, SET;
    AwsZone = "awsazw", ForNothing, SET;
    AwsVirtualIp = "awsvipw", ForNothing, SET;
    AzureProbePort = "azureppw", ForNothing, SET;
    AzureBalancer = "azurelbw", ForNothing, SET;
    AwsElasticIp = "awseipw", ForNothing, Source::Likely;
    AwsSecondaryIp = "awssipw", ForNothing, Source::Likely;
    AwsDns = "awsdnsw", ForNothing, Source::Likely;
    DynamicDns = "ddnsw", ForNothing, Source::Likely;
    VirtualIp = "vipw", ForNothing, Source::Likely;
    // What others tell, and the state of other monitors.
    MessageReceive = "mrw", ForNothing, Source::Likely;
    MultiTarget = "mtw", ForNothing, Source::Likely;
}

impl MonitorKind {
    /// Those whose time limit must be longer than a pause: infra/documents/observe.sh asks for the limits of these types, in this order.
    pub fn limited() -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(|kind| kind.waits() != Waits::ForNothing)
    }

    /// Why a pause that outlasts its limit is a failure to it.
    pub const fn why(self) -> &'static str {
        match self.waits() {
            Waits::ForAFile => "it reads or writes a file or a disk itself",
            Waits::ForAnApplication => "it waits for a command or an application, which may write where it is frozen",
            Waits::ForNothing => "nothing that it looks at waits",
        }
    }
}

#[cfg(test)]
#[path = "monitor_kinds_tests.rs"]
mod tests;
