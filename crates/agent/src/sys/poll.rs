//! Readiness of descriptors, one shot at a time: a descriptor is reported once and then stays silent, hang-up
//! included, until it is watched again. So what waits for room or credit never spins the loop.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::{Errno, Result, check, owned};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    Write,
}

#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

/// A descriptor that may be watched.
#[derive(Debug)]
pub(crate) struct Port<F> {
    fd: F,
    known: bool,
}

impl<F: AsFd> Port<F> {
    pub(crate) fn new(fd: F) -> Self {
        Self { fd, known: false }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(crate) fn inner(&self) -> &F {
        &self.fd
    }

    pub(crate) fn into_inner(self) -> F {
        self.fd
    }
}

impl Poller {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: takes a number only.
        let epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Self { epoll, events: vec![libc::epoll_event { events: 0, u64: 0 }; 64] })
    }

    /// Reports `token` once, when the port is ready. `EPERM`: this kind of file is always ready.
    pub(crate) fn watch<F: AsFd>(&self, port: &mut Port<F>, interest: Interest, token: u64) -> Result<()> {
        let events = match interest {
            Interest::Read => libc::EPOLLIN,
            Interest::Write => libc::EPOLLOUT,
        };
        let mut event = libc::epoll_event { events: (events | libc::EPOLLONESHOT) as u32, u64: token };
        let action = if port.known { libc::EPOLL_CTL_MOD } else { libc::EPOLL_CTL_ADD };
        let (epoll, fd) = (self.epoll.as_raw_fd(), port.fd().as_raw_fd());
        // SAFETY: `event` is valid for the read.
        check(unsafe { libc::epoll_ctl(epoll, action, fd, &mut event) })?;
        port.known = true;
        Ok(())
    }

    /// Waits, `None` for as long as it takes; how many tokens [`Poller::token`] then has, oldest first.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> Result<usize> {
        let timeout = timeout.map_or(-1, |t| i32::try_from(t.as_millis()).unwrap_or(i32::MAX));
        let (events, room) = (self.events.as_mut_ptr(), self.events.len() as i32);
        // SAFETY: `events` is valid for `room` elements.
        match check(unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), events, room, timeout) }) {
            Ok(count) => Ok(usize::try_from(count).unwrap_or(0)),
            Err(Errno(libc::EINTR)) => Ok(0),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn token(&self, index: usize) -> u64 {
        self.events[index].u64
    }
}
