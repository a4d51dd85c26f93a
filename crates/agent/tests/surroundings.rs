//! The agent as another user, at the limits of its container, and as PID 1. What needs root says so and is passed over
//! without.

mod support;

use std::process::Command;
use std::time::Duration;

use computesdk_docker_protocol::{Op, ToAgent, ToHost};
use support::{Agent, argv, exited, sh, until};

#[test]
fn other_code_of_the_same_user_cannot_look_inside() {
    if !support::is_privileged() {
        return eprintln!(
            "skipped other_code_of_the_same_user_cannot_look_inside: needs root to start as another"
        );
    }
    let mut agent = Agent::start_with(|command| support::as_user(command, 65534));
    let agents = format!("/proc/{}", agent.pid());
    let script = format!("cat {agents}/mem {agents}/environ; ls {agents}/fd; echo x > {agents}/fd/1");
    let tried = agent.sh(&script);
    assert_eq!(tried.stdout, "");
    assert_eq!(tried.stderr.matches("ermission denied").count(), 4, "{}", tried.stderr);
}

#[test]
fn nobody_reaches_its_own_pipes_through_a_path() {
    let mut agent = Agent::start();
    let folder = support::Folder::new("pipes");
    // Of a command that runs: its streams are pipes of the agent's, too.
    let running = agent.ask(&ToAgent::Run(sh("sleep 600")));
    agent.ping();
    for fd in 0..12 {
        let link = folder.path(&format!("link-{fd}"));
        std::os::unix::fs::symlink(format!("/proc/self/fd/{fd}"), &link).unwrap();
        for path in [format!("/proc/self/fd/{fd}"), link] {
            let written = agent.write_file(&path, &[0; 3000]);
            assert!(written.is_err() || fd > 2, "{path} was written to");
            if fd < 3 {
                assert_eq!(agent.read_file(&path).unwrap_err().errno, libc::EACCES, "{path}");
            }
            agent.ping();
        }
    }
    agent.send(running, &ToAgent::Kill);
    assert_eq!(agent.finish(running).end, support::killed());
}

#[test]
fn it_serves_an_unprivileged_user() {
    if !support::is_privileged() {
        return eprintln!("skipped it_serves_an_unprivileged_user: needs root to start as another");
    }
    let mut agent = Agent::start_with(|command| support::as_user(command, 65534));
    assert_eq!(agent.sh("id -u; cat /proc/self/oom_score_adj").stdout, "65534\n500\n");
    let denied = agent.read_file("/etc/shadow").expect_err("not for nobody");
    assert_eq!((denied.op, denied.errno), (Op::Open, libc::EACCES));
    let denied = agent.mkdir("/computesdk-denied").expect_err("not for nobody");
    assert_eq!((denied.op, denied.errno), (Op::Mkdir, libc::EACCES));
    let denied = agent.remove("/etc/passwd").expect_err("not for nobody");
    assert_eq!((denied.op, denied.errno), (Op::Remove, libc::EACCES));
    assert_eq!(agent.exists("/root/x"), Ok(false));
    let id = agent.ask(&ToAgent::Run(sh("setsid -w sleep 600")));
    agent.ping();
    agent.send(id, &ToAgent::Kill);
    assert_eq!(agent.finish(id).end, support::killed());
}

#[test]
fn too_many_processes_is_a_failure_of_that_command_only() {
    if !support::is_privileged() {
        return eprintln!("skipped too_many_processes_is_a_failure_of_that_command_only: needs root");
    }
    // A user of this test's own, so that the count is its own too.
    let mut agent = Agent::start_with(|command| {
        support::limit(command, libc::RLIMIT_NPROC, 4, 4);
        support::as_user(command, 61234);
    });
    let ids: Vec<u32> = (0..8).map(|_| agent.ask(&ToAgent::Run(argv(&["sleep", "0.3"])))).collect();
    let ends: Vec<ToHost> = ids.into_iter().map(|id| agent.finish(id).end).collect();
    let refused = ToHost::Failed(support::failed(Op::Fork, libc::EAGAIN, "sleep"));
    assert!(ends.contains(&refused) && ends.contains(&exited(0)), "{ends:?}");
    assert_eq!(agent.run(argv(&["true"])).end, exited(0));
}

#[test]
fn a_first_process_that_is_another_program_hears_nothing_of_a_pool() {
    let mut agent = Agent::start();
    let id = agent.ask(&ToAgent::HandOut);
    let refused = ToHost::Failed(support::failed(Op::Kill, libc::ESRCH, "1"));
    assert_eq!(agent.finish(id).end, refused);
    assert_eq!(agent.run(argv(&["true"])).end, exited(0));
}

#[test]
fn init_reaps_orphans_and_survives_what_is_no_stop() {
    let mut child = match support::init_in_a_pid_namespace() {
        Ok(child) => child,
        Err(reason) => return eprintln!("skipped init_reaps_orphans_and_survives_what_is_no_stop: {reason}"),
    };
    let init = until("init runs", || support::children_of(child.id()).first().copied());
    until("init is the agent", || {
        let line = std::fs::read_to_string(format!("/proc/{init}/cmdline")).ok()?;
        line.contains("computesdk-agent").then_some(())
    });
    // A process of the namespace whose parent goes: init gets it, and reaps it.
    let script = "(sleep 0.2 &) ; exit 0";
    let entered = Command::new("nsenter").args(["-p", "-t", &init.to_string(), "sh", "-c", script]).status();
    assert!(entered.is_ok_and(|status| status.success()));
    until("init adopts it", || support::children_of(init).first().copied());
    until("init reaps it", || support::children_of(init).is_empty().then_some(()));
    for signal in [libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGPIPE, libc::SIGCHLD, libc::SIGALRM] {
        support::kill(init, signal);
    }
    std::thread::sleep(Duration::from_millis(50));
    assert!(support::is_alive(init));
    support::kill(init, libc::SIGTERM);
    let status = until("init ends", || child.try_wait().expect("ours"));
    assert!(status.success(), "{status}");
}
