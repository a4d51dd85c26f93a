//! The session over the agent that this build carries, as a child process behind pipes.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::super::{AgentSession, SessionLabel};
use super::peer::PATIENCE;
use super::{sh, sh_with_stdin};
use crate::agent_binary::agent_for;
use crate::error::Error;
use crate::session::{Chunk, EntryKind, Exit, Process, Stream};

/// A session, its agent, and a folder of its own, which is the workdir and is removed in the end.
struct Sandbox {
    session: AgentSession,
    agent: Child,
    folder: PathBuf,
}

impl Sandbox {
    /// `None`, and a word about it, where no agent was built for this machine.
    async fn open() -> Option<Self> {
        let arch = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
        let Some(binary) = agent_for(arch) else {
            eprintln!("skipped: no agent in agents/, `node scripts/agents.js` builds one");
            return None;
        };
        let folder = std::env::temp_dir().join(format!("computesdk-session-{:016x}", rand::random::<u64>()));
        std::fs::create_dir(&folder).expect("a folder");
        let program = folder.join("agent");
        std::fs::write(&program, binary.program().expect("it unpacks")).expect("a file");
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("its mode");
        let mut agent = loop {
            let mut command = Command::new(&program);
            command.arg("serve").current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped());
            match command.spawn() {
                // A child that another test is starting holds the file open for writing until its own exec.
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                agent => break agent.expect("the agent starts"),
            }
        };
        let (stdout, stdin) = (agent.stdout.take().expect("piped"), agent.stdin.take().expect("piped"));
        let session = AgentSession::open(stdout, stdin, SessionLabel::new("box")).await;
        Some(Self { session: session.expect("it opens"), agent, folder })
    }

    async fn run(&self, process: Process) -> (i32, Bytes, Bytes) {
        let (exit, stdout, stderr) = self.run_until(process, &CancellationToken::new()).await;
        (exit.code, stdout, stderr)
    }

    async fn run_until(&self, process: Process, stop: &CancellationToken) -> (Exit, Bytes, Bytes) {
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
        let (exit, (stdout, stderr)) =
            timeout(PATIENCE, async { tokio::join!(run, take) }).await.expect("it ends");
        (exit.expect("an exit"), stdout, stderr)
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().expect("UTF-8").to_owned()
    }

    /// Waits for a file that a command makes.
    async fn appears(&self, name: &str) -> String {
        let wait = async {
            loop {
                match std::fs::read_to_string(self.folder.join(name)) {
                    Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        timeout(PATIENCE, wait).await.expect("the file appears")
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn gone(pid: &str) {
    let wait = async {
        // A zombie has no command line.
        while std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("the process ends");
}

#[tokio::test]
async fn commands_run_with_their_input_environment_and_folder() {
    let Some(sandbox) = Sandbox::open().await else { return };
    std::fs::create_dir(sandbox.folder.join("sub")).expect("a folder");
    let process = Process {
        env: vec![("GREETING".to_owned(), "a b\n$x".to_owned())],
        cwd: Some("sub".to_owned()),
        ..sh_with_stdin("cat; printf %s \"$GREETING\" >&2; pwd; exit 3", "ünï".as_bytes())
    };
    let (code, stdout, stderr) = sandbox.run(process).await;
    assert_eq!(code, 3);
    assert_eq!(stdout, format!("ünï{}\n", sandbox.path("sub")));
    assert_eq!(stderr, "a b\n$x");
    assert_eq!(sandbox.run(sh("kill -9 $$")).await.0, 137);
}

#[tokio::test]
async fn a_thousand_commands_one_after_another_and_two_hundred_at_once() {
    let Some(sandbox) = Sandbox::open().await else { return };
    for _ in 0..1000 {
        let process = Process { argv: vec!["true".to_owned()], ..Process::default() };
        assert_eq!(sandbox.run(process).await.0, 0);
    }
    let all = (0..200).map(|n| sandbox.run(sh(&format!("echo {n}; exit {}", n % 100))));
    for (n, (code, stdout, _)) in futures_util::future::join_all(all).await.into_iter().enumerate() {
        assert_eq!((code, stdout), (n as i32 % 100, Bytes::from(format!("{n}\n"))));
    }
}

#[tokio::test]
async fn large_streams_come_whole_both_ways() {
    let Some(sandbox) = Sandbox::open().await else { return };
    let content = Bytes::from((0..5_000_000_u32).map(|n| (n / 7) as u8).collect::<Vec<_>>());
    let process =
        Process { stdin: Some(content.clone()), argv: vec!["cat".to_owned()], ..Process::default() };
    let (code, stdout, _) = sandbox.run(process).await;
    assert_eq!(code, 0);
    assert!(stdout == content);
    // A command that does not read its input does not wait for it either.
    let deaf = Process { stdin: Some(content.clone()), ..sh("exit 4") };
    assert_eq!(sandbox.run(deaf).await.0, 4);
    sandbox.session.write_file("large", content.clone()).await.expect("it is written");
    assert!(sandbox.session.read_file("large").await.expect("it is read") == content);
}

#[tokio::test]
async fn a_stop_kills_the_whole_tree() {
    let Some(sandbox) = Sandbox::open().await else { return };
    let stop = CancellationToken::new();
    let script = "trap '' TERM; (sleep 300 & echo $! >child); echo $$ >self; while :; do sleep 300; done";
    let run = sandbox.run_until(sh(script), &stop);
    let act = async {
        let pids = (sandbox.appears("child").await, sandbox.appears("self").await);
        stop.cancel();
        pids
    };
    let ((exit, ..), (child, parent)) = tokio::join!(run, act);
    assert_eq!(exit.code, 137);
    gone(&child).await;
    gone(&parent).await;
}

#[tokio::test]
async fn a_run_that_is_given_up_is_killed_and_a_background_one_outlives_the_session() {
    let Some(mut sandbox) = Sandbox::open().await else { return };
    let stop = CancellationToken::new();
    let (output, _taken) = mpsc::channel(1);
    let run = sandbox.session.run(sh("echo $$ >given-up; exec sleep 300"), &stop, &output);
    let pid = tokio::select! {
        _ = run => panic!("it ended"),
        pid = sandbox.appears("given-up") => pid,
    };
    gone(&pid).await;
    let sleep = Process { argv: ["sleep", "300"].map(str::to_owned).to_vec(), ..Process::default() };
    let pid = sandbox.session.start(sleep).await.expect("it starts").to_string();
    let (session, other) = (AgentSession::closed().await, &mut sandbox.session);
    drop(std::mem::replace(other, session));
    let stays = timeout(Duration::from_millis(100), sandbox.agent.wait()).await;
    assert!(stays.is_err(), "the agent stays with the command, whose output it takes");
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).expect("it still runs");
    assert_eq!(line, b"sleep\x00300\x00");
    assert!(std::process::Command::new("kill").arg("-9").arg(&pid).status().expect("kill").success());
    timeout(PATIENCE, sandbox.agent.wait()).await.expect("the agent ends").expect("its status");
}

impl AgentSession {
    /// One whose agent has gone.
    async fn closed() -> Self {
        let (session, peer) = super::peer::Peer::greeted().await;
        drop(peer);
        session
    }
}

#[tokio::test]
async fn a_killed_agent_fails_what_was_under_way() {
    let Some(mut sandbox) = Sandbox::open().await else { return };
    let (output, _taken) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let run = sandbox.session.run(sh("echo x >started; exec sleep 300"), &stop, &output);
    let folder = sandbox.folder.clone();
    let agent = &mut sandbox.agent;
    let kill = async {
        while !folder.join("started").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        agent.kill().await.expect("it is killed");
    };
    let (ran, ()) = tokio::join!(run, kill);
    let Err(Error::SessionLost { during, .. }) = ran else { panic!("{ran:?}") };
    assert_eq!(during, "runCommand");
    assert!(!sandbox.session.is_open());
}

#[tokio::test]
async fn files_of_any_name_are_made_listed_and_removed() {
    let Some(sandbox) = Sandbox::open().await else { return };
    let session = &sandbox.session;
    let name = "-a \n'$(touch x)`é";
    session.write_file(&format!("deep/er/{name}"), Bytes::from_static(b"12345")).await.expect("written");
    session.mkdir("deep/er/sub").await.expect("made");
    session.mkdir("deep/er/sub").await.expect("there already");
    std::os::unix::fs::symlink("nowhere", sandbox.folder.join("deep/er/broken")).expect("a link");
    std::os::unix::fs::symlink("sub", sandbox.folder.join("deep/er/link")).expect("a link");
    let entries = session.read_dir("deep/er").await.expect("listed");
    let seen: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.kind)).collect();
    let (file, folder) = (EntryKind::File, EntryKind::Directory);
    assert_eq!(seen, [(name, file), ("broken", file), ("link", folder), ("sub", folder)]);
    assert_eq!(entries[0].size, 5);
    assert!(session.exists("deep/er/link").await.expect("told"));
    assert!(!session.exists("deep/er/broken").await.expect("told"));
    session.remove("deep").await.expect("removed");
    session.remove("deep").await.expect("not there is fine");
    assert!(!sandbox.folder.join("deep").exists());
}

#[tokio::test]
async fn refusals_carry_nodes_codes() {
    let Some(sandbox) = Sandbox::open().await else { return };
    let session = &sandbox.session;
    session.write_file("file", Bytes::new()).await.expect("written");
    let told = [
        session.read_file("no").await.expect_err("ENOENT").to_string(),
        session.read_file(".").await.expect_err("EISDIR").to_string(),
        session.write_file("file/x", Bytes::new()).await.expect_err("ENOTDIR").to_string(),
        session.read_dir("file").await.expect_err("ENOTDIR").to_string(),
        session.mkdir("file").await.expect_err("EEXIST").to_string(),
    ];
    assert_eq!(
        told,
        [
            "ENOENT: no such file or directory, open 'no'",
            "EISDIR: illegal operation on a directory, read '.'",
            "ENOTDIR: not a directory, open 'file/x'",
            "ENOTDIR: not a directory, scandir 'file'",
            "EEXIST: file already exists, mkdir 'file'",
        ]
    );
    let nowhere = Process { cwd: Some("no".to_owned()), ..sh("true") };
    let (output, _taken) = mpsc::channel(1);
    let ran = session.run(nowhere, &CancellationToken::new(), &output).await;
    assert_eq!(ran.expect_err("ENOENT").to_string(), "ENOENT: no such file or directory, chdir 'no'");
}
