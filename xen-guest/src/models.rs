//! Loom models: the vCPUs that park during a suspend, the halt of an idle vCPU, a lock whose
//! waiters block, and the clock beside Xen's update of it.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --manifest-path models/Cargo.toml -p xen-guest --lib
//! --profile models`

use crate::clock::{GRAIN, SystemClock};
use crate::interrupts::{LocalInterrupts, halt_unless};
use crate::park::VcpuPark;
use crate::spinlock::{LockWaiters, LockWaits, TicketLock};
use core::mem::offset_of;
use loom::cell::UnsafeCell;
use loom::sync::{Arc, Mutex};
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

/// Ports of two vCPUs that wait for a lock.
#[derive(Default)]
struct Ports([Mutex<bool>; 2]);

impl LockWaits for Arc<Ports> {
    fn clear(&self, vcpu: usize) {
        *self.0[vcpu].lock().unwrap() = false;
    }

    fn wait(&self, vcpu: usize) {
        // Without an event the model has no end, and loom reports that.
        while !*self.0[vcpu].lock().unwrap() {
            thread::yield_now();
        }
    }

    fn kick(&self, vcpu: usize) {
        *self.0[vcpu].lock().unwrap() = true;
    }
}

#[test]
fn lock_waiter_is_kicked() {
    loom::model(|| {
        let waiters = Arc::new(LockWaiters::<_, 2>::new(Arc::new(Ports::default())));
        let lock = Arc::new(TicketLock::new(State(UnsafeCell::new(0))));
        let add = |vcpu: usize, lock: &TicketLock<State>, waiters: &LockWaiters<_, 2>| {
            let state = lock.lock(waiters, vcpu);
            state.set(state.get() + 1);
        };
        let other = thread::spawn({
            let (waiters, lock) = (waiters.clone(), lock.clone());
            move || add(1, &lock, &waiters)
        });
        add(0, &lock, &waiters);
        other.join().unwrap();
        assert_eq!(lock.lock(&waiters, 0).get(), 2);
    });
}

/// CPU whose interrupt stays pending while interrupts are off, and ends a halt.
#[derive(Default)]
struct Cpu {
    state: Mutex<CpuState>,
}

#[derive(Default)]
struct CpuState {
    is_enabled: bool,
    is_pending: bool,
    /// Number of handled interrupts.
    handled: u32,
    /// Work that the handler leaves for the thread.
    work: bool,
}

impl Cpu {
    /// Runs the handler of a pending interrupt, if interrupts are enabled.
    fn handle(state: &mut CpuState) {
        if state.is_enabled && core::mem::take(&mut state.is_pending) {
            state.work = true;
            state.handled += 1;
        }
    }

    /// Raises the interrupt, as Xen does from another CPU.
    fn interrupt(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_pending = true;
        Self::handle(&mut state);
    }
}

impl LocalInterrupts for Arc<Cpu> {
    fn are_enabled(&self) -> bool {
        self.state.lock().unwrap().is_enabled
    }

    fn disable(&self) {
        self.state.lock().unwrap().is_enabled = false;
    }

    fn enable(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_enabled = true;
        Cpu::handle(&mut state);
    }

    fn enable_and_halt(&self) {
        let before = self.state.lock().unwrap().handled;
        self.enable();
        // Without an interrupt the model has no end, and loom reports that.
        while self.state.lock().unwrap().handled == before {
            thread::yield_now();
        }
    }
}

#[test]
fn idle_vcpu_loses_no_event() {
    loom::model(|| {
        let cpu = Arc::new(Cpu::default());
        cpu.enable();
        let xen = thread::spawn({
            let cpu = cpu.clone();
            move || cpu.interrupt()
        });
        while !cpu.state.lock().unwrap().work {
            halt_unless(&cpu, || cpu.state.lock().unwrap().work);
        }
        xen.join().unwrap();
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
        let bytes = (shift..shift + 2, 1);
        let all = [words[0].clone(), words[1].clone(), words[2].clone(), bytes];
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
        let now = SystemClock::new(counter as fn() -> u64).now(info, 0).as_nanos();
        assert!(matches!(now, GRAIN | 600), "{now} is of two moments");
        xen.join().unwrap();
    });
}
