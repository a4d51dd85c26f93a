//! What a peer may do wrong, and what the calls then say.

use computesdk_docker_protocol::{CHUNK, Exited, Hello, OUTPUT_WINDOW, Started, ToAgent, ToHost};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::peer::{PATIENCE, Peer};
use super::sh;
use crate::error::{Error, Result};
use crate::session::Chunk;

/// Why the peer is no agent.
async fn refusal(said: &[u8]) -> String {
    let (mut peer, opening) = Peer::silent();
    peer.say_raw(said).await;
    drop(peer);
    match opening.await.expect("no panic") {
        Err(Error::AgentUnavailable { id, reason }) if id == "box" => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_comes_instead_of_an_agent_is_told() {
    let complaint = "OCI runtime exec failed: exec failed: no such file or directory: unknown\r\n";
    assert_eq!(refusal(complaint.as_bytes()).await, complaint.trim_end());
    assert_eq!(refusal(b"").await, "it ended at once");
    assert_eq!(refusal(b"no such container").await, "no such container");
    assert_eq!(refusal(&[0xff; 40]).await, "it sent something other than its version");
    let mut done = Vec::new();
    ToHost::Done.encode(0, &mut done).expect("it fits");
    assert_eq!(refusal(&done).await, "it sent something other than its version");
    let mut newer = Vec::new();
    ToHost::Hello(Hello { version: 9 }).encode(0, &mut newer).expect("it fits");
    assert_eq!(refusal(&newer).await, "it speaks version 9 of the protocol, not 1");
}

#[tokio::test]
async fn a_complaint_in_pieces_is_told_whole() {
    let (mut peer, opening) = Peer::silent();
    peer.say_raw(b"exec /.computesdk/agent: ").await;
    tokio::task::yield_now().await;
    peer.say_raw(b"permission denied").await;
    let Err(Error::AgentUnavailable { reason, .. }) = opening.await.expect("no panic") else {
        panic!("open")
    };
    assert_eq!(reason, "exec /.computesdk/agent: permission denied");
}

/// Begins a run, has the peer do its worst, and gives what the run then said and what a later call says.
async fn after(worst: impl AsyncFnOnce(&mut Peer, u32)) -> (String, String) {
    let (session, mut peer) = Peer::greeted().await;
    let (output, _untaken) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let run = session.run(sh("x"), &stop, &output);
    let act = async {
        let (id, _) = peer.hear().await;
        worst(&mut peer, id).await;
        peer
    };
    let (ran, _peer) = timeout(PATIENCE, async { tokio::join!(run, act) }).await.expect("an answer");
    assert!(!session.is_open());
    (reason(ran, "runCommand"), reason(session.read_file("/x").await, "readFile"))
}

fn reason<T: std::fmt::Debug>(outcome: Result<T>, call: &str) -> String {
    match outcome {
        Err(Error::SessionLost { id, during, reason }) if id == "box" && during == call => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lost_agent_fails_calls_in_flight_and_later_ones() {
    let (session, mut peer) = Peer::greeted().await;
    let ended = async {
        for _ in 0..2 {
            peer.hear().await;
        }
        drop(peer);
    };
    let (read, removed, ()) = tokio::join!(session.read_file("/a"), session.remove("/b"), ended);
    assert_eq!(reason(read, "readFile"), "the agent ended");
    assert_eq!(reason(removed, "remove"), "the agent ended");
    assert_eq!(reason(session.mkdir("/c").await, "mkdir"), "the agent ended");
    assert!(!session.is_open());
}

#[tokio::test]
async fn answers_that_arrived_before_the_end_still_count() {
    let (session, mut peer) = Peer::greeted().await;
    let (output, mut taken) = mpsc::channel::<Chunk>(1);
    let stop = CancellationToken::new();
    let act = async {
        let (id, _) = peer.hear().await;
        peer.say(id, &ToHost::Stdout(b"a".to_vec())).await;
        peer.say(id, &ToHost::Stderr(b"b".to_vec())).await;
        peer.say(id, &ToHost::Exited(Exited::Code(3))).await;
        drop(peer);
        // Only then is the output taken.
        while session.is_open() {
            tokio::task::yield_now().await;
        }
        assert_eq!(&taken.recv().await.expect("a chunk").data[..], b"a");
        assert_eq!(&taken.recv().await.expect("a chunk").data[..], b"b");
    };
    let (ran, ()) = tokio::join!(session.run(sh("x"), &stop, &output), act);
    assert_eq!(ran.expect("an exit").code, 3);
}

#[tokio::test]
async fn a_frame_cut_off_is_told_from_a_clean_end() {
    let (reason, later) = after(async |peer, id| {
        let mut frame = Vec::new();
        ToHost::Stdout(vec![1; 100]).encode(id, &mut frame).expect("it fits");
        peer.say_raw(&frame[..50]).await;
        peer.hang_up().await;
    })
    .await;
    assert_eq!(reason, "the agent's stream ended within a frame");
    assert_eq!(later, reason);
}

#[tokio::test]
async fn nonsense_ends_the_session_and_nothing_else() {
    let cases: [(&str, Vec<(u32, ToHost)>); 9] = [
        ("an answer to request 99, which nobody made", vec![(99, ToHost::Done)]),
        ("an answer to request 0, which nobody made", vec![(0, ToHost::Hello(Hello { version: 1 }))]),
        ("Done for a runCommand request that cannot have it", vec![(1, ToHost::Done)]),
        ("Data for a runCommand request", vec![(1, ToHost::Data(vec![1]))]),
        ("Started for a runCommand request", vec![(1, ToHost::Started(Started { pid: 1 }))]),
        ("Stdout for a runCommand request", vec![(1, ToHost::Stdout(vec![]))]),
        ("more output than was granted", vec![(1, ToHost::Stdout(vec![0; OUTPUT_WINDOW + 1]))]),
        ("credit for input that was not sent", vec![(1, ToHost::Credit(1))]),
        ("malformed", vec![]),
    ];
    for (expected, messages) in cases {
        let (reason, later) = after(async |peer, _| {
            if messages.is_empty() {
                let mut frame = Vec::new();
                computesdk_docker_protocol::Frame::encode(1, 4, &[0xff; 7], &mut frame).expect("it fits");
                peer.say_raw(&frame).await;
            }
            for (id, message) in &messages {
                peer.say(*id, message).await;
            }
            // The host hangs up on it.
            while peer.try_hear().await.is_some() {}
        })
        .await;
        assert!(
            reason.starts_with("the agent broke the protocol: ") && reason.contains(expected),
            "{reason}"
        );
        assert_eq!(later, reason);
    }
}

#[tokio::test]
async fn a_frame_larger_than_any_is_refused_before_it_comes() {
    let (reason, _) = after(async |peer, _| peer.say_raw(&[0xff; 9]).await).await;
    assert!(reason.contains("over the limit"), "{reason}");
}

#[tokio::test]
async fn a_peer_that_floods_is_cut_off_at_the_window() {
    let (session, mut peer) = Peer::greeted().await;
    let (output, _untaken) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let flood = async {
        let (id, _) = peer.hear().await;
        for _ in 0..=OUTPUT_WINDOW / CHUNK {
            peer.say(id, &ToHost::Stdout(vec![7; CHUNK])).await;
        }
        while peer.try_hear().await.is_some() {}
    };
    tokio::select! {
        // The taker takes nothing: the run cannot end, the session can.
        _ = session.run(sh("x"), &stop, &output) => panic!("it ended"),
        () = flood => {}
    }
    assert!(!session.is_open());
}

#[tokio::test]
async fn an_end_that_comes_twice_is_for_nobody() {
    let (session, mut peer) = Peer::greeted().await;
    let act = async {
        let (id, asked) = peer.hear().await;
        assert_eq!(asked, ToAgent::Exists("/x".to_owned()));
        peer.say(id, &ToHost::Found(true)).await;
        peer.say(id, &ToHost::Done).await;
        peer.say(id, &ToHost::Done).await;
        while peer.try_hear().await.is_some() {}
    };
    let (found, ()) = tokio::join!(session.exists("/x"), act);
    assert!(found.expect("an answer"));
    assert!(!session.is_open());
}

#[tokio::test]
async fn a_dropped_session_hangs_up() {
    let (session, mut peer) = Peer::greeted().await;
    drop(session);
    assert_eq!(peer.try_hear().await, None);
}

#[tokio::test]
async fn a_request_that_no_frame_takes_is_refused_and_the_session_goes_on() {
    let (session, mut peer) = Peer::greeted().await;
    let refused = session.read_file(&"x".repeat(5 << 20)).await;
    assert!(matches!(refused, Err(Error::CannotRun { .. })), "{refused:?}");
    let (made, ()) = tokio::join!(session.mkdir("/x"), async {
        let (id, _) = peer.hear().await;
        peer.say(id, &ToHost::Done).await;
    });
    made.expect("the session goes on");
}
