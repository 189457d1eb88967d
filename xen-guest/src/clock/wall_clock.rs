//! Wall clock: the time of day from shared info, and its setting by dom0.
//!
//! Xen has the time of day at the moment zero of system time; a guest adds the system time.
//! Xen fills shared info when the guest sets its first way of upcalls: before that, the seconds are
//! zero ([`WallClockError::NotSet`]). Read it after `set_upcall_vector` or `set_callback` of
//! `xen-evtchn`, and again after a migration. Source: `wc_version`, `wc_sec`, `wc_nsec` and
//! `wc_sec_hi` in `xen.h`.

use crate::SystemClock;
use core::mem::offset_of;
use core::time::Duration;
use thiserror::Error;
use xen_hypercall::ops::platform;
use xen_hypercall::sync::{Ordering, fence, spin_loop};
use xen_hypercall::{Errno, Hypercall, Instant, SharedMem};
use xen_sys::xen::SharedInfo;

/// Maximum number of reads of an unstable wall clock.
const ATTEMPTS: u32 = 1024;

/// Invalid wall clock of Xen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WallClockError {
    /// The seconds are zero: the guest has set no way of upcalls.
    #[error("wall clock: found 0 seconds, expected a time: set a callback before the read")]
    NotSet,
    /// The version stayed odd, or changed in each read.
    #[error("wall clock: found version {version} after {ATTEMPTS} reads, expected a stable one")]
    Unstable {
        /// Last version.
        version: u32,
    },
    /// The nanoseconds are a second or more.
    #[error("wall clock: found {nanos} nanoseconds, expected less than a second")]
    Nanoseconds {
        /// Found value.
        nanos: u32,
    },
}

/// Returns the time of day at moment zero of system time, since the start of 1970 (UTC).
///
/// # Errors
///
/// [`WallClockError`].
#[doc(alias("wc_sec", "wc_nsec", "wc_sec_hi"))]
pub fn at_boot(shared_info: &SharedMem) -> Result<Duration, WallClockError> {
    let page = shared_info.first_page();
    let version = page.u32::<{ offset_of!(SharedInfo, wc_version) }>();
    for _ in 0..ATTEMPTS {
        let before = version.load(Ordering::Acquire);
        let low = page.u32::<{ offset_of!(SharedInfo, wc_sec) }>().load(Ordering::Relaxed);
        let nanos = page.u32::<{ offset_of!(SharedInfo, wc_nsec) }>().load(Ordering::Relaxed);
        let high = page.u32::<{ offset_of!(SharedInfo, wc_sec_hi) }>().load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        if before & 1 == 0 && version.load(Ordering::Relaxed) == before {
            return match u64::from(high) << 32 | u64::from(low) {
                0 => Err(WallClockError::NotSet),
                _ if nanos >= 1_000_000_000 => Err(WallClockError::Nanoseconds { nanos }),
                seconds => Ok(Duration::new(seconds, nanos)),
            };
        }
        spin_loop();
    }
    Err(WallClockError::Unstable { version: version.load(Ordering::Relaxed) })
}

/// Returns the time of day at `moment` of `clock`, since the start of 1970 (UTC).
///
/// # Errors
///
/// [`WallClockError`].
pub fn at<C>(
    shared_info: &SharedMem,
    clock: &SystemClock<C>,
    moment: Instant,
) -> Result<Duration, WallClockError> {
    let since_boot = Duration::from_nanos(clock.to_system_time(moment).as_nanos());
    // At most 2^64 seconds and 584 years.
    Ok(at_boot(shared_info)?.saturating_add(since_boot))
}

/// Sets the host's wall clock: `time` of day, since the start of 1970 (UTC), at `moment` of
/// `clock`. Xen corrects the wall clocks of all domains.
///
/// # Errors
///
/// `EPERM` in a domain that is not the hardware domain.
#[doc(alias = "XENPF_settime64")]
pub fn set<H: Hypercall, C>(
    xen: &H,
    clock: &SystemClock<C>,
    moment: Instant,
    time: Duration,
) -> Result<(), Errno> {
    platform::settime(xen, time.as_secs(), time.subsec_nanos(), clock.to_system_time(moment))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use xen_hypercall::Page;

    /// Returns the result for these words: version, seconds, nanoseconds, high seconds.
    fn read(words: [u32; 4]) -> Result<Duration, WallClockError> {
        let mut pages = [Page::ZERO];
        let shared_info = SharedMem::from_pages(&mut pages);
        shared_info.write(offset_of!(SharedInfo, wc_version), &words).unwrap();
        at_boot(shared_info)
    }

    #[test]
    fn time_has_high_seconds() {
        assert_eq!(read([2, 5, 999_999_999, 0]), Ok(Duration::new(5, 999_999_999)));
        assert_eq!(read([0, 0, 0, 1]), Ok(Duration::from_secs(1 << 32)));
        assert_eq!(read([2, 3, 0, u32::MAX]).unwrap().as_secs(), u64::from(u32::MAX) << 32 | 3);
    }

    #[test]
    fn unset_time_is_an_error() {
        assert_eq!(read([0; 4]), Err(WallClockError::NotSet));
    }

    #[test]
    fn invalid_words_are_refused() {
        assert_eq!(read([3, 5, 0, 0]), Err(WallClockError::Unstable { version: 3 }));
        let nanos = 1_000_000_000;
        assert_eq!(read([2, 5, nanos, 0]), Err(WallClockError::Nanoseconds { nanos }));
    }

    #[test]
    fn last_time_saturates() {
        let mut pages = [Page::ZERO];
        let shared_info = SharedMem::from_pages(&mut pages);
        shared_info.write(offset_of!(SharedInfo, wc_version), &[2, u32::MAX, 5, u32::MAX]).unwrap();
        let clock = SystemClock::new((|| 0) as fn() -> u64);
        let time = at(shared_info, &clock, Instant::from_nanos(u64::MAX));
        assert_eq!(time, Ok(Duration::MAX));
    }
}
