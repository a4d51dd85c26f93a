//! The session against a peer that is scripted, and against the real agent as a child process.

mod faults;
mod flow;
mod peer;
mod real;

use bytes::Bytes;

use crate::session::Process;

fn sh(script: &str) -> Process {
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    Process { argv, ..Process::default() }
}

fn sh_with_stdin(script: &str, stdin: &[u8]) -> Process {
    Process { stdin: Some(Bytes::copy_from_slice(stdin)), ..sh(script) }
}
