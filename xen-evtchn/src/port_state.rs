//! State of a port: its mask reasons and its count of spurious events.

use core::time::Duration;
use xen_hypercall::Instant;
use xen_hypercall::sync::{AtomicU64, Ordering};

/// Mask reason: no handler is bound.
const UNBOUND: u64 = 1;
/// Mask reason: the kernel masked the port.
pub(crate) const EXPLICIT: u64 = 1 << 1;
/// Mask reason: the port moves to another vCPU.
pub(crate) const MOVING: u64 = 1 << 2;
/// Mask reason: an event was delivered and has not ended.
const HANDLING: u64 = 1 << 3;
/// Mask reason: too many spurious events came in a row.
const DELAYED: u64 = 1 << 4;
/// All mask reasons. The port is masked as long as one of these is set.
const REASONS: u64 = UNBOUND | EXPLICIT | MOVING | HANDLING | DELAYED;
/// An event was cleared in Xen's words while a mask reason was set. It is made pending again when
/// the last reason is removed.
const KEPT: u64 = 1 << 5;
/// An event is recorded for a task or a thread that waits.
const RECORDED: u64 = 1 << 6;

/// All flags above.
const FLAGS: u64 = 0x7f;

/// Position of the number of spurious events in a row, in 4 bits: enough to reach the longest
/// delay.
const SPURIOUS: u32 = 7;
const SPURIOUS_MASK: u64 = 0xf;
/// Position of the handler's generation, in 16 bits. An end of interrupt with an earlier generation
/// has no effect.
const GENERATION: u32 = 11;
const GENERATION_MASK: u64 = 0xffff;
/// Position of the end of the delay, in milliseconds of system time: the low 37 bits, two years
/// before and after now.
const UNTIL: u32 = 27;
const UNTIL_MASK: u64 = u64::MAX >> UNTIL;
/// Nanoseconds in a millisecond.
const MILLI: u64 = 1_000_000;

/// Spurious events in a row that are not delayed. An interrupt whose work a poll has already done
/// is no storm.
const FREE_SPURIOUS: u64 = 4;
/// First delay. Each further one is twice as long.
const FIRST_DELAY: Duration = Duration::from_millis(1);
/// Longest delay.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// Result of a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eoi {
    /// The handler found work.
    Handled,
    /// The handler found no work.
    Spurious,
}

/// State of a port in one word, so that each change is one atomic step.
pub(crate) struct PortState(AtomicU64);

/// The last mask reason was removed: the caller must unmask the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unmask {
    /// An event was kept and must be made pending first.
    pub(crate) kept: bool,
}

/// Result of a new event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// The handler must run, with this generation.
    Run(u16),
    /// The event is kept until the mask reasons are removed.
    Kept,
    /// The event is kept until a handler is bound.
    Unbound,
}

/// Result of a waiter's check of a port, before it reads the event words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// An upcall has recorded an event.
    Event,
    /// The port is masked because of spurious events.
    Delayed,
    /// No event. The waiter's earlier event has ended, which may have removed the last mask reason.
    Nothing(Option<Unmask>),
}

/// Result of an end of interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EoiOutcome {
    /// The event had ended already or belonged to an earlier handler.
    Stale,
    /// Another mask reason remains.
    Masked,
    Unmask(Unmask),
    /// The port stays masked until this time.
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

    /// Starts the handler of an event, or keeps the event if a mask reason is set.
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

    /// Ends the handling of an event that was delivered with generation `delivered`.
    pub(crate) fn eoi(&self, delivered: u16, found: Eoi, now: Instant) -> EoiOutcome {
        let current = |state: u64| state & HANDLING != 0 && generation(state) == delivered;
        let next = |state: u64| {
            if !current(state) {
                return state;
            }
            let kept = state & !HANDLING & (FLAGS | GENERATION_MASK << GENERATION);
            let spurious = state >> SPURIOUS & SPURIOUS_MASK;
            match found {
                Eoi::Handled => release(kept),
                Eoi::Spurious if spurious < FREE_SPURIOUS => {
                    release(kept) | (spurious + 1) << SPURIOUS
                }
                Eoi::Spurious => {
                    let until = millis(now + delay(spurious - FREE_SPURIOUS)) & UNTIL_MASK;
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
            unmasked(old, new).map_or(EoiOutcome::Masked, EoiOutcome::Unmask)
        }
    }

    /// Ends the delay if it is over; otherwise returns its end.
    pub(crate) fn expire(&self, now: Instant) -> Result<Option<Unmask>, Instant> {
        // The port may have been closed and bound anew. The models need this load: loom runs
        // read-modify-writes in program order, so only a load shows a missing order.
        if self.0.load(Ordering::Relaxed) & DELAYED == 0 {
            return Ok(None);
        }
        let is_due = |state| state & DELAYED != 0 && until(state, now) <= now;
        let next = |state| if is_due(state) { release(state & !DELAYED) } else { state };
        let old = self.change(next);
        if next(old) & DELAYED != 0 { Err(until(old, now)) } else { Ok(unmasked(old, next(old))) }
    }

    /// Adds a mask reason. The caller must mask the port before: the call that removes the last
    /// reason unmasks the port later.
    pub(crate) fn add(&self, reason: u64) {
        self.change(|state| state | reason);
    }

    /// Removes a mask reason.
    pub(crate) fn remove(&self, reason: u64) -> Option<Unmask> {
        let next = |state: u64| release(state & !reason);
        let old = self.change(next);
        unmasked(old, next(old))
    }

    /// Removes the handler and wakes the task that awaits the port. Events that were delivered and
    /// have not ended belong to an earlier generation from now on.
    pub(crate) fn reset(&self) {
        self.change(|state| {
            let next = u64::from(generation(state).wrapping_add(1));
            UNBOUND | RECORDED | next << GENERATION
        });
    }

    /// Records the event that is being handled, for a waiter or a task.
    pub(crate) fn record(&self) {
        self.change(|state| state | RECORDED);
    }

    /// Takes the recorded event, or else ends the handling that a waiter has begun.
    pub(crate) fn take_recorded(&self) -> Recorded {
        let is_recorded = |state: u64| state & RECORDED != 0 && state & HANDLING != 0;
        let next = |state: u64| {
            if is_recorded(state) || state & DELAYED != 0 {
                return state & !RECORDED;
            }
            let ended = state & !(HANDLING | RECORDED);
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
            Recorded::Nothing(unmasked(old, next(old)))
        }
    }

    /// Starts the handling of an event by a waiter: one that was pending, or one that was kept for
    /// a port without a handler. Returns whether there was one.
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
        (state & HANDLING != 0 && state & RECORDED == 0).then(|| generation(state))
    }

    /// Returns whether the port is masked for a time because of spurious events.
    pub(crate) fn is_delayed(&self) -> bool {
        self.0.load(Ordering::Relaxed) & DELAYED != 0
    }

    /// Lets events be delivered, with nothing left of an earlier handler or waiter.
    pub(crate) fn bind(&self) -> Option<Unmask> {
        let next = |state: u64| match state & UNBOUND {
            0 => release(state & !RECORDED),
            _ => release(state & !(UNBOUND | RECORDED | HANDLING)),
        };
        let old = self.change(next);
        unmasked(old, next(old))
    }

    /// Clears the request of [`record`](Self::record) or [`reset`](Self::reset) and returns the
    /// generation of the delivered event, if any.
    #[cfg(feature = "async")]
    pub(crate) fn take_wake(&self) -> Option<Option<u16>> {
        let old = self.change(|state| state & !RECORDED);
        (old & RECORDED != 0).then(|| (old & HANDLING != 0).then(|| generation(old)))
    }

    /// Changes the state in one step and returns the one before.
    #[inline(always)]
    fn change(&self, next: impl Fn(u64) -> u64) -> u64 {
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            // Acquire and release: the mask that was set before one change is visible to the unmask
            // after the next one.
            match self.0.compare_exchange(old, next(old), Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return old,
                Err(now) => old = now,
            }
        }
    }
}

/// Returns the state without the kept event if no mask reason remains, since the event is made
/// pending then.
fn release(state: u64) -> u64 {
    if state & REASONS == 0 { state & !KEPT } else { state }
}

fn unmasked(old: u64, new: u64) -> Option<Unmask> {
    (old & REASONS != 0 && new & REASONS == 0).then_some(Unmask { kept: old & KEPT != 0 })
}

/// Returns the delay after `waits` earlier ones.
fn delay(waits: u64) -> Duration {
    FIRST_DELAY.saturating_mul(1 << waits.min(16)).min(MAX_DELAY)
}

fn generation(state: u64) -> u16 {
    (state >> GENERATION & GENERATION_MASK) as u16
}

fn millis(at: Instant) -> u64 {
    at.as_nanos().div_ceil(MILLI)
}

/// Returns the end of the delay in `state`, which is less than two years from `now`; `now` if it is
/// over.
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
        let state = PortState::new();
        assert_eq!(state.bind(), Some(Unmask { kept: false }));
        state
    }

    #[test]
    fn event_before_bind_is_kept() {
        let state = PortState::new();
        assert_eq!(state.begin(), Begin::Unbound);
        assert_eq!(state.bind(), Some(Unmask { kept: true }));
        assert_eq!(state.begin(), Begin::Run(0));
        assert_eq!(state.eoi(0, Eoi::Handled, START), EoiOutcome::Unmask(Unmask { kept: false }));
    }

    #[test]
    fn last_reason_removed_unmasks_port() {
        let state = bound();
        state.add(EXPLICIT);
        state.add(MOVING);
        assert_eq!(state.begin(), Begin::Kept, "masked");
        assert_eq!(state.remove(EXPLICIT), None);
        assert_eq!(state.remove(EXPLICIT), None, "it is gone already");
        assert_eq!(state.remove(MOVING), Some(Unmask { kept: true }));
        assert_eq!(state.remove(MOVING), None, "unmasked once");
        assert_eq!(state.begin(), Begin::Run(0));
        state.add(EXPLICIT);
        assert_eq!(state.eoi(0, Eoi::Handled, START), EoiOutcome::Masked);
        assert_eq!(state.eoi(0, Eoi::Handled, START), EoiOutcome::Stale);
        assert_eq!(state.remove(EXPLICIT), Some(Unmask { kept: false }));
    }

    /// An event that a waiter took before the first `bind` has no handler that could end it.
    #[test]
    fn bind_ends_only_waited_event() {
        let state = bound();
        assert_eq!(state.begin(), Begin::Run(0));
        assert_eq!(state.bind(), None, "the handler has not ended it");
        assert_eq!(state.begin(), Begin::Kept);
        assert_eq!(state.eoi(0, Eoi::Handled, START), EoiOutcome::Unmask(Unmask { kept: true }));
        let state = PortState::new();
        assert!(state.begin_wait(true));
        assert_eq!(state.bind(), Some(Unmask { kept: false }));
        assert_eq!(state.begin(), Begin::Run(0));
    }

    /// A waiter polls a port that the kernel has masked, with another event kept.
    #[test]
    fn wait_keeps_event_of_bound_port() {
        let state = bound();
        state.add(EXPLICIT);
        assert_eq!(state.begin(), Begin::Kept);
        assert!(!state.begin_wait(false));
        assert!(state.begin_wait(true));
        assert_eq!(state.remove(EXPLICIT), None, "the waiter's event has not ended");
        assert_eq!(state.take_recorded(), Recorded::Nothing(Some(Unmask { kept: true })));
    }

    /// D-E01.
    #[test]
    fn delay_doubles_until_work_is_found() {
        let state = bound();
        let (mut now, mut waits) = (START, std::vec::Vec::new());
        for _ in 0..300 {
            assert_eq!(state.begin(), Begin::Run(0));
            assert_eq!(state.begin(), Begin::Kept, "one handler at a time");
            match state.eoi(0, Eoi::Spurious, now) {
                EoiOutcome::Unmask(Unmask { kept: true }) => {}
                EoiOutcome::Delayed(until) => {
                    waits.push(until.saturating_duration_since(now));
                    assert_eq!(
                        state.eoi(0, Eoi::Handled, now),
                        EoiOutcome::Stale,
                        "no second end cuts the wait short"
                    );
                    assert_eq!(state.expire(Instant::from_nanos(until.as_nanos() - 1)), Err(until));
                    assert_eq!(state.expire(until), Ok(Some(Unmask { kept: true })));
                    assert_eq!(state.expire(until), Ok(None));
                    now = until;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(waits.len(), 300 - FREE_SPURIOUS as usize);
        assert_eq!(waits[..3], [1, 2, 4].map(Duration::from_millis));
        assert!(waits.is_sorted() && waits[200..].iter().all(|&wait| wait == MAX_DELAY));
        assert_eq!(state.begin(), Begin::Run(0));
        assert_eq!(state.eoi(0, Eoi::Handled, now), EoiOutcome::Unmask(Unmask { kept: false }));
        for _ in 0..FREE_SPURIOUS {
            assert_eq!(state.begin(), Begin::Run(0));
            assert!(matches!(state.eoi(0, Eoi::Spurious, now), EoiOutcome::Unmask(_)));
        }
    }

    #[test]
    fn late_eoi_is_stale() {
        let state = bound();
        let mut delivered = std::vec::Vec::new();
        for round in 0..70_000u32 {
            let Begin::Run(generation) = state.begin() else {
                panic!("it is bound and not handled")
            };
            if round < 3 {
                delivered.push(generation);
            } else if let Some(&late) =
                delivered.get(round as usize % 3).filter(|&&late| late != generation)
            {
                assert_eq!(
                    state.eoi(late, Eoi::Handled, START),
                    EoiOutcome::Stale,
                    "round {round}"
                );
            }
            assert_eq!(state.begin(), Begin::Kept, "it is handled still");
            state.reset();
            assert_eq!(state.eoi(generation, Eoi::Handled, START), EoiOutcome::Stale);
            assert_eq!(state.bind(), Some(Unmask { kept: false }));
        }
    }

    #[test]
    fn delay_ends_at_any_clock_value() {
        for at in [
            0,
            1,
            MILLI - 1,
            u64::MAX >> 20,
            (UNTIL_MASK - 1) * MILLI,
            (UNTIL_MASK + 5) * MILLI + 7,
        ] {
            let (state, now) = (bound(), Instant::from_nanos(at));
            for _ in 0..FREE_SPURIOUS {
                state.begin();
                state.eoi(0, Eoi::Spurious, now);
            }
            state.begin();
            let EoiOutcome::Delayed(until) = state.eoi(0, Eoi::Spurious, now) else {
                panic!("{now:?}: no wait")
            };
            let wait = until.saturating_duration_since(now);
            assert!((FIRST_DELAY..2 * FIRST_DELAY).contains(&wait), "{now:?}: {wait:?}");
            assert_eq!(state.expire(Instant::from_nanos(until.as_nanos() - 1)), Err(until));
            let late = until + Duration::from_secs(365 * 24 * 3600);
            assert_eq!(state.expire(late), Ok(Some(Unmask { kept: false })));
        }
    }

    #[test]
    fn delay_end_is_within_two_years() {
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
    fn expire_without_delay_changes_nothing() {
        let state = bound();
        state.add(EXPLICIT);
        assert_eq!(state.begin(), Begin::Kept);
        assert_eq!(state.expire(START), Ok(None));
        assert_eq!(state.remove(EXPLICIT), Some(Unmask { kept: true }));
        assert_eq!(state.expire(START), Ok(None));
        assert_eq!(state.begin(), Begin::Run(0));
        assert_eq!(state.expire(START), Ok(None));
        assert_eq!(state.eoi(0, Eoi::Handled, START), EoiOutcome::Unmask(Unmask { kept: false }));
    }

    #[test]
    fn delay_ends_at_maximum_time() {
        let state = bound();
        let now = Instant::from_nanos(u64::MAX);
        for _ in 0..FREE_SPURIOUS {
            assert_eq!(state.begin(), Begin::Run(0));
            state.eoi(0, Eoi::Spurious, now);
        }
        assert_eq!(state.begin(), Begin::Run(0));
        assert!(
            matches!(state.eoi(0, Eoi::Spurious, now), EoiOutcome::Delayed(until) if until <= now)
        );
        assert_eq!(state.expire(now), Ok(Some(Unmask { kept: false })));
    }
}
