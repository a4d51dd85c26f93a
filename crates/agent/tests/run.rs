//! Commands: start, environment, folder, stdin, output, ends.

mod support;

use std::time::Duration;

use computesdk_docker_protocol::{CHUNK, Exited, INPUT_WINDOW, OUTPUT_WINDOW, Op, Run, ToAgent, ToHost};
use support::{Agent, Finished, Folder, argv, exited, failed, sh, until};

fn finished(stdout: &str, stderr: &str, code: i32) -> Finished {
    Finished { stdout: stdout.into(), stderr: stderr.into(), end: exited(code) }
}

#[test]
fn a_command_answers_its_output_and_exit_code() {
    let mut agent = Agent::start();
    assert_eq!(agent.sh("echo out; echo err >&2; exit 7"), finished("out\n", "err\n", 7));
    assert_eq!(agent.run(argv(&["true"])), finished("", "", 0));
    let end = agent.sh("kill -TERM $$").end;
    assert_eq!(end, ToHost::Exited(Exited::Signal(libc::SIGTERM)));
}

#[test]
fn the_given_environment_lies_over_the_agents_own() {
    let mut agent = Agent::start_with(|command| {
        command.env("KEPT", "kept").env("CHANGED", "old").env("COMPUTESDK_COMMAND", "outer");
    });
    let mut run = sh("echo $KEPT $CHANGED $NEW; env | grep -c COMPUTESDK_COMMAND; env | grep -c outer");
    run.env = vec![("CHANGED".into(), "new".into()), ("NEW".into(), "a b=c".into())];
    assert_eq!(agent.run(run).stdout, "kept new a b=c\n1\n0\n");
}

#[test]
fn a_program_is_found_in_the_commands_own_path() {
    let folder = Folder::new("path");
    let tool = folder.path("tool");
    std::fs::write(&tool, "#!/bin/sh\necho found $1\n").expect("written");
    std::process::Command::new("chmod").args(["+x", &tool]).status().expect("chmod runs");
    let mut agent = Agent::start();
    let mut run = argv(&["tool", "it"]);
    run.env = vec![("PATH".into(), format!("/nowhere:{}", folder.path("")))];
    assert_eq!(agent.run(run).stdout, "found it\n");
    let relative = Run { cwd: Some(folder.path("")), ..argv(&["./tool", "here"]) };
    assert_eq!(agent.run(relative).stdout, "found here\n");
}

#[test]
fn a_command_starts_in_its_folder_and_relative_ones_start_at_the_workdir() {
    let folder = Folder::new("cwd");
    std::fs::create_dir(folder.path("inner")).expect("made");
    let mut agent = Agent::start_with(|command| {
        command.current_dir(folder.path(""));
    });
    let top = folder.path("").trim_end_matches('/').to_owned();
    assert_eq!(agent.sh("pwd").stdout, format!("{top}\n"));
    assert_eq!(agent.run(Run { cwd: Some("inner".into()), ..sh("pwd") }).stdout, format!("{top}/inner\n"));
    assert_eq!(agent.run(Run { cwd: Some("/".into()), ..sh("pwd") }).stdout, "/\n");
    // The workdir is found by name: it may be made anew.
    std::fs::remove_dir_all(&top).expect("removed");
    std::fs::create_dir(&top).expect("made again");
    assert_eq!(agent.sh("pwd; echo x > file").end, exited(0));
    assert_eq!(agent.read_file("file"), Ok(b"x\n".to_vec()));
}

#[test]
fn what_cannot_start_says_which_step_failed() {
    let folder = Folder::new("start");
    let plain = folder.path("plain");
    std::fs::write(&plain, "x").expect("written");
    let mut agent = Agent::start();
    let mut start = |run| agent.run(run).end;
    let failed = |op, errno, path: &str| ToHost::Failed(failed(op, errno, path));
    let missing = Run { cwd: Some("/nowhere".into()), ..sh("true") };
    assert_eq!(start(missing), failed(Op::Chdir, libc::ENOENT, "/nowhere"));
    assert_eq!(
        start(Run { cwd: Some(plain.clone()), ..sh("true") }),
        failed(Op::Chdir, libc::ENOTDIR, &plain)
    );
    assert_eq!(start(argv(&["no-such-program"])), failed(Op::Exec, libc::ENOENT, "no-such-program"));
    assert_eq!(start(argv(&[&plain])), failed(Op::Exec, libc::EACCES, &plain));
    assert_eq!(start(argv(&["/bin/echo", "a\0b"])), failed(Op::Exec, libc::EINVAL, "/bin/echo"));
    assert_eq!(start(argv(&[])), failed(Op::Exec, libc::EINVAL, ""));
    let too_long = "x".repeat(200 * 1024);
    assert_eq!(start(argv(&["/bin/echo", &too_long])), failed(Op::Exec, libc::E2BIG, "/bin/echo"));
    assert_eq!(start(argv(&["true"])), exited(0));
}

#[test]
fn stdin_arrives_and_ends() {
    let mut agent = Agent::start();
    let id = agent.ask(&ToAgent::Run(Run { stdin: true, ..argv(&["cat"]) }));
    agent.send(id, &ToAgent::Stdin(b"hello ".to_vec()));
    assert_eq!(agent.next(id), ToHost::Stdout(b"hello ".to_vec()));
    agent.send(id, &ToAgent::Stdin(b"world".to_vec()));
    agent.send(id, &ToAgent::StdinEnd);
    assert_eq!(agent.finish(id), finished("world", "", 0));
    assert_eq!(agent.run(argv(&["cat"])), finished("", "", 0), "stdin is empty without");
}

#[test]
fn much_stdin_is_credited_as_the_command_takes_it() {
    let mut agent = Agent::start();
    let id = agent.ask(&ToAgent::Run(Run { stdin: true, ..argv(&["wc", "-c"]) }));
    let (mut window, chunks) = (INPUT_WINDOW, 256);
    for _ in 0..chunks {
        while window < CHUNK {
            match agent.next(id) {
                ToHost::Credit(bytes) => window += bytes as usize,
                other => panic!("{other:?}"),
            }
        }
        window -= CHUNK;
        agent.send(id, &ToAgent::Stdin(vec![b'x'; CHUNK]));
    }
    agent.send(id, &ToAgent::StdinEnd);
    assert_eq!(agent.finish(id).stdout.trim(), (chunks * CHUNK).to_string());
}

#[test]
fn a_command_that_does_not_read_its_stdin_ends_all_the_same() {
    let mut agent = Agent::start();
    let id = agent.ask(&ToAgent::Run(Run { stdin: true, ..sh("exec 0<&-; read x < /dev/null; echo done") }));
    for _ in 0..INPUT_WINDOW / CHUNK {
        agent.send(id, &ToAgent::Stdin(vec![0; CHUNK]));
    }
    assert_eq!(agent.finish(id), finished("done\n", "", 0));
    agent.send(id, &ToAgent::Stdin(b"late".to_vec()));
    agent.ping();
}

#[test]
fn big_output_is_whole_and_keeps_to_the_window() {
    let mut agent = Agent::start();
    agent.generous = false;
    let id = agent.ask(&ToAgent::Run(argv(&["head", "-c", "3000000", "/dev/zero"])));
    let mut got = 0;
    while let Some(message) = agent.next_within(id, Duration::from_millis(300)) {
        match message {
            ToHost::Stdout(bytes) => got += bytes.len(),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(got, OUTPUT_WINDOW, "nothing is sent beyond the window");
    agent.generous = true;
    agent.send(id, &ToAgent::Credit(got as u32));
    let rest = agent.finish(id);
    assert_eq!((rest.stdout.len() + got, rest.end), (3_000_000, exited(0)));
}

#[test]
fn one_that_is_not_read_holds_up_no_other() {
    let mut agent = Agent::start();
    agent.generous = false;
    let stuck = agent.ask(&ToAgent::Run(argv(&["yes"])));
    for _ in 0..20 {
        assert_eq!(agent.sh("echo quick").stdout, "quick\n");
    }
    agent.send(stuck, &ToAgent::Kill);
    agent.generous = true;
    agent.send(stuck, &ToAgent::Credit(1 << 20));
    assert_eq!(agent.finish(stuck).end, support::killed());
}

#[test]
fn a_command_is_over_when_its_process_is_though_others_hold_its_pipes() {
    let mut agent = Agent::start();
    let Finished { stdout, end, .. } = agent.sh("sleep 600 & echo $!; head -c 100000 /dev/zero");
    let (pid, zeros) = stdout.split_once('\n').expect("the pid's line");
    assert_eq!((zeros.len(), end), (100_000, exited(0)));
    let pid: u32 = pid.parse().expect("a pid");
    assert!(support::is_alive(pid), "what it left in the background goes on");
    support::kill(pid, libc::SIGKILL);
}

#[test]
fn output_comes_in_the_order_it_was_written_in() {
    let mut agent = Agent::start();
    let id = agent
        .ask(&ToAgent::Run(sh("for i in 1 2 3; do echo out; sleep 0.05; echo err >&2; sleep 0.05; done")));
    for _ in 0..3 {
        assert_eq!(agent.next(id), ToHost::Stdout(b"out\n".to_vec()));
        assert_eq!(agent.next(id), ToHost::Stderr(b"err\n".to_vec()));
    }
    assert_eq!(agent.finish(id).end, exited(0));
}

#[test]
fn a_child_is_alone_in_its_session_and_inherits_nothing() {
    let mut agent = Agent::start();
    let script = "ls /proc/self/fd | tr '\\n' ' '; cut -d' ' -f5,6 /proc/self/stat; echo $$; \
                  grep -E 'Sig(Blk|Ign)' /proc/self/status; cat /proc/self/oom_score_adj";
    let out = agent.sh(script).stdout;
    let lines: Vec<&str> = out.lines().collect();
    // 3 is the folder that ls reads.
    let (fds, group) = lines[0].split_once("3 ").expect("ls opens one");
    assert_eq!(fds, "0 1 2 ");
    assert_eq!(group, format!("{0} {0}", lines[1]));
    assert_eq!(lines[2], "SigBlk:\t0000000000000000");
    assert_eq!(lines[3], "SigIgn:\t0000000000000000");
    assert_eq!(lines[4], "500");
}

#[test]
fn the_open_file_limit_of_commands_is_the_containers() {
    let mut agent = support::limited(libc::RLIMIT_NOFILE, 256, 1024);
    assert_eq!(agent.sh("ulimit -Sn; ulimit -Hn").stdout, "256\n1024\n");
}

#[test]
fn a_hundred_at_once_all_end_with_their_own_output() {
    let mut agent = Agent::start();
    let ids: Vec<u32> =
        (0..100).map(|n| agent.ask(&ToAgent::Run(sh(&format!("sleep 0.1; echo {n}"))))).collect();
    for (n, id) in ids.into_iter().enumerate() {
        assert_eq!(agent.finish(id), finished(&format!("{n}\n"), "", 0));
    }
}

#[test]
fn out_of_descriptors_is_a_failure_of_that_command_only() {
    let mut agent = support::limited(libc::RLIMIT_NOFILE, 24, 24);
    let ids: Vec<u32> = (0..20).map(|_| agent.ask(&ToAgent::Run(sh("sleep 0.3")))).collect();
    let ends: Vec<ToHost> = ids.into_iter().map(|id| agent.finish(id).end).collect();
    let refused = ToHost::Failed(failed(Op::Fork, libc::EMFILE, "/bin/sh"));
    assert!(ends.contains(&refused) && ends.contains(&exited(0)), "{ends:?}");
    assert!(ends.iter().all(|end| *end == refused || *end == exited(0)), "{ends:?}");
    assert_eq!(agent.sh("exit 3").end, exited(3));
}

#[test]
fn background_commands_tell_their_pid_and_outlive_the_agent() {
    let folder = Folder::new("background");
    let mut agent = Agent::start();
    let script = format!("cat; echo said > {}; exec sleep 600", folder.path("mark"));
    let id = agent.ask(&ToAgent::Run(Run { background: true, ..sh(&script) }));
    let pid = match agent.next(id) {
        ToHost::Started(started) => started.pid,
        other => panic!("{other:?}"),
    };
    assert_eq!(agent.next(id), ToHost::Done);
    until("it runs", || std::fs::read(folder.path("mark")).ok().filter(|mark| mark == b"said\n"));
    agent.stdin = None;
    std::thread::sleep(Duration::from_millis(50));
    let line = until("it sleeps", || {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok();
        line.filter(|line| line.starts_with("sleep"))
    });
    assert_eq!(line, "sleep\x00600\x00");
    support::kill(pid, libc::SIGKILL);
    assert!(agent.wait().0.success(), "the agent ends with the last command whose output it keeps");
}

#[test]
fn ten_thousand_commands_leave_nothing_behind() {
    let mut agent = Agent::start();
    agent.sh("true");
    let (descriptors, memory) = (agent.open_descriptors(), agent.resident_kib());
    for _ in 0..10_000 {
        assert_eq!(agent.run(argv(&["/bin/true"])).end, exited(0));
    }
    assert_eq!(agent.open_descriptors(), descriptors);
    let grown = agent.resident_kib().saturating_sub(memory);
    assert!(grown < 256, "{grown} KiB more than before");
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", agent.pid()));
    assert_eq!(children.expect("it runs").trim(), "", "no zombie is left");
}
