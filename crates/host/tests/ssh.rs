//! An engine behind ssh: a private sshd on loopback, with keys of its own, that runs the docker command.
#![allow(clippy::unwrap_used, reason = "helpers of a test may panic as the test may")]

mod support;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use computesdk_docker_host::docker::Engine;
use futures_util::StreamExt as _;
use serde_json::json;
use support::{connection, exit_code, real_engine, shell, with_container};
use tokio::io::AsyncWriteExt as _;

const SSHD: &str = "/usr/sbin/sshd";
const INNER: &str = "COMPUTESDK_SSH_TEST";

/// A running sshd and the folder with all that belongs to it.
struct Server {
    folder: PathBuf,
    port: u16,
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
        _ = fs::remove_dir_all(&self.folder);
    }
}

impl Server {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("computesdk-ssh-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all("/run/sshd").unwrap();
        let path = |name: &str| folder.join(name).display().to_string();
        for key in ["host", "user"] {
            run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &path(key)]));
        }
        fs::copy(folder.join("user.pub"), folder.join("authorized")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let engine = std::env::var("DOCKER_HOST").unwrap();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             PermitRootLogin yes\nStrictModes no\nKbdInteractiveAuthentication no\nSetEnv DOCKER_HOST={engine}\n",
            path("host"),
            path("authorized"),
        );
        fs::write(folder.join("sshd_config"), config).unwrap();
        let key = fs::read_to_string(folder.join("host.pub")).unwrap();
        fs::write(folder.join("known"), format!("[127.0.0.1]:{port} {key}")).unwrap();
        let process = Command::new(SSHD)
            .args(["-D", "-e", "-f", &path("sshd_config")])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { folder, port, process };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "sshd does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// A folder with an `ssh` that knows our key and our host, and nothing of this machine's user. `stranger` knows
    /// the host, but has no key.
    fn client(&self, name: &str, key: &str) -> PathBuf {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        let config = folder.join("config");
        let known = self.folder.join("known");
        let text = format!(
            "IdentityFile {}\nIdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {}\n\
             StrictHostKeyChecking yes\n",
            self.folder.join(key).display(),
            known.display(),
        );
        fs::write(&config, text).unwrap();
        let script = format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", config.display());
        let command = folder.join("ssh");
        fs::write(&command, script).unwrap();
        fs::set_permissions(&command, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    /// Runs a test below again, with an `ssh` of ours first in its path.
    fn run_inner(&self, test: &str, client: &Path) {
        let path = format!("{}:{}", client.display(), std::env::var("PATH").unwrap());
        run(Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env("PATH", path)
            .env(INNER, self.port.to_string()));
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

fn engine_behind_ssh() -> Engine {
    let port: u16 = std::env::var(INNER).expect("run by an outer test").parse().expect("a port");
    let options = json!({ "protocol": "ssh", "host": "127.0.0.1", "port": port, "username": user() });
    Engine::new(connection(options)).expect("a valid connection")
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test]
async fn an_engine_behind_ssh_works_and_one_that_wants_a_password_is_told() {
    let test = "an_engine_behind_ssh_works_and_one_that_wants_a_password_is_told";
    if !Path::new(SSHD).exists() || Command::new("docker").arg("--version").output().is_err() {
        eprintln!("skipped {test}: there is no sshd or no docker command");
        return;
    }
    if real_engine(test).await.is_none() || std::env::var("DOCKER_HOST").is_err() {
        return;
    }
    let server = Server::start();
    server.run_inner("calls_execs_and_half_closes", &server.client("friend", "user"));
    server.run_inner("a_refusal_of_ssh_is_told_in_its_words", &server.client("stranger", "no-such-key"));
}

#[tokio::test]
#[ignore = "run by the outer test"]
async fn calls_execs_and_half_closes() {
    let engine = engine_behind_ssh();
    assert!(engine.describe().await.unwrap().found.starts_with("ssh://"));
    with_container(&engine, async move |engine, id| {
        let mut spec = shell("cat; echo end");
        spec.stdin = true;
        let mut exec = engine.exec(&id, spec).await.unwrap();
        let data: Vec<u8> = (0..300_000u32).map(|index| (index % 251) as u8).collect();
        exec.input.write_all(&data).await.unwrap();
        exec.input.shutdown().await.unwrap();
        let mut got = Vec::new();
        while let Some(chunk) = exec.output.next().await {
            got.extend_from_slice(&chunk.unwrap().data);
        }
        assert!(got == [&data[..], b"end\n"].concat(), "{} of {} bytes", got.len(), data.len());
        assert_eq!(exit_code(&engine, &exec.id).await, 0);
    })
    .await;
    drop(engine);
    // Nothing of ssh is left once the connections are dropped.
    let start = Instant::now();
    while !children().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(10), "left: {:?}", children());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The pids of our children, living or not yet waited for.
fn children() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[tokio::test]
#[ignore = "run by the outer test"]
async fn a_refusal_of_ssh_is_told_in_its_words() {
    let start = Instant::now();
    let error = engine_behind_ssh().list_containers(&[]).await.unwrap_err();
    assert_eq!(error.code(), "ERR_DOCKER_UNREACHABLE");
    let text = error.to_string();
    assert!(text.contains("ssh://") && text.contains("Permission denied"), "{text}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
