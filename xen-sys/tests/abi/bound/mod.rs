//! Items of xen-sys by C name, written by `cargo xtask abi --bound`; do not edit.

mod arch_arm;
mod arch_x86;
mod argo;
mod callback;
mod device_tree_defs;
mod domctl;
mod elfnote;
mod errno;
mod event_channel;
mod features;
mod grant_table;
mod hvm;
mod hypfs;
mod io;
mod kexec;
mod memory;
mod nmi;
mod physdev;
mod platform;
mod pmu;
mod sched;
mod sysctl;
mod trace;
mod vcpu;
mod version;
mod vm_event;
mod xen;
mod xsm;

/// Each module's.
pub(crate) const LISTS: &[crate::list::List] = &[
    arch_arm::LIST,
    arch_x86::LIST,
    argo::LIST,
    callback::LIST,
    device_tree_defs::LIST,
    domctl::LIST,
    elfnote::LIST,
    errno::LIST,
    event_channel::LIST,
    features::LIST,
    grant_table::LIST,
    hvm::LIST,
    hypfs::LIST,
    io::LIST,
    kexec::LIST,
    memory::LIST,
    nmi::LIST,
    physdev::LIST,
    platform::LIST,
    pmu::LIST,
    sched::LIST,
    sysctl::LIST,
    trace::LIST,
    vcpu::LIST,
    version::LIST,
    vm_event::LIST,
    xen::LIST,
    xsm::LIST,
];
