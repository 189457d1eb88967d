//! The kernel: gives the service its xenstore, and does what the command line says.

#![no_std]
#![no_main]

extern crate alloc;

use xen_example_driver_domain::{Disks, LIMITS, Service, config::Config};
use xen_hypercall::boot;
use xen_kernel_rt::{Rt, early_println};
use xen_store::{RingTransport, XenStore};

xen_kernel_rt::entry!(main);

fn main(xen: Rt) {
    early_println!("xen-example-driver-domain {}", env!("CARGO_PKG_VERSION"));
    let config = match Config::parse(xen.command_line()) {
        Ok(config) => config,
        Err(error) => return early_println!("command line: {error}"),
    };
    if let Err(errno) = xen.use_fifo_events() {
        return early_println!("events in the FIFO format: {errno}");
    }
    let ring = match boot::xenstore_ring(xen) {
        Ok(ring) => ring,
        Err(error) => return early_println!("no xenstore: {error}"),
    };
    let transport = RingTransport::new(xen, ring.page, ring.port);
    let store = match XenStore::with_transport(xen, transport, ring.port, LIMITS) {
        Ok(store) => store,
        Err(error) => return early_println!("xenstore: {error}"),
    };
    match Service::new(&store, Disks::in_memory(&config.disks), config) {
        Ok(service) => {
            early_println!("serving");
            service.run(|port, work| xen.eoi(port, work))
        }
        Err(error) => early_println!("{error}"),
    }
}
