//! The first frame each way is the version; what comes instead of it says what is wrong.

use std::time::Duration;

use computesdk_docker_protocol::{Decoder, Hello, ToAgent, ToHost, VERSION};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// How long a peer that is no agent may go on explaining itself, and how much of that goes into the error.
const LAST_WORDS: Duration = Duration::from_millis(300);
const MAX_REASON: usize = 300;

/// Exchanges versions. The error is the reason why there is no agent.
pub(super) async fn greet<R, W>(
    reader: &mut R,
    writer: &mut W,
    decoder: &mut Decoder,
    patience: Duration,
) -> Result<(), String>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let exchanged = timeout(patience, exchange(reader, writer, decoder)).await;
    exchanged.unwrap_or_else(|_| Err(format!("it said nothing within {} ms", patience.as_millis())))
}

async fn exchange<R, W>(reader: &mut R, writer: &mut W, decoder: &mut Decoder) -> Result<(), String>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut hello = Vec::new();
    ToAgent::Hello(Hello { version: VERSION }).encode(0, &mut hello).map_err(|error| error.to_string())?;
    // An agent that never ran cannot be written to; what comes instead says more than that.
    _ = writer.write_all(&hello).await;
    _ = writer.flush().await;
    let mut said = Vec::new();
    loop {
        let count = reader.read_buf(&mut said).await.map_err(|error| format!("its stream broke: {error}"))?;
        if count == 0 {
            return Err(legible(&said).unwrap_or_else(|| "it ended at once".to_owned()));
        }
        decoder.push(&said[said.len() - count..]);
        match decoder.next_frame().map(|frame| frame.map(|frame| (frame.id, ToHost::decode(frame)))) {
            Ok(None) => {}
            Ok(Some((0, Ok(ToHost::Hello(hello))))) if hello.version == VERSION => return Ok(()),
            Ok(Some((0, Ok(ToHost::Hello(hello))))) => {
                return Err(format!("it speaks version {} of the protocol, not {VERSION}", hello.version));
            }
            _ => return Err(no_agent(reader, said).await),
        }
    }
}

/// The OCI runtime's complaint comes where the agent's hello should, perhaps in pieces.
async fn no_agent<R: AsyncRead + Unpin>(reader: &mut R, mut said: Vec<u8>) -> String {
    let rest = async {
        while said.len() < MAX_REASON && reader.read_buf(&mut said).await.is_ok_and(|count| count > 0) {}
    };
    // Silence is as good as the end.
    _ = timeout(LAST_WORDS, rest).await;
    legible(&said).unwrap_or_else(|| "it sent something other than its version".to_owned())
}

/// `None` for what is no text.
fn legible(said: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(said);
    let text: String =
        text.chars().filter(|c| !c.is_control() && *c != '\u{fffd}').take(MAX_REASON).collect();
    let text = text.trim();
    // Garbage holds a letter by chance; a complaint is words.
    (text.len() > 8).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_peer_that_says_nothing_is_given_up() {
        let (host, _agent) = tokio::io::duplex(64);
        let (mut reader, mut writer) = tokio::io::split(host);
        let patience = Duration::from_millis(20);
        let greeted = greet(&mut reader, &mut writer, &mut Decoder::default(), patience).await;
        assert_eq!(greeted, Err("it said nothing within 20 ms".to_owned()));
    }
}
