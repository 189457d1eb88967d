//! The rate limit of a guest's packets.

use super::NetBackError;
use core::time::Duration;
use xen_hypercall::Instant;

/// The most bytes that can be saved for a burst, as in Linux: the largest packet fits.
const BURST: u64 = 128 << 10;

/// A limit of the toolstack: so many bytes in each period.
///
/// Source: `rate` in Xen's `xl-network-configuration`, which the toolstack writes as
/// `BYTES,MICROSECONDS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    bytes: u64,
    period: Duration,
}

impl Rate {
    /// Parses the node. `None` if there is no limit: either number is zero.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, NetBackError> {
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| NetBackError::Rate);
        let (bytes, micros) = text.split_once(',').ok_or(NetBackError::Rate)?;
        let (bytes, micros) = (number(bytes)?, number(micros)?);
        let limit = Self { bytes, period: Duration::from_micros(micros) };
        Ok((bytes > 0 && micros > 0).then_some(limit))
    }
}

/// The bytes that a guest may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Credit {
    rate: Rate,
    left: u64,
    /// The time at which the next bytes are added.
    next: Instant,
}

impl Credit {
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, left: rate.bytes, next: now + rate.period }
    }

    /// Adds the bytes of the periods that have passed.
    pub(super) fn refill(&mut self, now: Instant) {
        if now < self.next {
            return;
        }
        let late = now.saturating_duration_since(self.next).as_nanos();
        let periods = u64::try_from(late / self.rate.period.as_nanos().max(1)).unwrap_or(u64::MAX);
        let most = self.rate.bytes.max(BURST);
        let added = self.rate.bytes.saturating_mul(periods.saturating_add(1));
        self.left = self.left.saturating_add(added).min(most);
        self.next = now + self.rate.period;
    }

    /// Takes the bytes of a packet. `false` if it must wait until [`next`](Self::next).
    pub(super) fn take(&mut self, bytes: u64) -> bool {
        let enough = self.left >= bytes;
        if enough {
            self.left -= bytes;
        }
        enough
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        Rate::parse(text).unwrap().unwrap()
    }

    #[test]
    fn rate_is_two_numbers() {
        assert_eq!(rate("1000,50000"), Rate { bytes: 1000, period: Duration::from_millis(50) });
        for none in ["0,50000", "1000,0", "0,0"] {
            assert_eq!(Rate::parse(none), Ok(None));
        }
        for bad in ["", "1000", "1000;5", "1000,5,6", "-1,5", "a,b", "99999999999999999999,1"] {
            assert_eq!(Rate::parse(bad), Err(NetBackError::Rate), "{bad}");
        }
    }

    #[test]
    fn credit_grows_by_period_to_burst() {
        let start = Instant::from_nanos(0);
        let after = |millis| start + Duration::from_millis(millis);
        let mut credit = Credit::new(rate("1000,50000"), start);
        assert!(credit.take(600) && !credit.take(600) && credit.take(400));
        credit.refill(after(49));
        assert!(!credit.take(1));
        assert_eq!(credit.next(), after(50));
        credit.refill(after(50));
        assert!(credit.take(1000) && !credit.take(1));
        credit.refill(after(210));
        assert!(credit.take(3000) && !credit.take(1), "three periods have passed");
        credit.refill(start + Duration::from_secs(1_000_000));
        assert!(credit.take(BURST) && !credit.take(1));
    }
}
