//! Loom models: the vCPUs that park during a suspend, and the clock beside Xen's update of it.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --manifest-path models/Cargo.toml -p xen-guest --lib
//! --profile models`

use crate::clock::SystemClock;
use crate::park::VcpuPark;
use core::mem::offset_of;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::Ordering::{Relaxed, Release};
use loom::sync::atomic::fence;
use loom::thread;
use xen_hypercall::{PAGE_SIZE, SharedMem};
use xen_sys::xen::{SharedInfo, VcpuInfo, VcpuTimeInfo};

/// State of a domain that a vCPU writes and another one reads.
struct State(UnsafeCell<u32>);

// SAFETY: loom fails a model with two accesses at the same time.
unsafe impl Sync for State {}
// SAFETY: as above.
unsafe impl Send for State {}

impl State {
    fn set(&self, value: u32) {
        // SAFETY: loom fails a model with two accesses at the same time.
        self.0.with_mut(|state| unsafe { *state = value });
    }

    fn get(&self) -> u32 {
        // SAFETY: as above.
        self.0.with(|state| unsafe { *state })
    }
}

#[test]
fn parked_vcpu_and_suspend_take_turns() {
    loom::model(|| {
        let park = Arc::new(VcpuPark::new());
        let state = Arc::new(State(UnsafeCell::new(0)));
        park.request();
        let other = thread::spawn({
            let (park, state) = (park.clone(), state.clone());
            move || {
                state.set(1);
                park.park_if_requested(|| {
                    assert_eq!(state.get(), 2, "the domain is set up before a vCPU resumes");
                    state.set(3);
                });
            }
        });
        while park.parked() == 0 {
            thread::yield_now();
        }
        assert_eq!(state.get(), 1, "a parked vCPU has ended its work");
        state.set(2);
        park.release(thread::yield_now);
        assert_eq!(state.get(), 3, "a vCPU that has left has resumed");
        other.join().unwrap();
    });
}

const TIME: usize = offset_of!(SharedInfo, vcpu_info) + offset_of!(VcpuInfo, time);

/// Returns the ticks of a counter that stands still.
fn counter() -> u64 {
    500
}

/// Writes a moment: `system_time` at `ticks`, with one tick a nanosecond.
fn write(info: &SharedMem, system_time: u64, ticks: u64) {
    let word = |offset| info.u64_at(TIME + offset).unwrap();
    word(offset_of!(VcpuTimeInfo, tsc_timestamp)).store(ticks, Relaxed);
    word(offset_of!(VcpuTimeInfo, system_time)).store(system_time, Relaxed);
}

#[test]
fn clock_reads_one_moment() {
    loom::model(|| {
        let words = [(TIME..TIME + 4, 4), (TIME + 8..TIME + 24, 8), (TIME + 24..TIME + 28, 4)];
        let shift = TIME + offset_of!(VcpuTimeInfo, tsc_shift);
        let all = [words[0].clone(), words[1].clone(), words[2].clone(), (shift..shift + 1, 1)];
        let info = SharedMem::for_model(PAGE_SIZE, &all);
        let version = info.u32_at(TIME).unwrap();
        let mul = info.u32_at(TIME + offset_of!(VcpuTimeInfo, tsc_to_system_mul)).unwrap();
        mul.store(1 << 31, Relaxed);
        info.u8_at(shift).unwrap().store(1, Relaxed);
        write(info, 100, 0);
        // The same clock after another 100 ns, as Xen writes it.
        let xen = thread::spawn(move || {
            version.store(1, Relaxed);
            fence(Release);
            write(info, 200, 100);
            version.store(2, Release);
        });
        let now = SystemClock::new(counter).now(info, 0).as_nanos();
        assert!(matches!(now, 0 | 600), "{now} is of two moments");
        xen.join().unwrap();
    });
}
