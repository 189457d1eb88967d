//! The other vCPUs: their start, and the number of each.
//!
//! Xen starts a vCPU with the given registers, so that the others begin where the first
//! one has come to: in 64-bit mode, with its page tables. Each has a stack, exceptions, a local
//! APIC and an upcall of its own.

use crate::platform::Rt;
use crate::{events, interrupts, memory};
use core::arch::asm;
use core::num::NonZeroUsize;
use core::sync::atomic::{
    AtomicU32,
    Ordering::{AcqRel, Acquire},
};
use x86_64::registers::model_specific::Msr;
use xen_guest::vcpu::VcpuStart;
use xen_hypercall::ops::vcpu;
use xen_hypercall::{Errno, PAGE_SIZE};

/// As many vCPUs as have a place in shared info.
pub(crate) const VCPUS: usize = 32;

/// Pages of a vCPU's stacks: of the one that exceptions run on, then of the common one.
const FAULT_STACK: usize = 4;
const STACKS: NonZeroUsize = NonZeroUsize::new(FAULT_STACK + 16).unwrap();

const GS_BASE: u32 = 0xc000_0101;

/// Data at a vCPU's GS: its number.
static NUMBERS: [u32; VCPUS] = {
    let mut numbers = [0; VCPUS];
    let mut vcpu = 0;
    while vcpu < VCPUS {
        numbers[vcpu] = vcpu as u32;
        vcpu += 1;
    }
    numbers
};

/// A bit for each vCPU that was started by the first.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// Returns the vCPUs that were started by the first.
pub(crate) fn others() -> impl Iterator<Item = u32> {
    let started = STARTED.load(Acquire);
    (0..VCPUS as u32).filter(move |vcpu| started & 1 << vcpu != 0)
}

/// Sets the number of this vCPU, once and before anything else.
pub(crate) fn identify(vcpu: u32) {
    let number = &raw const NUMBERS[vcpu as usize];
    // SAFETY: nothing else uses GS, and a static stays.
    unsafe { Msr::new(GS_BASE).write(number.addr() as u64) };
}

/// Returns the number of the vCPU that executes this.
pub(crate) fn current() -> u32 {
    let number;
    // SAFETY: GS points to a number of `NUMBERS`.
    unsafe {
        asm!(
            "mov {:e}, gs:[0]",
            out(reg) number,
            options(nostack, preserves_flags, pure, readonly),
        );
    };
    number
}

/// Starts `vcpu`, which executes `main` and stops when that returns.
///
/// # Errors
///
/// `ENOENT` if the domain has no such vCPU, `EEXIST` if it was started before, `EINVAL` for the
/// first and those beyond [`VCPUS`], `ENOMEM`.
pub(crate) fn start(vcpu: u32, main: fn(Rt)) -> Result<(), Errno> {
    if vcpu == 0 || vcpu as usize >= VCPUS {
        return Err(Errno::EINVAL);
    }
    events::events().map_or(Ok(()), |events| events.add_vcpu(vcpu))?;
    let stacks = memory::alloc_pages(STACKS).ok_or(Errno::ENOMEM)?;
    let bottom = stacks.as_ptr().expose_provenance();
    let (fault_stack, top) = (bottom + FAULT_STACK * PAGE_SIZE, bottom + STACKS.get() * PAGE_SIZE);

    let entry = begin as *const () as u64;
    let args = [u64::from(vcpu), main as *const () as u64, fault_stack as u64];
    let state = VcpuStart::like_current(entry, top as u64, args);
    // SAFETY: the vCPU executes `begin`, which takes these arguments, on stacks of its own; what is
    // shared between vCPUs is atomic or locked.
    let started = unsafe { xen_guest::vcpu::start(&Rt::new(), vcpu, &state) };
    if started.is_ok() {
        STARTED.fetch_or(1 << vcpu, AcqRel);
    } else {
        // SAFETY: allocated above; no vCPU has started on them.
        unsafe { memory::free_pages(stacks, STACKS) };
    }
    started
}

/// Runs a vCPU from its start.
#[expect(improper_ctypes_definitions, reason = "caller and callee are in this file")]
extern "C" fn begin(vcpu: u32, main: fn(Rt), fault_stack: usize) -> ! {
    identify(vcpu);
    interrupts::init(vcpu, fault_stack);
    events::init_vcpu(vcpu);
    main(Rt::new());
    // An event that stays in a queue of this vCPU would keep its port silent wherever it is moved
    // to.
    events::stop_vcpu(vcpu);
    loop {
        // It can't be refused: the vCPU exists.
        let _ = vcpu::down(&Rt::new(), vcpu);
    }
}
