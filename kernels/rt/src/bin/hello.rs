//! The first kernel to read and to boot: it says where it is, waits a moment, and takes an event.
//!
//! Its command line can ask for a mistake: `null`, `overflow` or `panic`.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::time::Duration;
use xen_evtchn::Channel;
use xen_hypercall::{Errno, Platform, ops::version};
use xen_kernel_rt::{Rt, early_println};

xen_kernel_rt::entry!(main);

fn main(xen: Rt) {
    early_println!("hello from {}", if xen.is_dom0() { "dom0" } else { "a guest" });
    early_println!("code at {:#x}", main as *const () as usize);
    early_println!("command line: {:?}", xen.command_line());
    for region in xen.memory_map() {
        early_println!(
            "memory {:#013x}..{:#013x} {}",
            region.addr,
            region.addr + region.size,
            region.type_
        );
    }
    let (used, total) = xen.memory_usage();
    early_println!("RAM: {} KiB, {} in use", total >> 10, used >> 10);
    match ask(xen) {
        Ok(()) => {}
        Err(errno) => early_println!("Xen refused: {errno}"),
    }
    match xen.command_line() {
        // SAFETY: page 0 is unmapped, so the read never completes; to see that is the point.
        "null" => drop(unsafe { black_box(core::ptr::null::<u64>()).read_volatile() }),
        "overflow" => drop(overflow(0)),
        "panic" => panic!("as asked for"),
        _ => early_println!("goodbye"),
    }
}

fn ask(xen: Rt) -> Result<(), Errno> {
    early_println!("Xen {}", version::version(&xen)?);

    let start = xen.now();
    xen.wait(&[], Some(start + Duration::from_millis(50)));
    early_println!("slept {} ms", xen.now().saturating_duration_since(start).as_millis());

    // A port that this vCPU sends to itself; a device's is no different. Masked at first, so it is
    // waited for without an interrupt; then with one.
    let channel = Channel::bind_ipi(xen, 0)?;
    for how in ["polled", "by upcall"] {
        channel.notify()?;
        let start = xen.now();
        xen.wait(&[channel.port()], Some(start + Duration::from_secs(1)));
        let micros = xen.now().saturating_duration_since(start).as_micros();
        early_println!("an event, {how}, after {micros} us");
        xen.dispatcher().bind(xen.events(), channel.port())?;
    }
    Ok(())
}

#[expect(unconditional_recursion, reason = "to see what a stack overflow does")]
fn overflow(depth: u64) -> u64 {
    overflow(black_box(depth) + 1) + black_box(depth)
}
