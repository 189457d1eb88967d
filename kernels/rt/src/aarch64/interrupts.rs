//! Handlers of exceptions, of the upcall and of the timer; the interrupt controller.
//!
//! An exception is always a bug, so it prints and ends the domain.

use super::cpu;
use crate::{events, platform};
use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use spin::Once;
use xen_guest::arch::{InterruptController, VirtualTimer};
use xen_guest::device_tree::Hardware;
use xen_hypercall::Errno;

// 16 entries of 128 bytes: from this level with SP_EL0 and with SP_EL1, from a lower one in 64 and
// in 32 bits; of each, synchronous, IRQ, FIQ, SError. All but the IRQ with SP_EL1 are bugs.
//
// An interrupt saves all registers that a function may change, and the vector registers, which the
// compiler uses on this target.
global_asm!(
    ".macro exception_entry index",
    ".balign 128",
    "sub sp, sp, #816",
    "stp x0, x1, [sp]",
    "mov x0, #\\index",
    "b exception_common",
    ".endm",
    ".macro save_temporaries",
    "stp x2, x3, [sp, #16]",
    "stp x4, x5, [sp, #32]",
    "stp x6, x7, [sp, #48]",
    "stp x8, x9, [sp, #64]",
    "stp x10, x11, [sp, #80]",
    "stp x12, x13, [sp, #96]",
    "stp x14, x15, [sp, #112]",
    "stp x16, x17, [sp, #128]",
    ".endm",
    ".balign 2048",
    ".globl exception_vectors",
    "exception_vectors:",
    "exception_entry 0",
    "exception_entry 1",
    "exception_entry 2",
    "exception_entry 3",
    "exception_entry 4",
    ".balign 128",
    "sub sp, sp, #816",
    "stp x0, x1, [sp]",
    "b interrupt_common",
    "exception_entry 6",
    "exception_entry 7",
    "exception_entry 8",
    "exception_entry 9",
    "exception_entry 10",
    "exception_entry 11",
    "exception_entry 12",
    "exception_entry 13",
    "exception_entry 14",
    "exception_entry 15",
    ".balign 128",
    "exception_common:",
    "save_temporaries",
    "stp x18, x19, [sp, #144]",
    "stp x20, x21, [sp, #160]",
    "stp x22, x23, [sp, #176]",
    "stp x24, x25, [sp, #192]",
    "stp x26, x27, [sp, #208]",
    "stp x28, x29, [sp, #224]",
    "str x30, [sp, #240]",
    "mov x1, sp",
    "bl {exception}",
    "brk #1",
    "interrupt_common:",
    "save_temporaries",
    "stp x18, x29, [sp, #144]",
    "mrs x0, elr_el1",
    "mrs x1, spsr_el1",
    "stp x30, x0, [sp, #160]",
    "str x1, [sp, #176]",
    "mrs x0, fpsr",
    "mrs x1, fpcr",
    "stp x0, x1, [sp, #184]",
    "add x0, sp, #208",
    "stp q0, q1, [x0], #32",
    "stp q2, q3, [x0], #32",
    "stp q4, q5, [x0], #32",
    "stp q6, q7, [x0], #32",
    "stp q8, q9, [x0], #32",
    "stp q10, q11, [x0], #32",
    "stp q12, q13, [x0], #32",
    "stp q14, q15, [x0], #32",
    "stp q16, q17, [x0], #32",
    "stp q18, q19, [x0], #32",
    "stp q20, q21, [x0], #32",
    "stp q22, q23, [x0], #32",
    "stp q24, q25, [x0], #32",
    "stp q26, q27, [x0], #32",
    "stp q28, q29, [x0], #32",
    "stp q30, q31, [x0]",
    "bl {interrupt}",
    "add x0, sp, #208",
    "ldp q0, q1, [x0], #32",
    "ldp q2, q3, [x0], #32",
    "ldp q4, q5, [x0], #32",
    "ldp q6, q7, [x0], #32",
    "ldp q8, q9, [x0], #32",
    "ldp q10, q11, [x0], #32",
    "ldp q12, q13, [x0], #32",
    "ldp q14, q15, [x0], #32",
    "ldp q16, q17, [x0], #32",
    "ldp q18, q19, [x0], #32",
    "ldp q20, q21, [x0], #32",
    "ldp q22, q23, [x0], #32",
    "ldp q24, q25, [x0], #32",
    "ldp q26, q27, [x0], #32",
    "ldp q28, q29, [x0], #32",
    "ldp q30, q31, [x0]",
    "ldp x0, x1, [sp, #184]",
    "msr fpsr, x0",
    "msr fpcr, x1",
    "ldr x1, [sp, #176]",
    "ldp x30, x0, [sp, #160]",
    "msr elr_el1, x0",
    "msr spsr_el1, x1",
    "ldp x18, x29, [sp, #144]",
    "ldp x16, x17, [sp, #128]",
    "ldp x14, x15, [sp, #112]",
    "ldp x12, x13, [sp, #96]",
    "ldp x10, x11, [sp, #80]",
    "ldp x8, x9, [sp, #64]",
    "ldp x6, x7, [sp, #48]",
    "ldp x4, x5, [sp, #32]",
    "ldp x2, x3, [sp, #16]",
    "ldp x0, x1, [sp]",
    "add sp, sp, #816",
    "eret",
    exception = sym exception,
    interrupt = sym interrupt,
);

unsafe extern "C" {
    static exception_vectors: [u8; 2048];
}

extern "C" fn exception(index: u64, registers: &[u64; 31]) -> ! {
    static DYING: AtomicBool = AtomicBool::new(false);
    if DYING.swap(true, Relaxed) {
        platform::crash(); // the printing below is what failed
    }
    let (syndrome, link, address, flags): (u64, u64, u64, u64);
    // SAFETY: reads what the CPU has left on the exception.
    unsafe {
        asm!(
            "mrs {}, esr_el1", "mrs {}, elr_el1", "mrs {}, far_el1", "mrs {}, spsr_el1",
            out(reg) syndrome, out(reg) link, out(reg) address, out(reg) flags,
            options(nomem, nostack, preserves_flags),
        );
    }
    let name = match syndrome >> 26 {
        0x00 => "undefined instruction",
        0x20 | 0x21 => "instruction abort",
        0x22 => "instruction not aligned",
        0x24 | 0x25 => "data abort",
        0x26 => "stack not aligned",
        0x3c => "breakpoint",
        _ => "see the architecture's manual",
    };
    early_println!("CPU exception {index} ({name}), syndrome {syndrome:#x}");
    early_println!("pc {link:016x}  far {address:016x}  pstate {flags:x}  vcpu {}", cpu::current());
    for (index, values) in registers.chunks(4).enumerate() {
        for (value, number) in values.iter().zip(4 * index..) {
            early_print!("x{number:<2} {value:016x}  ");
        }
        early_println!();
    }
    platform::crash()
}

/// The interrupt controller, and the numbers of the upcall and of the timer.
static CONTROLLER: Once<(InterruptController, u32, u32)> = Once::new();

extern "C" fn interrupt() {
    let Some((controller, upcall, timer)) = CONTROLLER.get() else { return };
    let Some(number) = controller.acknowledge() else { return };
    if number == *timer {
        // Its level ends with this, and so does the sleep.
        VirtualTimer.set(None);
    }
    // Before the work: an event during it then interrupts again.
    controller.end(number);
    if number == *upcall {
        events::on_upcall();
    }
}

/// Makes the exceptions of the vCPU that executes this print.
pub(crate) fn init(_vcpu: u32, _fault_stack: usize) {
    // SAFETY: the table is complete and static.
    unsafe {
        let vectors = (&raw const exception_vectors).addr();
        asm!("msr vbar_el1, {}", "isb", in(reg) vectors, options(nostack));
    }
}

/// Uses the interrupt controller of the device tree, whose registers are mapped.
pub(super) fn init_controller(hardware: &Hardware) {
    // SAFETY: the registers of the device tree, mapped to their own address; only this module uses
    // them.
    let controller = unsafe { InterruptController::new(hardware.gic.clone()) };
    CONTROLLER.call_once(|| (controller, hardware.upcall, hardware.timer));
}

/// Enables the upcall and the timer of `vcpu`, which executes this with interrupts off. The event
/// words are set up: an upcall before would be the last one.
///
/// # Errors
///
/// `ENODEV` without an interrupt controller, `EINVAL` if it refuses.
pub(crate) fn enable_upcall(vcpu: u32) -> Result<(), Errno> {
    let (controller, upcall, timer) = CONTROLLER.get().ok_or(Errno::ENODEV)?;
    let enabled = controller.enable(vcpu, &[*upcall, *timer]);
    enabled.map_err(|error| {
        log::error!("{error}");
        Errno::EINVAL
    })?;
    // Xen has dropped the interrupt of an event that came while the vCPU was down, and raises no
    // other one before the flag is clear.
    events::on_upcall();
    Ok(())
}

/// Sets nothing: the interrupt of the upcall is fixed on Arm.
pub(crate) fn set_upcall(_: u32) -> Result<(), Errno> {
    Ok(())
}
