//! The static binary inside a sandbox: `serve` runs commands and touches files for one host over stdin and stdout,
//! `init` is the sandbox's PID 1.
//!
//! One thread, one epoll loop, bounded buffers: it shares the memory limit of what it runs. It knows the protocol and
//! Linux, nothing of Docker, and never changes its user. Unsafe code lives in `sys` and `command::spawn`.
//!
//! Its `main` is C's, not Rust's: what std does at its start (a guard for the stack of the main thread) would bring 100 KB
//! of C library into the static binary.

#![cfg_attr(not(test), no_main)]

mod background;
mod command;
mod environment;
mod files;
mod init;
mod outbox;
mod processes;
mod serve;
mod sys;

use std::ffi::CStr;

use libc::{c_char, c_int};

/// What the host did was no protocol, or the agent cannot work here; the reason is on stderr.
const BROKEN: c_int = 2;

/// What the C library calls.
///
/// # Safety
///
/// `argv` points to `argc` C strings, as the kernel made them.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    sys::open_standard();
    // Code of the same user must neither read the agent's memory nor borrow its descriptors.
    sys::forbid_inspection();
    // SAFETY: passed on.
    let words = unsafe { sys::words(argc, argv) };
    match run(&words) {
        Ok(()) => 0,
        Err(reason) => {
            eprintln!("computesdk-agent: {reason}");
            BROKEN
        }
    }
}

fn run(words: &[&CStr]) -> Result<(), String> {
    match words.get(1..).unwrap_or_default() {
        [word] if *word == c"serve" => serve::serve(),
        [word, terms @ ..] if *word == c"init" => init::init(terms),
        _ => Err("usage: computesdk-agent serve|init …".into()),
    }
}
