//! One port's state: why it is masked, and how much it may be told without work to do.

use core::time::Duration;
use xen_hypercall::Instant;
use xen_hypercall::sync::{AtomicU64, Ordering};

/// No handler is bound.
const UNBOUND: u64 = 1 << 0;
/// The kernel masked it.
pub(crate) const EXPLICIT: u64 = 1 << 1;
/// It is on its way to another vCPU.
pub(crate) const MOVING: u64 = 1 << 2;
/// It was told, and the end has not come yet.
const HANDLING: u64 = 1 << 3;
/// It came too often without work, and has to wait.
const DELAYED: u64 = 1 << 4;
/// Why a port is masked: it is not as long as none of these is set.
const REASONS: u64 = UNBOUND | EXPLICIT | MOVING | HANDLING | DELAYED;
/// An event was taken off Xen's words while there was a reason: it is made pending again when there is none.
const KEPT: u64 = 1 << 5;
/// An event for whoever awaits one; only tasks look at it.
const TOLD: u64 = 1 << 6;

/// How often in a row it was told without work, in 8 bits.
const SPURIOUS: u32 = 8;
const SPURIOUS_MASK: u64 = 0xff;
/// When the delay ends, in microseconds of system time.
const UNTIL: u32 = 16;

/// So many times in a row an event may come without work before the port has to wait: an interrupt that finds what a poll has already taken
/// is nothing bad.
const FREE: u64 = 4;
/// The first wait; each further one is twice as long.
const FIRST_DELAY: Duration = Duration::from_millis(1);
/// The longest wait.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// What a handler found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// There was something to do.
    Done,
    /// There was nothing: the event was one too many.
    Spurious,
}

/// The state of a port, in one word, so that each change is one step.
pub(crate) struct Line(AtomicU64);

/// The last reason is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Free {
    /// An event waits to be made pending again.
    pub(crate) kept: bool,
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// Its handler is to run.
    Run,
    /// It is kept for when the reason is gone.
    Kept,
    /// It is kept for a handler to come.
    Unbound,
}

/// How the end of a handler goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// There was no handler to end.
    Stale,
    /// Another reason remains.
    Masked,
    Free(Free),
    /// The port stays masked until then.
    Delayed(Instant),
}

impl Line {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(UNBOUND))
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(UNBOUND))
    }

    /// Starts the handler of an event, or keeps the event if there is a reason not to.
    #[inline(always)]
    pub(crate) fn begin(&self) -> Begin {
        let old = self.change(|state| state | if state & REASONS == 0 { HANDLING } else { KEPT });
        if old & REASONS == 0 {
            Begin::Run
        } else if old & UNBOUND == 0 {
            Begin::Kept
        } else {
            Begin::Unbound
        }
    }

    /// Ends the handler.
    pub(crate) fn end(&self, work: Work, now: Instant) -> End {
        let next = |state: u64| {
            if state & HANDLING == 0 {
                return state;
            }
            let flags = state & !HANDLING & 0xff;
            let spurious = state >> SPURIOUS & SPURIOUS_MASK;
            match work {
                Work::Done => release(flags),
                Work::Spurious if spurious < FREE => release(flags) | (spurious + 1) << SPURIOUS,
                Work::Spurious => {
                    let until = micros(now + delay(spurious - FREE));
                    flags | DELAYED | (spurious + 1).min(SPURIOUS_MASK) << SPURIOUS | until << UNTIL
                }
            }
        };
        let old = self.change(next);
        let new = next(old);
        if old & HANDLING == 0 {
            End::Stale
        } else if new & DELAYED != 0 {
            End::Delayed(until(new))
        } else {
            freed(old, new).map_or(End::Masked, End::Free)
        }
    }

    /// Ends the delay if its time has come; otherwise returns when that is.
    pub(crate) fn expire(&self, now: Instant) -> Result<Option<Free>, Instant> {
        // The line may be another one by now: closed, and bound anew.
        if self.0.load(Ordering::Relaxed) & DELAYED == 0 {
            return Ok(None);
        }
        let due = |state: u64| state & DELAYED != 0 && until(state) <= now;
        let next = |state: u64| if due(state) { release(state & !DELAYED) } else { state };
        let old = self.change(next);
        if next(old) & DELAYED != 0 { Err(until(old)) } else { Ok(freed(old, next(old))) }
    }

    /// Adds a reason. The port has to be masked before: whoever takes the last reason away then comes later with the unmask.
    pub(crate) fn add(&self, reason: u64) {
        self.change(|state| state | reason);
    }

    /// Takes a reason away.
    pub(crate) fn remove(&self, reason: u64) -> Option<Free> {
        let next = |state: u64| release(state & !reason);
        let old = self.change(next);
        freed(old, next(old))
    }

    /// Forgets everything: no handler is bound, and whoever awaits an event is told.
    pub(crate) fn start_over(&self) {
        self.change(|_| UNBOUND | TOLD);
    }

    #[cfg(feature = "async")]
    pub(crate) fn tell(&self) {
        self.change(|state| state | TOLD);
    }

    /// Lets events be told, with nothing left of an earlier handler.
    pub(crate) fn bind(&self) -> Option<Free> {
        self.remove(UNBOUND | TOLD)
    }

    #[cfg(feature = "async")]
    pub(crate) fn take_told(&self) -> bool {
        self.change(|state| state & !TOLD) & TOLD != 0
    }

    /// Changes the state in one step and returns the one before.
    #[inline(always)]
    fn change(&self, next: impl Fn(u64) -> u64) -> u64 {
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            // A mask set before one change is seen by the unmask after the next.
            match self.0.compare_exchange(old, next(old), Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return old,
                Err(now) => old = now,
            }
        }
    }
}

/// The state without the kept event if no reason remains, as that is made pending then.
fn release(state: u64) -> u64 {
    if state & REASONS == 0 { state & !KEPT } else { state }
}

fn freed(old: u64, new: u64) -> Option<Free> {
    (old & REASONS != 0 && new & REASONS == 0).then_some(Free { kept: old & KEPT != 0 })
}

/// How long a port waits after so many waits before this one.
fn delay(waits: u64) -> Duration {
    FIRST_DELAY.saturating_mul(1 << waits.min(16)).min(MAX_DELAY)
}

fn micros(at: Instant) -> u64 {
    at.as_nanos().div_ceil(1000).min(u64::MAX >> UNTIL)
}

fn until(state: u64) -> Instant {
    Instant::from_nanos((state >> UNTIL).saturating_mul(1000))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const START: Instant = Instant::from_nanos(5_000_000_000);

    fn bound() -> Line {
        let line = Line::new();
        assert_eq!(line.bind(), Some(Free { kept: false }));
        line
    }

    #[test]
    fn a_port_without_a_handler_keeps_its_event_for_the_one_to_come() {
        let line = Line::new();
        assert_eq!(line.begin(), Begin::Unbound);
        assert_eq!(line.bind(), Some(Free { kept: true }));
        assert_eq!(line.begin(), Begin::Run);
        assert_eq!(line.end(Work::Done, START), End::Free(Free { kept: false }));
    }

    #[test]
    fn the_last_reason_to_go_frees_the_port() {
        let line = bound();
        line.add(EXPLICIT);
        line.add(MOVING);
        assert_eq!(line.begin(), Begin::Kept, "masked");
        assert_eq!(line.remove(EXPLICIT), None);
        assert_eq!(line.remove(EXPLICIT), None, "it is gone already");
        assert_eq!(line.remove(MOVING), Some(Free { kept: true }));
        assert_eq!(line.remove(MOVING), None, "freed once");
        assert_eq!(line.begin(), Begin::Run);
        line.add(EXPLICIT);
        assert_eq!(line.end(Work::Done, START), End::Masked);
        assert_eq!(line.end(Work::Done, START), End::Stale);
        assert_eq!(line.remove(EXPLICIT), Some(Free { kept: false }));
    }

    #[test]
    fn d_e01_waits_double_up_to_a_second_and_work_ends_them() {
        let line = bound();
        let (mut now, mut waits) = (START, std::vec::Vec::new());
        for _ in 0..300 {
            assert_eq!(line.begin(), Begin::Run);
            assert_eq!(line.begin(), Begin::Kept, "one handler at a time");
            match line.end(Work::Spurious, now) {
                End::Free(Free { kept: true }) => {}
                End::Delayed(until) => {
                    waits.push(until.saturating_duration_since(now));
                    assert_eq!(line.end(Work::Done, now), End::Stale, "no second end cuts the wait short");
                    assert_eq!(line.expire(Instant::from_nanos(until.as_nanos() - 1)), Err(until));
                    assert_eq!(line.expire(until), Ok(Some(Free { kept: true })));
                    assert_eq!(line.expire(until), Ok(None));
                    now = until;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(waits.len(), 300 - FREE as usize);
        assert_eq!(waits[..3], [1, 2, 4].map(Duration::from_millis));
        assert!(waits.is_sorted() && waits[200..].iter().all(|&wait| wait == MAX_DELAY));
        assert_eq!(line.begin(), Begin::Run);
        assert_eq!(line.end(Work::Done, now), End::Free(Free { kept: false }));
        for _ in 0..FREE {
            assert_eq!(line.begin(), Begin::Run);
            assert!(matches!(line.end(Work::Spurious, now), End::Free(_)));
        }
    }

    #[test]
    fn at_the_end_of_time_a_wait_still_ends() {
        let line = bound();
        let now = Instant::from_nanos(u64::MAX);
        for _ in 0..FREE {
            assert_eq!(line.begin(), Begin::Run);
            line.end(Work::Spurious, now);
        }
        assert_eq!(line.begin(), Begin::Run);
        assert!(matches!(line.end(Work::Spurious, now), End::Delayed(until) if until <= now));
        assert_eq!(line.expire(now), Ok(Some(Free { kept: false })));
    }
}
