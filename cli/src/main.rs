//! The edge: arguments in, exit code out.

use clap::{CommandFactory, Parser};
use mirrorsnap_cli::args::{Command, What};
use mirrorsnap_cli::aws::Stack;
use mirrorsnap_cli::catalogue::Language;
use mirrorsnap_cli::exit::Exit;
use mirrorsnap_cli::out::Out;
use mirrorsnap_cli::run;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // clap's own exit code of a wrong command line is 2, of --help 0.
    let command = Command::parse();
    let language = Language::of(|name| std::env::var(name).ok());
    let mut out = Out::new(command.common.output).speaking(language);
    if let What::Completion { shell } = &command.what {
        out.completion(*shell, &mut Command::command());
        return Exit::Done.into();
    }
    let stack = Stack::load(&command.common).await;
    let ended = Box::pin(run::run(&stack, &mut out, &command)).await;
    let exit = ended.unwrap_or_else(|trouble| {
        out.trouble(&trouble);
        trouble.exit()
    });
    exit.into()
}
