//! Windows, credit, kills, and calls that are given up.

use bytes::Bytes;
use computesdk_docker_protocol::{
    CHUNK, EntryKind as WireKind, Exited, Failed, FileEntry, INPUT_WINDOW, OUTPUT_WINDOW, Op, Run, ToAgent,
    ToHost, WriteFile,
};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::peer::{PATIENCE, Peer};
use super::{sh, sh_with_stdin};
use crate::error::Error;
use crate::session::{Chunk, EntryKind, Process, Stream};

#[tokio::test]
async fn a_run_sends_what_was_asked_and_gives_what_came() {
    let (session, mut peer) = Peer::greeted().await;
    let (output, mut taken) = mpsc::channel::<Chunk>(8);
    let process =
        Process { env: vec![("A".to_owned(), "b c".to_owned())], cwd: Some("sub".to_owned()), ..sh("echo") };
    let act = async {
        let (id, asked) = peer.hear().await;
        let argv = ["/bin/sh", "-c", "echo"].map(str::to_owned).to_vec();
        let env = vec![("A".to_owned(), "b c".to_owned())];
        let cwd = Some("sub".to_owned());
        assert_eq!(asked, ToAgent::Run(Run { argv, env, cwd, stdin: false, background: false }));
        peer.say(id, &ToHost::Stderr(vec![0xc3])).await;
        peer.say(id, &ToHost::Stdout(b"out".to_vec())).await;
        peer.say(id, &ToHost::Exited(Exited::Signal(15))).await;
    };
    let stop = CancellationToken::new();
    let (exit, ()) = tokio::join!(session.run(process, &stop, &output), act);
    assert_eq!(exit.expect("an exit").code, 143);
    let chunk = |stream, data: &'static [u8]| Some(Chunk { stream, data: Bytes::from_static(data) });
    drop(output);
    assert_eq!(taken.recv().await, chunk(Stream::Stderr, &[0xc3]));
    assert_eq!(taken.recv().await, chunk(Stream::Stdout, b"out"));
    assert_eq!(taken.recv().await, None);
}

#[tokio::test]
async fn credit_comes_as_the_taker_takes_and_small_output_costs_none() {
    let (session, mut peer) = Peer::greeted().await;
    let (output, mut taken) = mpsc::channel::<Chunk>(1);
    let stop = CancellationToken::new();
    let act = async {
        let (id, _) = peer.hear().await;
        for _ in 0..OUTPUT_WINDOW / CHUNK {
            peer.say(id, &ToHost::Stdout(vec![1; CHUNK])).await;
        }
        peer.hears_nothing().await;
        let (mut seen, mut granted) = (0, 0);
        while seen < OUTPUT_WINDOW {
            seen += taken.recv().await.expect("a chunk").data.len();
        }
        while granted < OUTPUT_WINDOW {
            let (_, ToAgent::Credit(bytes)) = peer.hear().await else { panic!("not credit") };
            assert!(bytes as usize >= OUTPUT_WINDOW / 4, "{bytes}");
            granted += bytes as usize;
        }
        assert_eq!(granted, OUTPUT_WINDOW);
        peer.say(id, &ToHost::Exited(Exited::Code(0))).await;
    };
    let (exit, ()) = tokio::join!(session.run(sh("x"), &stop, &output), act);
    assert_eq!(exit.expect("an exit").code, 0);
}

#[tokio::test]
async fn a_slow_taker_holds_up_nobody_else() {
    let (session, mut peer) = Peer::greeted().await;
    let (output, _untaken) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let act = async {
        let (id, _) = peer.hear().await;
        for _ in 0..OUTPUT_WINDOW / CHUNK {
            peer.say(id, &ToHost::Stdout(vec![1; CHUNK])).await;
        }
        let (made, ()) = tokio::join!(session.mkdir("/x"), async {
            let (id, _) = peer.hear().await;
            peer.say(id, &ToHost::Done).await;
        });
        made.expect("an answer");
    };
    tokio::select! {
        _ = session.run(sh("x"), &stop, &output) => panic!("it ended"),
        () = act => {}
    }
}

#[tokio::test]
async fn bytes_that_come_one_by_one_are_put_together() {
    let (session, mut peer) = Peer::greeted().await;
    let (output, mut taken) = mpsc::channel::<Chunk>(1);
    let stop = CancellationToken::new();
    let act = async {
        let (id, _) = peer.hear().await;
        let mut frames = Vec::new();
        for byte in 0..100 {
            ToHost::Stdout(vec![byte]).encode(id, &mut frames).expect("it fits");
        }
        ToHost::Stderr(vec![0]).encode(id, &mut frames).expect("it fits");
        ToHost::Exited(Exited::Code(0)).encode(id, &mut frames).expect("it fits");
        peer.say_raw(&frames).await;
        let (mut all, mut chunks) = (Vec::new(), 0);
        while all.len() < 100 {
            all.extend_from_slice(&taken.recv().await.expect("a chunk").data);
            chunks += 1;
        }
        assert_eq!(all, (0..100).collect::<Vec<u8>>());
        assert!(chunks < 10, "{chunks}");
        assert_eq!(taken.recv().await.expect("a chunk").stream, Stream::Stderr);
    };
    let (exit, ()) = tokio::join!(session.run(sh("x"), &stop, &output), act);
    assert_eq!(exit.expect("an exit").code, 0);
}

#[tokio::test]
async fn input_stays_within_the_window() {
    let (session, mut peer) = Peer::greeted().await;
    let content = Bytes::from((0..600_000_u32).map(|n| n as u8).collect::<Vec<_>>());
    let act = async {
        let (id, asked) = peer.hear().await;
        assert_eq!(asked, ToAgent::WriteFile(WriteFile { path: "/f".to_owned() }));
        let (mut all, mut uncredited) = (Vec::new(), 0);
        loop {
            match peer.hear().await.1 {
                ToAgent::Data(data) => {
                    assert!(data.len() <= CHUNK);
                    uncredited += data.len();
                    assert!(uncredited <= INPUT_WINDOW, "{uncredited}");
                    all.extend(data);
                }
                end => {
                    assert_eq!(end, ToAgent::DataEnd);
                    break;
                }
            }
            if uncredited == INPUT_WINDOW {
                peer.hears_nothing().await;
                peer.say(id, &ToHost::Credit(uncredited as u32)).await;
                uncredited = 0;
            }
        }
        peer.say(id, &ToHost::Done).await;
        all
    };
    let (written, all) = tokio::join!(session.write_file("/f", content.clone()), act);
    written.expect("it is written");
    assert!(all == content);
}

#[tokio::test]
async fn a_write_that_is_refused_half_way_stops() {
    let (session, mut peer) = Peer::greeted().await;
    let act = async {
        let (id, _) = peer.hear().await;
        peer.say(id, &ToHost::Failed(Failed { errno: 28, op: Op::Write, path: "/f".to_owned() })).await;
        for _ in 0..INPUT_WINDOW / CHUNK {
            assert!(matches!(peer.hear().await.1, ToAgent::Data(_)));
        }
        peer.hears_nothing().await;
    };
    let (written, ()) = tokio::join!(session.write_file("/f", vec![1; 2 * INPUT_WINDOW].into()), act);
    let Err(Error::System { code: "ENOSPC", syscall: "write", path, .. }) = written else {
        panic!("{written:?}")
    };
    assert_eq!(path, "/f");
    assert!(session.is_open());
}

#[tokio::test]
async fn stdin_follows_the_command_and_ends() {
    let (session, mut peer) = Peer::greeted().await;
    let (output, _taken) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let act = async {
        let (id, asked) = peer.hear().await;
        assert!(matches!(asked, ToAgent::Run(Run { stdin: true, .. })));
        assert_eq!(peer.hear().await, (id, ToAgent::Stdin(b"in".to_vec())));
        assert_eq!(peer.hear().await, (id, ToAgent::StdinEnd));
        peer.say(id, &ToHost::Exited(Exited::Code(0))).await;
    };
    let (exit, ()) = tokio::join!(session.run(sh_with_stdin("cat", b"in"), &stop, &output), act);
    exit.expect("an exit");
}

#[tokio::test]
async fn a_stopped_command_is_killed_once_and_its_exit_awaited() {
    let (session, mut peer) = Peer::greeted().await;
    // Full: the kill must get through all the same.
    let (output, mut taken) = mpsc::channel::<Chunk>(1);
    let stop = CancellationToken::new();
    let act = async {
        let (id, _) = peer.hear().await;
        for _ in 0..3 {
            peer.say(id, &ToHost::Stdout(vec![1; CHUNK])).await;
        }
        peer.hears_nothing().await;
        stop.cancel();
        assert_eq!(peer.hear().await, (id, ToAgent::Kill));
        peer.hears_nothing().await;
        peer.say(id, &ToHost::Exited(Exited::Signal(9))).await;
        while taken.recv().await.is_some() {}
    };
    let run = async {
        let exit = session.run(sh("x"), &stop, &output).await;
        drop(output);
        exit
    };
    let (exit, ()) = tokio::join!(run, act);
    assert_eq!(exit.expect("an exit").code, 137);
}

#[tokio::test]
async fn a_call_that_is_given_up_is_cancelled_and_its_answers_dropped() {
    let (session, mut peer) = Peer::greeted().await;
    let (output, _untaken) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let id = tokio::select! {
        _ = session.run(sh("x"), &stop, &output) => panic!("it ended"),
        (id, _) = peer.hear() => id,
    };
    assert_eq!(peer.hear().await, (id, ToAgent::Cancel));
    // What was under way is let through, and credited so that the agent gets rid of it.
    for _ in 0..OUTPUT_WINDOW / CHUNK {
        peer.say(id, &ToHost::Stdout(vec![1; CHUNK])).await;
    }
    assert!(matches!(peer.hear().await, (_, ToAgent::Credit(_))));
    peer.say(id, &ToHost::Exited(Exited::Signal(9))).await;
    let (made, ()) = tokio::join!(session.mkdir("/x"), async {
        loop {
            let (id, message) = peer.hear().await;
            if message == ToAgent::Mkdir("/x".to_owned()) {
                return peer.say(id, &ToHost::Done).await;
            }
        }
    });
    made.expect("the session goes on");
}

#[tokio::test]
async fn a_background_start_that_is_given_up_goes_on() {
    let (session, mut peer) = Peer::greeted().await;
    tokio::select! {
        _ = session.start(sh("x")) => panic!("it ended"),
        (_, asked) = peer.hear() => assert!(matches!(asked, ToAgent::Run(Run { background: true, .. }))),
    }
    peer.hears_nothing().await;
}

#[tokio::test]
async fn a_listing_is_sorted_and_foreign_names_are_made_readable() {
    let (session, mut peer) = Peer::greeted().await;
    let entry = |name: &[u8], kind| FileEntry { name: name.to_vec(), kind, size: 5, modified_ms: -1 };
    let act = async {
        let (id, _) = peer.hear().await;
        peer.say(id, &ToHost::Entries(vec![entry(b"b", WireKind::File)])).await;
        peer.say(id, &ToHost::Entries(vec![entry(b"a\xff", WireKind::Directory)])).await;
        peer.say(id, &ToHost::Done).await;
    };
    let (entries, ()) = tokio::join!(session.read_dir("/"), act);
    let entries = entries.expect("entries");
    let seen: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.kind, e.size, e.modified_ms)).collect();
    assert_eq!(seen, [("a\u{fffd}", EntryKind::Directory, 5, -1), ("b", EntryKind::File, 5, -1)]);
}

#[tokio::test]
async fn what_keeps_a_command_from_starting_is_told_with_what_to_do() {
    for (failed, expected) in [
        (Failed { errno: 2, op: Op::Exec, path: "/bin/sh".into() }, "the image has no /bin/sh"),
        (
            Failed { errno: 2, op: Op::Exec, path: "python3".into() },
            "ENOENT: no such file or directory, execve 'python3'",
        ),
        (
            Failed { errno: 2, op: Op::Chdir, path: "no".into() },
            "ENOENT: no such file or directory, chdir 'no'",
        ),
        (Failed { errno: 11, op: Op::Fork, path: "x".into() }, "pidsLimit"),
        (Failed { errno: 12, op: Op::Fork, path: "x".into() }, "memory"),
        (Failed { errno: 7, op: Op::Exec, path: "x".into() }, "writeFile"),
    ] {
        let (session, mut peer) = Peer::greeted().await;
        let (output, _taken) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let act = async {
            let (id, _) = peer.hear().await;
            peer.say(id, &ToHost::Failed(failed.clone())).await;
        };
        let run = async { tokio::join!(session.run(sh("x"), &stop, &output), act).0 };
        let told = timeout(PATIENCE, run).await.expect("an answer").expect_err("it failed").to_string();
        assert!(told.contains(expected), "{told}");
    }
}
