//! The static binary inside a sandbox: `serve` runs commands and touches files for one host over stdin and stdout,
//! `init` is the sandbox's PID 1.
//!
//! One thread, one epoll loop, bounded buffers: it shares the memory limit of what it runs. It knows the protocol and
//! Linux, nothing of Docker, and never changes its user. Unsafe code lives in `sys` and `command::spawn`.

mod background;
mod command;
mod environment;
mod files;
mod init;
mod outbox;
mod processes;
mod serve;
mod sys;

use std::process::ExitCode;

/// What the host did was no protocol, or the agent cannot work here; the reason is on stderr.
const BROKEN: u8 = 2;

fn main() -> ExitCode {
    // Code of the same user must neither read the agent's memory nor borrow its descriptors.
    sys::forbid_inspection();
    let mut args = std::env::args_os().skip(1);
    let outcome = match (args.next(), args.next()) {
        (Some(word), None) if word == "serve" => serve::serve(),
        (Some(word), None) if word == "init" => init::init(),
        _ => Err("usage: computesdk-agent serve|init".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("computesdk-agent: {reason}");
            ExitCode::from(BROKEN)
        }
    }
}
