//! The napi boundary: JavaScript values in, JavaScript values out. The only crate that names napi.
//!
//! `lib/` in JavaScript holds the public classes and has checked the shapes of arguments; `crates/host` is the
//! provider. Here in between: `provider`, `sandbox`, `files`, `run` and `instance` are the exports, `call` turns a
//! future into a promise, `outcome` an error into data, `output` and `pulls` feed callbacks, `text` makes strings.
//! provider. Here in between: `provider`, `sandbox`, `files`, `file_streams`, `run` and `instance` are the
//! exports, `call` turns a
//! future into a promise, `outcome` an error into data, `output` feeds callbacks, `text` makes strings.
//!
//! Rules: input bytes are copied before a call returns; what can fail answers an `Outcome` and never throws; every
//! future runs on the one tokio runtime that napi owns, and ends when its JavaScript environment does.

// What is exported is `pub` for napi's macros alone, and takes its arguments by value as they hand them over; structs
// that borrow from JavaScript cannot show themselves.
#![allow(missing_debug_implementations, clippy::needless_pass_by_value)]

mod call;
mod cancel;
mod context;
mod file_streams;
mod files;
mod instance;
mod live;
mod metrics;
mod outcome;
mod output;
mod pool;
mod processes;
pub mod provider;
mod pulls;
mod run;
mod sandbox;
mod saved;
mod text;
