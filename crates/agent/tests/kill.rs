//! Kill ends every process of a command, however it hid; the end of the session does so for foreground commands.

mod support;

use std::time::Duration;

use computesdk_docker_protocol::{ToAgent, ToHost};
use support::{Agent, Folder, argv, exited, is_alive, killed, sh, until};

/// Starts a script that writes the pids it is about into `$P`, and waits until there are `count`.
fn start(agent: &mut Agent, folder: &Folder, script: &str, count: usize) -> (u32, Vec<u32>) {
    let file = folder.path("pids");
    let id = agent.ask(&ToAgent::Run(sh(&format!("P={file}; {script}"))));
    let pids = until("all processes have started", || {
        let text = std::fs::read_to_string(&file).ok()?;
        let pids: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
        (pids.len() >= count).then_some(pids)
    });
    (id, pids)
}

fn kill_ends_all(name: &str, script: &str, count: usize) {
    let folder = Folder::new(name);
    let mut agent = Agent::start();
    let (id, pids) = start(&mut agent, &folder, script, count);
    assert!(pids.iter().all(|pid| is_alive(*pid)), "{pids:?}");
    agent.send(id, &ToAgent::Kill);
    assert_eq!(agent.finish(id).end, killed());
    let left: Vec<&u32> = pids.iter().filter(|pid| is_alive(**pid)).collect();
    assert!(left.is_empty(), "{left:?} of {pids:?} live on");
    assert_eq!(agent.sh("exit 4").end, exited(4));
}

#[test]
fn a_child_that_ignores_sigterm() {
    kill_ends_all("term", "trap '' TERM; echo $$ >> $P; sh -c 'echo $$ >> $0; sleep 600; :' $P", 2);
}

#[test]
fn a_grandchild_in_a_session_of_its_own() {
    kill_ends_all("setsid", "echo $$ >> $P; setsid sh -c 'echo $$ >> $0; exec sleep 600' $P & sleep 600", 2);
}

#[test]
fn a_double_fork_whose_parent_is_gone() {
    let script = "echo $$ >> $P; (setsid sh -c 'echo $$ >> $0; exec sleep 600' $P &) ; sleep 600";
    kill_ends_all("double", script, 2);
}

#[test]
fn a_child_without_the_tag_whose_parent_lives() {
    let script = "echo $$ >> $P; setsid -w env -i /bin/sh -c 'echo $$ >> $0; sleep 600; :' $P; sleep 600";
    kill_ends_all("untagged", script, 2);
}

#[test]
fn a_stopped_process() {
    kill_ends_all("stopped", "echo $$ >> $P; sh -c 'echo $$ >> $0; kill -STOP $$' $P; sleep 600", 2);
}

#[test]
fn a_chain_of_forks() {
    let folder = Folder::new("chain");
    let mut agent = Agent::start();
    // Each link starts the next in a session of its own and goes.
    let link = folder.path("link");
    std::fs::write(&link, "echo $$ >> $P; setsid sh $0 & exit 0\n").expect("written");
    let script = format!("export P; setsid sh {link} & sleep 600");
    let (id, _) = start(&mut agent, &folder, &script, 20);
    agent.send(id, &ToAgent::Kill);
    assert_eq!(agent.finish(id).end, killed());
    let count = || std::fs::read_to_string(folder.path("pids")).map_or(0, |text| text.lines().count());
    let links = count();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(count(), links, "the chain goes on");
}

#[test]
fn one_command_is_killed_and_no_other() {
    let folder = Folder::new("other");
    let mut agent = Agent::start();
    let other = agent.ask(&ToAgent::Run(sh("sleep 0.5; echo mine")));
    let (id, _) = start(&mut agent, &folder, "echo $$ >> $P; sleep 600", 1);
    agent.send(id, &ToAgent::Kill);
    assert_eq!(agent.finish(id).end, killed());
    let other = agent.finish(other);
    assert_eq!((other.stdout.as_str(), other.end), ("mine\n", exited(0)));
}

#[test]
fn what_was_written_before_the_kill_arrives() {
    let mut agent = Agent::start();
    let id = agent.ask(&ToAgent::Run(sh("echo before; sleep 600")));
    assert_eq!(agent.next(id), ToHost::Stdout(b"before\n".to_vec()));
    agent.send(id, &ToAgent::Kill);
    assert_eq!(agent.finish(id).end, killed());
}

#[test]
fn cancelling_a_command_kills_it() {
    let mut agent = Agent::start();
    let id = agent.ask(&ToAgent::Run(argv(&["sleep", "600"])));
    agent.send(id, &ToAgent::Cancel);
    assert_eq!(agent.finish(id).end, killed());
}

#[test]
fn killing_what_has_ended_is_nothing() {
    let mut agent = Agent::start();
    let id = agent.ask(&ToAgent::Run(argv(&["true"])));
    assert_eq!(agent.finish(id).end, exited(0));
    agent.send(id, &ToAgent::Kill);
    agent.ping();
}

#[test]
fn the_end_of_the_hosts_stream_ends_foreground_commands() {
    let folder = Folder::new("close");
    let mut agent = Agent::start();
    let script = "echo $$ >> $P; setsid -w sh -c 'echo $$ >> $0; exec sleep 600' $P";
    let (_, pids) = start(&mut agent, &folder, script, 2);
    let (status, said) = agent.close();
    assert!(status.success(), "{status}: {said}");
    assert!(pids.iter().all(|pid| !is_alive(*pid)), "{pids:?}");
}

#[test]
fn a_foreground_command_dies_with_a_killed_agent() {
    let folder = Folder::new("orphan");
    let mut agent = Agent::start();
    let (_, pids) = start(&mut agent, &folder, "echo $$ >> $P; exec sleep 600", 1);
    support::kill(agent.pid(), libc::SIGKILL);
    until("the command is gone", || (!is_alive(pids[0])).then_some(()));
}

#[test]
fn sigterm_ends_the_session() {
    let mut agent = Agent::start();
    agent.ping();
    support::kill(agent.pid(), libc::SIGTERM);
    assert!(agent.wait().0.success());
}
