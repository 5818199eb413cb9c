//! `assess` `describe`: what a rebuild of the cluster needs, to be stored with a backup.

use super::{Ports, as_json};
use crate::functions::describe::describe;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::time::Moment;
use serde::Serialize;

/// The description, and what is missing in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Described {
    /// As it is stored.
    pub description_json: String,
    /// In words.
    pub missing: Vec<String>,
}

pub(super) async fn described(ports: &impl Ports, cluster: &str, id: &Id, now: Moment) -> Result<Described> {
    let config = ports.config(cluster).await?;
    let description = describe(ports, &config, id, now).await?;
    Ok(Described {
        missing: description.missing(),
        description_json: as_json(&description)?,
    })
}
