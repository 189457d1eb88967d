//! Items of xen-sys by C name, written by `cargo xtask abi --bound`; do not edit.

mod arch_arm;
mod arch_arm_smccc;
mod arch_x86;
mod arch_x86_cpuid;
mod arch_x86_guest_acpi;
mod arch_x86_hvm;
mod arch_x86_pmu;
mod arch_x86_xen;
mod arch_x86_xen_mca;
mod arch_x86_xen_x86_64;
mod argo;
mod callback;
mod device_tree_defs;
mod domctl;
mod elfnote;
mod errno;
mod event_channel;
mod features;
mod grant_table;
mod hvm_dm_op;
mod hvm_e820;
mod hvm_hvm_info_table;
mod hvm_hvm_op;
mod hvm_hvm_vcpu;
mod hvm_hvm_xs_strings;
mod hvm_ioreq;
mod hvm_params;
mod hvm_save;
mod hypfs;
mod io_blkif;
mod io_cameraif;
mod io_console;
mod io_displif;
mod io_fbif;
mod io_kbdif;
mod io_libxenvchan;
mod io_netif;
mod io_pciif;
mod io_protocols;
mod io_pvcalls;
mod io_ring;
mod io_sndif;
mod io_tpmif;
mod io_usbif;
mod io_vscsiif;
mod io_xen_9pfs;
mod io_xenbus;
mod io_xs_wire;
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
mod xsm_flask_op;

/// Each module's.
pub(crate) const LISTS: &[crate::list::List] = &[
    arch_arm::LIST,
    arch_arm_smccc::LIST,
    arch_x86::LIST,
    arch_x86_cpuid::LIST,
    arch_x86_guest_acpi::LIST,
    arch_x86_hvm::LIST,
    arch_x86_pmu::LIST,
    arch_x86_xen::LIST,
    arch_x86_xen_mca::LIST,
    arch_x86_xen_x86_64::LIST,
    argo::LIST,
    callback::LIST,
    device_tree_defs::LIST,
    domctl::LIST,
    elfnote::LIST,
    errno::LIST,
    event_channel::LIST,
    features::LIST,
    grant_table::LIST,
    hvm_dm_op::LIST,
    hvm_e820::LIST,
    hvm_hvm_info_table::LIST,
    hvm_hvm_op::LIST,
    hvm_hvm_vcpu::LIST,
    hvm_hvm_xs_strings::LIST,
    hvm_ioreq::LIST,
    hvm_params::LIST,
    hvm_save::LIST,
    hypfs::LIST,
    io_blkif::LIST,
    io_cameraif::LIST,
    io_console::LIST,
    io_displif::LIST,
    io_fbif::LIST,
    io_kbdif::LIST,
    io_libxenvchan::LIST,
    io_netif::LIST,
    io_pciif::LIST,
    io_protocols::LIST,
    io_pvcalls::LIST,
    io_ring::LIST,
    io_sndif::LIST,
    io_tpmif::LIST,
    io_usbif::LIST,
    io_vscsiif::LIST,
    io_xen_9pfs::LIST,
    io_xenbus::LIST,
    io_xs_wire::LIST,
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
    xsm_flask_op::LIST,
];
