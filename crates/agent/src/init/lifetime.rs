//! When a sandbox ends by itself. Pure: the clock, the sessions and the signals are told to it.
//!
//! Times are those of a clock that also runs while the machine sleeps.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::time::Duration;

use super::sessions::Session;

/// The signals from which on each adds twice as much as the one before, and how much the first adds.
const FIRST: i32 = 35;
const UNIT: Duration = Duration::from_millis(10);
/// The sandbox has left its pool: its lifetime begins.
pub(super) const HANDED_OUT: i32 = 64;

/// How often sessions are looked at, at most and at least; an eighth of the idle time between.
const SOONEST: Duration = Duration::from_millis(25);
const LATEST: Duration = Duration::from_secs(5);
/// How long a pool's sandbox waits for its first session, and how long it lives without one.
const FIRST_SESSION: Duration = Duration::from_secs(30);
const ORPHANED: Duration = Duration::from_secs(2);
const POOL_LOOK: Duration = Duration::from_millis(500);
const FIRST_LOOK: Duration = Duration::from_millis(50);

/// What the command line says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Terms {
    max: Option<Duration>,
    idle: Option<Duration>,
    pooled: bool,
}

impl Terms {
    pub(super) fn parse(words: &[&CStr]) -> Result<Self, String> {
        let mut terms = Self::default();
        for word in words.iter().map(|word| word.to_bytes()) {
            match word {
                b"pooled" => terms.pooled = true,
                _ if word.starts_with(b"max=") => terms.max = Some(milliseconds(&word[4..])?),
                _ if word.starts_with(b"idle=") => terms.idle = Some(milliseconds(&word[5..])?),
                _ => return Err("usage: computesdk-agent init [max=MS] [idle=MS] [pooled]".into()),
            }
        }
        Ok(terms)
    }
}

fn milliseconds(digits: &[u8]) -> Result<Duration, String> {
    let ms = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    ms.map(Duration::from_millis).ok_or_else(|| "a time is a number of milliseconds".into())
}

#[derive(Debug)]
pub(super) struct Lifetime {
    terms: Terms,
    deadline: Option<Duration>,
    /// When somebody last asked something of the sandbox.
    active: Duration,
    next_look: Duration,
    sessions: BTreeMap<i32, String>,
    /// A pool's sandbox has had a session.
    had_session: bool,
}

impl Lifetime {
    pub(super) fn new(terms: Terms, now: Duration) -> Self {
        let deadline = terms.max.filter(|_| !terms.pooled).map(|max| now + max);
        let sessions = BTreeMap::new();
        Self { terms, deadline, active: now, next_look: now, sessions, had_session: false }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    pub(super) fn needs_sessions(&self) -> bool {
        self.terms.idle.is_some() || self.terms.pooled
    }

    /// Sees who is there. A session at work counts as activity, one whose mark is another than before did something.
    pub(super) fn look(&mut self, sessions: &[Session], now: Duration) {
        if now < self.next_look {
            return;
        }
        let before = std::mem::take(&mut self.sessions);
        for session in sessions {
            if session.is_busy || before.get(&session.pid) != Some(&session.mark) {
                self.active = now;
            }
            self.sessions.insert(session.pid, session.mark.clone());
        }
        if self.terms.pooled && !sessions.is_empty() {
            self.had_session = true;
            self.active = now;
        }
        self.next_look = now + self.interval();
    }

    fn interval(&self) -> Duration {
        match self.terms.idle {
            _ if self.terms.pooled => {
                if self.had_session {
                    POOL_LOOK
                } else {
                    FIRST_LOOK
                }
            }
            Some(idle) => (idle / 8).clamp(SOONEST, LATEST),
            None => LATEST,
        }
    }

    /// What the host says by a signal.
    pub(super) fn signalled(&mut self, signal: i32, now: Duration) {
        if signal == HANDED_OUT {
            if std::mem::take(&mut self.terms.pooled) {
                self.deadline = self.terms.max.map(|max| now + max);
                self.active = now;
            }
        } else if let (Some(deadline), FIRST..HANDED_OUT) = (&mut self.deadline, signal) {
            *deadline += UNIT * (1 << (signal - FIRST));
        }
    }

    pub(super) fn is_over(&self, now: Duration) -> bool {
        self.end().is_some_and(|end| now >= end)
    }

    /// How long nothing happens unless somebody does something; `None`: for ever.
    pub(super) fn wait(&self, now: Duration) -> Option<Duration> {
        let look = self.needs_sessions().then_some(self.next_look);
        let next = self.end().into_iter().chain(look).min()?;
        Some(next.saturating_sub(now))
    }

    fn end(&self) -> Option<Duration> {
        if self.terms.pooled {
            let grace = if self.had_session { ORPHANED } else { FIRST_SESSION };
            return Some(self.active + grace);
        }
        let idle = self.terms.idle.map(|idle| self.active + idle);
        self.deadline.into_iter().chain(idle).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn terms(words: &[&CStr]) -> Terms {
        Terms::parse(words).expect("good words")
    }

    fn session(mark: &str, is_busy: bool) -> Session {
        Session { pid: 7, mark: mark.to_owned(), is_busy }
    }

    #[test]
    fn words_are_terms() {
        let expected = Terms { max: Some(S(2)), idle: Some(Duration::from_millis(5)), pooled: true };
        assert_eq!(terms(&[c"max=2000", c"idle=5", c"pooled"]), expected);
        for wrong in [c"max=", c"max=-1", c"idle=x", c"forever"] {
            assert!(Terms::parse(&[wrong]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn without_terms_nothing_ends_or_wakes() {
        let mut life = Lifetime::new(Terms::default(), S(1));
        life.signalled(40, S(2));
        life.signalled(HANDED_OUT, S(2));
        assert!(!life.is_over(S(1_000_000)));
        assert_eq!((life.wait(S(5)), life.deadline(), life.needs_sessions()), (None, None, false));
    }

    #[test]
    fn the_longest_life_is_extended_by_the_sum_of_the_signals() {
        let mut life = Lifetime::new(terms(&[c"max=10000"]), S(100));
        assert_eq!(life.wait(S(104)), Some(S(6)));
        // 10 ms × (1 + 4 + 8).
        for signal in [FIRST, FIRST + 2, FIRST + 3] {
            life.signalled(signal, S(105));
        }
        let end = S(110) + Duration::from_millis(130);
        assert_eq!(life.deadline(), Some(end));
        assert!(!life.is_over(end - UNIT) && life.is_over(end));
    }

    #[test]
    fn idle_is_the_time_since_the_last_call() {
        let mut life = Lifetime::new(terms(&[c"idle=8000"]), S(0));
        life.look(&[session("a", false)], S(3));
        assert!(!life.is_over(S(10)) && life.is_over(S(11)));
        // The same mark is no call, another one is, and one at work goes on being one.
        life.look(&[session("a", false)], S(5));
        assert!(life.is_over(S(11)));
        life.look(&[session("b", false)], S(9));
        assert!(!life.is_over(S(16)) && life.is_over(S(17)));
        life.look(&[session("b", true)], S(16));
        assert!(!life.is_over(S(23)));
        assert_eq!(life.wait(S(16)), Some(S(1)));
    }

    #[test]
    fn a_pools_sandbox_lives_as_long_as_its_session_and_begins_when_it_is_handed_out() {
        let mut life = Lifetime::new(terms(&[c"max=10000", c"pooled"]), S(0));
        assert!(life.deadline().is_none() && !life.is_over(S(29)) && life.is_over(S(30)));
        life.look(&[session("a", false)], S(20));
        life.look(&[session("a", false)], S(1000));
        assert!(!life.is_over(S(1001)));
        life.look(&[], S(1001));
        assert!(life.is_over(S(1002)));
        life.signalled(HANDED_OUT, S(1001));
        assert!(!life.is_over(S(1010)) && life.is_over(S(1011)));
        life.signalled(HANDED_OUT, S(1005));
        assert_eq!(life.deadline(), Some(S(1011)));
    }
}
