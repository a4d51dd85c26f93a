//! The agent's channel: one Docker exec whose stdin and stdout carry the frames.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt;
use tokio_util::io::StreamReader;

use crate::create::AGENT;
use crate::docker::{Engine, ExecSpec};
use crate::error::{Error, Result};
use crate::session::Stream;
use crate::session::agent::{AgentSession, SessionLabel};

/// How much of what an agent says on stderr is kept.
const COMPLAINT: usize = 300;

pub(super) async fn open_agent(engine: &Engine, id: &str, user: Option<&str>) -> Result<AgentSession> {
    let spec = ExecSpec {
        cmd: vec![AGENT.to_owned(), "serve".to_owned()],
        user: user.map(str::to_owned),
        stdin: true,
        ..ExecSpec::default()
    };
    let exec = engine.exec(id, spec).await?;
    let complaint = Complaint::default();
    let heard = complaint.clone();
    // Only stdout carries frames; what the agent or the OCI runtime says on stderr belongs to nobody's command.
    let frames = exec.output.map_err(io::Error::other).try_filter_map(move |chunk| {
        let frames = match chunk.stream {
            Stream::Stdout => Some(chunk.data),
            Stream::Stderr => {
                heard.add(&chunk.data);
                None
            }
        };
        std::future::ready(Ok(frames))
    });
    let opened =
        AgentSession::open(StreamReader::new(Box::pin(frames)), exec.input, SessionLabel::new(id)).await;
    opened.map_err(|error| match error {
        Error::AgentUnavailable { id, reason } => {
            Error::AgentUnavailable { id, reason: complaint.explain(reason) }
        }
        error => error,
    })
}

/// What was said beside the frames: it tells why there are none.
#[derive(Debug, Clone, Default)]
struct Complaint(Arc<Mutex<Vec<u8>>>);

impl Complaint {
    fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = COMPLAINT - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn explain(&self, reason: String) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match String::from_utf8_lossy(&kept).trim() {
            "" => reason,
            said => format!("{reason}: {said}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_told_and_bounded() {
        let complaint = Complaint::default();
        assert_eq!(complaint.explain("it ended at once".to_owned()), "it ended at once");
        complaint.add(b"no such file\n");
        assert_eq!(complaint.explain("it ended at once".to_owned()), "it ended at once: no such file");
        complaint.add(&[b'x'; 1000]);
        assert!(complaint.explain(String::new()).len() < 310);
    }
}
