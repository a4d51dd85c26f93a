//! Opens the channel and keeps it going: the task that reads, the task that writes, and what ends them.

use std::sync::Arc;
use std::time::Duration;

use computesdk_docker_protocol::{Decoder, ToHost};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use super::AgentSession;
use super::greet::greet;
use super::outgoing::Outgoing;
use super::requests::Requests;
use crate::error::{Error, Result};

/// An agent starts within milliseconds; an engine under load takes longer to hand over its stream.
const GREETING: Duration = Duration::from_secs(10);

const READ_BUFFER: usize = 64 * 1024;

/// What a session is called in errors.
#[derive(Debug, Clone)]
pub struct SessionLabel(String);

impl SessionLabel {
    pub fn new(id: &str) -> Self {
        Self(id.to_owned())
    }

    pub(super) fn id(&self) -> String {
        self.0.clone()
    }
}

impl AgentSession {
    /// Greets the agent at the other end of the streams. Anything but an agent of our version, and silence, is
    /// `AgentUnavailable` with what came instead.
    pub async fn open<R, W>(mut reader: R, mut writer: W, label: SessionLabel) -> Result<Self>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let mut decoder = Decoder::default();
        if let Err(reason) = greet(&mut reader, &mut writer, &mut decoder, GREETING).await {
            return Err(Error::AgentUnavailable { id: label.id(), reason });
        }
        let outgoing = Arc::new(Outgoing::new(Box::new(writer)));
        let requests = Arc::new(Requests::new(label, Arc::clone(&outgoing)));
        let reading = tokio::spawn(read(reader, decoder, Arc::clone(&requests)));
        let writing = tokio::spawn(write(outgoing, Arc::clone(&requests)));
        Ok(Self { requests, tasks: [reading, writing] })
    }
}

async fn write(outgoing: Arc<Outgoing>, requests: Arc<Requests>) {
    if let Err(error) = outgoing.work().await {
        requests.close(&format!("writing to the agent failed: {error}"));
    }
}

async fn read<R: AsyncRead + Unpin>(mut reader: R, mut decoder: Decoder, requests: Arc<Requests>) {
    let mut buffer = Vec::with_capacity(READ_BUFFER);
    let reason = loop {
        if let Err(reason) = drain(&mut decoder, &requests) {
            break format!("the agent broke the protocol: {reason}");
        }
        buffer.clear();
        match reader.read_buf(&mut buffer).await {
            Ok(0) if decoder.is_at_boundary() => break "the agent ended".to_owned(),
            Ok(0) => break "the agent's stream ended within a frame".to_owned(),
            Ok(_) => decoder.push(&buffer),
            Err(error) => break format!("reading from the agent failed: {error}"),
        }
    };
    requests.close(&reason);
}

fn drain(decoder: &mut Decoder, requests: &Requests) -> Result<(), String> {
    while let Some(frame) = decoder.next_frame().map_err(|error| error.to_string())? {
        let id = frame.id;
        let message = ToHost::decode(frame).map_err(|error| error.to_string())?;
        requests.deliver(id, message)?;
    }
    Ok(())
}
