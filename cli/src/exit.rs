//! How a command ends: the exit codes, which scripts rely on (docs/cli.md).

use mirrorsnap_domain::error::{Error, Kind};
use std::process::ExitCode;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: what was asked for is done.
    Done,
    /// 1: it was refused, or it failed and the cluster is back.
    Refused,
    /// 2: the command line is wrong. Nothing was started.
    Usage,
    /// 3: the cluster is not back.
    NotBack,
    /// 4: AWS could not be reached, or refused the caller.
    Aws,
    /// 5: `status` shows something that needs a person.
    NeedsYou,
    /// 130: Ctrl-C. The operation goes on.
    Stopped,
}

impl Exit {
    /// The code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::NotBack => 3,
            Self::Aws => 4,
            Self::NeedsYou => 5,
            Self::Stopped => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The command line is wrong, in words.
    Usage(String),
    /// An error under its stable name.
    Error(Error),
}

impl Trouble {
    /// The exit code of it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Error(error) => match error.kind() {
                Kind::AwsRefused | Kind::AwsUnavailable => Exit::Aws,
                _ => Exit::Refused,
            },
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// The result of a command: how it ended, or why it cannot go on.
pub type Ended = Result<Exit, Trouble>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_page() {
        let page = include_str!("../../docs/cli.md");
        for exit in [
            Exit::Done,
            Exit::Refused,
            Exit::Usage,
            Exit::NotBack,
            Exit::Aws,
            Exit::NeedsYou,
            Exit::Stopped,
        ] {
            assert!(page.contains(&format!("\n| {} | ", exit.code())), "{exit:?}");
        }
    }

    #[test]
    fn only_aws_itself_is_4() {
        let of = |kind| Trouble::Error(Error::new(kind, "found", "next")).exit();
        assert_eq!((of(Kind::AwsRefused), of(Kind::AwsUnavailable)), (Exit::Aws, Exit::Aws));
        assert_eq!(of(Kind::ClusterNotFound), Exit::Refused);
        assert_eq!(Trouble::Usage(String::new()).exit(), Exit::Usage);
    }
}
