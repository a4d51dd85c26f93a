//! Commands: run, stopped, given up, left in the background.

use bytes::Bytes;
use computesdk_docker_host::chunk::Chunk;
use computesdk_docker_host::session::Process;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{Sandbox, in_both, sh};

#[tokio::test]
async fn a_command_has_its_input_environment_and_folder() {
    in_both("a_command_has_its_input_environment_and_folder", async |sandbox: Sandbox| {
        sandbox.session.mkdir("sub $(x)").await.expect("made");
        let process = Process {
            env: vec![("GREETING".to_owned(), "a b\n$x'\"".to_owned())],
            cwd: Some("sub $(x)".to_owned()),
            stdin: Some(Bytes::from_static("ünï\0".as_bytes())),
            ..sh("cat; printf %s \"$GREETING\" >&2; pwd; exit 3")
        };
        let (code, stdout, stderr) = sandbox.run(process).await;
        assert_eq!((code, &stdout[..]), (3, "ünï\0/work dir/sub $(x)\n".as_bytes()));
        assert_eq!(stderr, "a b\n$x'\"");
        let words = ["printf", "%s|", "-a", "$(touch x)", "`x`", "a\nb", "", "é"].map(str::to_owned).to_vec();
        let (_, stdout, _) = sandbox.run(Process { argv: words, ..Process::default() }).await;
        assert_eq!(stdout, "-a|$(touch x)|`x`|a\nb||é|");
        assert_eq!(sandbox.run(sh("kill -9 $$")).await.0, 137);
        assert_eq!(sandbox.run(sh("kill -TERM $$")).await.0, 143);
        // Bytes are passed on as they are.
        assert_eq!(&sandbox.run(sh("printf '\\303'; printf '\\377' >&2")).await.1[..], [0xc3]);
        // Without input there is an empty one.
        assert_eq!(sandbox.run(sh("cat")).await.0, 0);
    })
    .await;
}

#[tokio::test]
async fn a_command_that_cannot_run_is_told_from_one_that_fails() {
    in_both("a_command_that_cannot_run_is_told_from_one_that_fails", async |sandbox: Sandbox| {
        sandbox.session.write_file("file", Bytes::new()).await.expect("written");
        let within = |cwd: &str| Process { cwd: Some(cwd.to_owned()), ..sh("true") };
        let program = |name: &str| Process { argv: vec![name.to_owned()], ..Process::default() };
        assert_eq!(sandbox.refusal(within("no")).await, "ENOENT: no such file or directory, chdir 'no'");
        assert_eq!(sandbox.refusal(within("file")).await, "ENOTDIR: not a directory, chdir 'file'");
        assert_eq!(
            sandbox.refusal(program("no-such")).await,
            "ENOENT: no such file or directory, execve 'no-such'"
        );
        assert_eq!(sandbox.refusal(program("./file")).await, "EACCES: permission denied, execve './file'");
        let (code, _, stderr) = sandbox.run(sh("echo chdir ENOENT >&2; exit 125")).await;
        assert_eq!((code, &stderr[..]), (125, &b"chdir ENOENT\n"[..]));
        let (code, stdout, _) = sandbox.run(sh("echo so: OCI runtime exec failed; exit 127")).await;
        assert_eq!((code, &stdout[..]), (127, &b"so: OCI runtime exec failed\n"[..]));
        let start = sandbox.session.start(program("no-such")).await.expect_err("a refusal").to_string();
        assert_eq!(start, "ENOENT: no such file or directory, execve 'no-such'");
        let start = sandbox.session.start(within("no")).await.expect_err("a refusal").to_string();
        assert_eq!(start, "ENOENT: no such file or directory, chdir 'no'");
    })
    .await;
}

#[tokio::test]
async fn a_command_may_close_its_output_and_leave_its_input_unread() {
    in_both("a_command_may_close_its_output_and_leave_its_input_unread", async |sandbox: Sandbox| {
        assert_eq!(sandbox.run(sh("exec >&- 2>&-; sleep 0.3; exit 5")).await.0, 5);
        let large = Bytes::from(vec![b'x'; 3_000_000]);
        assert_eq!(sandbox.run(Process { stdin: Some(large.clone()), ..sh("exit 4") }).await.0, 4);
        let (code, stdout, _) = sandbox
            .run(Process { stdin: Some(large.clone()), argv: vec!["cat".to_owned()], ..Process::default() })
            .await;
        assert!(code == 0 && stdout == large);
    })
    .await;
}

/// What a timeout must end: a child that ignores TERM, grandchildren that have left for sessions of their own, and
/// processes that have changed their user.
const STUBBORN: &str = "trap '' TERM INT HUP
    sleep 31001 & (sleep 31001 &) & setsid sh -c '(sleep 31001 &) ; sleep 31001' &
    while :; do sleep 31001; done";

#[tokio::test]
async fn a_stop_leaves_nothing_of_the_tree() {
    in_both("a_stop_leaves_nothing_of_the_tree", async |sandbox: Sandbox| {
        sandbox.session.start(sh("exec sleep 31002")).await.expect("an innocent one");
        for user in ["0", "1234"] {
            let other = sandbox.of_user(user);
            let stop = CancellationToken::new();
            let act = async {
                sandbox.until_count("31001", 5).await;
                stop.cancel();
            };
            let ((exit, ..), ()) = tokio::join!(other.run_until(sh(STUBBORN), &stop), act);
            assert_eq!(exit.expect("an exit").code, 137);
            assert_eq!(sandbox.count("31001").await, 0, "as {user}");
            assert_eq!(sandbox.count("31002").await, 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_chain_of_forks_does_not_outrun_a_stop() {
    in_both("a_chain_of_forks_does_not_outrun_a_stop", async |sandbox: Sandbox| {
        sandbox.session.write_file("/chain", Bytes::from_static(b"sh /chain & exit")).await.expect("written");
        let stop = CancellationToken::new();
        let act = async {
            sandbox.sh("sleep 0.5").await;
            stop.cancel();
        };
        // The first of the chain ends at once; the command waits so that there is something to stop.
        let ((exit, ..), ()) = tokio::join!(sandbox.run_until(sh("sh /chain & sleep 31003"), &stop), act);
        assert_eq!(exit.expect("an exit").code, 137);
        assert_eq!((sandbox.count("/chain").await, sandbox.count("31003").await), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_stop_that_comes_before_the_start_still_stops() {
    in_both("a_stop_that_comes_before_the_start_still_stops", async |sandbox: Sandbox| {
        let stop = CancellationToken::new();
        stop.cancel();
        let (exit, ..) = sandbox.run_until(sh("exec sleep 31004"), &stop).await;
        assert_eq!(exit.expect("an exit").code, 137);
        assert_eq!(sandbox.count("31004").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_run_that_is_given_up_is_killed() {
    in_both("a_run_that_is_given_up_is_killed", async |sandbox: Sandbox| {
        let (output, _taken) = mpsc::channel::<Chunk>(1);
        let stop = CancellationToken::new();
        tokio::select! {
            _ = sandbox.session.run(sh("sleep 31005; true"), &stop, &output) => panic!("it ended"),
            () = sandbox.until_count("31005", 1) => {}
        }
        sandbox.until_count("31005", 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_background_process_has_the_pid_that_is_told_and_lives_on() {
    in_both("a_background_process_has_the_pid_that_is_told_and_lives_on", async |sandbox: Sandbox| {
        let process = Process {
            cwd: Some("/tmp".to_owned()),
            ..sh("trap 'echo interrupted >seen; exit' INT; echo noise; while :; do sleep 0.1; done")
        };
        let pid = sandbox.session.start(process).await.expect("a pid");
        let line = sandbox.sh(&format!("tr '\\0' ' ' </proc/{pid}/cmdline")).await;
        assert!(line.starts_with("/bin/sh -c trap 'echo interrupted"), "{line}");
        assert_eq!(sandbox.sh(&format!("readlink /proc/{pid}/fd/1")).await, "/dev/null\n");
        // Signals reach it as they would in the foreground.
        sandbox.sh(&format!("kill -INT {pid}; while [ ! -e /tmp/seen ]; do sleep 0.1; done")).await;
    })
    .await;
}
