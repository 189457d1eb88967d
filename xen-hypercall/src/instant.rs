//! Xen's system time.

use core::ops::Add;
use core::time::Duration;

/// Time of Xen's system clock: nanoseconds since the host started, as used by timers and polls.
///
/// Source: `vcpu_time_info.system_time` in `xen.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// Creates a time from nanoseconds of system time.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the time in nanoseconds of system time.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the duration since `earlier`, zero if `earlier` is later.
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Addition that saturates at the maximum time (584 years).
impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let early = Instant::from_nanos(5);
        assert_eq!((early + Duration::from_nanos(2)).as_nanos(), 7);
        assert_eq!((early + Duration::MAX).as_nanos(), u64::MAX);
        assert_eq!(early.saturating_duration_since(Instant::from_nanos(9)), Duration::ZERO);
    }
}
