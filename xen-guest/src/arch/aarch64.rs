//! Instructions of arm64 that a guest kernel needs: tick counter and its timer, interrupt mask,
//! early output.

use crate::LocalInterrupts;
use crate::clock::TickCounter;
use core::arch::asm;
use core::fmt;
use core::ptr::NonNull;

/// The tick counter of a [`SystemClock`](crate::SystemClock): the virtual count `CNTVCT_EL0`.
///
/// Xen writes no time information on Arm: [`CounterTime`](crate::clock::CounterTime) has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter;

impl Counter {
    /// Returns the ticks of a second, as the firmware has set them.
    pub fn frequency(self) -> u64 {
        let frequency;
        // SAFETY: reads a register that EL1 always can read.
        unsafe {
            asm!(
                "mrs {}, cntfrq_el0",
                out(reg) frequency,
                options(nomem, nostack, preserves_flags),
            );
        }
        frequency
    }
}

impl TickCounter for Counter {
    #[inline(always)]
    fn ticks(&self) -> u64 {
        let ticks;
        // SAFETY: reads a counter. The barrier keeps the CPU from reading it before earlier loads.
        unsafe {
            asm!("isb", "mrs {}, cntvct_el0", out(reg) ticks, options(nostack, preserves_flags));
        }
        ticks
    }
}

/// The timer of the virtual count (`CNTV`), which each vCPU has: Xen has no timer of its own on
/// Arm.
///
/// Its interrupt is asserted by a level until the timer is set anew or stopped.
#[derive(Clone, Copy, Debug, Default)]
pub struct VirtualTimer;

impl VirtualTimer {
    /// Sets the timer of this vCPU to the moment at which [`Counter`] has `ticks`, or stops it.
    pub fn set(self, ticks: Option<u64>) {
        const ENABLE: u64 = 1;
        // SAFETY: changes the timer of this vCPU, whose interrupt the kernel takes or has masked.
        unsafe {
            if let Some(ticks) = ticks {
                asm!(
                    "msr cntv_cval_el0, {}",
                    "msr cntv_ctl_el0, {}",
                    "isb",
                    in(reg) ticks,
                    in(reg) ENABLE,
                    options(nomem, nostack, preserves_flags),
                );
            } else {
                asm!("msr cntv_ctl_el0, xzr", "isb", options(nomem, nostack, preserves_flags));
            }
        }
    }
}

/// The interrupt mask of the CPU that executes this: bit I of `DAIF`.
///
/// For EL1: the instructions fault in user mode.
#[derive(Clone, Copy, Debug, Default)]
pub struct InterruptFlag;

impl LocalInterrupts for InterruptFlag {
    fn are_enabled(&self) -> bool {
        const I: u64 = 1 << 7;
        let flags: u64;
        // SAFETY: reads the mask.
        unsafe { asm!("mrs {}, daif", out(reg) flags, options(nomem, nostack, preserves_flags)) };
        flags & I == 0
    }

    fn disable(&self) {
        // SAFETY: changes the mask only. Not `nomem`: accesses stay on their side of it.
        unsafe { asm!("msr daifset, #2", options(nostack, preserves_flags)) };
    }

    fn enable(&self) {
        // SAFETY: as in `disable`. The kernel has set its vectors before it takes events.
        unsafe { asm!("msr daifclr, #2", options(nostack, preserves_flags)) };
    }

    fn enable_and_halt(&self) {
        // SAFETY: as in `enable`. A masked interrupt that is pending ends `wfi` too, so none comes
        // between the two unseen. The barrier completes earlier stores before the halt.
        unsafe { asm!("dsb sy", "wfi", "msr daifclr, #2", options(nostack, preserves_flags)) };
    }
}

/// Stops this CPU; an interrupt that is pending ends the call.
pub fn disable_and_halt() {
    // SAFETY: no interrupt handler runs, and no memory is accessed.
    unsafe { asm!("msr daifset, #15", "wfi", options(nostack)) };
}

/// Early output by the UART that Xen emulates for a guest (`vuart="sbsa_uart"`), which needs no
/// interrupt. In dom0 use [`HypervisorConsole`](crate::console::HypervisorConsole).
#[derive(Clone, Copy, Debug)]
pub struct Uart {
    registers: NonNull<u32>,
}

// SAFETY: the value is an address; each access is one volatile load or store.
unsafe impl Send for Uart {}
// SAFETY: as above.
unsafe impl Sync for Uart {}

/// Registers of an SBSA UART, in words.
const DATA: usize = 0;
const FLAGS: usize = 0x18 / size_of::<u32>();
/// In `FLAGS`: there is no room for a byte.
const TRANSMIT_FULL: u32 = 1 << 5;
/// Maximum number of reads of `FLAGS` for a byte, which is lost then.
const ATTEMPTS: u32 = 100_000;

impl Uart {
    /// Creates the output.
    ///
    /// # Safety
    ///
    /// The registers of an SBSA UART or PL011 must be mapped there as device memory, permanently.
    pub const unsafe fn new(registers: NonNull<u32>) -> Self {
        Self { registers }
    }
}

impl fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: the registers are mapped, by the obligation of `new`.
            unsafe {
                let flags = self.registers.add(FLAGS);
                if (0..ATTEMPTS).any(|_| flags.read_volatile() & TRANSMIT_FULL == 0) {
                    self.registers.add(DATA).write_volatile(byte.into());
                }
            }
        }
        Ok(())
    }
}
