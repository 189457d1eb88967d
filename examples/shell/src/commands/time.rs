//! `date`, `uptime`, `cpus`, `top`: clocks and vCPUs.

use crate::error::Error;
use crate::system::System;
use core::fmt::{self, Write};
use core::time::Duration;
use xen_guest::vcpu;
use xen_hypercall::{Instant, Platform};

/// Prints the time of day and the source of time, or sets the time of day.
pub(crate) fn date<P: Platform>(
    system: &System<'_, P>,
    set: Option<u64>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let (xen, kernel) = (&system.platform, &system.kernel);
    if let Some(seconds) = set {
        let time = Duration::from_secs(seconds);
        return (kernel.set_time_of_day)(xen, time)
            .map_err(|errno| Error::Xen { call: "settime", errno });
    }
    let time = (kernel.time_of_day)(xen)?;
    writeln!(out, "date {} ({}.{:09})", Date(time), time.as_secs(), time.subsec_nanos())?;
    if let Some(tsc) = (kernel.tsc)() {
        let kind = if tsc.is_emulated { "emulated" } else { "native" };
        writeln!(
            out,
            "tsc {kind}, {} kHz, mode {}, incarnation {}",
            tsc.guest_khz, tsc.mode, tsc.incarnation
        )?;
    }
    Ok(())
}

/// Prints the time since `start`.
pub(crate) fn uptime<P: Platform>(
    system: &System<'_, P>,
    start: Instant,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let up = system.platform.now().saturating_duration_since(start);
    Ok(writeln!(out, "uptime {}", Seconds(up))?)
}

/// Prints the state of each vCPU.
pub(crate) fn cpus<P: Platform>(system: &System<'_, P>, out: &mut dyn Write) -> Result<(), Error> {
    let xen = &system.platform;
    for vcpu in 0..vcpu::count(xen) {
        let is_up =
            vcpu::is_up(xen, vcpu).map_err(|errno| Error::Xen { call: "vcpu is_up", errno })?;
        write!(out, "cpu {vcpu} {}", if is_up { "online" } else { "offline" })?;
        if let Some(id) = (system.kernel.apic_id)(xen, vcpu) {
            write!(out, " apic {id}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Prints the time of each vCPU in each run state, and the time that was stolen from it.
pub(crate) fn top<P: Platform>(system: &System<'_, P>, out: &mut dyn Write) -> Result<(), Error> {
    let xen = &system.platform;
    for vcpu in 0..vcpu::count(xen) {
        let times = (system.kernel.runstate)(xen, vcpu)
            .map_err(|errno| Error::Xen { call: "vcpu runstate", errno })?;
        writeln!(
            out,
            "cpu {vcpu} running {} runnable {} blocked {} offline {} steal {}",
            Seconds(times.running),
            Seconds(times.runnable),
            Seconds(times.blocked),
            Seconds(times.offline),
            Seconds(times.steal()),
        )?;
    }
    Ok(())
}

/// Duration in seconds, to the millisecond.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0.as_secs(), self.0.subsec_millis())
    }
}

/// Date and time of day (UTC) by ISO 8601.
struct Date(Duration);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Days from 0000-03-01 to 1970-01-01.
        const EPOCH: u64 = 719_468;
        /// Days of 400 years, 100 years, 4 years and a year.
        const DAYS: [u64; 4] = [146_097, 36_524, 1_461, 365];
        let seconds = self.0.as_secs();
        // Years start in March here, so that a leap day is the last day of a year.
        let days = seconds / 86_400 + EPOCH;
        let (era, day) = (days / DAYS[0], days % DAYS[0]);
        let year = (day - day / (DAYS[2] - 1) + day / DAYS[1] - day / (DAYS[0] - 1)) / DAYS[3];
        let day_of_year = day - (DAYS[3] * year + year / 4 - year / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = era * 400 + year + u64::from(month <= 2);
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn dates_are_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Date(Duration::from_secs(seconds)).to_string(), expected);
        }
        assert!(!Date(Duration::MAX).to_string().is_empty());
    }
}
