//! How the active becomes quiet for a backup (safety.md, the critical section and "Without an outage").

use serde::{Deserialize, Serialize};
use std::fmt;

/// In which state the service's data is in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Consistency {
    /// The groups were stopped: the applications ended, and the file systems were unmounted.
    #[default]
    Stopped,
    /// The groups stayed online, and the file systems were frozen: crash-consistent, as after a power cut.
    Frozen,
}

impl Consistency {
    /// The word in JSON, parameters and tags.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Frozen => "frozen",
        }
    }

    /// Reads [`Self::word`].
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "stopped" => Some(Self::Stopped),
            "frozen" => Some(Self::Frozen),
            _ => None,
        }
    }
}

impl fmt::Display for Consistency {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_has_one_word_everywhere() {
        for way in [Consistency::Stopped, Consistency::Frozen] {
            assert_eq!(Consistency::read(way.word()), Some(way));
            assert_eq!(serde_json::to_string(&way).unwrap(), format!("\"{way}\""));
        }
        assert_eq!(Consistency::read("paused"), None);
        assert_eq!(Consistency::default(), Consistency::Stopped);
    }
}
