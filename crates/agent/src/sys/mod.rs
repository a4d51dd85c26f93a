//! Safe, thin wrappers over the system calls that std lacks or hides the errno of. No policy.

pub(crate) mod dir;
pub(crate) mod file;
pub(crate) mod notify;
pub(crate) mod poll;
pub(crate) mod pty;
pub(crate) mod signals;

use std::ffi::CStr;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

use libc::{c_char, c_int, pid_t};

pub(crate) const STDIN: BorrowedFd<'static> = standard(0);
pub(crate) const STDOUT: BorrowedFd<'static> = standard(1);
pub(crate) const STDERR: BorrowedFd<'static> = standard(2);

const fn standard(fd: c_int) -> BorrowedFd<'static> {
    // SAFETY: `open_standard` is the first that the agent does, and nothing in it closes them.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// A system error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) i32);

impl Errno {
    pub(crate) fn last() -> Self {
        io::Error::last_os_error().into()
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(libc::EINVAL))
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        io::Error::from_raw_os_error(self.0).fmt(f)
    }
}

pub(crate) type Result<T> = std::result::Result<T, Errno>;

/// -1 is an error, anything else the answer.
pub(crate) fn check(answer: c_int) -> Result<c_int> {
    if answer < 0 { Err(Errno::last()) } else { Ok(answer) }
}

fn check_size(answer: isize) -> Result<usize> {
    usize::try_from(answer).map_err(|_| Errno::last())
}

fn owned(answer: c_int) -> Result<OwnedFd> {
    // SAFETY: the system just made this descriptor for us alone.
    check(answer).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Opens 0, 1 and 2 where they are closed, so that nothing else becomes one of them.
pub(crate) fn open_standard() {
    // SAFETY: the path is a C string; a descriptor above 2 is ours alone.
    unsafe {
        loop {
            match libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) {
                0..=2 => {}
                fd @ 3.. => {
                    libc::close(fd);
                    return;
                }
                _ => return,
            }
        }
    }
}

/// The words of the command line.
///
/// # Safety
///
/// `argv` points to `argc` C strings that nobody changes.
pub(crate) unsafe fn words(argc: c_int, argv: *const *const c_char) -> Vec<&'static CStr> {
    let count = usize::try_from(argc).unwrap_or(0);
    // SAFETY: the caller's promise.
    unsafe { (0..count).map(|at| CStr::from_ptr(*argv.add(at))).collect() }
}

/// The agent is neither dumped nor traced nor read through `/proc` by code of its own user.
pub(crate) fn forbid_inspection() {
    // SAFETY: takes numbers only.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
}

/// The process's name, of which the kernel keeps 15 bytes.
pub(crate) fn set_name(name: &str) {
    let mut bytes = [0u8; 16];
    let length = name.len().min(15);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    // SAFETY: the name ends with a NUL.
    unsafe { libc::prctl(libc::PR_SET_NAME, bytes.as_ptr(), 0, 0, 0) };
}

/// Time since the machine started, its sleep included.
pub(crate) fn now() -> Duration {
    clock(libc::CLOCK_BOOTTIME)
}

/// Time since 1970.
pub(crate) fn wall_clock() -> Duration {
    clock(libc::CLOCK_REALTIME)
}

fn clock(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for the write.
    unsafe { libc::clock_gettime(clock, &mut time) };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Closes what the agent inherited beyond its stdio, so that no command inherits it in turn: all that the agent
/// opens itself is close-on-exec.
pub(crate) fn close_inherited() {
    // SAFETY: nothing in the process owns a descriptor above 2 yet.
    let done = unsafe { libc::syscall(libc::SYS_close_range, 3 as c_int, c_int::MAX, 0 as c_int) };
    if done < 0 {
        let highest = file_limit().map_or(1024, |limit| limit.rlim_cur.min(4096)) as c_int;
        for fd in 3..highest {
            // SAFETY: as above.
            unsafe { libc::close(fd) };
        }
    }
}

pub(crate) fn file_limit() -> Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for the write.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    Ok(limit)
}

pub(crate) fn set_file_limit(limit: &libc::rlimit) -> Result<()> {
    // SAFETY: `limit` is valid for the read.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, limit) }).map(drop)
}

/// Large allocations go back to the system when freed, however large the last one was.
pub(crate) fn keep_heap_small() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes numbers only; setting the threshold stops glibc from raising it by itself.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 * 1024);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 256 * 1024);
    }
}

pub(crate) fn random() -> u64 {
    let mut bytes = [0u8; 8];
    // SAFETY: `bytes` is valid for eight bytes; a failure leaves it as it is, and the time below still differs.
    unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), libc::GRND_NONBLOCK) };
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::from_le_bytes(bytes) ^ since.map_or(0, |t| t.as_nanos() as u64)
}

pub(crate) fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the buffer is valid for its length.
    check_size(unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) })
}

pub(crate) fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize> {
    // SAFETY: the slice is valid for its length.
    check_size(unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) })
}

/// As [`read`], from a place in a file.
pub(crate) fn read_at(fd: BorrowedFd<'_>, buffer: &mut [u8], at: u64) -> Result<usize> {
    // SAFETY: the buffer is valid for its length.
    let count =
        unsafe { libc::pread(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), at as libc::off_t) };
    check_size(count)
}

/// Writes all of it to a place in a file.
pub(crate) fn write_at(fd: BorrowedFd<'_>, mut bytes: &[u8], mut at: u64) -> Result<()> {
    while !bytes.is_empty() {
        // SAFETY: the slice is valid for its length.
        let count =
            unsafe { libc::pwrite(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), at as libc::off_t) };
        match check_size(count) {
            Ok(0) => return Err(Errno(libc::ENOSPC)),
            Ok(count) => {
                bytes = &bytes[count..];
                at += count as u64;
            }
            Err(Errno(libc::EINTR)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A file in memory that has no name.
pub(crate) fn memory_file(name: &CStr) -> Result<OwnedFd> {
    // SAFETY: the name ends in NUL.
    owned(unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) })
}

/// Makes `target` another name for the file behind `fd`.
pub(crate) fn replace(target: BorrowedFd<'_>, fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: takes numbers only; what owns `target` goes on owning its number.
    check(unsafe { libc::dup2(fd.as_raw_fd(), target.as_raw_fd()) }).map(drop)
}

/// What a clock shows, in milliseconds.
pub(crate) fn clock_ms(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for the write; a failure leaves it as it is.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

pub(crate) fn user() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// A number that the system is built with, such as the size of a page.
pub(crate) fn constant(name: c_int, otherwise: u64) -> u64 {
    // SAFETY: takes a number only.
    u64::try_from(unsafe { libc::sysconf(name) }).unwrap_or(otherwise).max(1)
}

/// Close and tell: some file systems report a failed write only here.
pub(crate) fn close(fd: OwnedFd) -> Result<()> {
    // SAFETY: ownership ends here.
    check(unsafe { libc::close(fd.into_raw_fd()) }).map(drop)
}

/// Read end and write end, both close-on-exec.
pub(crate) fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: `ends` is valid for two descriptors.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    Ok((owned(ends[0])?, owned(ends[1])?))
}

pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: takes numbers only.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) }).map(drop)
}

/// Bytes that a pipe holds.
pub(crate) fn bytes_waiting(fd: BorrowedFd<'_>) -> usize {
    let mut count: c_int = 0;
    // SAFETY: FIONREAD writes one int.
    let answer = unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &mut count) };
    if answer < 0 { 0 } else { usize::try_from(count).unwrap_or(0) }
}

/// Opens relative to `dir` ([`libc::AT_FDCWD`] for none), close-on-exec, never as a controlling terminal.
///
/// A pipe without a name is refused: the only way to one is through `/proc`, and behind a link to `/proc/self/fd` is what
/// the host and the commands say to this process.
pub(crate) fn open_at(dir: c_int, path: &CStr, flags: c_int) -> Result<OwnedFd> {
    let flags = flags | libc::O_CLOEXEC | libc::O_NOCTTY;
    // SAFETY: the path ends in NUL.
    let fd = owned(unsafe { libc::openat(dir, path.as_ptr(), flags, 0o666) })?;
    if is_nameless_pipe(fd.as_fd())? { Err(Errno(libc::EACCES)) } else { Ok(fd) }
}

fn is_nameless_pipe(fd: BorrowedFd<'_>) -> Result<bool> {
    const PIPEFS: u32 = 0x5049_5045;
    if stat_fd(fd)?.st_mode & libc::S_IFMT != libc::S_IFIFO {
        return Ok(false);
    }
    // SAFETY: a zeroed `statfs` is valid, and filled in by the call.
    let mut system: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is valid for the call.
    check(unsafe { libc::fstatfs(fd.as_raw_fd(), &mut system) })?;
    // A type of its own with each C library.
    Ok(system.f_type == PIPEFS as _)
}

pub(crate) fn truncate(fd: BorrowedFd<'_>, length: i64) -> Result<()> {
    // SAFETY: takes numbers only.
    check(unsafe { libc::ftruncate(fd.as_raw_fd(), length) }).map(drop)
}

pub(crate) fn mkdir(path: &CStr) -> Result<()> {
    // SAFETY: the path ends in NUL.
    check(unsafe { libc::mkdir(path.as_ptr(), 0o777) }).map(drop)
}

/// A folder for nobody else.
pub(crate) fn mkdir_private(path: &CStr) -> Result<()> {
    // SAFETY: the path ends in NUL.
    check(unsafe { libc::mkdir(path.as_ptr(), 0o700) }).map(drop)
}

pub(crate) fn chdir(path: &CStr) -> Result<()> {
    // SAFETY: the path ends in NUL.
    check(unsafe { libc::chdir(path.as_ptr()) }).map(drop)
}

pub(crate) fn unlink_at(dir: c_int, name: &CStr) -> Result<()> {
    // SAFETY: the name ends in NUL.
    check(unsafe { libc::unlinkat(dir, name.as_ptr(), 0) }).map(drop)
}

pub(crate) fn rmdir_at(dir: c_int, name: &CStr) -> Result<()> {
    // SAFETY: the name ends in NUL.
    check(unsafe { libc::unlinkat(dir, name.as_ptr(), libc::AT_REMOVEDIR) }).map(drop)
}

pub(crate) fn stat_at(dir: c_int, name: &CStr, flags: c_int) -> Result<libc::stat> {
    let mut stat = MaybeUninit::uninit();
    // SAFETY: the name ends in NUL, and the call fills `stat` when it succeeds.
    unsafe {
        check(libc::fstatat(dir, name.as_ptr(), stat.as_mut_ptr(), flags))?;
        Ok(stat.assume_init())
    }
}

pub(crate) fn stat_fd(fd: BorrowedFd<'_>) -> Result<libc::stat> {
    let mut stat = MaybeUninit::uninit();
    // SAFETY: the call fills `stat` when it succeeds.
    unsafe {
        check(libc::fstat(fd.as_raw_fd(), stat.as_mut_ptr()))?;
        Ok(stat.assume_init())
    }
}

pub(crate) fn kill(pid: pid_t, signal: c_int) -> Result<()> {
    // SAFETY: takes numbers only.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Code(i32),
    Signal(i32),
}

/// One child that has ended, if there is one.
pub(crate) fn reap() -> Option<(pid_t, Ending)> {
    let mut status = 0;
    // SAFETY: `status` is valid for the write.
    let pid = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
    (pid > 0).then(|| (pid, ending(status)))
}

/// Waits for a child that is about to end.
pub(crate) fn reap_one(pid: pid_t) {
    // SAFETY: a null status pointer is allowed.
    while unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) } < 0 && Errno::last() == Errno(libc::EINTR) {}
}

fn ending(status: c_int) -> Ending {
    if libc::WIFSIGNALED(status) {
        Ending::Signal(libc::WTERMSIG(status))
    } else {
        Ending::Code(libc::WEXITSTATUS(status))
    }
}
