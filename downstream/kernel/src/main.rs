//! A polling kernel: no interrupts, one vCPU, identity-mapped memory, no heap.
//!
//! Prints a line at port 0xe9, then on its console, reads its name from xenstore, reads the first
//! sector of its first disk, and powers off.

#![no_std]
#![no_main]

mod memory;
mod platform;

use core::fmt::{Display, Write};
use core::panic::PanicInfo;
use core::time::Duration;
use platform::Kernel;
use spin::{Mutex, Once};
use xen_guest::arch::DebugPort;
use xen_guest::console::Console;
use xen_guest::hypercall::boot;
use xen_guest::store::XsOps;
use xen_guest::{BootInfo, GrantTable, Platform, XenStore, block, ops, power};

/// The services and the driver outlive all threads.
static STORE: Once<XenStore<Kernel>> = Once::new();
static GRANTS: Once<GrantTable<Kernel>> = Once::new();
static DISK: Mutex<Option<block::BlockingDisk<Kernel>>> = Mutex::new(None);

xen_guest::pvh_entry!(boot, stack: 256 * 1024);

fn boot(start_info: usize) -> ! {
    if run(start_info).is_none() {
        power::crash(&Kernel);
    }
    let _ = writeln!(DebugPort, "downstream: ok");
    power::power_off(&Kernel)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(DebugPort, "downstream: {info}");
    power::crash(&Kernel)
}

/// Returns the value of a step; prints its error.
fn done<T, E: Display>(step: &str, result: Result<T, E>) -> Option<T> {
    if let Err(error) = &result {
        let _ = writeln!(DebugPort, "downstream: {step}: {error}");
    }
    result.ok()
}

fn run(start_info: usize) -> Option<()> {
    platform::find_xen()?;
    // SAFETY: `pvh_entry!` maps the first 4 GiB, and no RAM is allocated so far.
    let memory = unsafe { BootInfo::identity_mapped(memory::MAPPED) };
    let info = done("start_info", BootInfo::read(&Kernel, memory, start_info as u64))?;
    // SAFETY: called once, and the loader's data has been copied.
    let pages = unsafe { memory::init(&info) };
    done("shared info", platform::init())?;

    let version = done("version", ops::version::version(&Kernel))?;
    let _ = writeln!(DebugPort, "downstream: Xen {version}, {pages} pages");

    let mut console = Console::primary(done("console", boot::console_ring(Kernel))?);
    let ring = done("xenstore", boot::xenstore_ring(Kernel))?;
    let store = done("xenstore", XenStore::new(Kernel, ring))?;
    let store = STORE.call_once(|| store);
    let name = done("name", store.read_string::<64>("name"))?;
    let _ = writeln!(console, "downstream: name {name}");

    let soon = Kernel.now() + Duration::from_secs(30);
    let grants = done("grant table", GrantTable::new(Kernel))?;
    let grants = GRANTS.call_once(|| grants);
    let disks = done("disks", block::list::<4>(store))?;
    let Some(entry) = disks.first() else {
        return done("disks", Err("found none, expected one"));
    };
    let disk = done("disk", block::BlockingDisk::connect(store, grants, entry.id, soon))?;
    let mut slot = DISK.lock();
    let disk = slot.insert(disk);
    let mut sector = [0; 512];
    done("read", disk.read(0, &mut sector))?;
    let sum: u32 = sector.iter().map(|&byte| u32::from(byte)).sum();
    let _ = writeln!(console, "downstream: {} bytes, sum {sum}", disk.info().bytes());
    done("close", slot.take()?.close(soon))?;
    done("flush", console.flush(soon))
}
