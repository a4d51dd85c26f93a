//! One session: frames from the host in, requests moved on in turns, frames to the host out. Owns the loop, the table
//! of requests and their ends; what a request does is in `command` and `files`.

pub(crate) mod link;
mod obey;
mod processes;
mod request;
pub(crate) mod sink;
mod wanted;

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use computesdk_docker_protocol::{Decoder, Hello, ToAgent, ToHost, VERSION};
use libc::pid_t;

use crate::background::Keepers;
use crate::command::spawn::Spawner;
use crate::environment::Environment;
use crate::sys::poll::{Interest, Poller, Port};
use crate::sys::signals::Signals;
use crate::sys::{self, Errno, STDIN, STDOUT};
use link::{Flow, Link, Token};
use request::Request;

/// How the name of an agent with nothing to do begins: PID 1 reads it. Nobody else can write it.
pub(crate) const QUIET: &str = "quiet";
const BUSY: &str = "busy";

const FROM_HOST: u64 = u64::MAX;
const TO_HOST: u64 = u64::MAX - 1;
const SIGNALS: u64 = u64::MAX - 2;

/// Chunks moved, and frames obeyed, before readiness is asked for again: what is new waits no longer than that.
const TURNS: usize = 8;
const FRAMES: usize = 16;

/// How soon a background command that floods may go on.
const PAUSE: Duration = Duration::from_millis(5);

/// How long the end of the session waits for the foreground commands it killed.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// Why a session ended other than by the host's clean end of stream.
pub(crate) type Fault = String;

#[derive(Debug, PartialEq, Eq)]
enum State {
    Open,
    Ended,
}

pub(crate) fn serve() -> Result<(), Fault> {
    sys::close_inherited();
    sys::keep_heap_small();
    let mut session = Session::open()?;
    let outcome = session.run();
    session.close();
    outcome
}

struct Session {
    link: Link,
    decoder: Decoder,
    signals: Port<Signals>,
    from_host: Port<BorrowedFd<'static>>,
    to_host: Port<BorrowedFd<'static>>,
    input: Vec<u8>,
    spawner: Spawner,
    /// Makes the tags of this session its own.
    nonce: u64,
    started: u64,
    /// Frames obeyed, and what the name says of them.
    heard: u64,
    told: (u64, bool),
    requests: BTreeMap<u32, Active>,
    commands: BTreeMap<pid_t, u32>,
    keepers: Keepers,
    /// Requests that do not report themselves: to be looked at again and again.
    ticking: Vec<u32>,
    next_tick: Option<Instant>,
    greeted: bool,
    listening: bool,
    writing: bool,
}

#[derive(Debug)]
struct Active {
    flow: Flow,
    request: Request,
}

impl Session {
    fn open() -> Result<Self, Fault> {
        let cannot = |what: &'static str| move |e: Errno| format!("cannot {what}: {e}");
        let signals = Signals::take_over().map_err(cannot("watch signals"))?;
        let poller = Poller::new().map_err(cannot("make an epoll"))?;
        let spawner = Spawner::new(Environment::take()).map_err(cannot("open /dev/null"))?;
        for fd in [STDIN, STDOUT] {
            sys::set_nonblocking(fd).map_err(cannot("use stdin and stdout"))?;
        }
        let mut session = Self {
            link: Link::new(poller),
            decoder: Decoder::default(),
            signals: Port::new(signals),
            from_host: Port::new(STDIN),
            to_host: Port::new(STDOUT),
            input: vec![0; 64 * 1024],
            spawner,
            nonce: sys::random(),
            started: 0,
            heard: 0,
            told: (0, true),
            requests: BTreeMap::new(),
            commands: BTreeMap::new(),
            keepers: Keepers::default(),
            ticking: Vec::new(),
            next_tick: None,
            greeted: false,
            listening: false,
            writing: false,
        };
        let watched = session.link.poller.watch(&mut session.signals, Interest::Read, SIGNALS);
        watched.map_err(cannot("watch signals"))?;
        session.link.send(&Flow::new(0), &ToHost::Hello(Hello { version: VERSION }));
        Ok(session)
    }

    fn run(&mut self) -> Result<(), Fault> {
        loop {
            let more_frames = self.obey_frames()?;
            self.take_turns();
            self.flush()?;
            if !more_frames {
                self.listen()?;
            }
            self.tell();
            let timeout = self.timeout(more_frames);
            let count = self.link.poller.wait(timeout).map_err(|e| format!("cannot wait: {e}"))?;
            for index in 0..count {
                if self.notice(self.link.poller.token(index))? == State::Ended {
                    return Ok(());
                }
            }
            self.tick();
        }
    }

    /// Says by the process's name whether something is under way, and that something was.
    fn tell(&mut self) {
        let busy = !self.requests.is_empty();
        // While it is busy, more to do changes nothing.
        if self.told.1 == busy && (busy || self.told.0 == self.heard) {
            return;
        }
        self.told = (self.heard, busy);
        sys::set_name(&format!("{} {:x}", if busy { BUSY } else { QUIET }, self.heard & 0xfff_ffff));
    }

    fn timeout(&self, more_frames: bool) -> Option<Duration> {
        if more_frames || self.link.has_ready() {
            return Some(Duration::ZERO);
        }
        // Rounded up: a wait of zero milliseconds would spin until the tick.
        self.next_tick.map(|at| at.saturating_duration_since(Instant::now()) + Duration::from_millis(1))
    }

    fn notice(&mut self, token: u64) -> Result<State, Fault> {
        match token {
            FROM_HOST => return self.hear(),
            TO_HOST => self.writing = false,
            SIGNALS => return self.signalled(),
            token => self.link.make_ready(Token(token)),
        }
        Ok(State::Open)
    }

    /// Lets the host be heard again, unless it takes no answers: what it asks for is then bounded too.
    fn listen(&mut self) -> Result<(), Fault> {
        if self.listening || self.link.outbox.is_full() {
            return Ok(());
        }
        self.listening = true;
        let watched = self.link.poller.watch(&mut self.from_host, Interest::Read, FROM_HOST);
        watched.map_err(|e| format!("stdin must be a pipe or a socket: {e}"))
    }

    fn hear(&mut self) -> Result<State, Fault> {
        self.listening = false;
        match sys::read(STDIN, &mut self.input) {
            Ok(0) if self.decoder.is_at_boundary() => return Ok(State::Ended),
            Ok(0) => return Err("the host's stream ended inside a frame".into()),
            Ok(count) => self.decoder.push(&self.input[..count]),
            Err(Errno(libc::EAGAIN | libc::EINTR)) => {}
            Err(error) => return Err(format!("cannot read from the host: {error}")),
        }
        Ok(State::Open)
    }

    /// Obeys what has arrived, a few frames at a time and no more than one start of a process; true when more may be
    /// there.
    fn obey_frames(&mut self) -> Result<bool, Fault> {
        for _ in 0..FRAMES {
            if self.link.outbox.is_full() {
                return Ok(false);
            }
            let Some(frame) = self.decoder.next_frame().map_err(|e| e.to_string())? else { return Ok(false) };
            let id = frame.id;
            let message = ToAgent::decode(frame).map_err(|e| e.to_string())?;
            self.heard += 1;
            let starts = matches!(message, ToAgent::Run(_));
            self.obey(id, message)?;
            if starts {
                break;
            }
        }
        Ok(true)
    }

    fn signalled(&mut self) -> Result<State, Fault> {
        let pending = self.signals.inner().wait().map_err(|e| format!("cannot read signals: {e}"))?;
        while let Some((pid, ending)) = sys::reap() {
            match self.commands.remove(&pid) {
                Some(id) => self.with(id, |active, link| active.request.exited(ending, &active.flow, link)),
                None if self.keepers.exited(pid, ending) => self.background_moved(),
                None => {}
            }
        }
        let watched = self.link.poller.watch(&mut self.signals, Interest::Read, SIGNALS);
        watched.map_err(|e| format!("cannot watch signals: {e}"))?;
        Ok(if pending.terminate { State::Ended } else { State::Open })
    }

    /// Does something with a live request, and ends it when that is the answer. An id that has ended is no fault: what
    /// the host sends may cross the end.
    fn with(&mut self, id: u32, act: impl FnOnce(&mut Active, &mut Link) -> Option<ToHost>) {
        let Some(active) = self.requests.get_mut(&id) else { return };
        if let Some(end) = act(active, &mut self.link) {
            self.link.send(&active.flow, &end);
            self.requests.remove(&id);
        }
    }

    fn take_turns(&mut self) {
        for _ in 0..TURNS {
            let Some(token) = self.link.next_ready() else { return };
            if token.is_background() {
                self.keepers.step(token, &mut self.link);
                self.background_moved();
                continue;
            }
            let (id, slot) = token.parts();
            self.with(id, |active, link| active.request.step(slot, &mut active.flow, link));
        }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        if let Some(error) = self.link.take_error() {
            return Err(error.to_string());
        }
        if self.writing {
            return Ok(());
        }
        let cannot = |error: Errno| format!("cannot write to the host: {error}");
        let all = self.link.outbox.flush(|bytes| sys::write(STDOUT, bytes)).map_err(cannot)?;
        self.link.wake_waiting();
        if !all {
            self.writing = true;
            self.link.poller.watch(&mut self.to_host, Interest::Write, TO_HOST).map_err(cannot)?;
        }
        Ok(())
    }

    fn tick_later(&mut self, id: u32) {
        let Some(pace) = self.requests.get(&id).and_then(|active| active.request.pace()) else { return };
        if !self.ticking.contains(&id) {
            self.ticking.push(id);
        }
        self.tick_within(pace);
    }

    fn tick_within(&mut self, pace: Duration) {
        let at = Instant::now() + pace;
        self.next_tick = Some(self.next_tick.map_or(at, |next| next.min(at)));
    }

    /// A background command has printed or ended: who follows it hears of that at once.
    fn background_moved(&mut self) {
        if self.keepers.is_paused() {
            self.tick_within(PAUSE);
        }
        let follows = |id: &u32| self.requests.get(id).is_some_and(|active| active.request.follows());
        let following: Vec<u32> = self.ticking.iter().copied().filter(follows).collect();
        for id in following {
            self.with(id, |active, link| active.request.tick(&mut active.flow, link).1);
        }
    }

    fn tick(&mut self) {
        if self.next_tick.is_none_or(|at| at > Instant::now()) {
            return;
        }
        self.next_tick = None;
        self.keepers.tick(&mut self.link);
        for id in std::mem::take(&mut self.ticking) {
            let mut again = false;
            self.with(id, |active, link| {
                let (goes_on, end) = active.request.tick(&mut active.flow, link);
                again = goes_on;
                end
            });
            if again {
                self.tick_later(id);
            }
        }
    }

    /// The session is over: its foreground commands end with it, background ones live on.
    fn close(&mut self) {
        self.end_foreground();
        self.keepers_last();
    }

    /// Stays for as long as a background command runs: its output must go somewhere. The engine sees the stream's end.
    fn keepers_last(&mut self) {
        if !self.keepers.is_busy() {
            return;
        }
        for fd in [STDIN, STDOUT, sys::STDERR] {
            let _ = sys::replace(fd, self.spawner.null());
        }
        (self.next_tick, self.ticking) = (None, Vec::new());
        loop {
            self.take_turns();
            if !self.keepers.is_busy() {
                return;
            }
            let timeout = self.timeout(false);
            let Ok(count) = self.link.poller.wait(timeout) else { return };
            for index in 0..count {
                let is_background = |token: u64| token < SIGNALS;
                match self.link.poller.token(index) {
                    SIGNALS if !matches!(self.signalled(), Ok(State::Open)) => return,
                    token if is_background(token) => self.link.make_ready(Token(token)),
                    _ => {}
                }
            }
            self.tick();
        }
    }

    fn end_foreground(&mut self) {
        let mut killed: Vec<Active> = std::mem::take(&mut self.requests).into_values().collect();
        killed.retain_mut(|active| active.request.kill());
        let since = Instant::now();
        while !killed.is_empty() && since.elapsed() < LAST_PATIENCE {
            while let Some((pid, ending)) = sys::reap() {
                let Some(id) = self.commands.remove(&pid) else {
                    self.keepers.exited(pid, ending);
                    continue;
                };
                for active in killed.iter_mut().filter(|active| active.flow.id() == id) {
                    active.request.exited(ending, &active.flow, &mut self.link);
                }
            }
            killed.retain_mut(|active| active.request.tick(&mut active.flow, &mut self.link).0);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
