//! `doctor` and `cluster check`: a backup's dry run, which asks the doctor too. It changes nothing.

use super::{Ports, copies, follow, operate};
use crate::catalogue::Words;
use crate::exit::{Ended, Exit, Trouble};
use crate::out::Out;
use crate::request::Request;
use crate::screen::doctor::DryRun;
use crate::screen::{check_copies, end, live};
use mirrorsnap_domain::copies::check::Verdict;
use mirrorsnap_domain::error::{Error, Kind};
use serde_json::{Value, json};
use std::path::Path;
use std::{fs, io};

/// `doctor`; `save` is where the recording goes.
pub async fn run(ports: &impl Ports, out: &mut Out, cluster: &str, save: Option<&Path>, flags: &str) -> Ended {
    // Before anything is started. What is in the file stays until there is a recording.
    if let Some(path) = save {
        let opened = fs::File::options().create(true).append(true).open(path);
        opened.map_err(|error| unwritable(path, &error))?;
    }
    let found = match dry_run(ports, out, cluster, flags).await? {
        Found::Answer(found) => found,
        Found::Other(exit) => return Ok(exit),
    };
    match (save, &found.1.recording) {
        (Some(path), Some(recording)) => {
            fs::write(path, format!("{recording:#}\n")).map_err(|error| unwritable(path, &error))?;
            let file = path.display().to_string();
            out.line(&Words::RecordingSaved { file: &file }.said(out.language()));
        }
        (Some(path), None) => {
            let file = path.display().to_string();
            out.line(&Words::RecordingNone { file: &file }.said(out.language()));
        }
        (None, _) => {}
    }
    out.result(
        &found.1.report(out.language()),
        &json!({"exit": found.1.exit().code(), "doctor": found.0.get("doctor")}),
    );
    Ok(found.1.exit())
}

/// `cluster check`; it speaks of copies too, where the cluster's JSON asks for them.
pub async fn check(ports: &impl Ports, out: &mut Out, cluster: &str, flags: &str) -> Ended {
    match dry_run(ports, out, cluster, flags).await? {
        Found::Other(exit) => Ok(exit),
        Found::Answer(found) => {
            let (mut exit, mut text) = (found.1.exit(), found.1.check(out.language()));
            let mut copies = Value::Null;
            if let Some(to) = copies::asked_for(ports, cluster).await? {
                let findings = copies::findings(ports, cluster, &to, &found.1.key_roles).await?;
                if check_copies::worst(&findings) == Verdict::Bad {
                    exit = Exit::Refused;
                }
                let said = check_copies::text(&to.region, &findings, out.language());
                text = format!("{text}\n\n{said}");
                copies = check_copies::document(&to.region, &findings);
            }
            let document = json!({"exit": exit.code(), "plan": found.0.get("plan"), "doctor": found.0.get("doctor"), "copies": copies});
            out.result(&text, &document);
            Ok(exit)
        }
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Trouble {
    Trouble::Usage(format!("{} cannot be written: {error}", path.display()))
}

enum Found {
    /// The output, and what is read of it.
    Answer(Box<(Value, DryRun)>),
    /// It was refused, or Ctrl-C was pressed; that was told.
    Other(Exit),
}

async fn dry_run(ports: &impl Ports, out: &mut Out, cluster: &str, flags: &str) -> Result<Found, Trouble> {
    let arn = operate::start(ports, out, &Request::dry_backup(cluster)?).await?;
    let Some(over) = follow::to_its_end(ports, out, &arn).await? else {
        out.line(&live::stopped(&arn, flags, out.language()));
        return Ok(Found::Other(Exit::Stopped));
    };
    let Some(output) = over.execution.output.clone() else {
        let document = end::document(&over.execution, over.exit);
        out.result(
            &end::text(&over.execution, over.exit, cluster, out.language()),
            &document,
        );
        return Ok(Found::Other(over.exit));
    };
    let found = DryRun::read(&output).ok_or_else(|| {
        let found = "the dry run's output has no report of the doctor that this version can read".to_owned();
        Error::new(
            Kind::OutputUnreadable,
            found,
            "use the command line of the stack's own version",
        )
    })?;
    Ok(Found::Answer(Box::new((output, found))))
}
