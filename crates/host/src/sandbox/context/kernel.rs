//! The interpreter of a context: one process, one cell at a time. Dropped, the process is killed.

use bytes::Bytes;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::CellValue;
use super::marked::{Marked, Part};
use crate::config::Runtime;
use crate::error::{Error, Result};
use crate::sandbox::Sandbox;
use crate::sandbox::code::programs;
use crate::sandbox::live::{Interrupter, LiveProcess};
use crate::sandbox::output::Collector;
use crate::sandbox::run::RunOptions;
use crate::session::{Chunk, Stream};

const PYTHON: &str = include_str!("driver.py");
const NODE: &str = include_str!("driver.js");
const STREAMS: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

/// A value that takes more is no value to show.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Kernel {
    process: LiveProcess,
    streams: [Marked; 2],
    hold: CancellationToken,
}

/// What a driver says at the end of a cell.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Answer {
    pub(super) exit_code: i32,
    pub(super) value: Option<CellValue>,
    /// The code does not compile: the interpreter's own message line.
    pub(super) syntax: Option<String>,
}

pub(super) struct Ended {
    pub(super) answer: Answer,
    /// False when the cell took the interpreter with it.
    pub(super) survives: bool,
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.hold.cancel();
    }
}

impl Kernel {
    pub(super) async fn start(sandbox: &Sandbox, runtime: Runtime, options: &RunOptions) -> Result<Self> {
        let nonce = format!("{:032x}", rand::random::<u128>());
        let hold = options.cancel.child_token();
        let mut missing = None;
        for program in programs(runtime) {
            let argv = argv(program, runtime);
            match sandbox.live(argv, prepared(options, &nonce, &hold), None).await {
                Ok(process) => {
                    let streams = [Marked::new(&nonce), Marked::new(&nonce)];
                    return Ok(Self { process: process.unlogged(), streams, hold });
                }
                Err(Error::System { code: "ENOENT", syscall: "execve", .. }) => missing = Some(program),
                Err(error) => return Err(error),
            }
        }
        let program = missing.map_or(runtime.name(), |program| *program);
        let what = format!("image {:?} has no {program}: choose one that has", sandbox.image());
        Err(Error::CannotRun { what })
    }

    pub(super) fn interrupter(&self) -> Interrupter {
        self.process.interrupter()
    }

    /// Runs one cell to its end.
    pub(super) async fn cell(&mut self, code: &str, collector: &mut Collector) -> Result<Ended> {
        let mut request = serde_json::Value::from(code).to_string();
        request.push('\n');
        if self.process.write(Bytes::from(request)).await.is_err() {
            return self.died(collector).await;
        }
        let mut answer = None;
        let mut open = [true, true];
        while open.contains(&true) {
            let (at, bytes) = tokio::select! {
                bytes = self.process.read(Stream::Stdout), if open[0] => (0, bytes?),
                bytes = self.process.read(Stream::Stderr), if open[1] => (1, bytes?),
            };
            let Some(bytes) = bytes else { return self.died(collector).await };
            self.streams[at].push(&bytes);
            if let Some(words) = self.pass_on(at, collector).await? {
                open[at] = false;
                if at == 0 {
                    answer = serde_json::from_slice(&words).ok();
                }
            }
        }
        let answer =
            answer.ok_or_else(|| Error::CannotRun { what: "the interpreter gave no answer".to_owned() })?;
        Ok(Ended { answer, survives: true })
    }

    /// Hands on what was printed; the words at the cell's end, if that is there.
    async fn pass_on(&mut self, at: usize, collector: &mut Collector) -> Result<Option<Bytes>> {
        while let Some(part) = self.streams[at].next() {
            match part {
                Part::End(words) => return Ok(Some(words)),
                // Callbacks that want no more have cancelled the run.
                Part::Printed(data) => _ = collector.take(Chunk { stream: STREAMS[at], data }).await,
            }
        }
        if self.streams[at].len() > LARGEST_ANSWER {
            let what = "the value of the last expression is too large to be told".to_owned();
            return Err(Error::CannotRun { what });
        }
        Ok(None)
    }

    /// The interpreter has ended: what was printed last, and the exit code.
    async fn died(&mut self, collector: &mut Collector) -> Result<Ended> {
        for at in [0, 1] {
            while let Some(bytes) = self.process.read(STREAMS[at]).await? {
                self.streams[at].push(&bytes);
                self.pass_on(at, collector).await?;
            }
            let data = self.streams[at].rest();
            _ = collector.take(Chunk { stream: STREAMS[at], data }).await;
        }
        let end = self.process.wait().await?;
        let answer = Answer { exit_code: end.exit_code, ..Answer::default() };
        Ok(Ended { answer, survives: false })
    }
}

fn argv(program: &str, runtime: Runtime) -> Vec<String> {
    let words = match runtime {
        Runtime::Python => [program, "-c", PYTHON],
        Runtime::Node => [program, "-e", NODE],
    };
    words.map(str::to_owned).to_vec()
}

fn prepared(options: &RunOptions, nonce: &str, hold: &CancellationToken) -> RunOptions {
    let mut options = RunOptions { timeout_ms: None, cancel: hold.clone(), ..options.clone() };
    // Output comes when it is printed, and plots are drawn without a screen.
    for (name, value) in [("PYTHONUNBUFFERED", "1"), ("MPLBACKEND", "Agg")] {
        options.env.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    options.env.insert("COMPUTESDK_MARK".to_owned(), nonce.to_owned());
    options
}
