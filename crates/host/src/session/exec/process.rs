//! Processes over execs: run to the end, or start and leave.

use computesdk_docker_protocol::Op;
use tokio_util::sync::CancellationToken;

use super::ExecSession;
use super::shell::{Script, as_operand};
use crate::error::{Error, Result};
use crate::session::{Exit, Output, Process, system};

const DURING: &str = "runCommand";
const RUN: &str = include_str!("scripts/run.sh");
const START: &str = include_str!("scripts/start.sh");
const KILL: &str = include_str!("scripts/kill.sh");
/// Exit code of run.sh and start.sh when they could not enter the folder.
const NO_CWD: i32 = 125;
const TAG: &str = "COMPUTESDK_COMMAND";

impl ExecSession {
    pub async fn run(&self, process: Process, stop: &CancellationToken, output: &Output) -> Result<Exit> {
        let launch = Launch::new(&process);
        let running = self.exec(DURING, launch.script(RUN, &process), output);
        tokio::pin!(running);
        let ended = tokio::select! {
            ended = &mut running => ended?,
            () = stop.cancelled() => {
                self.kill(launch.tag.clone());
                running.await?
            }
        };
        check(ended.code, ended.refusal.as_deref(), &process)?;
        Ok(Exit { code: ended.code })
    }

    pub async fn start(&self, process: Process) -> Result<u32> {
        let launch = Launch::new(&process);
        let printed = self.script(DURING, launch.script(START, &process)).await?;
        check(printed.code, printed.refusal.as_deref(), &process)?;
        let said = || String::from_utf8_lossy(&printed.stderr).trim().to_owned();
        let pid = String::from_utf8_lossy(&printed.stdout).trim().parse();
        pid.map_err(|_| Error::CannotRun { what: format!("the command could not be started: {}", said()) })
    }

    /// In a task of its own: a caller that stops waiting must not save the process.
    fn kill(&self, tag: String) {
        let root = Self::new(self.engine.clone(), self.container.clone(), Some("0".to_owned()));
        tokio::spawn(async move {
            let script = Script { text: KILL, args: vec![tag], ..Script::default() };
            // Fails when the container has gone, and the process with it.
            _ = root.script("killing a command", script).await;
        });
    }
}

/// How a process is started and found again.
struct Launch {
    /// In the environment of the whole process tree.
    tag: String,
    /// Leads what the scripts themselves say on stderr.
    mark: String,
    args: Vec<String>,
}

impl Launch {
    fn new(process: &Process) -> Self {
        let mark = format!("{:032x}:", rand::random::<u128>());
        let mut args = vec![process.cwd.as_deref().map(as_operand).unwrap_or_default(), mark.clone()];
        args.extend(process.argv.iter().cloned());
        Self { tag: format!("{TAG}={:032x}", rand::random::<u128>()), mark, args }
    }

    fn script(&self, text: &'static str, process: &Process) -> Script {
        let mut env: Vec<String> =
            process.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        env.push(self.tag.clone());
        Script { text, args: self.args.clone(), env, stdin: process.stdin.clone(), mark: self.mark.clone() }
    }
}

/// The folder could not be entered: the command never ran.
fn check(code: i32, refusal: Option<&str>, process: &Process) -> Result<()> {
    let Some(errno) = refusal.filter(|_| code == NO_CWD).and_then(system::number) else { return Ok(()) };
    Err(system::error(errno, Op::Chdir.syscall(), process.cwd.as_deref().unwrap_or_default()))
}
