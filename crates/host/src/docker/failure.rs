//! How a request to the engine can fail before anybody says what that means for an operation. Operations look at
//! `status()` for the cases they know and give the rest a subject with `during`.

use std::time::Duration;

use crate::error::Error;

pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What is told of an answer that is no JSON.
const EXCERPT: usize = 300;

#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No connection, or one that broke, or an engine that stays silent. `tried` names the address and why.
    #[error("{tried}")]
    Unreachable { tried: String, source: Option<Cause> },
    /// The engine answered with an error status.
    #[error("{message}")]
    Refused { status: u16, message: String },
    /// The engine said in the middle of an answer that it failed.
    #[error("{0}")]
    Reported(String),
    /// Something answered, but not what Docker's API promises.
    #[error("{message}")]
    Unreadable { message: String, source: Option<Cause> },
}

impl Failure {
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The error of an operation that knows nothing better.
    pub(super) fn during(self, action: impl Into<String>) -> Error {
        let action = action.into();
        match self {
            Self::Unreachable { tried, source } => Error::Unreachable { tried, source },
            Self::Refused { status, message } => {
                Error::Api { action, message, status: Some(status), source: None }
            }
            Self::Reported(message) => Error::Api { action, message, status: None, source: None },
            Self::Unreadable { message, source } => Error::Api { action, message, status: None, source },
        }
    }

    pub(super) fn silent(address: &str, limit: Duration) -> Self {
        let tried = format!("{address} did not answer within {} ms", limit.as_millis());
        Self::Unreachable { tried, source: None }
    }

    pub(super) fn broken(address: &str, source: Cause) -> Self {
        let why = innermost(source.as_ref());
        Self::Unreachable { tried: format!("{address}: the connection broke: {why}"), source: Some(source) }
    }

    /// From the body of an answer with an error status.
    pub(super) fn refused(status: u16, body: &[u8]) -> Self {
        Self::Refused { status, message: message_of(status, body) }
    }

    pub(super) fn unreadable(what: &str, source: impl Into<Cause>) -> Self {
        let source = source.into();
        Self::Unreadable { message: format!("{what}: {source}"), source: Some(source) }
    }
}

/// The reason at the bottom of a chain of causes; the layers above only say that something failed.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn message_of(status: u16, body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Answer {
        message: String,
    }
    if let Ok(Answer { message }) = serde_json::from_slice(body) {
        return message.trim_end().to_owned();
    }
    let text: String = String::from_utf8_lossy(body).chars().take(EXCERPT).collect();
    match text.trim() {
        "" => format!("HTTP status {status} without a message"),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_own_message_is_told() {
        let message = |status, body: &[u8]| Failure::refused(status, body).to_string();
        assert_eq!(message(404, br#"{"message":"No such container: x\n"}"#), "No such container: x");
        assert_eq!(message(404, b"404 page not found\n"), "404 page not found");
        assert_eq!(message(500, b""), "HTTP status 500 without a message");
        assert_eq!(message(502, "ü".repeat(1000).as_bytes()).chars().count(), EXCERPT);
    }

    #[test]
    fn an_operation_gives_its_subject_to_what_it_does_not_know() {
        let error = Failure::refused(409, br#"{"message":"in use"}"#).during("create a container");
        assert_eq!(error.to_string(), "Docker could not create a container: in use");
        assert!(matches!(error, Error::Api { status: Some(409), .. }));
        let error = Failure::silent("tcp://box:2375", Duration::from_millis(1500)).during("ping");
        assert_eq!(error.code(), "ERR_DOCKER_UNREACHABLE");
        assert!(error.to_string().contains("tcp://box:2375 did not answer within 1500 ms"), "{error}");
    }
}
