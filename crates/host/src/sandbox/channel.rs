//! The agent's channel: one Docker exec whose stdin and stdout carry the frames.

use std::io;

use futures_util::TryStreamExt;
use tokio_util::io::StreamReader;

use crate::create::AGENT;
use crate::docker::{Engine, ExecSpec};
use crate::error::Result;
use crate::session::Stream;
use crate::session::agent::{AgentSession, SessionLabel};

pub(super) async fn open_agent(engine: &Engine, id: &str, user: Option<&str>) -> Result<AgentSession> {
    let spec = ExecSpec {
        cmd: vec![AGENT.to_owned(), "serve".to_owned()],
        user: user.map(str::to_owned),
        stdin: true,
        ..ExecSpec::default()
    };
    let exec = engine.exec(id, spec).await?;
    // Only stdout carries frames; what the agent or the OCI runtime says on stderr belongs to nobody's command.
    let frames = exec
        .output
        .map_err(io::Error::other)
        .try_filter_map(async |chunk| Ok((chunk.stream == Stream::Stdout).then_some(chunk.data)));
    AgentSession::open(StreamReader::new(Box::pin(frames)), exec.input, SessionLabel::new(id)).await
}
