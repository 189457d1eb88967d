//! Start of a vCPU in 64-bit mode.

use core::arch::asm;
use xen_hypercall::arch::cpuid::Leaf;
use xen_hypercall::ops::vcpu;
use xen_hypercall::{Errno, Hypercall};
use xen_sys::hvm::hvm_vcpu::{VCPU_HVM_MODE_64B, VcpuHvmContext, VcpuHvmX8664};
use zerocopy::IntoBytes;

/// RFLAGS with interrupts off: bit 1 is always set.
const RFLAGS: u64 = 2;

/// Registers of a vCPU at its start.
///
/// The vCPU has no GDT, IDT, TSS or GS base: the entry loads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VcpuStart {
    /// Address of the entry, an `extern "C"` function.
    pub entry: u64,
    /// End of the stack, a multiple of 16.
    pub stack_end: u64,
    /// The first arguments of the entry: RDI, RSI, RDX.
    pub args: [u64; 3],
    /// Control register 0.
    pub cr0: u64,
    /// Page tables.
    pub cr3: u64,
    /// Control register 4.
    pub cr4: u64,
    /// Extended feature register.
    pub efer: u64,
}

impl VcpuStart {
    /// Creates the state of a vCPU with the control registers and page tables of this one.
    ///
    /// For kernel mode: reading control registers faults in user mode.
    pub fn like_current(entry: u64, stack_end: u64, args: [u64; 3]) -> Self {
        const EFER: u32 = 0xc000_0080;
        let (cr0, cr3, cr4): (u64, u64, u64);
        let (low, high): (u32, u32);
        // SAFETY: reads registers that every CPU in 64-bit mode has.
        unsafe {
            asm!("mov {}, cr0", out(reg) cr0, options(nomem, nostack, preserves_flags));
            asm!("mov {}, cr3", out(reg) cr3, options(nomem, nostack, preserves_flags));
            asm!("mov {}, cr4", out(reg) cr4, options(nomem, nostack, preserves_flags));
            asm!(
                "rdmsr",
                in("ecx") EFER,
                out("eax") low,
                out("edx") high,
                options(nomem, nostack, preserves_flags),
            );
        }
        let efer = u64::from(high) << 32 | u64::from(low);
        Self { entry, stack_end, args, cr0, cr3, cr4, efer }
    }

    /// Returns the argument of `VCPUOP_initialise`.
    pub fn context(&self) -> VcpuHvmContext {
        let [rdi, rsi, rdx] = self.args;
        let registers = VcpuHvmX8664 {
            rdi,
            rsi,
            rdx,
            rip: self.entry,
            // As after a call: the entry finds a return address, which is not used.
            rsp: self.stack_end.wrapping_sub(8),
            rflags: RFLAGS,
            cr0: self.cr0,
            cr3: self.cr3,
            cr4: self.cr4,
            efer: self.efer,
            ..Default::default()
        };
        let mut context = VcpuHvmContext { mode: VCPU_HVM_MODE_64B, ..Default::default() };
        for (target, source) in context.cpu_regs.as_mut_bytes().iter_mut().zip(registers.as_bytes())
        {
            *target = *source;
        }
        context
    }
}

/// Returns the identifier of the local APIC of this CPU, by `cpuid(leaf, subleaf)`: of 32 bits if
/// CPUID has leaf 11, else of 8 bits.
pub fn apic_id(cpuid: impl Fn(u32, u32) -> Leaf) -> u32 {
    const X2APIC: u32 = 11;
    let [last, ..] = cpuid(0, 0);
    if last >= X2APIC {
        let [_, threads, _, id] = cpuid(X2APIC, 0);
        // Without a number of threads there is no such leaf.
        if threads & 0xffff != 0 {
            return id;
        }
    }
    let [_, ebx, ..] = cpuid(1, 0);
    ebx >> 24
}

/// Starts `vcpu`, which is down.
///
/// # Errors
///
/// `ENOENT` if the domain has no such vCPU, `EEXIST` if it was started before.
///
/// # Safety
///
/// The entry must be a function that takes the arguments and does not return, and must be sound to
/// execute on another CPU. The stack must be mapped in the page tables, and used by nothing else.
#[doc(alias("VCPUOP_initialise", "VCPUOP_up"))]
pub unsafe fn start<H: Hypercall>(xen: &H, vcpu: u32, state: &VcpuStart) -> Result<(), Errno> {
    // SAFETY: the caller vouches for the code and the stack of the vCPU.
    unsafe {
        vcpu::initialise(xen, vcpu, &state.context())?;
        vcpu::up(xen, vcpu)
    }
}

/// Starts `vcpu`, which was started before and stopped by its own `VCPUOP_down`: it continues
/// behind that call, or begins at `state` if the domain was restored since. For a vCPU that is down
/// Xen saves no registers.
///
/// # Errors
///
/// `ENOENT` if the domain has no such vCPU.
///
/// # Safety
///
/// As for [`start`], and the code behind the call must be sound to execute beside the caller's. The
/// call must have left nothing on the stack that other code uses.
#[doc(alias("VCPUOP_initialise", "VCPUOP_up"))]
pub unsafe fn restart<H: Hypercall>(xen: &H, vcpu: u32, state: &VcpuStart) -> Result<(), Errno> {
    // SAFETY: the caller vouches for the code and the stack of the vCPU.
    match unsafe { vcpu::up(xen, vcpu) } {
        // SAFETY: as above.
        Err(Errno::EINVAL) => unsafe { start(xen, vcpu, state) },
        result => result,
    }
}

/// Returns whether `vcpu` is up.
///
/// # Errors
///
/// `ENOENT` if the domain has no such vCPU.
#[doc(alias = "VCPUOP_is_up")]
pub fn is_up<H: Hypercall>(xen: &H, vcpu: u32) -> Result<bool, Errno> {
    vcpu::is_up(xen, vcpu)
}

/// Stops `vcpu`, which executes this. It returns when the vCPU is started again.
///
/// # Errors
///
/// `ENOENT` if the domain has no such vCPU.
#[doc(alias = "VCPUOP_down")]
pub fn stop<H: Hypercall>(xen: &H, vcpu: u32) -> Result<(), Errno> {
    vcpu::down(xen, vcpu)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;
    use xen_hypercall::ops::sched::{self, SuspendOutcome};
    use xen_sim::{DomainConfig, World};

    const STATE: VcpuStart = VcpuStart {
        entry: 0x20_0000,
        stack_end: 0x30_0000,
        args: [1, 2, 3],
        cr0: 4,
        cr3: 5,
        cr4: 6,
        efer: 7,
    };

    #[test]
    fn apic_id_has_32_bits() {
        let old = |leaf, _| if leaf == 1 { [0, 7 << 24, 0, 0] } else { [1, 0, 0, 0] };
        assert_eq!(apic_id(old), 7);
        let with_leaf = |threads| {
            move |leaf, _| match leaf {
                0 => [13, 0, 0, 0],
                1 => [0, 7 << 24, 0, 0],
                11 => [0, threads, 0, 0x1_0007],
                _ => [0; 4],
            }
        };
        assert_eq!((apic_id(with_leaf(1)), apic_id(with_leaf(0))), (0x1_0007, 7));
    }

    #[test]
    fn context_has_each_register_in_place() {
        let context = STATE.context();
        assert_eq!(context.mode, VCPU_HVM_MODE_64B);
        for (offset, value) in [
            (offset_of!(VcpuHvmX8664, rip), 0x20_0000),
            (offset_of!(VcpuHvmX8664, rsp), 0x2f_fff8),
            (offset_of!(VcpuHvmX8664, rdi), 1),
            (offset_of!(VcpuHvmX8664, rsi), 2),
            (offset_of!(VcpuHvmX8664, rdx), 3),
            (offset_of!(VcpuHvmX8664, rflags), 2),
            (offset_of!(VcpuHvmX8664, cr0), 4),
            (offset_of!(VcpuHvmX8664, cr3), 5),
            (offset_of!(VcpuHvmX8664, cr4), 6),
            (offset_of!(VcpuHvmX8664, efer), 7),
            (offset_of!(VcpuHvmX8664, rax), 0),
        ] {
            assert_eq!(context.cpu_regs[offset / 8], value, "offset {offset}");
        }
    }

    #[test]
    fn vcpu_starts_once() {
        let world = World::new(1);
        let config = DomainConfig { vcpus: 2, ..DomainConfig::new("guest") };
        let domain = world.create_guest(config);
        // SAFETY: a simulated vCPU executes nothing.
        let start = |vcpu| unsafe { start(&domain, vcpu, &STATE) };
        assert_eq!(start(1), Ok(()));
        assert_eq!(vcpu::is_up(&domain, 1), Ok(true));
        assert_eq!(start(1), Err(Errno::EEXIST));
        assert_eq!(start(2), Err(Errno::ENOENT));
    }

    #[test]
    fn stopped_vcpu_starts_after_restore() {
        let world = World::new(2);
        let config = DomainConfig { vcpus: 2, ..DomainConfig::new("guest") };
        let domain = world.create_guest(config);
        // SAFETY: a simulated vCPU executes nothing.
        unsafe { start(&domain, 1, &STATE) }.unwrap();
        // SAFETY: as above.
        let again = || unsafe { restart(&domain, 1, &STATE) };
        for is_restored in [false, true] {
            vcpu::down(&domain, 1).unwrap();
            if is_restored {
                let id = domain.id();
                world.suspend(id, move |world| drop(world.restore(world.save(id), None)));
                // SAFETY: the domain has no grants, mappings or rings in use.
                let outcome = unsafe { sched::suspend(&domain) };
                assert_eq!(outcome, Ok(SuspendOutcome::Resumed));
                // SAFETY: as above.
                assert_eq!(unsafe { vcpu::up(&domain, 1) }, Err(Errno::EINVAL));
            }
            assert_eq!(again(), Ok(()));
            assert_eq!(vcpu::is_up(&domain, 1), Ok(true));
        }
        // SAFETY: as above.
        assert_eq!(unsafe { restart(&domain, 2, &STATE) }, Err(Errno::ENOENT));
    }
}
