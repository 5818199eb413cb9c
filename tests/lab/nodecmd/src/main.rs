//! What stands behind every simulated command of a lab node (`systemctl`, `clpgrp`, `sleep`, …).
//!
//! One binary with many names: it sends its name, arguments, environment and directory to the lab over the unix socket
//! `LAB_NODE_SOCKET`, prints what the lab answers and ends with the lab's exit code. It starts in well under a
//! millisecond, since the scripts under test poll with such commands. `nodes/socket.py` is the other end.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, exit};
use std::time::Duration;
use std::{env, thread};

const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const EXIT: u8 = 3;
const EXEC: u8 = 4;

const GONE_SECONDS: u64 = 60;

fn main() {
    let args: Vec<OsString> = env::args_os().collect();
    match ask(&args) {
        Ok(code) => exit(code),
        Err(error) => {
            // The node lost its power or the lab is gone, so the script must not go on: whoever ended the node kills
            // this process too, and the pause covers the moment until then.
            thread::sleep(Duration::from_secs(GONE_SECONDS));
            eprintln!("nodecmd: the lab does not answer: {error}");
            exit(255);
        }
    }
}

fn ask(args: &[OsString]) -> io::Result<i32> {
    let path = env::var_os("LAB_NODE_SOCKET").ok_or_else(|| io::Error::other("LAB_NODE_SOCKET is not set"))?;
    let mut socket = UnixStream::connect(path)?;
    socket.write_all(&request(args))?;
    let (mut stdout, mut stderr) = (io::stdout(), io::stderr());
    loop {
        let mut head = [0u8; 5];
        socket.read_exact(&mut head)?;
        let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0u8; length as usize];
        socket.read_exact(&mut body)?;
        match head[0] {
            // A reader that has gone away is no concern of the command's, as with any program that ignores SIGPIPE.
            STDOUT => drop(stdout.write_all(&body).and_then(|()| stdout.flush())),
            STDERR => drop(stderr.write_all(&body)),
            EXIT => return Ok(body.first().copied().unwrap_or(255).into()),
            EXEC => return Err(exec(&body)),
            other => return Err(io::Error::other(format!("unknown frame {other}"))),
        }
    }
}

/// Length, then NUL-separated: pid, directory, number of arguments, the arguments, the environment.
fn request(args: &[OsString]) -> Vec<u8> {
    let mut body = Vec::with_capacity(4096);
    let mut field = |bytes: &[u8]| {
        body.extend_from_slice(bytes);
        body.push(0);
    };
    field(std::process::id().to_string().as_bytes());
    field(env::current_dir().unwrap_or_default().as_os_str().as_bytes());
    field(args.len().to_string().as_bytes());
    args.iter().for_each(|arg| field(arg.as_bytes()));
    for (key, value) in env::vars_os() {
        field(&[key.as_bytes(), b"=", value.as_bytes()].concat());
    }
    let mut message = (body.len() as u32).to_le_bytes().to_vec();
    message.append(&mut body);
    message
}

/// Becomes the host's own tool: NUL-separated path, then arguments. Returns only if that failed.
fn exec(body: &[u8]) -> io::Error {
    let mut fields = body.split(|b| *b == 0).map(|f| OsString::from_vec(f.to_vec()));
    let path = fields.next().unwrap_or_default();
    let name = fields.next().unwrap_or_default();
    let error = Command::new(&path).arg0(name).args(fields).exec();
    eprintln!("nodecmd: {}: {error}", path.to_string_lossy());
    exit(127);
}
