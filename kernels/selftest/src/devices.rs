//! Duties of the hardware domain: devices, power, firmware, counters; and Argo. A guest is refused.

use crate::mca;
use crate::report::{Expected, Report, fails, is, op, that};
use xen_hypercall::ops::{argo, hypfs, kexec, physdev, platform, pmu, xsm};
use xen_hypercall::{DomId, Errno, Gfn, Platform, Port};
use xen_sys::argo::{XenArgoRingDataEnt, XenArgoSendAddr};
use xen_sys::hypfs::XEN_HYPFS_TYPE_DIR;
use xen_sys::kexec::{KEXEC_RANGE_MA_XEN, KEXEC_TYPE_CRASH, XenKexecSegment};
use xen_sys::physdev::*;
use xen_sys::platform::*;
use xen_sys::pmu::XENPMU_MODE_OFF;

/// Expectation for a hypercall that Xen or its configuration may lack.
const NOT_HERE: &[Errno] = &[Errno::EOPNOTSUPP, Errno::ENOSYS, Errno::EPERM, Errno::ENODEV];

/// The ELF number of the machine.
const EM_X86_64: u16 = 62;

fn refused<T>() -> Expected<T, Errno> {
    Expected::Refused(&[
        Errno::EPERM,
        Errno::ENODEV,
        Errno::ENOSYS,
        Errno::EINVAL,
        Errno::EOPNOTSUPP,
    ])
}

pub(crate) fn test(t: &mut Report) {
    machine(t);
    devices(t);
    optional(t);
}

fn machine(t: &mut Report) {
    let expected =
        t.dom0_only(that("up", |cpu: &XenpfPcpuinfo| cpu.flags == XEN_PCPU_FLAGS_ONLINE));
    op!(t, platform::get_cpuinfo(0) => expected);
    let expected =
        t.dom0_only(that("invalid", |cpu: &XenpfPcpuinfo| cpu.flags == XEN_PCPU_FLAGS_INVALID));
    op!(t, platform::get_cpuinfo(99) => expected);
    let expected = t.dom0_only(that("AMD's, as the emulator says", |cpu: &XenpfPcpuVersion| {
        cpu.vendor_id == *b"AuthenticAMD" && cpu.family >= 6
    }));
    op!(t, platform::get_cpu_version(0) => expected);
    // For a dom0 that manages the CPUs' frequencies.
    let expected = t.dom0_only(fails(Errno::ENOSYS));
    op!(t, platform::getidletime(1, &mut [0; 64]) => expected);
    let expected =
        t.dom0_only(that("a name", |symbol: &platform::Symbol<'_>| !symbol.name.is_empty()));
    let name = &mut [0; 128];
    op!(t, platform::get_symbol(0, name) => expected);
    let expected = t.dom0_only(is(()));
    op!(t, platform::settime(1_700_000_000, 0, t.xen.now()) => expected);
    let expected = t.dom0_only(is(()));
    op!(t, platform::settime32(1_700_000_000, 0, t.xen.now()) => expected);
    let expected = t.dom0_only(is(0));
    op!(t, platform::parked_cores() => expected);
    let expected = t.dom0_only(is(()));
    op!(t, platform::park_cores(0) => expected);
    let expected = t.dom0_only(Expected::Ok);
    op!(t, platform::read_memtype(0) => expected);
    op!(t, unsafe platform::del_memtype(99, 99) => t.dom0_only(fails(Errno::EINVAL)));
    // There is no such type.
    op!(t, unsafe platform::add_memtype(0, 1, 99) => t.dom0_only(fails(Errno::EINVAL)));
    let expected = t.dom0_only(fails(Errno::EINVAL));
    op!(t, platform::platform_quirk(99) => expected);
    let expected = t.dom0_only(Expected::Ok);
    op!(t, platform::keyboard_shift_flags() => expected);
    let past = XenpfFirmwareInfo { type_: XEN_FW_DISK_INFO, index: 99, ..Default::default() };
    let expected = t.dom0_only(Expected::Refused(&[Errno::ESRCH, Errno::ENOENT]));
    op!(t, unsafe platform::firmware_info(past) => expected);
    let expected = t.dom0_only(Expected::Refused(&[Errno::ENOSYS, Errno::EOPNOTSUPP]));
    op!(t, platform::efi_get_time() => expected);
    let call = XenpfEfiRuntimeCall { function: 99, ..Default::default() };
    let expected = t.dom0_only(Expected::Refused(&[Errno::ENOSYS, Errno::EOPNOTSUPP]));
    op!(t, unsafe platform::efi_runtime_call(call) => expected);
    let expected = t.dom0_only(t.since(18, Expected::Ok));
    op!(t, platform::get_ucode_revision(0) => expected);
    let expected = t.dom0_only(Expected::Refused(&[Errno::EINVAL, Errno::ENODEV, Errno::ENOENT]));
    op!(t, platform::microcode_update(&[0; 64]) => expected);
    let expected = t.since(19, Expected::Refused(&[Errno::EINVAL, Errno::ENODEV, Errno::ENOENT]));
    let expected = t.dom0_only(expected);
    op!(t, platform::microcode_update2(0, &[0; 64]) => expected);
    let info = XenpfSetProcessorPminfo { type_: 99, ..Default::default() };
    op!(t, unsafe platform::set_processor_pminfo(info) => t.dom0_only(fails(Errno::EINVAL)));
    // Memory of no frames, a CPU beyond all numbers.
    let memory = XenpfMemHotadd::default();
    op!(t, unsafe platform::mem_hotadd(memory) => t.dom0_only(fails(Errno::EINVAL)));
    let cpu = XenpfCpuHotadd { apic_id: u32::MAX, acpi_id: u32::MAX, pxm: 0 };
    op!(t, platform::cpu_hotadd(cpu) => t.dom0_only(fails(Errno::EINVAL)));
    let expected = t.dom0_only(Expected::Refused(&[Errno::EINVAL, Errno::EBUSY]));
    op!(t, platform::cpu_offline(99) => expected);
    let expected = t.dom0_only(Expected::Refused(&[Errno::EINVAL, Errno::ENOSYS]));
    op!(t, platform::cpu_online(99) => expected);
    let expected = t.dom0_only(Expected::Refused(&[Errno::ENOSYS, Errno::EINVAL]));
    op!(t, platform::change_freq(0, 1_000_000) => expected);
    let entry = XenpfResourceEntry { idx: 0x10, ..Default::default() };
    let expected = t.dom0_only(is(()));
    op!(t, platform::resource_op(0, &mut [entry]) => expected);
    let expected = t.dom0_only(t.since(18, Expected::Ok));
    op!(t, platform::get_dom0_console() => expected);
    let sleep = XenpfEnterAcpiSleep { sleep_state: 99, ..Default::default() };
    let expected = t.dom0_only(Expected::Refused(&[Errno::EINVAL, Errno::EPERM]));
    op!(t, platform::enter_acpi_sleep(sleep) => expected);
}

fn devices(t: &mut Report) {
    let none = PhysdevPciDevice { seg: 0x7fff, bus: 0xff, devfn: 0xff };
    op!(t, physdev::pci_device_remove(none) => refused());
    op!(t, physdev::restore_msi_ext(none) => refused());
    op!(t, physdev::prepare_msix(none) => refused());
    op!(t, physdev::release_msix(none) => refused());
    op!(t, physdev::pci_device_reset(none, PCI_DEVICE_RESET_FLR) => refused());
    op!(
        t,
        physdev::dbgp_op(true, PHYSDEVOP_DBGP_BUS_PCI, none)
            => if t.dom0 { is(()) } else { fails(Errno::ENOSYS) }
    );
    op!(t, physdev::manage_pci_remove(0xff, 0xff) => refused());
    op!(t, physdev::restore_msi(0xff, 0xff) => refused());
    op!(t, physdev::eoi(0x7fff) => refused());
    op!(t, physdev::irq_status_query(0x7fff) => refused());
    op!(t, physdev::apic_read(0, 0) => refused());
    op!(t, unsafe physdev::apic_write(0, 0, 0) => refused());
    op!(t, physdev::alloc_irq_vector(0x7fff) => refused());
    // An HVM guest has such interrupts; Xen is not strict with it.
    let expected = if t.hvm { is(()) } else { refused() };
    op!(t, physdev::unmap_pirq(DomId::SELF, 0x7fff) => expected);
    let map = PhysdevMapPirq { domid: DomId::SELF, type_: 99, pirq: -1, ..Default::default() };
    op!(t, unsafe physdev::map_pirq(map) => refused());
    op!(t, physdev::setup_gsi(0x7fff, true, true) => refused());
    let expected = if t.hvm { Expected::Ok } else { refused() };
    op!(t, physdev::get_free_pirq(99) => expected);
    let region = PhysdevPciMmcfgReserved { segment: 0x7fff, end_bus: 1, ..Default::default() };
    let expected =
        if t.dom0 { Expected::Refused(&[Errno::ENODEV, Errno::EINVAL]) } else { refused() };
    op!(t, physdev::pci_mmcfg_reserved(region) => expected);
    op!(t, unsafe physdev::pirq_eoi_gmfn(Gfn(u64::MAX)) => refused());
    op!(t, unsafe physdev::pirq_eoi_gmfn_v1(Gfn(u64::MAX)) => refused());
    // Last of all: Xen 4.17 keeps a device that it has refused to add, and removing that one
    // afterwards ends Xen with a page fault in vpci_remove_device.
    let added = PhysdevPciDeviceAdd {
        seg: none.seg,
        bus: none.bus,
        devfn: none.devfn,
        ..Default::default()
    };
    op!(t, physdev::pci_device_add(added, None::<u32>) => refused());
    op!(t, physdev::manage_pci_add(0xff, 0xff) => refused());
    let function = PhysdevManagePciExt { bus: 0xff, devfn: 0xff, ..Default::default() };
    op!(t, physdev::manage_pci_add_ext(function) => refused());
}

fn optional(t: &mut Report) {
    op!(t, pmu::mode() => Expected::Refused(NOT_HERE));
    op!(t, pmu::set_mode(XENPMU_MODE_OFF) => Expected::Refused(NOT_HERE));
    op!(t, pmu::features() => Expected::Refused(NOT_HERE));
    op!(t, pmu::set_features(0) => Expected::Refused(NOT_HERE));
    op!(t, unsafe pmu::init(0, Gfn(u64::MAX)) => Expected::Refused(NOT_HERE));
    op!(t, pmu::finish(0) => Expected::Refused(NOT_HERE));
    op!(t, pmu::lvtpc_set() => Expected::Refused(NOT_HERE));
    op!(t, pmu::flush() => Expected::Refused(NOT_HERE));

    op!(t, argo::unregister_ring(1, DomId(0)) => Expected::Refused(NOT_HERE));
    op!(t, argo::sendv(&XenArgoSendAddr::default(), &[b"hello"], 1) => Expected::Refused(NOT_HERE));
    let query = &mut argo::RingQuery::new([XenArgoRingDataEnt::default()]);
    op!(t, argo::notify(query) => Expected::Refused(NOT_HERE));
    op!(
        t,
        unsafe argo::register_ring(1, DomId(0), 4096, &[Gfn(0)], true)
            => Expected::Refused(NOT_HERE)
    );

    // For a PV dom0.
    let kind = KEXEC_TYPE_CRASH as u8;
    op!(t, kexec::get_range(KEXEC_RANGE_MA_XEN, 0) => fails(Errno::ENOSYS));
    op!(t, kexec::is_loaded(kind) => fails(Errno::ENOSYS));
    let segments: [XenKexecSegment; 0] = [];
    op!(t, unsafe kexec::load(kind, EM_X86_64, &segments, 0) => fails(Errno::ENOSYS));
    op!(t, kexec::unload(kind) => fails(Errno::ENOSYS));
    op!(t, kexec::exec(KEXEC_TYPE_CRASH as i32) => fails(Errno::ENOSYS));

    op!(t, hypfs::version() => t.dom0_only(is(1)));
    let buffer = &mut [0; 1024];
    let expected = t.dom0_only(that("a directory", |node: &hypfs::Node<'_>| {
        node.entry.type_ == XEN_HYPFS_TYPE_DIR && node.content.is_some()
    }));
    op!(t, hypfs::read("/", buffer) => expected);
    let buffer = &mut [0; 16];
    let expected =
        t.dom0_only(that("more than fits", |node: &hypfs::Node<'_>| node.content.is_none()));
    op!(t, hypfs::read("/", buffer) => expected);
    let buffer = &mut [0; 1024];
    op!(t, hypfs::read("/nothing", buffer) => t.dom0_only(fails(Errno::ENOENT)));
    op!(t, hypfs::write("/buildinfo/config", b"") => t.dom0_only(fails(Errno::EACCES)));

    op!(t, xsm::is_enforcing() => Expected::Refused(&[Errno::ENOSYS]));
    op!(t, xsm::context_to_sid("system_u:system_r:dom0_t") => Expected::Refused(&[Errno::ENOSYS]));
    op!(t, xsm::sid_to_context(1, &mut [0; 64]) => Expected::Refused(&[Errno::ENOSYS]));
    op!(t, xsm::get_peer_sid(Port(1)) => Expected::Refused(&[Errno::ENOSYS]));

    // For a PV dom0.
    mca::test(t);
}
