//! Boot: from the first instruction to the kernel's `main`, step by step.

use super::{cpu, hvm, interrupts, paging};
use crate::platform::{self, Rt};
use crate::{boot, early, events, memory};
use core::fmt;
use xen_guest::BootInfo;
use xen_hypercall::arch::cpuid::{self, CpuVendor, XenLeaves};

xen_guest::pvh_entry!(start_by_pvh, multiboot: start_by_multiboot, relocatable, stack: 512 * 1024);

/// Starts after the PVH entry: 64-bit mode, a stack, the first 4 GiB mapped, interrupts off.
fn start_by_pvh(start_info: usize) -> ! {
    let has_xen = find_xen();
    // SAFETY: `pvh_entry!` maps the first 4 GiB, and no memory has been allocated so far.
    let memory = unsafe { BootInfo::identity_mapped(paging::BOOT_WINDOW.end) };
    start(has_xen, BootInfo::read(&Rt::new(), memory, start_info as u64))
}

/// Starts after the multiboot entry, in the same state.
fn start_by_multiboot(information: usize) -> ! {
    let has_xen = find_xen();
    // SAFETY: as above.
    let memory = unsafe { BootInfo::identity_mapped(paging::BOOT_WINDOW.end) };
    start(has_xen, BootInfo::read_multiboot(memory, information as u64))
}

/// Returns whether there is Xen. The same image starts on other hypervisors that load PVH kernels.
fn find_xen() -> bool {
    cpu::identify(0);
    let has_xen = XenLeaves::find(cpuid::native).is_some();
    cpu::init(has_xen.then(|| CpuVendor::read(cpuid::native)));
    has_xen
}

fn start<E: fmt::Display>(has_xen: bool, boot: Result<BootInfo, E>) -> ! {
    let info = boot.unwrap_or_else(|error| {
        early::init(false);
        panic!("{error}");
    });
    if has_xen {
        early::init(info.is_dom0);
    } else {
        early_println!("CPUID has no trace of Xen: the kernel runs without Xen's services");
    }
    let info = platform::BOOT.call_once(|| info);

    // From here on a mistake prints registers.
    interrupts::init(0, interrupts::first_fault_stack());

    // First the RAM that is mapped already: the tables that map the rest are allocated from it.
    // SAFETY: the two windows don't overlap, each is mapped, and what the loader left in RAM has
    // been copied.
    unsafe {
        memory::add(info, paging::BOOT_WINDOW);
        paging::make_holes().expect("no RAM below 4 GiB");
        for ram in info.ram() {
            paging::map(ram.start..ram.end.min(paging::LIMIT))
                .expect("no RAM left for page tables");
        }
        memory::add(info, paging::BOOT_WINDOW.end..paging::LIMIT);
    }

    if has_xen {
        events::init();
        // Before any driver finds its devices.
        hvm::init();
    }

    boot::run()
}
