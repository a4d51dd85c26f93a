//! The session over plain execs on a real engine, that of `DOCKER_HOST`, in a Debian and in a BusyBox userland.

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod commands;
mod faults;
mod files;

use std::time::Duration;

use bytes::Bytes;
use computesdk_docker_host::chunk::{Chunk, Stream};
use computesdk_docker_host::docker::Engine;
use computesdk_docker_host::error::Result;
use computesdk_docker_host::session::exec::ExecSession;
use computesdk_docker_host::session::{Exit, Process};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const DEBIAN: &str = "python:3.11-slim";
const BUSYBOX: &str = "node:20-alpine";

/// Longer than anything here takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// A container with a session into it.
struct Sandbox {
    engine: Engine,
    id: String,
    session: ExecSession,
}

/// Runs `body` in a container of each image.
async fn in_both<F: Future<Output = ()> + Send + 'static>(test: &str, body: impl Fn(Sandbox) -> F) {
    for image in [DEBIAN, BUSYBOX] {
        within(test, image, json!({}), &body).await;
    }
}

async fn within<F: Future<Output = ()> + Send + 'static>(
    test: &str,
    image: &str,
    host_config: Value,
    body: impl Fn(Sandbox) -> F,
) {
    let Some(engine) = support::real_engine(test).await else { return };
    let spec = json!({
        "Image": image,
        "Entrypoint": ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 60 & wait $!; done"],
        "WorkingDir": "/work dir",
        "HostConfig": host_config,
    });
    support::with_container_of(&engine, spec, |engine, id| body(Sandbox::new(engine, id, None))).await;
}

impl Sandbox {
    fn new(engine: Engine, id: String, user: Option<&str>) -> Self {
        let session = ExecSession::new(engine.clone(), id.clone(), user.map(str::to_owned));
        Self { engine, id, session }
    }

    fn of_user(&self, user: &str) -> Self {
        Self::new(self.engine.clone(), self.id.clone(), Some(user))
    }

    async fn run(&self, process: Process) -> (i32, Bytes, Bytes) {
        let (exit, stdout, stderr) = self.run_until(process, &CancellationToken::new()).await;
        (exit.expect("an exit").code, stdout, stderr)
    }

    /// What a script prints; it must not fail.
    async fn sh(&self, script: &str) -> String {
        let (code, stdout, stderr) = self.run(sh(script)).await;
        assert_eq!(code, 0, "{script}: {stderr:?}");
        String::from_utf8(stdout.to_vec()).expect("UTF-8")
    }

    async fn run_until(&self, process: Process, stop: &CancellationToken) -> (Result<Exit>, Bytes, Bytes) {
        let (output, mut arriving) = mpsc::channel::<Chunk>(8);
        let run = async {
            let exit = self.session.run(process, stop, &output).await;
            drop(output);
            exit
        };
        let take = async {
            let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
            while let Some(chunk) = arriving.recv().await {
                let to = if chunk.stream == Stream::Stdout { &mut stdout } else { &mut stderr };
                to.extend_from_slice(&chunk.data);
            }
            (Bytes::from(stdout), Bytes::from(stderr))
        };
        let ended = timeout(PATIENCE, async { tokio::join!(run, take) }).await;
        let (exit, (stdout, stderr)) = ended.expect("it ends");
        (exit, stdout, stderr)
    }

    /// Why a process did not come to run.
    async fn refusal(&self, process: Process) -> String {
        self.run_until(process, &CancellationToken::new()).await.0.expect_err("a refusal").to_string()
    }

    /// How many processes have `word` as an argument.
    async fn count(&self, word: &str) -> usize {
        let lines = "for f in /proc/[0-9]*/cmdline; do tr '\\0' '\\n' <$f 2>/dev/null; done; true";
        self.of_user("0").sh(lines).await.lines().filter(|line| *line == word).count()
    }

    async fn until_count(&self, word: &str, wanted: usize) {
        let reached = async {
            while self.count(word).await != wanted {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{word}: never {wanted}"));
    }
}

fn sh(script: &str) -> Process {
    Process { argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(), ..Process::default() }
}
