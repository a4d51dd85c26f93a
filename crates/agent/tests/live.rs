//! Commands that are watched over: pid, signals, terminals.

mod support;

use std::time::Duration;

use computesdk_docker_protocol::{
    Exited, OUTPUT_WINDOW, Op, Run, Spawn, Terminal, TerminalSize, ToAgent, ToHost,
};
use support::{Agent, Folder, argv, exited, failed, is_alive, killed, sh, until};

fn spawn(agent: &mut Agent, run: Run) -> (u32, u32) {
    let id = agent.ask(&ToAgent::Spawn(Spawn { run, terminal: None }));
    (id, started(agent, id))
}

fn started(agent: &mut Agent, id: u32) -> u32 {
    match agent.next(id) {
        ToHost::Started(started) => started.pid,
        other => panic!("{other:?}"),
    }
}

fn terminal(cols: u16, rows: u16) -> Option<Terminal> {
    let defaults = vec![("TERM".into(), "xterm-256color".into())];
    Some(Terminal { size: TerminalSize { cols, rows }, defaults })
}

fn open_terminal(agent: &mut Agent, run: Run) -> (u32, u32) {
    let run = Run { stdin: true, ..run };
    let id = agent.ask(&ToAgent::Spawn(Spawn { run, terminal: terminal(81, 23) }));
    (id, started(agent, id))
}

/// Takes output until it holds the words.
fn shows(agent: &mut Agent, id: u32, words: &str) -> String {
    let mut shown = Vec::new();
    loop {
        match agent.next(id) {
            ToHost::Stdout(bytes) => shown.extend(bytes),
            other => panic!("{other:?} before {words:?} in {:?}", String::from_utf8_lossy(&shown)),
        }
        let text = String::from_utf8_lossy(&shown);
        if text.contains(words) {
            return text.into_owned();
        }
    }
}

#[test]
fn its_pid_comes_first_and_its_streams_as_they_are_written() {
    let mut agent = Agent::start();
    let (id, pid) =
        spawn(&mut agent, Run { stdin: true, ..sh("echo $$; read word; echo got $word >&2; exit 3") });
    assert_eq!(agent.next(id), ToHost::Stdout(format!("{pid}\n").into_bytes()));
    agent.send(id, &ToAgent::Stdin(b"it\n".to_vec()));
    assert_eq!(agent.next(id), ToHost::Stderr(b"got it\n".to_vec()));
    assert_eq!(agent.next(id), exited(3));
    let missing = agent.ask(&ToAgent::Spawn(Spawn { run: argv(&["no-such-program"]), terminal: None }));
    assert_eq!(agent.next(missing), ToHost::Failed(failed(Op::Exec, libc::ENOENT, "no-such-program")));
}

#[test]
fn a_signal_reaches_the_whole_tree() {
    let folder = Folder::new("signal-tree");
    let mut agent = Agent::start();
    let file = folder.path("pids");
    let script =
        format!("(setsid sh -c 'echo $$ >> {file}; exec sleep 600' &); echo $$ >> {file}; sleep 600");
    let (id, _) = spawn(&mut agent, sh(&script));
    let pids = until("both run", || {
        let pids: Vec<u32> =
            std::fs::read_to_string(&file).ok()?.lines().filter_map(|pid| pid.parse().ok()).collect();
        (pids.len() == 2).then_some(pids)
    });
    agent.send(id, &ToAgent::Signal(libc::SIGTERM));
    assert_eq!(agent.finish(id).end, ToHost::Exited(Exited::Signal(libc::SIGTERM)));
    until("nobody is left", || pids.iter().all(|pid| !is_alive(*pid)).then_some(()));

    let (id, _) =
        spawn(&mut agent, sh("trap 'echo caught; exit 5' USR1; echo ready; while :; do sleep 0.05; done"));
    assert_eq!(agent.next(id), ToHost::Stdout(b"ready\n".to_vec()));
    agent.send(id, &ToAgent::Signal(libc::SIGUSR1));
    let end = agent.finish(id);
    assert_eq!((end.stdout.as_str(), end.end), ("caught\n", exited(5)));

    let (id, pid) = spawn(&mut agent, sh("trap '' TERM; sleep 600; :"));
    agent.send(id, &ToAgent::Signal(libc::SIGKILL));
    assert_eq!(agent.finish(id).end, killed());
    assert!(!is_alive(pid));
}

#[test]
fn what_nobody_takes_stops_it() {
    let mut agent = Agent::start();
    agent.generous = false;
    let (id, pid) = spawn(&mut agent, argv(&["yes"]));
    let mut taken = 0;
    while let Some(ToHost::Stdout(bytes)) = agent.next_within(id, Duration::from_millis(200)) {
        taken += bytes.len();
    }
    assert_eq!(taken, OUTPUT_WINDOW);
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    assert!(stat.contains("(yes) S "), "it sleeps in its write: {stat}");
    agent.generous = true;
    agent.send(id, &ToAgent::Kill);
    agent.send(id, &ToAgent::Credit(OUTPUT_WINDOW as u32));
    assert_eq!(agent.finish(id).end, killed());
}

#[test]
fn a_terminal_is_one_to_its_programs() {
    let mut agent = Agent::start_with(|command| {
        command.env_remove("TERM");
    });
    let script = "tty <&1; stty size; echo $TERM; ps -o tty= -p $$; test -t 0 && test -t 2 && echo all three";
    let (id, _) = open_terminal(&mut agent, Run { env: vec![("TERM".into(), "dumb".into())], ..sh(script) });
    let shown = agent.finish(id);
    let lines: Vec<&str> = shown.stdout.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("/dev/pts/"), "{lines:?}");
    assert_eq!(lines[1..3], ["23 81", "dumb"], "{lines:?}");
    assert!(lines[3].starts_with("pts/"), "{lines:?}");
    assert_eq!(lines[4..], ["all three"], "{lines:?}");
    assert_eq!((shown.stderr.as_str(), shown.end), ("", exited(0)));
    let (id, _) = open_terminal(&mut agent, sh("echo $TERM"));
    assert_eq!(agent.finish(id).stdout, "xterm-256color\r\n");
}

#[test]
fn a_terminal_takes_keys_and_a_new_size() {
    let mut agent = Agent::start();
    let script =
        "trap 'stty size' WINCH; trap 'echo interrupted' INT; echo ready; while :; do sleep 0.05; done";
    let (id, pid) = open_terminal(&mut agent, sh(script));
    shows(&mut agent, id, "ready");
    agent.send(id, &ToAgent::Resize(TerminalSize { cols: 100, rows: 40 }));
    shows(&mut agent, id, "40 100");
    agent.send(id, &ToAgent::Stdin(vec![3]));
    shows(&mut agent, id, "interrupted");
    agent.send(id, &ToAgent::Kill);
    assert_eq!(agent.finish(id).end, killed());
    assert!(!is_alive(pid));
}

#[test]
fn a_terminal_gives_all_that_was_printed_before_the_end() {
    let mut agent = Agent::start();
    let (id, _) = open_terminal(&mut agent, sh("seq 1 20000"));
    let shown = agent.finish(id).stdout;
    assert_eq!(shown.lines().count(), 20_000);
    assert!(shown.ends_with("20000\r\n"));
    // A child that keeps the terminal does not keep the command.
    let (id, _) = open_terminal(&mut agent, sh("trap '' HUP; sleep 600 & echo $!; exit 4"));
    let shown = agent.finish(id);
    assert_eq!(shown.end, exited(4));
    support::kill(shown.stdout.trim().parse().expect("a pid"), libc::SIGKILL);
}
