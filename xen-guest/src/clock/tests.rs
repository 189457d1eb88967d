use super::*;
use core::mem::offset_of;
use xen_hypercall::Page;
use xen_sys::xen::{PvclockFlags, SharedInfo, VcpuInfo, VcpuTimeInfo};

const TIME: usize = offset_of!(SharedInfo, vcpu_info) + offset_of!(VcpuInfo, time);

/// Returns the ticks of a counter that stands still.
fn counter() -> u64 {
    5_000
}

fn clock() -> SystemClock {
    SystemClock::new(counter)
}

/// Calls `test` with shared info whose vCPU 0 has these values.
fn with_time(time: &VcpuTimeInfo, test: impl FnOnce(&SharedMem)) {
    let mut pages = [Page::ZERO];
    let shared_info = SharedMem::from_pages(&mut pages);
    shared_info.write(TIME, time).unwrap();
    test(shared_info);
}

/// Returns the clock's moment for these values.
fn read(clock: &SystemClock, time: VcpuTimeInfo) -> u64 {
    let mut now = 0;
    with_time(&time, |shared_info| now = clock.now(shared_info, 0).as_nanos());
    now
}

fn resume(clock: &SystemClock, time: &VcpuTimeInfo) {
    with_time(time, |shared_info| clock.resume(TimeInfo::of_vcpu(shared_info, 0).unwrap()));
}

fn time(system_time: u64) -> VcpuTimeInfo {
    VcpuTimeInfo {
        version: 2,
        system_time,
        tsc_timestamp: 5_000,
        tsc_to_system_mul: 1 << 31,
        tsc_shift: 1,
        ..Default::default()
    }
}

fn stable(system_time: u64) -> VcpuTimeInfo {
    VcpuTimeInfo { flags: PvclockFlags::TSC_STABLE, ..time(system_time) }
}

#[test]
fn clock_never_goes_back() {
    let clock = clock();
    for (system_time, expected) in [(100, 100), (90, 100), (101, 101)] {
        assert_eq!(read(&clock, time(system_time)), expected);
    }
}

#[test]
fn tick_before_xens_moment_adds_nothing() {
    let clock = clock();
    assert_eq!(read(&clock, VcpuTimeInfo { tsc_timestamp: 5_001, ..time(100) }), 100);
    assert_eq!(read(&clock, VcpuTimeInfo { tsc_timestamp: 4_000, ..time(100) }), 1_100);
}

#[test]
fn stable_time_records_no_latest() {
    let clock = clock();
    // Without the record, an earlier moment would be raised to the latest one.
    for system_time in [100, 90, GRAIN - 1, 101] {
        assert_eq!(read(&clock, stable(system_time)), system_time);
    }
    // Beyond the grain, the moment is recorded.
    assert_eq!(read(&clock, stable(GRAIN + 500)), GRAIN + 500);
    assert_eq!(read(&clock, stable(GRAIN)), GRAIN + 500);
}

#[test]
fn invalid_time_follows_all_results() {
    let odd = VcpuTimeInfo { version: 3, ..time(1) };
    let no_multiplier = VcpuTimeInfo { tsc_to_system_mul: 0, ..time(1) };
    let wide = |tsc_shift| VcpuTimeInfo { tsc_shift, ..time(1) };
    for invalid in [odd, no_multiplier, wide(64), wide(-64), VcpuTimeInfo::default()] {
        for first in [time(70_000), stable(70_000)] {
            let clock = clock();
            let mut latest = read(&clock, first);
            latest = latest.max(read(&clock, stable(70_000 + GRAIN - 1)));
            for _ in 0..3 {
                let now = read(&clock, invalid);
                assert!(now > latest && now <= latest + GRAIN, "{invalid:?}: {latest}, {now}");
                latest = now;
            }
            // Valid values continue the clock.
            assert_eq!(read(&clock, time(500_000)), 500_000);
        }
    }
}

#[test]
fn invalid_time_has_a_named_error() {
    let clock = clock();
    let error = |invalid| {
        let mut error = None;
        with_time(&invalid, |shared_info| {
            error = clock.try_now(TimeInfo::of_vcpu(shared_info, 0).unwrap()).err();
        });
        error
    };
    let odd = VcpuTimeInfo { version: 3, ..time(1) };
    assert_eq!(error(odd), Some(ClockError::Unstable { version: 3 }));
    assert_eq!(error(VcpuTimeInfo::default()), Some(ClockError::Multiplier));
    let wide = VcpuTimeInfo { tsc_shift: -64, ..time(1) };
    assert_eq!(error(wide), Some(ClockError::Shift { shift: -64 }));
    assert_eq!(error(time(1)), None);
    assert_eq!(read(&clock, time(5)), 5);
}

#[test]
fn vcpu_without_entry_advances_clock() {
    let clock = clock();
    assert_eq!(read(&clock, time(100)), 100);
    with_time(&time(100), |shared_info| {
        for (vcpu, expected) in [(32, 100 + GRAIN), (u32::MAX, 100 + 2 * GRAIN)] {
            assert_eq!(clock.now(shared_info, vcpu).as_nanos(), expected);
        }
    });
}

#[test]
fn clock_continues_on_younger_host() {
    let clock = clock();
    assert_eq!(read(&clock, stable(1_000)), 1_000);
    resume(&clock, &time(30));
    let start = read(&clock, time(30));
    assert!((1_000..=1_000 + GRAIN).contains(&start), "{start}");
    assert_eq!(read(&clock, time(35)), start + 5);
    assert_eq!(clock.to_system_time(Instant::from_nanos(start + 5)).as_nanos(), 35);
}

#[test]
fn resume_ignores_invalid_time() {
    let clock = clock();
    assert_eq!(read(&clock, time(100)), 100);
    resume(&clock, &VcpuTimeInfo { version: 3, ..time(1) });
    assert_eq!(clock.to_system_time(Instant::from_nanos(100)).as_nanos(), 100);
}
