//! The kernel: gives the shell its console, its xenstore and its grant table, and does what the
//! command line says.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use core::time::Duration;
use xen_example_shell::{GuestKind, Kernel, Machine, Memory, Mute, Shell, System, Terminal};
use xen_front::console::{Console, HypervisorConsole};
use xen_grant::GrantTable;
use xen_guest::Eoi;
use xen_hypercall::{Platform, boot};
use xen_kernel_rt::early::Early;
use xen_kernel_rt::{Rt, early_println};
use xen_store::XenStore;

xen_kernel_rt::entry!(main);

fn main(xen: Rt) {
    let mut terminal = terminal(xen);
    // The first words come before anything that could go wrong.
    let _ = writeln!(terminal, "xen-example-shell {}", env!("CARGO_PKG_VERSION"));

    // In dom0 there is no xenstore yet; in another domain without it the console still has the
    // reason.
    let store = if xen.is_dom0() { None } else { store(xen) };
    let grants =
        GrantTable::new(xen).map_err(|error| early_println!("no grant table: {error}")).ok();

    let machine = Machine {
        kind: kind(xen),
        domain: xen_kernel_rt::domain,
        memory_map: xen.memory_map(),
        modules: xen.modules(),
        rsdp: xen.rsdp(),
        crash: xen_kernel_rt::undefined_instruction,
    };
    let kernel = Kernel {
        time_of_day: |xen: &Rt| xen.time_of_day(),
        set_time_of_day: |xen, time| xen.set_time_of_day(time),
        tsc: xen_kernel_rt::tsc,
        can_suspend: xen.can_suspend(),
        apic_id: |xen, vcpu| xen.apic_id(vcpu),
        runstate: |xen, vcpu| xen.runstate(vcpu),
        soft_reset: |xen| xen.soft_reset(),
        generation_id: |xen| xen.generation_id(),
        set_vcpu_online: |xen, vcpu, is_online| xen.set_vcpu_online(vcpu, is_online),
        take_event: |xen, port| xen.eoi(port, Eoi::Handled),
        ..Kernel::new(|xen: &Rt| xen.suspend())
    };
    if let Err(errno) = xen.dump_on_debug() {
        early_println!("no dump on VIRQ_DEBUG: {errno}");
    }
    let balloon = store.as_ref().map(|store| xen.balloon(store));
    let balloon = balloon.and_then(|made| made.map_err(|error| early_println!("{error}")).ok());
    let memory = balloon.map(|balloon| Box::new(balloon) as Box<dyn Memory>);
    let system = System { platform: xen, kernel, machine, store, grants, memory };
    let mut shell = Shell::new(system, &mut *terminal);
    let reason = shell.boot(xen.command_line());
    shell.shutdown(reason);
}

/// Time for dom0 to set up the xenstore of a domain that Xen itself started.
const LATE_STORE: Duration = Duration::from_secs(300);

fn store(xen: Rt) -> Option<XenStore<Rt>> {
    let is_late = boot::xenstore_ring(xen).is_err_and(|error| error.is_late());
    if is_late {
        early_println!("xenstore comes later");
    }
    let deadline = xen.now() + if is_late { LATE_STORE } else { Duration::ZERO };
    let store = XenStore::start(xen, deadline);
    store.map_err(|error| early_println!("no xenstore: {error}")).ok()
}

fn kind(xen: Rt) -> GuestKind {
    match (xen.has_xen(), xen.is_dom0(), xen.has_pic()) {
        (false, ..) => GuestKind::NoXen,
        (true, true, _) => GuestKind::Dom0,
        (true, false, true) => GuestKind::Hvm,
        (true, false, false) => GuestKind::Pvh,
    }
}

fn terminal(xen: Rt) -> Box<dyn Terminal> {
    if xen.is_dom0() {
        return Box::new(HypervisorConsole(xen));
    }
    match boot::console_ring(xen) {
        Ok(ring) => Box::new(Console::primary(ring)),
        Err(error) => {
            early_println!("no console: {error}");
            Box::new(Mute(Early))
        }
    }
}
