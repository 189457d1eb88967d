//! The kernel: calls what Xen lets it call, and compares each result with what the documentation
//! says.

#![no_std]
#![no_main]

extern crate alloc;

mod arm;
mod copies;
mod cpu;
mod delivery;
mod devices;
mod events;
mod fifo;
mod grants;
mod hvm;
mod memory;
mod report;
mod resources;
mod services;
mod smp;
mod storm;
mod tables;
mod toolstack;
mod version;

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        mod guests;
        mod lines;
        mod mca;
        mod pirqs;
        mod pv_time;
    } else {
        mod absent;
        use absent::{guests, lines, mca, pirqs, pv_time};
    }
}

use report::Report;
use xen_kernel_rt::{Rt, early_println};

xen_kernel_rt::entry!(main);

fn main(xen: Rt) {
    let version = match xen_hypercall::ops::version::version(&xen) {
        Ok(version) => version,
        Err(errno) => return early_println!("selftest: no version: {errno}"),
    };
    let whose = match (xen.is_dom0(), xen.has_pic()) {
        (true, _) => "dom0",
        (false, false) => "a guest",
        (false, true) => "an HVM guest",
    };
    early_println!("selftest of Xen {version} as {whose}");
    let mut t = Report::new(xen, version);
    version::test(&mut t);
    events::test(&mut t);
    pv_time::timer(&mut t);
    smp::test(&mut t);
    delivery::two_level(&mut t);
    grants::test(&mut t);
    tables::test(&mut t);
    copies::test(&mut t);
    memory::test(&mut t);
    hvm::test(&mut t);
    cpu::test(&mut t);
    services::test(&mut t);
    devices::test(&mut t);
    pirqs::test(&mut t);
    toolstack::test(&mut t);
    delivery::fifo(&mut t);
    smp::stop(&mut t);
    // It ends with the ports of all others closed, and the vCPU's information elsewhere: nothing
    // can come after it.
    fifo::test(&mut t);
    t.end();
}
