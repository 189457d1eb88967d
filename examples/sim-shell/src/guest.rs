//! The guest: what the kernel of examples/shell does after it has booted.

use xen_example_shell::{GuestKind, Kernel, Machine, Shell, System};
use xen_front::console::Console;
use xen_grant::GrantTable;
use xen_hypercall::ops::sched::{self, SuspendOutcome};
use xen_hypercall::{Errno, Hypercall, Platform, boot};
use xen_store::XenStore;
use xen_sys::arch_x86::hvm::start_info::{HvmMemmapTableEntry, MemmapType};
use xen_sys::sched::ShutdownReason;

/// Runs the shell in a domain, until its command line's script has ended, or the user at its prompt
/// or the toolstack ends it. If the toolstack requests a suspend of the domain, `suspend` does
/// that.
///
/// # Errors
///
/// What went wrong before there was a shell, in words.
pub fn run_shell<P: Platform>(
    xen: P,
    memory: u64,
    command_line: &str,
    suspend: fn(&P) -> Result<SuspendOutcome, Errno>,
) -> Result<ShutdownReason, String> {
    let console = boot::console_ring(xen.clone()).map_err(|error| error.to_string())?;
    let mut terminal = Console::primary(console);
    let ring = boot::xenstore_ring(xen.clone()).map_err(|error| error.to_string())?;
    let store = XenStore::new(xen.clone(), ring).map_err(|error| error.to_string())?;
    let grants = GrantTable::new(xen.clone()).map_err(|error| error.to_string())?;
    let memory_map =
        [HvmMemmapTableEntry { addr: 0, size: memory, type_: MemmapType::RAM, reserved: 0 }];
    let machine = Machine {
        kind: GuestKind::Pvh,
        domain: || None,
        memory_map: &memory_map,
        modules: &[],
        rsdp: None,
        crash: || {},
    };
    let system = System {
        platform: xen.clone(),
        kernel: Kernel::new(suspend),
        machine,
        store: Some(store),
        grants: Some(grants),
        memory: None,
    };
    let mut shell = Shell::new(system, &mut terminal);
    let reason = shell.boot(command_line);
    shell.close();
    drop(shell);
    end(&xen, reason);
    Ok(reason)
}

fn end<H: Hypercall>(xen: &H, reason: ShutdownReason) {
    // On real Xen nothing runs afterwards; here it comes back with an error that says so.
    let _ = sched::shutdown(xen, reason);
}
