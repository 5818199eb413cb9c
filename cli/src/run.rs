//! The commands: each wires the ports to the pure parts.

pub mod answers;
pub mod cluster;
pub mod copies;
pub mod diff;
pub mod discover;
pub mod doctor;
pub mod follow;
pub mod keep;
pub mod operate;
pub mod status;
pub mod watch;

use self::cluster::Existing;
use crate::args::{Cluster, Command, What};
use crate::exit::Ended;
use crate::out::Out;
use crate::ports::{Catalogue, Elsewhere, Executions, Pause, Probe, Registry};
use mirrorsnap_functions::ports::{Changes, Ledger};

/// All that the commands need of AWS.
pub trait Ports: Executions + Pause + Ledger + Catalogue + Changes + Registry + Probe + Elsewhere {}
impl<T: Executions + Pause + Ledger + Catalogue + Changes + Registry + Probe + Elsewhere> Ports for T {}

/// Runs a command that needs AWS.
pub async fn run(ports: &impl Ports, out: &mut Out, command: &Command) -> Ended {
    let flags = flags(command);
    match &command.what {
        What::Watch { cluster, execution } => {
            watch::run(ports, out, cluster.as_deref(), execution.as_deref(), &flags).await
        }
        What::Status => status::status(ports, out, &flags).await,
        What::Backups {
            cluster,
            keep: Some(keep),
            ..
        } => keep::keep(ports, out, cluster, keep, &flags).await,
        What::Backups {
            cluster,
            unkeep: Some(unkeep),
            ..
        } => keep::unkeep(ports, out, cluster, unkeep).await,
        What::Backups {
            cluster,
            show,
            prove: None,
            ..
        } => status::backups(ports, out, cluster, show.as_deref()).await,
        What::Diff { cluster, one, other } => diff::run(ports, out, cluster, one, other).await,
        What::Doctor { cluster, save } => doctor::run(ports, out, cluster, save.as_deref(), &flags).await,
        What::Cluster(Cluster::Check { cluster }) => doctor::check(ports, out, cluster, &flags).await,
        What::Cluster(Cluster::Add {
            cluster,
            from,
            decisions,
            replace,
            confirmation,
        }) => {
            let existing = if *replace { Existing::Replace } else { Existing::Keep };
            let described = if let Some(from) = from {
                cluster::read(from)?
            } else {
                let answers = answers::answers(cluster.as_ref(), decisions, out)?;
                discover::described(ports, out, &answers).await?
            };
            cluster::add(ports, out, described, existing, confirmation, &flags).await
        }
        What::Cluster(Cluster::Remove { cluster, confirmation }) => {
            cluster::remove(ports, out, cluster, confirmation, &flags).await
        }
        What::Cluster(Cluster::List) => status::clusters(ports, out).await,
        _ => operate::run(ports, out, &command.what, &flags).await,
    }
}

/// The flags that the same command line needs once more, to be shown behind a command.
fn flags(command: &Command) -> String {
    let common = &command.common;
    let stack = (common.stack != "mirrorsnap").then(|| format!(" --stack {}", common.stack));
    let named = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!(" --{name} {value}"));
    [
        named("profile", &common.profile),
        named("region", &common.region),
        stack,
    ]
    .into_iter()
    .flatten()
    .collect()
}
