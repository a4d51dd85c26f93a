//! What a call answers: its value, or a failure as data. `lib/` makes the error object, since only JavaScript can give
//! it the right class and the stack of the caller.

use std::error::Error as _;

use computesdk_docker_host::error::Error;
use napi::bindgen_prelude::{JsObjectValue, Object, ToNapiValue};
use napi::{Env, sys};
use napi_derive::napi;

/// An error, field by field; the names are those of the JavaScript error.
#[napi(object, object_from_js = false)]
#[derive(Debug, Default)]
pub struct Failure {
    pub code: String,
    pub message: String,
    /// The messages of what caused it, outermost first.
    pub causes: Vec<String>,
    pub status_code: Option<u32>,
    /// What the status means, in dockerode's words.
    pub reason: Option<String>,
    /// The engine's answer, as JSON text.
    pub json: Option<String>,
    pub path: Option<String>,
    pub syscall: Option<String>,
}

impl Failure {
    pub(crate) fn invalid(path: &str, problem: &str) -> Box<Self> {
        Error::InvalidConfig { path: path.to_owned(), problem: problem.to_owned() }.into()
    }
}

/// Boxed: it is large, and rare.
pub(crate) type Answer<T> = Result<T, Box<Failure>>;

impl From<Error> for Box<Failure> {
    fn from(error: Error) -> Self {
        Self::new(error.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        let failure =
            Self { code: error.code().to_owned(), message: error.to_string(), causes, ..Self::default() };
        match error {
            Error::Api { status, .. } => Self { status_code: status.map(u32::from), ..failure },
            Error::System { path, syscall, .. } => {
                Self { path: Some(path), syscall: Some(syscall.to_owned()), ..failure }
            }
            _ => failure,
        }
    }
}

/// `{ value }` or `{ failure }`.
#[derive(Debug)]
pub struct Outcome<T>(pub(crate) Answer<T>);

impl<T: ToNapiValue> ToNapiValue for Outcome<T> {
    unsafe fn to_napi_value(env: sys::napi_env, outcome: Self) -> napi::Result<sys::napi_value> {
        let mut object = Object::new(&Env::from_raw(env))?;
        match outcome.0 {
            Ok(value) => object.set_named_property("value", value)?,
            Err(failure) => object.set_named_property("failure", *failure)?,
        }
        // SAFETY: `env` is the environment that napi called us with, and the object was made in it.
        unsafe { ToNapiValue::to_napi_value(env, object) }
    }
}
