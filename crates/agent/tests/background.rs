//! Background commands: what they print is kept, within bounds, for this agent and for others, and how they ended.

mod support;

use std::time::Duration;

use computesdk_docker_protocol::{Exited, KillProcess, Op, ProcessEntry, ReadLog, Run, ToAgent, ToHost};
use support::{Agent, Finished, Folder, exited, failed, is_alive, sh, until};

/// Removes the journal at the end: on this machine it would stay.
struct Background(u32);

impl Drop for Background {
    fn drop(&mut self) {
        // SAFETY: takes nothing and cannot fail.
        let user = unsafe { libc::geteuid() };
        let _ = std::fs::remove_file(format!("/dev/shm/.computesdk-{user}/{}", self.0));
    }
}

fn start(agent: &mut Agent, script: &str) -> Background {
    let id = agent.ask(&ToAgent::Run(Run { background: true, ..sh(script) }));
    let pid = match agent.next(id) {
        ToHost::Started(started) => started.pid,
        other => panic!("{other:?}"),
    };
    assert_eq!(agent.next(id), ToHost::Done);
    Background(pid)
}

fn log(agent: &mut Agent, pid: u32, follow: bool) -> Finished {
    let id = agent.ask(&ToAgent::ReadLog(ReadLog { pid, follow }));
    agent.finish(id)
}

fn wait(agent: &mut Agent, pid: u32) -> ToHost {
    let id = agent.ask(&ToAgent::WaitProcess(pid));
    agent.next(id)
}

fn kill(agent: &mut Agent, pid: u32, signal: i32) -> ToHost {
    let id = agent.ask(&ToAgent::KillProcess(KillProcess { pid, signal }));
    agent.next(id)
}

fn list(agent: &mut Agent) -> Vec<ProcessEntry> {
    let id = agent.ask(&ToAgent::ListProcesses);
    let mut all = Vec::new();
    loop {
        match agent.next(id) {
            ToHost::Processes(entries) => all.extend(entries),
            ToHost::Done => return all,
            other => panic!("{other:?}"),
        }
    }
}

fn done(stdout: &str, stderr: &str) -> Finished {
    Finished { stdout: stdout.into(), stderr: stderr.into(), end: ToHost::Done }
}

#[test]
fn its_output_and_end_are_kept_for_every_agent() {
    let (mut agent, mut other) = (Agent::start(), Agent::start());
    let folder = Folder::new("kept");
    let gate = folder.path("gate");
    let script =
        format!("echo out; echo err >&2; while ! [ -e {gate} ]; do sleep 0.01; done; echo more; exit 3");
    let started = start(&mut agent, &script);
    let pid = started.0;
    until("it has printed", || (log(&mut agent, pid, false) == done("out\n", "err\n")).then_some(()));
    assert_eq!(log(&mut other, pid, false), done("out\n", "err\n"));
    let own = agent.ask(&ToAgent::ReadLog(ReadLog { pid, follow: true }));
    let others = other.ask(&ToAgent::ReadLog(ReadLog { pid, follow: true }));
    let waiting = other.ask(&ToAgent::WaitProcess(pid));
    assert_eq!(agent.next(own), ToHost::Stdout(b"out\n".to_vec()));
    assert_eq!(other.next_within(waiting, Duration::from_millis(50)), None);
    // The session that started it is over.
    agent.stdin = None;
    std::fs::write(&gate, "").expect("written");
    assert_eq!(other.finish(others), done("out\nmore\n", "err\n"));
    assert_eq!(other.next(waiting), exited(3));
    assert_eq!(
        (wait(&mut other, pid), log(&mut other, pid, false).stdout.as_str()),
        (exited(3), "out\nmore\n")
    );
    assert!(agent.wait().0.success());
    assert_eq!(wait(&mut Agent::start(), pid), exited(3));
}

#[test]
fn all_that_was_printed_is_there_when_the_end_is() {
    let mut agent = Agent::start();
    for round in 0..20 {
        let started = start(&mut agent, &format!("echo round {round}; kill -TERM $$"));
        assert_eq!(wait(&mut agent, started.0), ToHost::Exited(Exited::Signal(libc::SIGTERM)));
        assert_eq!(log(&mut agent, started.0, true).stdout, format!("round {round}\n"));
    }
}

#[test]
fn a_flood_is_bounded_and_stops_nobody() {
    let mut agent = Agent::start();
    let started = start(&mut agent, "seq 1 2000000; echo the end");
    let flood = start(&mut agent, "yes");
    agent.ping();
    assert_eq!(wait(&mut agent, started.0), exited(0));
    let kept = log(&mut agent, started.0, false).stdout;
    assert_eq!(kept.len(), 512 * 1024);
    assert!(kept.ends_with("1999999\n2000000\nthe end\n"), "the newest");
    assert!(agent.resident_kib() < 8 * 1024, "{} KiB", agent.resident_kib());
    assert_eq!(kill(&mut agent, flood.0, libc::SIGKILL), ToHost::Done);
    assert!(!is_alive(flood.0));
}

#[test]
fn ended_ones_make_room_for_new_ones() {
    let mut agent = Agent::start();
    let all: Vec<Background> = (0..40).map(|n| start(&mut agent, &format!("echo {n}"))).collect();
    for one in &all {
        wait(&mut agent, one.0);
    }
    let last = start(&mut agent, "true");
    wait(&mut agent, last.0);
    assert_eq!(
        wait(&mut agent, all[0].0),
        ToHost::Failed(failed(Op::Wait, libc::ESRCH, &all[0].0.to_string()))
    );
    assert_eq!(log(&mut agent, all[39].0, false).stdout, "39\n");
}

#[test]
fn a_process_is_killed_with_what_it_started_and_no_more() {
    let folder = Folder::new("tree");
    let file = folder.path("pids");
    let mut agent = Agent::start();
    let script = format!(
        "echo $$ > {file}; (setsid sh -c 'echo $$ >> {file}; exec sleep 600' &); sh -c 'echo $$ >> {file}; sleep 600; :'; sleep 600"
    );
    let started = start(&mut agent, &script);
    let pids = until("all run", || {
        let pids: Vec<u32> =
            std::fs::read_to_string(&file).ok()?.lines().filter_map(|pid| pid.parse().ok()).collect();
        (pids.len() == 3).then_some(pids)
    });
    let inner = *pids[1..]
        .iter()
        .find(|pid| list(&mut agent).iter().any(|one| one.pid == **pid && one.parent == started.0))
        .expect("a child");
    assert_eq!(kill(&mut agent, inner, libc::SIGKILL), ToHost::Done);
    assert!(!is_alive(inner));
    assert!(is_alive(started.0), "its parent goes on");
    assert_eq!(kill(&mut Agent::start(), started.0, libc::SIGKILL), ToHost::Done);
    assert_eq!(pids.iter().filter(|pid| is_alive(**pid)).count(), 0);
    assert_eq!(wait(&mut agent, started.0), support::killed());
    assert_eq!(kill(&mut agent, 1, libc::SIGKILL), ToHost::Failed(failed(Op::Kill, libc::EPERM, "1")));
    let gone = started.0.to_string();
    assert_eq!(
        kill(&mut agent, started.0, libc::SIGKILL),
        ToHost::Failed(failed(Op::Kill, libc::ESRCH, &gone))
    );
    assert_eq!(
        kill(&mut agent, started.0, libc::SIGTERM),
        ToHost::Failed(failed(Op::Kill, libc::ESRCH, &gone))
    );
}

#[test]
fn the_list_tells_what_ps_tells() {
    let mut agent = Agent::start();
    let started = start(&mut agent, "echo; exec sh -c 'while :; do :; done' busy one");
    let entry = until("it has used processor time", || {
        list(&mut agent).into_iter().find(|one| one.pid == started.0 && one.cpu_ms >= 100)
    });
    assert_eq!((entry.state, entry.background), (b'R', true));
    assert_eq!(String::from_utf8_lossy(&entry.command), "sh -c while :; do :; done busy one");
    assert_eq!(entry.parent, agent.pid());
    assert!((100_000..50_000_000).contains(&entry.memory), "{} bytes", entry.memory);
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let age = since.as_millis() as i64 - entry.started_ms;
    assert!((0..20_000).contains(&age), "started {age} ms ago");
    assert!(list(&mut agent).iter().all(|one| one.pid != agent.pid()));
    kill(&mut agent, started.0, libc::SIGKILL);
}

#[test]
fn an_agent_that_was_killed_leaves_what_it_knew() {
    let mut agent = Agent::start();
    let started = start(&mut agent, "echo before; sleep 600");
    until("it has printed", || (log(&mut agent, started.0, false).stdout == "before\n").then_some(()));
    let orphan = agent.pid();
    support::kill(orphan, libc::SIGKILL);
    agent.wait();
    let mut other = Agent::start();
    assert_eq!(log(&mut other, started.0, true), done("before\n", ""));
    let unknown = ToHost::Failed(failed(Op::Wait, libc::ECHILD, &started.0.to_string()));
    assert_eq!(wait(&mut other, started.0), unknown);
    assert_eq!(kill(&mut other, started.0, libc::SIGKILL), ToHost::Done);
    assert!(!is_alive(started.0));
}
