//! The arguments. clap's help is the reference; docs/cli.md is made from it.

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;

/// Backups and restores of two-node CLUSTERPRO X clusters on EC2.
#[derive(Debug, Parser, PartialEq, Eq)]
#[command(name = "mirrorsnap", version, max_term_width = 100)]
pub struct Command {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The heading of the options that every command takes.
pub const EVERY: &str = "Options of every command";

/// What every command takes.
#[derive(Debug, Clone, Args, PartialEq, Eq)]
#[command(next_help_heading = EVERY)]
pub struct Common {
    /// The profile of your AWS configuration
    #[arg(long, global = true, env = "AWS_PROFILE", hide_env_values = true)]
    pub profile: Option<String>,
    /// The AWS region; default: that of the profile or the environment
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// The name of mirrorsnap's CloudFormation stack
    #[arg(
        long,
        global = true,
        env = "MIRRORSNAP_STACK",
        default_value = "mirrorsnap",
        hide_env_values = true
    )]
    pub stack: String,
    /// What is printed on standard output
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub output: Output,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Text for people
    Text,
    /// One JSON document
    Json,
}

/// The commands.
#[derive(Debug, Subcommand, PartialEq, Eq)]
pub enum What {
    /// Make a backup
    Backup {
        /// The cluster
        cluster: String,
        /// Change nothing: say what would be done, or what refuses it
        #[arg(long)]
        dry_run: bool,
        /// How the service becomes quiet; default: as the cluster's JSON says
        #[arg(long, value_enum, value_name = "HOW")]
        consistency: Option<Consistency>,
        /// Whether it is followed
        #[command(flatten)]
        following: Following,
    },
    /// Put both nodes back to a backup; the old volumes are kept until the release
    Restore {
        /// The cluster
        cluster: String,
        /// The backup's id; default: the newest valid one
        #[arg(long, value_name = "ID", conflicts_with = "before")]
        backup: Option<String>,
        /// The newest valid backup of before this time, such as 2026-05-01T02:03:04Z
        #[arg(long, value_name = "TIME")]
        before: Option<String>,
        /// Change nothing: say what would be done, or what refuses it
        #[arg(long, conflicts_with_all = ["yes", "confirm"])]
        dry_run: bool,
        /// How the new volumes become fast
        #[arg(long, value_enum, value_name = "HOW")]
        initialization: Option<Initialization>,
        /// What to do if devices have other names after the boot
        #[arg(long, value_enum, value_name = "WHAT")]
        on_device_mismatch: Option<OnDeviceMismatch>,
        /// The typed name
        #[command(flatten)]
        confirmation: Confirmation,
        /// Whether it is followed
        #[command(flatten)]
        following: Following,
    },
    /// Undo a restore: put the old volumes back
    Rollback {
        /// The cluster
        cluster: String,
        /// The restore's id
        restore: String,
        /// Change nothing: say what would be done, or what refuses it
        #[arg(long, conflicts_with_all = ["yes", "confirm"])]
        dry_run: bool,
        /// The typed name
        #[command(flatten)]
        confirmation: Confirmation,
        /// Whether it is followed
        #[command(flatten)]
        following: Following,
    },
    /// Keep a restore: the replaced volumes lose mirrorsnap's tags, and no rollback is possible any more
    Release {
        /// The cluster
        cluster: String,
        /// The restore's id
        restore: String,
        /// The typed name
        #[command(flatten)]
        confirmation: Confirmation,
        /// Whether it is followed
        #[command(flatten)]
        following: Following,
    },
    /// Bring a cluster back on which an operation ended without doing so
    Recover {
        /// The cluster
        cluster: String,
        /// Whether it is followed
        #[command(flatten)]
        following: Following,
    },
    /// Stop everything that mirrorsnap does to a cluster, before you work on it by hand
    Hold {
        /// The cluster
        cluster: String,
        /// Who, and why: up to 200 characters
        why: String,
        /// Whether it is followed
        #[command(flatten)]
        following: Following,
    },
    /// End a hold; what it had stopped goes on
    Unhold {
        /// The cluster
        cluster: String,
        /// Whether it is followed
        #[command(flatten)]
        following: Following,
    },
    /// Follow what runs on a cluster
    Watch {
        /// The cluster
        #[arg(required_unless_present = "execution")]
        cluster: Option<String>,
        /// The ARN of an execution, also of one that is over
        #[arg(long, value_name = "ARN", conflicts_with = "cluster")]
        execution: Option<String>,
    },
    /// Show every cluster: its newest valid backup, what runs, what is wrong and the command that mends it
    Status,
    /// List the backups of a cluster
    Backups {
        /// The cluster
        cluster: String,
        /// Show one backup in full
        #[arg(long, value_name = "ID")]
        show: Option<String>,
        /// Keep one backup, whatever the retention says; say who wants it and why
        #[arg(long, num_args = 2, value_names = ["ID", "WHY"], conflicts_with = "show")]
        keep: Option<Vec<String>>,
        /// Leave one backup to the retention again
        #[arg(long, value_name = "ID", conflicts_with_all = ["show", "keep"])]
        unkeep: Option<String>,
        /// Prove a backup by its own bytes: its id, or `random` for one of the older ones
        #[arg(long, value_name = "ID", conflicts_with_all = ["show", "keep", "unkeep"])]
        prove: Option<String>,
    },
    /// Say how much of each mirror disk's volume changed between two backups; changes nothing
    Diff {
        /// The cluster
        cluster: String,
        /// A backup's id, or `latest` for the newest valid one
        #[arg(value_name = "BACKUP")]
        one: String,
        /// The other one
        #[arg(value_name = "BACKUP")]
        other: String,
    },
    /// Ask both nodes what mirrorsnap believes of them; changes nothing
    Doctor {
        /// The cluster
        cluster: String,
        /// Save what was recorded, with pseudonyms, to this file
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
    /// Describe, check, list and remove clusters
    #[command(subcommand)]
    Cluster(Cluster),
    /// Write the shell's completion script to standard output
    Completion {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// The commands about the clusters' descriptions.
#[derive(Debug, Subcommand, PartialEq, Eq)]
pub enum Cluster {
    /// Describe a cluster to mirrorsnap: find out what it consists of, tag its instances, and write its JSON to Parameter Store
    Add {
        /// The cluster's name with mirrorsnap
        #[arg(conflicts_with = "from")]
        cluster: Option<String>,
        /// The cluster's JSON (docs/cluster.schema.json), of which nothing is found out or asked; `-`: standard input
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// What a person decides
        #[command(flatten)]
        decisions: Decisions,
        /// Take the place of the description that is there
        #[arg(long)]
        replace: bool,
        /// The typed name
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Check every precondition of a backup, and ask the doctor; changes nothing
    Check {
        /// The cluster
        cluster: String,
    },
    /// List the clusters that are described
    List,
    /// Remove a cluster's description and its instances' tags; its backups stay
    Remove {
        /// The cluster
        cluster: String,
        /// The typed name
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// What cannot be found out of a cluster. What is not given is asked on the terminal.
#[derive(Debug, Clone, Default, Args, PartialEq, Eq)]
pub struct Decisions {
    /// One of its two instances; to be given twice
    #[arg(long = "node", value_name = "INSTANCE", conflicts_with_all = ["from", "tag"])]
    pub nodes: Vec<String>,
    /// A tag that exactly its two instances have
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "from")]
    pub tag: Option<String>,
    /// How many backups are kept: the newest ones, then of days, weeks and months, such as 7,14,8,12
    #[arg(long, value_name = "NUMBERS", conflicts_with = "from")]
    pub keep: Option<String>,
    /// The bound of a backup's outage, such as 120
    #[arg(long, value_name = "SECONDS", conflicts_with = "from")]
    pub max_outage: Option<String>,
    /// When backups begin by themselves, such as `cron(0 3 * * ? *)`, or none
    #[arg(long, value_name = "EXPRESSION", conflicts_with = "from")]
    pub schedule: Option<String>,
    /// The time zone of --schedule, such as Asia/Tokyo
    #[arg(long, value_name = "ZONE", conflicts_with = "from")]
    pub time_zone: Option<String>,
    /// The age of the newest valid backup that raises the alarm, or none
    #[arg(long, value_name = "HOURS", conflicts_with = "from")]
    pub objective: Option<String>,
}

/// Whether an operation is followed.
#[derive(Debug, Clone, Copy, Args, PartialEq, Eq)]
pub struct Following {
    /// Start it, and do not follow it
    #[arg(long)]
    pub detach: bool,
}

/// The typed name. Without both, it is asked for on the terminal.
#[derive(Debug, Clone, Args, PartialEq, Eq)]
pub struct Confirmation {
    /// The cluster's name once more; only together with --yes
    #[arg(long, value_name = "NAME", requires = "yes")]
    pub confirm: Option<String>,
    /// Do not ask; only together with --confirm
    #[arg(long, requires = "confirm")]
    pub yes: bool,
}

/// How the service becomes quiet for a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Consistency {
    /// Its groups are stopped
    Stopped,
    /// Its file systems are frozen for seconds, and nothing stops
    Frozen,
}

/// How new volumes become fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)] // the contract's words
pub enum Initialization {
    Auto,
    None,
    Rate,
    Fsr,
}

/// What a restore does if devices have other names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnDeviceMismatch {
    /// Put the old volumes back
    Rollback,
    /// Ask through the alarm topic
    Wait,
}
