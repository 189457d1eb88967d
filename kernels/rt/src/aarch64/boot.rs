//! Boot: from the entry of the Image to the kernel's `main`, step by step.

use super::{clock, cpu, interrupts, output, paging};
use crate::platform::{BOOT, Rt};
use crate::{boot, early, events, memory};
use spin::Once;
use xen_guest::BootInfo;
use xen_guest::device_tree::{self, Hardware};

xen_guest::arm64_entry!(start, stack: 512 * 1024);

static HARDWARE: Once<Hardware> = Once::new();

static TREE: Once<&[u8]> = Once::new();

/// Returns the device tree.
pub(super) fn tree() -> Option<&'static [u8]> {
    TREE.get().copied()
}

/// Returns the hardware of the device tree.
pub(super) fn hardware() -> Option<&'static Hardware> {
    HARDWARE.get()
}

/// Starts after the entry: the gigabytes of image and device tree mapped, interrupts off.
fn start(device_tree: usize) -> ! {
    cpu::identify(0);
    interrupts::init(0, 0);
    // SAFETY: the address is the entry's. The allocator leaves the tree out.
    let tree = unsafe { device_tree::at(device_tree) };
    // Nothing can be printed before the tree is read.
    let tree = *TREE.call_once(|| tree.unwrap_or_else(|| panic!("no device tree")));
    let hardware = Hardware::read(tree).map(|hardware| HARDWARE.call_once(|| hardware));
    let info = BootInfo::read_device_tree(&Rt::new(), tree, device_tree as u64);
    let info = BOOT.call_once(|| info.unwrap_or_else(|error| panic!("{error}")));
    early::init(info.is_dom0);
    let hardware = hardware.unwrap_or_else(|error| panic!("{error}"));

    // First the RAM that is mapped already: the tables that map the rest are allocated from it.
    let window = paging::boot_window();
    // SAFETY: the windows don't overlap, each is mapped, and what the loader left in RAM is not
    // usable RAM.
    unsafe {
        memory::add(info, window.clone());
        for ram in info.ram() {
            paging::map(ram.start..ram.end.min(paging::LIMIT))
                .expect("no RAM left for page tables");
        }
        let [distributor, other] = hardware.gic.ranges();
        for registers in [distributor, other].into_iter().chain(hardware.uart.clone()) {
            paging::map_device(registers).expect("no RAM left for page tables");
        }
        memory::add(info, window.end..paging::LIMIT);
        memory::add(info, 0..window.start);
    }
    if let Some(uart) = &hardware.uart {
        output::init(uart.start);
    }
    interrupts::init_controller(hardware);

    // The clock waits, so it needs no events and no interrupts.
    clock::init();
    events::init();
    boot::run()
}
