//! Starts a process: own session, own pipes, nothing inherited but its environment and folder.
//!
//! The child borrows the agent's memory until it has become the program (as `vfork` does), which halves the cost of
//! a start. So between clone and exec it only makes system calls on what was laid out before. It tells what failed
//! through a pipe that exec closes, which also works where an emulator turns the clone into a plain fork.

use std::borrow::Cow;
use std::ffi::{CStr, c_void};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;

use computesdk_docker_protocol::{Op, Run, Terminal};
use libc::{c_char, c_int, pid_t};

use crate::environment::{Environment, c_string};
use crate::files::Failure;
use crate::sys::{self, Errno};

/// Commands die before the agent when the container runs out of memory.
const OOM_SCORE: &[u8] = b"500";

const STACK: usize = 64 * 1024;

/// What every start needs.
#[derive(Debug)]
pub(crate) struct Spawner {
    environment: Environment,
    null: OwnedFd,
    /// The limit on open files that commands get, where the agent raised its own.
    file_limit: Option<libc::rlimit>,
    /// Only one child at a time stands on it.
    stack: Vec<u8>,
}

/// A started process and the agent's ends of its pipes: no stdin when none is wanted, no stderr of its own with a
/// terminal.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) pid: pid_t,
    pub(crate) stdin: Option<OwnedFd>,
    pub(crate) stdout: Option<OwnedFd>,
    pub(crate) stderr: Option<OwnedFd>,
    pub(crate) has_terminal: bool,
}

impl Spawner {
    pub(crate) fn new(environment: Environment) -> sys::Result<Self> {
        let null = sys::open_at(libc::AT_FDCWD, c"/dev/null", libc::O_RDWR)?;
        Ok(Self { environment, null, file_limit: raise_file_limit(), stack: vec![0; STACK] })
    }

    pub(crate) fn null(&self) -> BorrowedFd<'_> {
        self.null.as_fd()
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    pub(crate) fn spawn(
        &mut self,
        run: &Run,
        terminal: Option<&Terminal>,
        tag: &str,
    ) -> Result<Spawned, Failure> {
        let program = run.argv.first().ok_or(Failure::new(Op::Exec, Errno(libc::EINVAL)))?;
        let exec = |errno| Failure::new(Op::Exec, errno);
        let fork = |errno| Failure::new(Op::Fork, errno);
        let candidates = self.environment.candidates(program, &run.env).map_err(exec)?;
        let argv = run.argv.iter().map(|arg| c_string(arg.as_str()).map(Cow::Owned));
        let argv = argv.collect::<sys::Result<Vec<Cow<'_, CStr>>>>().map_err(exec)?;
        let defaults = terminal.map_or(&[][..], |terminal| &terminal.defaults);
        let env = self.environment.merged(&run.env, defaults, tag).map_err(exec)?;
        let cwd = match &run.cwd {
            Some(cwd) => self.environment.resolve(cwd.as_bytes()),
            None => self.environment.workdir(),
        };
        let cwd = cwd.map_err(|errno| Failure::new(Op::Chdir, errno))?;
        let pipes = match terminal {
            Some(terminal) => Pipes::terminal(terminal).map_err(|errno| Failure::new(Op::Terminal, errno))?,
            None => Pipes::open(run).map_err(fork)?,
        };
        let (outcome, outcome_in_child) = sys::pipe().map_err(fork)?;
        let plan = Plan {
            candidates: pointers(&candidates),
            argv: pointers(&argv),
            env: pointers(&env),
            cwd: cwd.as_ptr(),
            stdio: pipes.child.each_ref().map(|end| end.as_raw_fd(&self.null)),
            outcome: outcome_in_child.as_raw_fd(),
            file_limit: self.file_limit,
            dies_with_agent: !run.background,
            has_terminal: terminal.is_some(),
        };
        let pid = clone_child(&plan, &mut self.stack).map_err(fork)?;
        drop((pipes.child, outcome_in_child));
        if let Some(failure) = Report::read(&outcome) {
            sys::reap_one(pid);
            return Err(failure);
        }
        // From outside: before exec the child counts as the agent, whose /proc files are root's alone. Not allowed
        // for a setuid program, which is then judged like the agent.
        let _ = fs::write(format!("/proc/{pid}/oom_score_adj"), OOM_SCORE);
        let [stdin, stdout, stderr] = pipes.agent;
        Ok(Spawned { pid, stdin, stdout, stderr, has_terminal: terminal.is_some() })
    }
}

/// Three pipes per command add up; commands keep the limit that the container gave.
fn raise_file_limit() -> Option<libc::rlimit> {
    let given = sys::file_limit().ok()?;
    let raised = libc::rlimit { rlim_cur: given.rlim_max, rlim_max: given.rlim_max };
    (given.rlim_cur < given.rlim_max && sys::set_file_limit(&raised).is_ok()).then_some(given)
}

struct Pipes {
    agent: [Option<OwnedFd>; 3],
    child: [End; 3],
}

enum End {
    Pipe(OwnedFd),
    Null,
}

impl End {
    fn as_raw_fd(&self, null: &OwnedFd) -> RawFd {
        match self {
            Self::Pipe(fd) => fd.as_raw_fd(),
            Self::Null => null.as_raw_fd(),
        }
    }
}

impl Pipes {
    fn open(run: &Run) -> sys::Result<Self> {
        let (mut agent, mut child) = ([None, None, None], [End::Null, End::Null, End::Null]);
        let first = if run.stdin && !run.background { 0 } else { 1 };
        for at in first..3 {
            let (read, write) = sys::pipe()?;
            let (ours, theirs) = if at == 0 { (write, read) } else { (read, write) };
            sys::set_nonblocking(ours.as_fd())?;
            agent[at] = Some(ours);
            child[at] = End::Pipe(theirs);
        }
        Ok(Self { agent, child })
    }
}

impl Pipes {
    /// One terminal in the place of three pipes.
    fn terminal(terminal: &Terminal) -> sys::Result<Self> {
        let (master, slave) = sys::pty::open()?;
        sys::pty::resize(master.as_fd(), terminal.size.cols, terminal.size.rows)?;
        let again = |fd: &OwnedFd| fd.try_clone().map_err(Errno::from);
        let child = [End::Pipe(again(&slave)?), End::Pipe(again(&slave)?), End::Pipe(slave)];
        Ok(Self { agent: [Some(again(&master)?), Some(master), None], child })
    }
}

/// Pointers to the strings, and the null that ends the list.
fn pointers(strings: &[impl AsRef<CStr>]) -> Vec<*const c_char> {
    strings.iter().map(|s| s.as_ref().as_ptr()).chain([ptr::null()]).collect()
}

/// All that the child reads, laid out before it exists. Lists end with a null.
struct Plan {
    candidates: Vec<*const c_char>,
    argv: Vec<*const c_char>,
    env: Vec<*const c_char>,
    cwd: *const c_char,
    stdio: [RawFd; 3],
    outcome: RawFd,
    file_limit: Option<libc::rlimit>,
    dies_with_agent: bool,
    has_terminal: bool,
}

fn clone_child(plan: &Plan, stack: &mut [u8]) -> sys::Result<pid_t> {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let end = stack.as_mut_ptr_range().end as usize & !15;
    let plan = ptr::from_ref(plan).cast_mut().cast::<c_void>();
    // SAFETY: the stack is large enough for `child` and nobody else uses it: the agent sleeps until the child has
    // exec'd or ended, and all signals are blocked, so no handler runs on it. `plan` outlives that.
    sys::check(unsafe { libc::clone(child, end as *mut c_void, flags, plan) })
}

extern "C" fn child(plan: *mut c_void) -> c_int {
    // SAFETY: the pointer that `clone_child` passed; every pointer in it is a live NUL-terminated string or list.
    unsafe {
        let plan = &*plan.cast::<Plan>();
        let (op, errno) = become_program(plan);
        let report = Report { op, errno }.to_bytes();
        libc::write(plan.outcome, report.as_ptr().cast(), report.len());
        libc::_exit(127)
    }
}

/// Returns only when something failed. No allocation, no lock, no panic here.
unsafe fn become_program(plan: &Plan) -> (u8, i32) {
    // SAFETY: as for `child`.
    unsafe {
        if plan.dies_with_agent {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        }
        libc::setsid();
        for (target, fd) in plan.stdio.iter().enumerate() {
            if libc::dup2(*fd, target as c_int) < 0 {
                return (Report::FORK, last_error());
            }
        }
        if plan.has_terminal && libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
            return (Report::TERMINAL, last_error());
        }
        if let Some(limit) = &plan.file_limit {
            libc::setrlimit(libc::RLIMIT_NOFILE, limit);
        }
        if libc::chdir(plan.cwd) < 0 {
            return (Report::CHDIR, last_error());
        }
        let mask = sys::signals::empty();
        libc::sigprocmask(libc::SIG_SETMASK, &mask, ptr::null_mut());
        (Report::EXEC, exec(plan))
    }
}

/// Tries the candidates as `execvp` does: a folder without the program is passed over, and a file that may not be run
/// is the answer only when no later one can.
unsafe fn exec(plan: &Plan) -> i32 {
    let mut answer = libc::ENOENT;
    let mut candidate = plan.candidates.as_ptr();
    // SAFETY: as for `child`.
    unsafe {
        while !(*candidate).is_null() {
            libc::execve(*candidate, plan.argv.as_ptr(), plan.env.as_ptr());
            match last_error() {
                libc::ENOENT | libc::ENOTDIR => {}
                libc::EACCES => answer = libc::EACCES,
                other => return other,
            }
            candidate = candidate.add(1);
        }
    }
    answer
}

unsafe fn last_error() -> i32 {
    // SAFETY: always valid.
    unsafe { *libc::__errno_location() }
}

/// What the child says before it gives up.
struct Report {
    op: u8,
    errno: i32,
}

impl Report {
    const FORK: u8 = 0;
    const CHDIR: u8 = 1;
    const EXEC: u8 = 2;
    const TERMINAL: u8 = 3;
    const LEN: usize = 5;

    fn to_bytes(&self) -> [u8; Self::LEN] {
        let [a, b, c, d] = self.errno.to_le_bytes();
        [self.op, a, b, c, d]
    }

    /// Waits until the program runs (nothing to read) or has failed to.
    fn read(outcome: &OwnedFd) -> Option<Failure> {
        let mut bytes = [0; Self::LEN];
        let got = loop {
            match sys::read(outcome.as_fd(), &mut bytes) {
                Err(Errno(libc::EINTR)) => {}
                other => break other,
            }
        };
        if got != Ok(Self::LEN) {
            return None;
        }
        let [op, a, b, c, d] = bytes;
        let op = match op {
            Self::CHDIR => Op::Chdir,
            Self::EXEC => Op::Exec,
            Self::TERMINAL => Op::Terminal,
            _ => Op::Fork,
        };
        Some(Failure::new(op, Errno(i32::from_le_bytes([a, b, c, d]))))
    }
}
