//! The other end of a session, at the test's command.

use std::time::Duration;

use computesdk_docker_protocol::{Decoder, Hello, ToAgent, ToHost, VERSION};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::time::timeout;

use super::super::{AgentSession, SessionLabel};
use crate::error::Result;

/// Longer than anything here takes, on a busy machine too.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Peer {
    reader: ReadHalf<DuplexStream>,
    writer: WriteHalf<DuplexStream>,
    decoder: Decoder,
}

impl Peer {
    /// A session that is open, and its peer.
    pub(super) async fn greeted() -> (AgentSession, Self) {
        let (mut peer, opening) = Self::silent();
        peer.say(0, &ToHost::Hello(Hello { version: VERSION })).await;
        assert_eq!(peer.hear().await, (0, ToAgent::Hello(Hello { version: VERSION })));
        let session = opening.await.expect("no panic").expect("the session opens");
        (session, peer)
    }

    /// A session that is being opened, and its peer.
    pub(super) fn silent() -> (Self, tokio::task::JoinHandle<Result<AgentSession>>) {
        let (host, agent) = tokio::io::duplex(64 * 1024);
        let (reader, writer) = tokio::io::split(host);
        let opening = tokio::spawn(AgentSession::open(reader, writer, SessionLabel::new("box")));
        let (reader, writer) = tokio::io::split(agent);
        (Self { reader, writer, decoder: Decoder::default() }, opening)
    }

    pub(super) async fn say(&mut self, id: u32, message: &ToHost) {
        let mut bytes = Vec::new();
        message.encode(id, &mut bytes).expect("the message fits");
        self.say_raw(&bytes).await;
    }

    pub(super) async fn say_raw(&mut self, bytes: &[u8]) {
        // A host that has hung up shows in what the test then looks at.
        _ = timeout(PATIENCE, self.writer.write_all(bytes)).await.expect("the host listens");
    }

    /// Ends the stream to the host.
    pub(super) async fn hang_up(&mut self) {
        self.writer.shutdown().await.expect("the host is still there");
    }

    /// The next message of the host's.
    pub(super) async fn hear(&mut self) -> (u32, ToAgent) {
        self.try_hear().await.expect("the host is still there")
    }

    /// `None`: the host has hung up.
    pub(super) async fn try_hear(&mut self) -> Option<(u32, ToAgent)> {
        loop {
            if let Some(frame) = self.decoder.next_frame().expect("frames") {
                let id = frame.id;
                return Some((id, ToAgent::decode(frame).expect("messages")));
            }
            let mut buffer = vec![0; 64 * 1024];
            let count = timeout(PATIENCE, self.reader.read(&mut buffer)).await.expect("the host speaks");
            match count {
                Ok(count @ 1..) => self.decoder.push(&buffer[..count]),
                _ => return None,
            }
        }
    }

    /// No message is on its way: the next one heard is the answer to a new request.
    pub(super) async fn hears_nothing(&mut self) {
        let heard = timeout(Duration::from_millis(50), self.hear()).await;
        assert!(heard.is_err(), "{heard:?}");
    }
}
