//! Drives the built agent through pipes, as a host does: one reader thread, requests by id, windows granted as the
//! output is taken.

#![allow(dead_code, unreachable_pub)] // Each test file uses its part.

use std::collections::{HashMap, VecDeque};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use computesdk_docker_protocol::{
    Decoder, Exited, Failed, FileEntry, Hello, Op, ReadDir, Run, ToAgent, ToHost, VERSION, WriteFile,
};

/// Longer than anything here takes, on a busy machine too.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Agent {
    pub child: Child,
    pub stdin: Option<ChildStdin>,
    from: Receiver<(u32, ToHost)>,
    early: HashMap<u32, VecDeque<ToHost>>,
    next_id: u32,
    /// Grants credit for output as it is taken.
    pub generous: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    pub stdout: String,
    pub stderr: String,
    pub end: ToHost,
}

impl Agent {
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub fn start_with(change: impl FnOnce(&mut Command)) -> Self {
        let mut agent = Self::start_silent(change);
        agent.greet();
        agent
    }

    /// Without the host's hello.
    pub fn start_silent(change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_computesdk-agent"));
        change(&mut command);
        Self::spawn(command)
    }

    /// Another program that is an agent.
    pub fn start_as(command: Command) -> Self {
        let mut agent = Self::spawn(command);
        agent.greet();
        agent
    }

    fn greet(&mut self) {
        self.send(0, &ToAgent::Hello(Hello { version: VERSION }));
        assert_eq!(self.next(0), ToHost::Hello(Hello { version: VERSION }));
    }

    fn spawn(mut command: Command) -> Self {
        command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the agent starts");
        let stdin = child.stdin.take();
        let mut stdout = child.stdout.take().expect("stdout is piped");
        let (to, from) = channel();
        std::thread::spawn(move || {
            let mut decoder = Decoder::default();
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                decoder.push(&buffer[..count]);
                while let Some(frame) = decoder.next_frame().expect("the agent speaks the protocol") {
                    let id = frame.id;
                    let message = ToHost::decode(frame).expect("the agent speaks the protocol");
                    if to.send((id, message)).is_err() {
                        return;
                    }
                }
            }
            assert!(decoder.is_at_boundary(), "the agent's stream ended inside a frame");
        });
        Self { child, stdin, from, early: HashMap::new(), next_id: 1, generous: true }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn send(&mut self, id: u32, message: &ToAgent) {
        let mut bytes = Vec::new();
        message.encode(id, &mut bytes).expect("the message fits");
        self.send_raw(&bytes);
    }

    pub fn send_raw(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        // A dead agent shows in what the test then waits for.
        let _ = stdin.write_all(bytes).and_then(|()| stdin.flush());
    }

    /// Sends a request under a new id.
    pub fn ask(&mut self, message: &ToAgent) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        self.send(id, message);
        id
    }

    /// The next message for a request; others' are kept.
    pub fn next(&mut self, id: u32) -> ToHost {
        self.next_within(id, PATIENCE).unwrap_or_else(|| panic!("no answer to request {id}"))
    }

    pub fn next_within(&mut self, id: u32, patience: Duration) -> Option<ToHost> {
        let until = Instant::now() + patience;
        loop {
            if let Some(message) = self.early.get_mut(&id).and_then(VecDeque::pop_front) {
                return Some(message);
            }
            match self.from.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok((other, message)) => {
                    self.grant(other, &message);
                    self.early.entry(other).or_default().push_back(message);
                }
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => panic!("the agent has ended"),
            }
        }
    }

    fn grant(&mut self, id: u32, message: &ToHost) {
        if let ToHost::Stdout(bytes) | ToHost::Stderr(bytes) | ToHost::Data(bytes) = message {
            if self.generous {
                self.send(id, &ToAgent::Credit(bytes.len() as u32));
            }
        }
    }

    /// Collects a command's output up to its end.
    pub fn finish(&mut self, id: u32) -> Finished {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        loop {
            match self.next(id) {
                ToHost::Stdout(bytes) => stdout.extend(bytes),
                ToHost::Stderr(bytes) => stderr.extend(bytes),
                ToHost::Credit(_) => {}
                end => {
                    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                    return Finished { stdout: text(stdout), stderr: text(stderr), end };
                }
            }
        }
    }

    pub fn run(&mut self, run: Run) -> Finished {
        let id = self.ask(&ToAgent::Run(run));
        self.finish(id)
    }

    pub fn sh(&mut self, script: &str) -> Finished {
        self.run(sh(script))
    }

    pub fn read_file(&mut self, path: &str) -> Result<Vec<u8>, Failed> {
        let id = self.ask(&ToAgent::ReadFile(path.into()));
        let mut content = Vec::new();
        loop {
            match self.next(id) {
                ToHost::Data(bytes) => content.extend(bytes),
                other => return done(other).map(|()| content),
            }
        }
    }

    /// Sends no more than the window allows.
    pub fn write_file(&mut self, path: &str, content: &[u8]) -> Result<(), Failed> {
        let id = self.ask(&ToAgent::WriteFile(WriteFile { path: path.into() }));
        let mut window = computesdk_docker_protocol::INPUT_WINDOW;
        for chunk in content.chunks(computesdk_docker_protocol::CHUNK) {
            while window < chunk.len() {
                match self.next(id) {
                    ToHost::Credit(bytes) => window += bytes as usize,
                    other => return done(other),
                }
            }
            window -= chunk.len();
            self.send(id, &ToAgent::Data(chunk.to_vec()));
        }
        self.send(id, &ToAgent::DataEnd);
        loop {
            match self.next(id) {
                ToHost::Credit(_) => {}
                other => return done(other),
            }
        }
    }

    pub fn mkdir(&mut self, path: &str) -> Result<(), Failed> {
        let id = self.ask(&ToAgent::Mkdir(path.into()));
        done(self.next(id))
    }

    pub fn remove(&mut self, path: &str) -> Result<(), Failed> {
        let id = self.ask(&ToAgent::Remove(path.into()));
        done(self.next(id))
    }

    pub fn exists(&mut self, path: &str) -> Result<bool, Failed> {
        let id = self.ask(&ToAgent::Exists(path.into()));
        match self.next(id) {
            ToHost::Found(found) => done(self.next(id)).map(|()| found),
            other => done(other).map(|()| panic!("no Found before Done")),
        }
    }

    /// Sorted by name.
    pub fn read_dir(&mut self, path: &str) -> Result<Vec<FileEntry>, Failed> {
        let id = self.ask(&ToAgent::ReadDir(ReadDir { path: path.into() }));
        let mut all = Vec::new();
        loop {
            match self.next(id) {
                ToHost::Entries(entries) => {
                    assert!(!entries.is_empty() && entries.len() <= 256);
                    all.extend(entries);
                }
                other => {
                    all.sort_by(|a: &FileEntry, b| a.name.cmp(&b.name));
                    return done(other).map(|()| all);
                }
            }
        }
    }

    pub fn ping(&mut self) {
        let id = self.ask(&ToAgent::Ping);
        assert_eq!(self.next(id), ToHost::Done);
    }

    pub fn open_descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("root may look").count()
    }

    pub fn resident_kib(&self) -> usize {
        resident_kib(self.pid())
    }

    /// Ends the host's stream and waits for the agent's end: its status and what it said on stderr.
    pub fn close(mut self) -> (ExitStatus, String) {
        self.stdin = None;
        self.wait()
    }

    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = until("the agent ends", || self.child.try_wait().expect("it is our child"));
        let mut said = String::new();
        self.child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut said));
        (status, said)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn done(message: ToHost) -> Result<(), Failed> {
    match message {
        ToHost::Done => Ok(()),
        ToHost::Failed(failed) => Err(failed),
        other => panic!("neither Done nor Failed: {other:?}"),
    }
}

pub fn argv(words: &[&str]) -> Run {
    let argv = words.iter().map(|word| (*word).into()).collect();
    Run { argv, env: Vec::new(), cwd: None, stdin: false, background: false }
}

pub fn sh(script: &str) -> Run {
    argv(&["/bin/sh", "-c", script])
}

pub fn exited(code: i32) -> ToHost {
    ToHost::Exited(Exited::Code(code))
}

pub fn killed() -> ToHost {
    ToHost::Exited(Exited::Signal(libc::SIGKILL))
}

pub fn failed(op: Op, errno: i32, path: &str) -> Failed {
    Failed { errno, op, path: path.into() }
}

/// Polls until there is an answer.
pub fn until<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(answer) = poll() {
            return answer;
        }
        assert!(since.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

pub fn kill(pid: u32, signal: i32) {
    // SAFETY: takes numbers only.
    unsafe { libc::kill(pid as i32, signal) };
}

/// Gives the started process another limit.
pub fn limit(command: &mut Command, resource: libc::__rlimit_resource_t, soft: u64, hard: u64) {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: setrlimit may be called between fork and exec.
    unsafe {
        command.pre_exec(move || match libc::setrlimit(resource, &limit) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        })
    };
}

/// An agent with another limit.
pub fn limited(resource: libc::__rlimit_resource_t, soft: u64, hard: u64) -> Agent {
    Agent::start_with(|command| limit(command, resource, soft, hard))
}

pub fn is_privileged() -> bool {
    // SAFETY: takes nothing.
    unsafe { libc::geteuid() == 0 }
}

pub fn as_user(command: &mut Command, user: u32) {
    command.current_dir("/").uid(user).gid(user);
}

/// Starts the agent as PID 1 of a namespace of its own.
pub fn init_in_a_pid_namespace() -> Result<Child, String> {
    let unshare = |args: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork"]).args(args);
        command
    };
    match unshare(&["true"]).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => return Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => return Err(format!("unshare: {error}")),
    }
    let child = unshare(&[env!("CARGO_BIN_EXE_computesdk-agent"), "init"]).spawn();
    child.map_err(|error| format!("unshare: {error}"))
}

pub fn children_of(pid: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// Kilobytes of memory that a process has in use, as the kernel counts them.
pub fn resident_kib(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// A folder of this test's own, removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("computesdk-agent-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the temporary folder can be written");
        Self(path)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
