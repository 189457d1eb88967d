//! One port's state: why it is masked, and how much it may be delivered without work to do.

use core::time::Duration;
use xen_hypercall::Instant;
use xen_hypercall::sync::{AtomicU64, Ordering};

/// No handler is bound.
const UNBOUND: u64 = 1;
/// The kernel masked it.
pub(crate) const EXPLICIT: u64 = 1 << 1;
/// It is on its way to another vCPU.
pub(crate) const MOVING: u64 = 1 << 2;
/// It was delivered, and the end has not come yet.
const HANDLING: u64 = 1 << 3;
/// It came too often without work, and has to wait.
const DELAYED: u64 = 1 << 4;
/// Why a port is masked: it is not as long as none of these is set.
const REASONS: u64 = UNBOUND | EXPLICIT | MOVING | HANDLING | DELAYED;
/// An event was taken off Xen's words while there was a reason: it is made pending again when there
/// is none.
const KEPT: u64 = 1 << 5;
/// An event for whoever awaits one; only tasks look at it.
const TOLD: u64 = 1 << 6;

/// All of the above.
const FLAGS: u64 = 0x7f;

/// How often in a row it was delivered without work, in 4 bits: as many as it takes to the longest
/// wait.
const SPURIOUS: u32 = 7;
const SPURIOUS_MASK: u64 = 0xf;
/// Which of its handlers the port has now, in 16 bits: the end of an earlier one's handling is none
/// of this one's.
const GENERATION: u32 = 11;
const GENERATION_MASK: u64 = 0xffff;
/// When the delay ends, in milliseconds of system time: the low 37 bits, of two years before and
/// after.
const UNTIL: u32 = 27;
const UNTIL_MASK: u64 = u64::MAX >> UNTIL;
/// Nanoseconds in one of those.
const MILLI: u64 = 1_000_000;

/// So many times in a row an event may come without work before the port has to wait: an interrupt
/// that finds what a poll has already taken is nothing bad.
const FREE: u64 = 4;
/// The first wait; each further one is twice as long.
const FIRST_DELAY: Duration = Duration::from_millis(1);
/// The longest wait.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// What a handler found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eoi {
    /// There was something to do.
    Handled,
    /// There was nothing: the event was one too many.
    Spurious,
}

/// The state of a port, in one word, so that each change is one step.
pub(crate) struct PortState(AtomicU64);

/// The last reason is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Free {
    /// An event waits to be made pending again.
    pub(crate) kept: bool,
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// Its handler is to run, of this generation.
    Run(u16),
    /// It is kept for when the reason is gone.
    Kept,
    /// It is kept for a handler to come.
    Unbound,
}

/// Result of a waiter's check of a port, before it reads the event words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// An upcall has recorded an event.
    Event,
    /// The port is masked because of events without work.
    Delayed,
    /// No event. The waiter's earlier event has ended, which may have freed the port.
    Nothing(Option<Free>),
}

/// How the end of a handler goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EoiOutcome {
    /// There was no handler to end.
    Stale,
    /// Another reason remains.
    Masked,
    Free(Free),
    /// The port stays masked until then.
    Delayed(Instant),
}

impl PortState {
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
            Begin::Run(generation(old))
        } else if old & UNBOUND == 0 {
            Begin::Kept
        } else {
            Begin::Unbound
        }
    }

    /// Ends the handling of an event that was delivered with this generation.
    pub(crate) fn eoi(&self, delivered: u16, work: Eoi, now: Instant) -> EoiOutcome {
        let current = |state: u64| state & HANDLING != 0 && generation(state) == delivered;
        let next = |state: u64| {
            if !current(state) {
                return state;
            }
            let kept = state & !HANDLING & (FLAGS | GENERATION_MASK << GENERATION);
            let spurious = state >> SPURIOUS & SPURIOUS_MASK;
            match work {
                Eoi::Handled => release(kept),
                Eoi::Spurious if spurious < FREE => release(kept) | (spurious + 1) << SPURIOUS,
                Eoi::Spurious => {
                    let until = millis(now + delay(spurious - FREE)) & UNTIL_MASK;
                    kept | DELAYED | (spurious + 1).min(SPURIOUS_MASK) << SPURIOUS | until << UNTIL
                }
            }
        };
        let old = self.change(next);
        let new = next(old);
        if !current(old) {
            EoiOutcome::Stale
        } else if new & DELAYED != 0 {
            EoiOutcome::Delayed(until(new, now))
        } else {
            freed(old, new).map_or(EoiOutcome::Masked, EoiOutcome::Free)
        }
    }

    /// Ends the delay if its time has come; otherwise returns when that is.
    pub(crate) fn expire(&self, now: Instant) -> Result<Option<Free>, Instant> {
        // The line may be another one by now: closed, and bound anew. The models need this load: a
        // checker that runs read-modify-writes in program order shows a missing order by it alone.
        if self.0.load(Ordering::Relaxed) & DELAYED == 0 {
            return Ok(None);
        }
        let is_due = |state| state & DELAYED != 0 && until(state, now) <= now;
        let next = |state| if is_due(state) { release(state & !DELAYED) } else { state };
        let old = self.change(next);
        if next(old) & DELAYED != 0 { Err(until(old, now)) } else { Ok(freed(old, next(old))) }
    }

    /// Adds a reason. The port has to be masked before: whoever takes the last reason away then
    /// comes later with the unmask.
    pub(crate) fn add(&self, reason: u64) {
        self.change(|state| state | reason);
    }

    /// Takes a reason away.
    pub(crate) fn remove(&self, reason: u64) -> Option<Free> {
        let next = |state: u64| release(state & !reason);
        let old = self.change(next);
        freed(old, next(old))
    }

    /// Forgets everything: no handler is bound, and whoever awaits an event is delivered. Handlings
    /// that have not ended yet are an earlier generation's.
    pub(crate) fn reset(&self) {
        self.change(|state| {
            let next = u64::from(generation(state).wrapping_add(1));
            UNBOUND | TOLD | next << GENERATION
        });
    }

    /// Records the event that is being handled, for a waiter or a task.
    pub(crate) fn tell(&self) {
        self.change(|state| state | TOLD);
    }

    /// Takes the recorded event, or else ends the handling that a waiter has begun.
    pub(crate) fn take_recorded(&self) -> Recorded {
        let is_recorded = |state: u64| state & TOLD != 0 && state & HANDLING != 0;
        let next = |state: u64| {
            if is_recorded(state) || state & DELAYED != 0 {
                return state & !TOLD;
            }
            let ended = state & !(HANDLING | TOLD);
            // The waiter has reported nothing, so the event counts as handled.
            let reset = if state & HANDLING != 0 { SPURIOUS_MASK << SPURIOUS } else { 0 };
            release(ended & !reset)
        };
        let old = self.change(next);
        if is_recorded(old) {
            Recorded::Event
        } else if old & DELAYED != 0 {
            Recorded::Delayed
        } else {
            Recorded::Nothing(freed(old, next(old)))
        }
    }

    /// Starts the handling of an event by a waiter: one that was pending, or one that was kept for
    /// a port that no handler is bound to. Returns whether there was one.
    pub(crate) fn begin_wait(&self, was_pending: bool) -> bool {
        let has_event = |state: u64| was_pending || state & UNBOUND != 0 && state & KEPT != 0;
        let next = |state: u64| match (has_event(state), state & UNBOUND != 0) {
            (false, _) => state,
            (true, false) => state | HANDLING,
            (true, true) => state & !KEPT | HANDLING,
        };
        has_event(self.change(next))
    }

    /// Returns the generation of an event that is being handled and was taken by its waiter.
    pub(crate) fn handling(&self) -> Option<u16> {
        let state = self.0.load(Ordering::Relaxed);
        (state & HANDLING != 0 && state & TOLD == 0).then(|| generation(state))
    }

    /// Returns whether the port waits because of events without work.
    pub(crate) fn is_delayed(&self) -> bool {
        self.0.load(Ordering::Relaxed) & DELAYED != 0
    }

    /// Lets events be delivered, with nothing left of an earlier handler or waiter.
    pub(crate) fn bind(&self) -> Option<Free> {
        let next = |state: u64| match state & UNBOUND {
            0 => release(state & !TOLD),
            _ => release(state & !(UNBOUND | TOLD | HANDLING)),
        };
        let old = self.change(next);
        freed(old, next(old))
    }

    /// Takes what [`tell`](Self::tell) and [`reset`](Self::reset) say, with the
    /// generation of the event if there is one.
    #[cfg(feature = "async")]
    pub(crate) fn take_delivered(&self) -> Option<Option<u16>> {
        let old = self.change(|state| state & !TOLD);
        (old & TOLD != 0).then(|| (old & HANDLING != 0).then(|| generation(old)))
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

fn generation(state: u64) -> u16 {
    (state >> GENERATION & GENERATION_MASK) as u16
}

fn millis(at: Instant) -> u64 {
    at.as_nanos().div_ceil(MILLI)
}

/// Returns when the delay in `state` ends, which is less than two years from `now`; `now` if it has
/// ended.
fn until(state: u64, now: Instant) -> Instant {
    let start = millis(now);
    let ahead = (state >> UNTIL).wrapping_sub(start) & UNTIL_MASK;
    if ahead > UNTIL_MASK / 2 {
        return now;
    }
    Instant::from_nanos(start.saturating_add(ahead).saturating_mul(MILLI))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const START: Instant = Instant::from_nanos(5_000_000_000);

    fn bound() -> PortState {
        let line = PortState::new();
        assert_eq!(line.bind(), Some(Free { kept: false }));
        line
    }

    #[test]
    fn a_port_without_a_handler_keeps_its_event_for_the_one_to_come() {
        let line = PortState::new();
        assert_eq!(line.begin(), Begin::Unbound);
        assert_eq!(line.bind(), Some(Free { kept: true }));
        assert_eq!(line.begin(), Begin::Run(0));
        assert_eq!(line.eoi(0, Eoi::Handled, START), EoiOutcome::Free(Free { kept: false }));
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
        assert_eq!(line.begin(), Begin::Run(0));
        line.add(EXPLICIT);
        assert_eq!(line.eoi(0, Eoi::Handled, START), EoiOutcome::Masked);
        assert_eq!(line.eoi(0, Eoi::Handled, START), EoiOutcome::Stale);
        assert_eq!(line.remove(EXPLICIT), Some(Free { kept: false }));
    }

    #[test]
    fn d_e01_waits_double_up_to_a_second_and_work_ends_them() {
        let line = bound();
        let (mut now, mut waits) = (START, std::vec::Vec::new());
        for _ in 0..300 {
            assert_eq!(line.begin(), Begin::Run(0));
            assert_eq!(line.begin(), Begin::Kept, "one handler at a time");
            match line.eoi(0, Eoi::Spurious, now) {
                EoiOutcome::Free(Free { kept: true }) => {}
                EoiOutcome::Delayed(until) => {
                    waits.push(until.saturating_duration_since(now));
                    assert_eq!(
                        line.eoi(0, Eoi::Handled, now),
                        EoiOutcome::Stale,
                        "no second end cuts the wait short"
                    );
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
        assert_eq!(line.begin(), Begin::Run(0));
        assert_eq!(line.eoi(0, Eoi::Handled, now), EoiOutcome::Free(Free { kept: false }));
        for _ in 0..FREE {
            assert_eq!(line.begin(), Begin::Run(0));
            assert!(matches!(line.eoi(0, Eoi::Spurious, now), EoiOutcome::Free(_)));
        }
    }

    #[test]
    fn late_end_is_of_an_earlier_generation() {
        let line = bound();
        let mut delivered = std::vec::Vec::new();
        for round in 0..70_000u32 {
            let Begin::Run(generation) = line.begin() else {
                panic!("it is bound and not handled")
            };
            if round < 3 {
                delivered.push(generation);
            } else if let Some(&late) =
                delivered.get(round as usize % 3).filter(|&&late| late != generation)
            {
                assert_eq!(line.eoi(late, Eoi::Handled, START), EoiOutcome::Stale, "round {round}");
            }
            assert_eq!(line.begin(), Begin::Kept, "it is handled still");
            line.reset();
            assert_eq!(line.eoi(generation, Eoi::Handled, START), EoiOutcome::Stale);
            assert_eq!(line.bind(), Some(Free { kept: false }));
        }
    }

    #[test]
    fn wait_ends_wherever_the_clock_stands() {
        for at in [
            0,
            1,
            MILLI - 1,
            u64::MAX >> 20,
            (UNTIL_MASK - 1) * MILLI,
            (UNTIL_MASK + 5) * MILLI + 7,
        ] {
            let (line, now) = (bound(), Instant::from_nanos(at));
            for _ in 0..FREE {
                line.begin();
                line.eoi(0, Eoi::Spurious, now);
            }
            line.begin();
            let EoiOutcome::Delayed(until) = line.eoi(0, Eoi::Spurious, now) else {
                panic!("{now:?}: no wait")
            };
            let wait = until.saturating_duration_since(now);
            assert!((FIRST_DELAY..2 * FIRST_DELAY).contains(&wait), "{now:?}: {wait:?}");
            assert_eq!(line.expire(Instant::from_nanos(until.as_nanos() - 1)), Err(until));
            let late = until + Duration::from_secs(365 * 24 * 3600);
            assert_eq!(line.expire(late), Ok(Some(Free { kept: false })));
        }
    }

    #[test]
    fn wait_end_is_two_years_away_at_most() {
        const NOW: u64 = 1 << 40;
        const HALF: u64 = 1 << 36;
        let now = Instant::from_nanos(NOW * MILLI);
        let read = |millis: u64| until(millis << UNTIL, now);
        for at in [NOW, NOW + 1, NOW + HALF - 1] {
            assert_eq!(read(at), Instant::from_nanos(at * MILLI));
        }
        for ended in [NOW - 1, NOW - 1000, NOW - HALF] {
            assert_eq!(read(ended), now);
        }
    }

    #[test]
    fn line_without_wait_is_left_alone() {
        let line = bound();
        line.add(EXPLICIT);
        assert_eq!(line.begin(), Begin::Kept);
        assert_eq!(line.expire(START), Ok(None));
        assert_eq!(line.remove(EXPLICIT), Some(Free { kept: true }));
        assert_eq!(line.expire(START), Ok(None));
        assert_eq!(line.begin(), Begin::Run(0));
        assert_eq!(line.expire(START), Ok(None));
        assert_eq!(line.eoi(0, Eoi::Handled, START), EoiOutcome::Free(Free { kept: false }));
    }

    #[test]
    fn at_the_end_of_time_a_wait_still_ends() {
        let line = bound();
        let now = Instant::from_nanos(u64::MAX);
        for _ in 0..FREE {
            assert_eq!(line.begin(), Begin::Run(0));
            line.eoi(0, Eoi::Spurious, now);
        }
        assert_eq!(line.begin(), Begin::Run(0));
        assert!(
            matches!(line.eoi(0, Eoi::Spurious, now), EoiOutcome::Delayed(until) if until <= now)
        );
        assert_eq!(line.expire(now), Ok(Some(Free { kept: false })));
    }
}
