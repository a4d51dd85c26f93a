//! bollard over our own wire. bollard 0.21 neither keeps connections nor puts the API version on the wire, and encodes
//! credentials in an alphabet that engines refuse; all three are put right underneath it.

use std::io;
use std::sync::Arc;

use bollard::errors::Error as BollardError;
use bollard::{BollardRequest, Docker};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Request, Response};

use super::failure::Failure;
use super::wire::Wire;
use crate::error::Result;

/// bollard's own limit, in seconds; the operations have theirs.
const NO_LIMIT: u64 = 365 * 24 * 3600;

pub(super) fn bollard_over(wire: Arc<Wire>) -> Result<Docker> {
    let transport = move |request: BollardRequest| {
        let wire = Arc::clone(&wire);
        async move { carry(&wire, request).await.map_err(wrap) }
    };
    Docker::connect_with_custom_transport(
        transport,
        Some("http://docker"),
        NO_LIMIT,
        bollard::API_DEFAULT_VERSION,
    )
    .map_err(|error| unwrap(error).during("set up a client"))
}

async fn carry(wire: &Wire, request: BollardRequest) -> Result<Response<Incoming>, Failure> {
    let (mut parts, body) = request.into_parts();
    if let Some(auth) = parts.headers.get_mut("x-registry-auth") {
        *auth = url_safe(auth)?;
    }
    let body = body.map_err(Into::into).boxed_unsync();
    wire.forward(Request::from_parts(parts, body), None).await
}

/// Engines read the header as base64url, and take what they cannot read for no credentials at all.
fn url_safe(base64: &HeaderValue) -> Result<HeaderValue, Failure> {
    let swap = |byte: &u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    };
    let text: Vec<u8> = base64.as_bytes().iter().map(swap).collect();
    let mut value =
        HeaderValue::from_bytes(&text).map_err(|error| Failure::unreadable("no request", error))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Our own failures travel through bollard as I/O errors.
fn wrap(failure: Failure) -> BollardError {
    BollardError::IOError { err: io::Error::other(failure) }
}

pub(super) fn unwrap(error: BollardError) -> Failure {
    match error {
        BollardError::DockerResponseServerError { status_code, message } => {
            Failure::Refused { status: status_code, message: message.trim_end().to_owned() }
        }
        BollardError::DockerStreamError { error } => Failure::Reported(error),
        BollardError::IOError { err } => match err.downcast::<Failure>() {
            Ok(failure) => failure,
            Err(err) => Failure::unreadable("the answer broke off", err),
        },
        other => Failure::unreadable("the answer is not Docker's", other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_sent_in_the_url_alphabet() {
        let value = url_safe(&HeaderValue::from_static("ab+/cd==")).unwrap();
        assert_eq!(value.as_bytes(), b"ab-_cd==");
        assert!(value.is_sensitive());
    }

    #[test]
    fn our_failures_come_back_out_of_bollard_unchanged() {
        let failure = Failure::Unreachable { tried: "tcp://box:1: refused".to_owned(), source: None };
        assert!(matches!(unwrap(wrap(failure)), Failure::Unreachable { tried, .. } if tried.contains("box")));
    }
}
