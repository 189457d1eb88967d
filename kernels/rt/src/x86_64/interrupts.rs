//! Handlers of exceptions and of the upcall, and the local APIC between Xen and the CPU.
//!
//! A kernel with processes has more than this. Here an exception is always a bug, so it prints and
//! ends the domain, and Xen's upcall is the only interrupt, by whatever way it comes.

use super::{cpu, debug, lines};
use crate::events;
use crate::platform::{self, Rt};
use crate::vcpus::VCPUS;
use core::arch::{global_asm, naked_asm};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use spin::Once;
use x86_64::instructions::segmentation::{CS, DS, ES, SS, Segment};
use x86_64::instructions::tables;
use x86_64::registers::{control::Cr2, model_specific::Msr};
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::{Descriptor, DescriptorFlags, SegmentSelector};
use x86_64::structures::tss::TaskStateSegment;
use x86_64::{PrivilegeLevel, VirtAddr};
use xen_evtchn::{Callback, Delivery, set_callback, set_upcall_vector};
use xen_guest::debug::Registers;
use xen_hypercall::Errno;
use xen_hypercall::arch::cpuid;

/// The interrupt vector for Xen; any other above the exceptions would do.
pub(crate) const UPCALL_VECTOR: u8 = 0xf3;
/// The vector of an upcall that comes by a [line](lines) instead.
pub(crate) const LINE_VECTOR: u8 = 0xf2;
/// Vector of spurious interrupts of the local APIC.
const SPURIOUS_VECTOR: u8 = 0xff;

const CODE: SegmentSelector = SegmentSelector::new(1, PrivilegeLevel::Ring0);
const DATA: SegmentSelector = SegmentSelector::new(2, PrivilegeLevel::Ring0);
const TASK: SegmentSelector = SegmentSelector::new(3, PrivilegeLevel::Ring0);

// One entry point of 16 bytes per exception. Some exceptions push an error code and some don't;
// after the entry the stack has the same layout for all.
global_asm!(
    ".balign 16",
    ".globl exception_entries",
    "exception_entries:",
    ".set vector, 0",
    ".rept 32",
    ".balign 16",
    // A bit for each exception that pushes an error code: 8, 10 to 14, 17, 21, 29, 30.
    ".if ((0x60227d00 >> vector) & 1) == 0",
    "push 0",
    ".endif",
    "push vector",
    "jmp {common}",
    ".set vector, vector + 1",
    ".endr",
    common = sym exception_common,
);

unsafe extern "C" {
    static exception_entries: [u8; 32 * 16];
}

#[unsafe(naked)]
extern "C" fn exception_common() -> ! {
    naked_asm!(
        "push rax; push rbx; push rcx; push rdx; push rsi; push rdi; push rbp",
        "push r8; push r9; push r10; push r11; push r12; push r13; push r14; push r15",
        "cld",
        "mov rdi, rsp",
        "and rsp, -16",
        "call {exception}",
        exception = sym exception,
    )
}

/// Stack after the code above.
#[repr(C)]
struct Frame {
    /// From r15, pushed last, to rax.
    registers: [u64; 15],
    vector: u64,
    code: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

extern "C" fn exception(frame: &Frame) -> ! {
    static DYING: AtomicBool = AtomicBool::new(false);
    if DYING.swap(true, Relaxed) {
        platform::crash(); // the printing below is what failed
    }
    let name = match frame.vector {
        0 => "divide error",
        2 => "NMI",
        3 => "breakpoint",
        6 => "invalid opcode",
        7 => "no FPU",
        8 => "double fault",
        13 => "general protection",
        14 => "page fault",
        18 => "machine check",
        _ => "see the processor's manual",
    };
    let Frame { registers, vector, code, rip, cs, rflags, rsp, ss } = frame;
    let [r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax] = registers;
    let cr2 = Cr2::read_raw();
    early_println!("CPU exception {vector} ({name}), error code {code:#x}");
    early_println!(
        "rip {cs:02x}:{rip:016x}  rsp {ss:02x}:{rsp:016x}  rflags {rflags:x}  cr2 {cr2:016x}"
    );
    early_println!("rax {rax:016x}  rbx {rbx:016x}  rcx {rcx:016x}  rdx {rdx:016x}");
    early_println!("rsi {rsi:016x}  rdi {rdi:016x}  rbp {rbp:016x}  r8  {r8:016x}");
    early_println!("r9  {r9:016x}  r10 {r10:016x}  r11 {r11:016x}  r12 {r12:016x}");
    early_println!("r13 {r13:016x}  r14 {r14:016x}  r15 {r15:016x}");
    platform::crash()
}

/// An entry of an interrupt that calls a function with the frame. The interrupted code expects each
/// register back, and there are no vector registers in a kernel that is built without SSE.
macro_rules! entry {
    ($name:ident => $handler:ident) => {
        #[unsafe(naked)]
        extern "C" fn $name() {
            naked_asm!(
                "push rax; push rbx; push rcx; push rdx; push rsi; push rdi; push rbp",
                "push r8; push r9; push r10; push r11; push r12; push r13; push r14; push r15",
                "mov rdi, rsp",
                "mov rbp, rsp",
                "and rsp, -16",
                "cld",
                "call {handler}",
                "mov rsp, rbp",
                "pop r15; pop r14; pop r13; pop r12; pop r11; pop r10; pop r9; pop r8",
                "pop rbp; pop rdi; pop rsi; pop rdx; pop rcx; pop rbx; pop rax",
                "iretq",
                handler = sym $handler,
            )
        }
    };
}

/// Stack after the code above.
#[repr(C)]
pub(crate) struct InterruptFrame {
    /// From r15, pushed last, to rax.
    registers: [u64; 15],
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

impl InterruptFrame {
    /// Returns the registers of the interrupted code.
    pub(crate) fn registers(&self) -> Registers {
        let [r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax] =
            self.registers;
        let Self { rip, rsp, rflags, .. } = *self;
        Registers {
            rip,
            rsp,
            rflags,
            rax,
            rbx,
            rcx,
            rdx,
            rsi,
            rdi,
            rbp,
            r8,
            r9,
            r10,
            r11,
            r12,
            r13,
            r14,
            r15,
        }
    }
}

entry!(upcall_entry => upcall);
entry!(line_entry => line);

extern "C" fn upcall(frame: &mut InterruptFrame) {
    // Before the work: an event during it then interrupts again. After it, the second interrupt
    // would be lost.
    if NEEDS_EOI.load(Relaxed) {
        end_of_interrupt();
    }
    debug::during(cpu::current(), frame, events::on_upcall);
}

extern "C" fn line(frame: &mut InterruptFrame) {
    lines::count();
    debug::during(cpu::current(), frame, events::on_upcall);
    // After the work, as a level requires: the line is down by then, or it is up for an event that
    // came since, and interrupts again.
    end_of_interrupt();
}

#[unsafe(naked)]
extern "C" fn spurious_entry() {
    naked_asm!("iretq")
}

#[repr(align(16))]
struct FaultStack(#[expect(dead_code, reason = "only its address is used")] [u8; 16 * 1024]);

/// The stack that the first vCPU's exceptions run on: the common one may be what is broken.
static mut FAULT_STACK: FaultStack = FaultStack([0; 16 * 1024]);

static TSS: [Once<TaskStateSegment>; VCPUS] = [const { Once::new() }; VCPUS];
/// An empty entry, code, data, and two words of the TSS, which the CPU marks as busy.
static GDT: [[AtomicU64; 5]; VCPUS] = [const { [const { AtomicU64::new(0) }; 5] }; VCPUS];
static IDT: Once<[u128; 256]> = Once::new();

/// Returns where the first vCPU's stack for exceptions ends; the others' are allocated.
pub(crate) fn first_fault_stack() -> usize {
    (&raw const FAULT_STACK).wrapping_add(1).addr()
}

/// Makes the exceptions of `vcpu`, which executes this, print on the stack that ends at
/// `fault_stack`; opens the gate for the upcall.
pub(crate) fn init(vcpu: u32, fault_stack: usize) {
    let tss = TSS[vcpu as usize].call_once(|| {
        let mut tss = TaskStateSegment::new();
        tss.interrupt_stack_table[0] = VirtAddr::new(fault_stack as u64);
        tss
    });
    let gdt = &GDT[vcpu as usize];
    let [tss_low, tss_high] = match Descriptor::tss_segment(tss) {
        Descriptor::SystemSegment(low, high) => [low, high],
        Descriptor::UserSegment(low) => [low, 0],
    };
    // The first two are at the same places as at the entry, so the segment registers stay right. A
    // vCPU that starts again finds its TSS busy, which must not be loaded.
    let (code, data) = (DescriptorFlags::KERNEL_CODE64.bits(), DescriptorFlags::KERNEL_DATA.bits());
    for (entry, value) in gdt.iter().zip([0, code, data, tss_low, tss_high]) {
        entry.store(value, Relaxed);
    }
    let idt = IDT.call_once(|| {
        let mut idt = [0; 256];
        let exceptions = (&raw const exception_entries).addr();
        for (vector, entry) in idt.iter_mut().take(32).enumerate() {
            *entry = gate(exceptions + 16 * vector, 1);
        }
        idt[usize::from(UPCALL_VECTOR)] = gate(upcall_entry as *const () as usize, 0);
        idt[usize::from(LINE_VECTOR)] = gate(line_entry as *const () as usize, 0);
        idt[usize::from(SPURIOUS_VECTOR)] = gate(spurious_entry as *const () as usize, 0);
        idt
    });
    // SAFETY: the selectors are of that table; all three tables are complete and static.
    unsafe {
        tables::lgdt(&table(gdt));
        // A vCPU that Xen has started in 64-bit mode has descriptors without a table so far.
        CS::set_reg(CODE);
        for load in [SS::set_reg, DS::set_reg, ES::set_reg] {
            load(DATA);
        }
        tables::load_tss(TASK);
        tables::lidt(&table(idt));
    }
}

/// Returns the register of a table of descriptors.
fn table<T>(table: &'static T) -> DescriptorTablePointer {
    let limit = size_of::<T>() as u16 - 1;
    DescriptorTablePointer { limit, base: VirtAddr::from_ptr(table) }
}

/// Makes an interrupt gate. `stack` is an entry of the TSS's stack table, counted from 1; 0 stays
/// on the current stack.
const fn gate(handler: usize, stack: u8) -> u128 {
    const PRESENT_INTERRUPT_GATE: u128 = 0x8e;
    let handler = handler as u128;
    (handler & 0xffff)
        | ((CODE.0 as u128) << 16)
        | ((stack as u128) << 32)
        | (PRESENT_INTERRUPT_GATE << 40)
        | ((handler >> 16) << 48)
}

const APIC_BASE: u32 = 0x1b;
const APIC_BASE_X2APIC: u64 = 1 << 10;
const X2APIC_EOI: u32 = 0x80b;
const X2APIC_SPURIOUS: u32 = 0x80f;
const APIC_ENABLED: u64 = 1 << 8;

/// `true` if an upcall at its own vector needs an end of interrupt at the local APIC.
static NEEDS_EOI: AtomicBool = AtomicBool::new(false);

/// Interrupt command register of the local APIC, as memory and as an MSR.
const APIC_ICR: usize = 0xfee0_0300;
const X2APIC_ICR: u32 = 0x830;
const APIC_BASE_ENABLED: u64 = 1 << 11;
/// An INIT for all CPUs but this one.
const INIT_OTHERS: u32 = 0b11 << 18 | 1 << 14 | 0b101 << 8;

/// Resets the other vCPUs of an HVM guest, which its firmware has used: Xen starts no vCPU in a
/// state of the caller's that has run before.
pub(crate) fn reset_other_vcpus() {
    let base = Msr::new(APIC_BASE);
    // SAFETY: the local APIC is the kernel's, its memory is mapped to its address, and no other
    // vCPU runs code of the kernel so far.
    unsafe {
        let value = base.read();
        if value & APIC_BASE_X2APIC != 0 {
            Msr::new(X2APIC_ICR).write(INIT_OTHERS.into());
        } else if value & APIC_BASE_ENABLED != 0 {
            core::ptr::with_exposed_provenance_mut::<u32>(APIC_ICR).write_volatile(INIT_OTHERS);
        }
    }
}

/// Enables the upcall of `vcpu`, which executes this.
///
/// # Errors
///
/// The refusal of Xen.
pub(crate) fn enable_upcall(vcpu: u32) -> Result<(), Errno> {
    set_upcall(vcpu).map(enable_local_apic)
}

/// Sets the interrupt for events of `vcpu`, with the word `callback` on the command line that of
/// the whole domain, as on a Xen that has no other. An HVM guest uses it too, because it changes to
/// interrupt lines: a vCPU with a vector of its own keeps that vector. Local APICs keep their state
/// when a domain is restored.
///
/// # Errors
///
/// The refusal of Xen.
pub(crate) fn set_upcall(vcpu: u32) -> Result<Delivery, Errno> {
    let (xen, vector) = (Rt::new(), UPCALL_VECTOR);
    if lines::pic() || xen.command_line().split_whitespace().any(|word| word == "callback") {
        set_callback(&xen, Callback::Vector(vector)).map(|()| Delivery::CallbackVector)
    } else {
        set_upcall_vector(&xen, vcpu, vector)
    }
}

/// Turns the local APIC on if upcalls are delivered through it, as those of a vCPU's own vector
/// are.
fn enable_local_apic(delivery: Delivery) {
    if delivery == Delivery::LocalApic {
        NEEDS_EOI.store(true, Relaxed);
        turn_local_apic_on();
    }
}

/// Turns the local APIC of this vCPU on, which is off at the start.
///
/// In x2APIC mode, which Xen emulates whatever the host has: its registers are MSRs, so there is
/// nothing to map, and Xen has no instruction to decode.
pub(crate) fn turn_local_apic_on() {
    let [_, _, features, _] = cpuid::native(1, 0);
    assert!(features & (1 << 21) != 0, "this kernel needs an x2APIC, and CPUID shows none");
    let mut base = Msr::new(APIC_BASE);
    // SAFETY: the local APIC is the kernel's, and the spurious vector has its place in the IDT.
    unsafe {
        let value = base.read();
        base.write(value | APIC_BASE_X2APIC);
        Msr::new(X2APIC_SPURIOUS).write(APIC_ENABLED | u64::from(SPURIOUS_VECTOR));
    }
}

fn end_of_interrupt() {
    // SAFETY: the local APIC is on where an interrupt has come through it; called once for each, in
    // its handler.
    unsafe { Msr::new(X2APIC_EOI).write(0) };
}
