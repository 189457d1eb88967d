//! Instructions of x86-64 that a guest kernel needs: tick counter, interrupt flag, debug port.

use crate::LocalInterrupts;
use crate::clock::TickCounter;
use core::arch::asm;
use core::fmt;

/// Reads the tick counter (TSC), after all loads that come first in the program.
#[inline(always)]
pub fn read_tsc() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reads a counter. The fence keeps the CPU from reading it before earlier loads.
    unsafe {
        asm!("lfence", "rdtsc", out("eax") low, out("edx") high, options(nostack, preserves_flags));
    };
    u64::from(high) << 32 | u64::from(low)
}

/// The tick counter of a [`SystemClock`](crate::SystemClock).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tsc;

impl TickCounter for Tsc {
    #[inline(always)]
    fn ticks(&self) -> u64 {
        read_tsc()
    }
}

/// The interrupt flag of the CPU that executes this: `cli` and `sti`.
///
/// For kernel mode: both instructions fault in user mode.
#[derive(Clone, Copy, Debug, Default)]
pub struct InterruptFlag;

impl LocalInterrupts for InterruptFlag {
    fn are_enabled(&self) -> bool {
        const IF: u64 = 1 << 9;
        let flags: u64;
        // SAFETY: copies the flags by way of the stack.
        unsafe { asm!("pushfq", "pop {}", out(reg) flags, options(preserves_flags)) };
        flags & IF != 0
    }

    fn disable(&self) {
        // SAFETY: changes the interrupt flag only. Not `nomem`: accesses stay on their side of it.
        unsafe { asm!("cli", options(nostack, preserves_flags)) };
    }

    fn enable(&self) {
        // SAFETY: as in `disable`. The kernel has loaded its handlers before it takes events.
        unsafe { asm!("sti", options(nostack, preserves_flags)) };
    }

    fn enable_and_halt(&self) {
        // SAFETY: as in `enable`. `sti` takes effect after the next instruction.
        unsafe { asm!("sti", "hlt", options(nostack, preserves_flags)) };
    }
}

/// Stops this CPU until a non-maskable interrupt.
pub fn disable_and_halt() {
    // SAFETY: no interrupt handler runs, and no memory is accessed.
    unsafe { asm!("cli", "hlt", options(nostack)) };
}

/// Early output at I/O port 0xe9, which Xen logs line by line as `(d1) ...`.
///
/// Needs no driver, no memory and no interrupt. In dom0 use
/// [`HypervisorConsole`](crate::console::HypervisorConsole).
#[derive(Clone, Copy, Debug, Default)]
pub struct DebugPort;

impl fmt::Write for DebugPort {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: only a debug console answers at this port, and it accesses no memory.
            unsafe {
                asm!("out 0xe9, al", in("al") byte, options(nomem, nostack, preserves_flags));
            }
        }
        Ok(())
    }
}
