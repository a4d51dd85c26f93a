//! Opens the channel: the first frame each way is the version, and what comes instead of it says what is wrong.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use computesdk_docker_protocol::{Decoder, Hello, ToAgent, ToHost, VERSION};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::AgentSession;
use super::requests::Requests;
use crate::error::{Error, Result};

/// An agent starts within milliseconds; an engine under load takes longer to hand over its stream.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
const READ_BUFFER: usize = 64 * 1024;
/// Messages that wait are written together, up to about this many bytes.
const WRITE_BATCH: usize = 128 * 1024;
/// How much of what is not a hello goes into the error.
const MAX_REASON: usize = 300;

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
    pub async fn open<R, W>(mut reader: R, mut writer: W, label: SessionLabel) -> Result<Self>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let mut decoder = Decoder::default();
        let greeted = timeout(HELLO_TIMEOUT, greet(&mut reader, &mut writer, &mut decoder)).await;
        let said =
            greeted.unwrap_or_else(|_| Err(format!("it said nothing within {} s", HELLO_TIMEOUT.as_secs())));
        if let Err(reason) = said {
            return Err(Error::AgentUnavailable { id: label.id(), reason });
        }
        let (outgoing, queue) = unbounded_channel();
        let requests = Arc::new(Requests::new(label, outgoing));
        let reading = tokio::spawn(read(reader, decoder, Arc::clone(&requests)));
        let writing = tokio::spawn(write(writer, queue, Arc::clone(&requests)));
        Ok(Self { requests, tasks: [reading, writing] })
    }
}

async fn greet<R, W>(reader: &mut R, writer: &mut W, decoder: &mut Decoder) -> Result<(), String>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut hello = Vec::new();
    ToAgent::Hello(Hello { version: VERSION }).encode(0, &mut hello).map_err(|error| error.to_string())?;
    // An agent that never ran cannot be written to; what it printed says more.
    let written = async {
        writer.write_all(&hello).await?;
        writer.flush().await
    };
    let written = written.await;
    let mut said = Vec::new();
    let mut buffer = vec![0; 4096];
    loop {
        let count = reader.read(&mut buffer).await.map_err(|error| error.to_string())?;
        if count == 0 {
            return Err(ended(&said, written));
        }
        said.extend_from_slice(&buffer[..count]);
        decoder.push(&buffer[..count]);
        match decoder.next_frame().map(|frame| frame.map(ToHost::decode)) {
            Ok(None) => {}
            Ok(Some(Ok(ToHost::Hello(hello)))) if hello.version == VERSION => return Ok(()),
            Ok(Some(Ok(ToHost::Hello(hello)))) => {
                return Err(format!("it speaks version {} of the protocol", hello.version));
            }
            _ => return Err(ended(&said, Ok(()))),
        }
    }
}

/// The OCI runtime's complaint arrives where the agent's hello should.
fn ended(said: &[u8], written: io::Result<()>) -> String {
    let text: String =
        String::from_utf8_lossy(said).chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
    match (text.trim(), written) {
        ("", Err(error)) => format!("its stream broke: {error}"),
        ("", Ok(())) => "it ended at once".to_owned(),
        (text, _) => text.to_owned(),
    }
}

async fn read<R: AsyncRead + Unpin>(mut reader: R, mut decoder: Decoder, requests: Arc<Requests>) {
    let reason = loop {
        if let Err(reason) = drain(&mut decoder, &requests) {
            break reason;
        }
        let mut buffer = Vec::with_capacity(READ_BUFFER);
        match reader.read_buf(&mut buffer).await {
            Ok(0) if decoder.is_at_boundary() => break "the agent ended".to_owned(),
            Ok(0) => break "the stream ended in the middle of a frame".to_owned(),
            Ok(_) => decoder.push(&buffer),
            Err(error) => break error.to_string(),
        }
    };
    requests.close(&reason);
}

fn drain(decoder: &mut Decoder, requests: &Requests) -> Result<(), String> {
    while let Some(frame) =
        decoder.next_frame().map_err(|error| format!("the agent sent nonsense: {error}"))?
    {
        let id = frame.id;
        let message = ToHost::decode(frame).map_err(|error| format!("the agent sent nonsense: {error}"))?;
        requests.deliver(id, message)?;
    }
    Ok(())
}

async fn write<W: AsyncWrite + Unpin>(
    mut writer: W,
    mut queue: UnboundedReceiver<Vec<u8>>,
    requests: Arc<Requests>,
) {
    while let Some(mut bytes) = queue.recv().await {
        while bytes.len() < WRITE_BATCH
            && let Ok(more) = queue.try_recv()
        {
            bytes.extend_from_slice(&more);
        }
        let written = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        if let Err(error) = written.await {
            return requests.close(&error.to_string());
        }
    }
}
