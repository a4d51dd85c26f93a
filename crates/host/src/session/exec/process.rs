//! Processes over execs: run to the end, or start and leave.

use std::pin::pin;

use tokio_util::sync::CancellationToken;

use super::ExecSession;
use super::kill::Killer;
use super::shell::{Ended, Script, as_operand};
use crate::error::{Error, Result};
use crate::session::{Exit, Output, Process, system};

pub(super) const DURING: &str = "runCommand";
const RUN: &str = concat!(include_str!("scripts/enter.sh"), include_str!("scripts/run.sh"));
const START: &str = concat!(include_str!("scripts/enter.sh"), include_str!("scripts/start.sh"));
const TAG: &str = "COMPUTESDK_COMMAND";
/// Linux takes no longer argument or variable, its final NUL included.
const LONGEST_WORD: usize = 128 * 1024;

impl ExecSession {
    /// Dropping the future kills the command.
    pub async fn run(&self, process: Process, stop: &CancellationToken, output: &Output) -> Result<Exit> {
        fits(&process)?;
        let launch = Launch::new(process);
        let mut killer = Killer::new(self.clone(), launch.tag.clone());
        let mut running = pin!(self.exec(DURING, launch.script(RUN), output));
        let ended = tokio::select! {
            biased;
            ended = &mut running => ended,
            () = stop.cancelled() => killer.end(running).await,
        };
        killer.disarm();
        let Ended { code, refusal } = ended?;
        if let Some(refusal) = refusal {
            return Err(launch.refused(&refusal));
        }
        if !stop.is_cancelled() {
            self.killed_by_itself(DURING, code).await?;
        }
        Ok(Exit { code })
    }

    /// Dropping the future leaves the process.
    pub async fn start(&self, process: Process) -> Result<u32> {
        fits(&process)?;
        let launch = Launch::new(Process { stdin: None, ..process });
        let printed = self.first_line(DURING, launch.script(START)).await?;
        if let Some(refusal) = printed.refusal {
            return Err(launch.refused(&refusal));
        }
        let pid = String::from_utf8_lossy(&printed.stdout).trim().parse();
        pid.map_err(|_| {
            let said = String::from_utf8_lossy(&printed.stderr).trim().to_owned();
            Error::CannotRun { what: format!("the command could not be started: {said}") }
        })
    }
}

/// What Docker would tell as the output of a command that never ran.
pub(super) fn fits(process: &Process) -> Result<()> {
    let variables = process.env.iter().map(|(name, value)| name.len() + 1 + value.len());
    let longest = process.argv.iter().map(String::len).chain(variables).max();
    match longest {
        Some(length) if length >= LONGEST_WORD => Err(Error::CannotRun { what: system::TOO_LONG.to_owned() }),
        _ => Ok(()),
    }
}

/// How a process is started, recognised and found again.
pub(super) struct Launch {
    process: Process,
    /// In the environment of the whole process tree.
    pub(super) tag: String,
    /// Leads what the scripts themselves say on stderr.
    mark: String,
}

impl Launch {
    pub(super) fn new(process: Process) -> Self {
        let random = || format!("{:032x}", rand::random::<u128>());
        Self { process, tag: format!("{TAG}={}", random()), mark: format!("{}:", random()) }
    }

    pub(super) fn script(&self, text: &'static str) -> Script {
        let cwd = self.process.cwd.as_deref().map(as_operand).unwrap_or_default();
        let mut args = vec![cwd, self.mark.clone()];
        args.extend(self.process.argv.iter().cloned());
        let mut env: Vec<String> =
            self.process.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        env.push(self.tag.clone());
        let (mark, tag) = (self.mark.clone(), self.tag.clone());
        Script { text, args, env, stdin: self.process.stdin.clone(), mark, tag }
    }

    /// The program never ran: `chdir ENOENT`.
    pub(super) fn refused(&self, refusal: &str) -> Error {
        let (call, code) = refusal.split_once(' ').unwrap_or_default();
        let (syscall, path) = match call {
            "chdir" => ("chdir", self.process.cwd.as_deref()),
            _ => ("execve", self.process.argv.first().map(String::as_str)),
        };
        system::error(system::number(code).unwrap_or_default(), syscall, path.unwrap_or_default())
    }
}
