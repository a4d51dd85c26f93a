//! A foreground command: its process, its pipes, and its end. It ends when its process has exited and what was in
//! the pipes then is sent, not when the pipes end: a grandchild may hold them for ever.

pub(crate) mod spawn;
pub(crate) mod tree;

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use computesdk_docker_protocol::{Bulk, Exited, TerminalSize, ToHost};
use libc::pid_t;

use crate::serve::link::{Flow, Link, Slot};
use crate::serve::sink::{Overrun, Sink};
use crate::sys::poll::{Interest, Port};
use crate::sys::{self, Ending, Errno};
use spawn::Spawned;
use tree::Tree;

/// How long a killed tree may take to vanish before the command ends without it (a process that hangs in the kernel).
const KILL_PATIENCE: Duration = Duration::from_secs(1);

/// What a terminal may still give when its command has ended: others may hold it, and go on printing.
const TERMINAL_REST: usize = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Command {
    pid: pid_t,
    tag: String,
    stdin: Option<Sink>,
    stdout: Option<Source>,
    stderr: Option<Source>,
    exit: Option<Exited>,
    killing: Option<Killing>,
    has_terminal: bool,
}

#[derive(Debug)]
struct Source {
    port: Port<OwnedFd>,
    /// Once the process has exited: how much of the pipe is still its.
    left: Option<usize>,
}

#[derive(Debug)]
struct Killing {
    tree: Tree,
    since: Instant,
}

impl Command {
    /// Takes over a started process and watches its output.
    pub(crate) fn new(spawned: Spawned, tag: String, flow: &Flow, link: &mut Link) -> Self {
        let source = |fd| Source { port: Port::new(fd), left: None };
        let mut this = Self {
            pid: spawned.pid,
            tag,
            stdin: spawned.stdin.map(Sink::new),
            stdout: spawned.stdout.map(source),
            stderr: spawned.stderr.map(source),
            exit: None,
            killing: None,
            has_terminal: spawned.has_terminal,
        };
        for (source, slot) in [(&mut this.stdout, Slot::Stdout), (&mut this.stderr, Slot::Stderr)] {
            if let Some(source) = source {
                link.watch(&mut source.port, Interest::Read, flow, slot);
            }
        }
        this
    }

    pub(crate) fn pid(&self) -> pid_t {
        self.pid
    }

    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// Sends a signal to the whole tree. SIGKILL is [`Command::kill`]'s.
    pub(crate) fn signal(&self, signal: i32) {
        let root = self.exit.is_none().then_some(self.pid);
        Tree::new(root, Some(&self.tag)).signal(signal);
    }

    /// Nothing to do when there is no terminal, or none any more.
    pub(crate) fn resize(&self, size: TerminalSize) {
        if let Some(source) = self.stdout.as_ref().filter(|_| self.has_terminal) {
            let _ = sys::pty::resize(source.port.fd(), size.cols, size.rows);
        }
    }

    /// Moves one chunk. The answer is the command's end.
    pub(crate) fn step(&mut self, slot: Slot, flow: &mut Flow, link: &mut Link) -> Option<ToHost> {
        match slot {
            Slot::Stdin => self.feed(flow, link),
            Slot::Stdout => pump(&mut self.stdout, Bulk::Stdout, flow, link),
            Slot::Stderr => pump(&mut self.stderr, Bulk::Stderr, flow, link),
            Slot::File => {}
        }
        self.end()
    }

    pub(crate) fn stdin(&mut self, bytes: &[u8], flow: &Flow, link: &mut Link) -> Result<(), Overrun> {
        match &mut self.stdin {
            Some(sink) => {
                sink.push(bytes)?;
                self.feed(flow, link);
            }
            // The command closed its stdin or has exited; the host may go on as if somebody read.
            None => link.send(flow, &ToHost::Credit(bytes.len() as u32)),
        }
        Ok(())
    }

    pub(crate) fn stdin_end(&mut self, flow: &Flow, link: &mut Link) {
        if let Some(sink) = &mut self.stdin {
            sink.finish();
            self.feed(flow, link);
        }
    }

    fn feed(&mut self, flow: &Flow, link: &mut Link) {
        let Some(sink) = &mut self.stdin else { return };
        match sink.pour(Slot::Stdin, flow, link) {
            Ok(false) => {}
            // All written, or nobody reads it any more: neither is the command's failure.
            Ok(true) | Err(_) => self.stdin = None,
        }
    }

    /// The process has ended; what its pipes hold now is all that is still its.
    pub(crate) fn exited(&mut self, ending: Ending, flow: &Flow, link: &mut Link) -> Option<ToHost> {
        self.exit = Some(match ending {
            Ending::Code(code) => Exited::Code(code),
            Ending::Signal(signal) => Exited::Signal(signal),
        });
        self.stdin = None;
        for (source, slot) in [(&mut self.stdout, Slot::Stdout), (&mut self.stderr, Slot::Stderr)] {
            let Some(open) = source else { continue };
            // How much a terminal still holds it does not tell; reading until nothing comes does.
            let waiting = if self.has_terminal { TERMINAL_REST } else { sys::bytes_waiting(open.port.fd()) };
            match waiting {
                0 => *source = None,
                left => {
                    open.left = Some(left);
                    link.again(flow, slot);
                }
            }
        }
        self.end()
    }

    /// Kills the whole tree, as far as one look finds it; [`Command::keep_killing`] does the rest.
    pub(crate) fn kill(&mut self) {
        if self.killing.is_none() {
            // The pid of a process that was reaped may be another's by now; its tag stays its own.
            let root = self.exit.is_none().then_some(self.pid);
            let mut tree = Tree::new(root, Some(&self.tag));
            tree.freeze();
            tree.kill();
            self.killing = Some(Killing { tree, since: Instant::now() });
        }
    }

    /// Looks again for what is left of a killed tree. False when there is nothing more to do.
    pub(crate) fn keep_killing(&mut self) -> bool {
        let Some(killing) = &mut self.killing else { return false };
        if self.exit.is_some() {
            killing.tree.forget_root();
        }
        let goes_on = killing.tree.kill() > 0 && killing.since.elapsed() < KILL_PATIENCE;
        if !goes_on {
            self.killing = None;
        }
        goes_on
    }

    pub(crate) fn end(&self) -> Option<ToHost> {
        let open = self.stdout.is_some() || self.stderr.is_some() || self.killing.is_some();
        if open { None } else { self.exit.map(ToHost::Exited) }
    }
}

/// Moves one chunk from a pipe to the host.
fn pump(source: &mut Option<Source>, kind: Bulk, flow: &mut Flow, link: &mut Link) {
    let slot = if kind == Bulk::Stdout { Slot::Stdout } else { Slot::Stderr };
    let Some(open) = source else { return };
    let Some(allowed) = link.allowance(flow, slot) else { return };
    let wanted = open.left.map_or(allowed, |left| left.min(allowed));
    match link.forward(open.port.fd(), wanted, kind, flow) {
        Ok(0) => *source = None,
        Ok(count) => {
            if let Some(left) = &mut open.left {
                *left -= count;
                if *left == 0 {
                    *source = None;
                    return;
                }
            }
            if count == wanted || open.left.is_some() {
                link.again(flow, slot);
            } else {
                link.watch(&mut open.port, Interest::Read, flow, slot);
            }
        }
        Err(Errno(libc::EAGAIN)) if open.left.is_none() => {
            link.watch(&mut open.port, Interest::Read, flow, slot);
        }
        Err(Errno(libc::EINTR)) => link.again(flow, slot),
        Err(_) => *source = None,
    }
}
