//! Results on Arm that are not those of x86, and facts that follow from what Arm lacks.

/// Results of operations: the start of the line, and the result, or two.
const RESULTS: [(&str, &str); 32] = [
    // Timers are the CPU's, vCPUs are started by PSCI, and no page has the time.
    ("vcpu::set_singleshot_timer(0", "Err(EINVAL)"),
    ("vcpu::stop_singleshot_timer(0", "Err(EINVAL)"),
    ("vcpu::set_periodic_timer(", "Err(EINVAL)"),
    ("vcpu::stop_periodic_timer(", "Err(EINVAL)"),
    ("set_timer::set_timer(", "Err(ENOSYS)"),
    ("vcpu::is_up(0", "Err(EINVAL)"),
    ("vcpu::is_up(99", "Err(ENOENT)"),
    ("vcpu::get_runstate_info(", "Err(EINVAL)"),
    ("vcpu::get_physid(", "Err(EINVAL)"),
    ("vcpu::register_vcpu_time_memory_area(", "Err(EINVAL)"),
    ("vcpu::register_runstate_phys_area(", "Err(EINVAL)"),
    ("vcpu::register_vcpu_time_phys_area(", "Err(EINVAL)"),
    // There are no physical interrupts; 4.17 and 4.20 have an error of their own.
    ("event_channel::bind_pirq(", "Err(EINVAL)|Err(EOPNOTSUPP)"),
    // Grants have version 1, and the operations that Xen has for Arm and for PV guests.
    ("grant_table::set_version(2", "Err(ENOSYS)"),
    ("grant_table::get_version(DomId(32752)", "Ok(1)"),
    ("grant_table::get_status_frames(", "Err(Status(GrantStatus::GENERAL_ERROR))"),
    ("grant_table::cache_flush(", "Ok(())"),
    ("grant_table::unmap_and_replace(", "Ok(())"),
    ("GrantTable::with_version(version 2", "Ok(V1)"),
    // The device tree has the memory map, and memory is not populated on demand.
    ("memory::memory_map(", "Err(ENOSYS)"),
    ("memory::machine_memory_map(", "Err(ENOSYS)"),
    ("memory::move_range(", "Err(ENOSYS)"),
    ("memory_admin::set_memory_map(", "Err(ENOSYS)"),
    ("memory_admin::get_pod_target(", "Err(ENOSYS)"),
    ("memory_admin::set_pod_target(", "Err(ENOSYS)"),
    // The interrupt of the upcall is fixed, and there is no device model.
    ("hvm::set_evtchn_upcall_vector(99", "Err(ENOSYS)"),
    ("hvm::get_time(", "Err(ENOSYS)"),
    ("hvm::flush_tlbs(", "Err(ENOSYS)"),
    ("hvm::xentrace(", "Err(ENOSYS)"),
    ("hvm::get_mem_type(", "Err(ENOSYS)"),
    ("dm_op::nr_vcpus(", "Err(ENOSYS)"),
    ("dm_op::create_ioreq_server(", "Err(ENOSYS)"),
];

/// Results in dom0 alone: a guest is refused as on x86.
const DOM0_RESULTS: [(&str, &str); 28] = [
    ("hvm::get_param(0", "Ok(144115188075856400)"),
    ("platform::get_cpuinfo(", "Err(ENOSYS)"),
    ("platform::get_cpu_version(", "Err(ENOSYS)"),
    ("platform::get_symbol(", "Err(ENOSYS)"),
    ("platform::settime32(", "Err(ENOSYS)"),
    ("platform::parked_cores(", "Err(ENOSYS)"),
    ("platform::park_cores(", "Err(ENOSYS)"),
    ("platform::read_memtype(", "Err(ENOSYS)"),
    ("platform::del_memtype(", "Err(ENOSYS)"),
    ("platform::add_memtype(", "Err(ENOSYS)"),
    ("platform::platform_quirk(", "Err(ENOSYS)"),
    ("platform::keyboard_shift_flags(", "Err(ENOSYS)"),
    ("platform::firmware_info(", "Err(ENOSYS)"),
    ("platform::get_ucode_revision(", "Err(ENOSYS)"),
    ("platform::microcode_update(", "Err(ENOSYS)"),
    ("platform::microcode_update2(", "Err(ENOSYS)"),
    ("platform::set_processor_pminfo(", "Err(ENOSYS)"),
    ("platform::mem_hotadd(", "Err(ENOSYS)"),
    ("platform::cpu_hotadd(", "Err(ENOSYS)"),
    ("platform::cpu_offline(", "Err(ENOSYS)"),
    ("platform::resource_op(", "Err(ENOSYS)"),
    ("platform::get_dom0_console(", "Err(ENOSYS)"),
    ("platform::enter_acpi_sleep(", "Err(ENOSYS)"),
    ("domctl::ioport_permission(", "Err(Call(ENOSYS))"),
    ("domctl::iomem_permission(DomId(77), 983040", "Err(Call(EPERM))"),
    ("sysctl::cpu_hotplug(", "Err(Call(ENOSYS))"),
    ("physdev::dbgp_op(", "Err(ENOSYS)"),
    ("physdev::pci_mmcfg_reserved(", "Err(ENOSYS)"),
];

/// Results in a guest alone.
const GUEST_RESULTS: [(&str, &str); 1] = [
    // The private interrupt 31, triggered by a low level.
    ("hvm::get_param(0", "Ok(144115188075856415)"),
];

/// Facts that follow from an operation or a page that Arm lacks.
const FACTS_OF_X86: [&str; 11] = [
    "event of the one-shot timer",
    "event for a moment that has passed",
    "first event of the periodic timer",
    "second event of the periodic timer",
    "event of set_timer",
    "Xen keeps the time for vCPU 1",
    "Xen flags a stable tick counter, in dom0 here",
    "the memory map is Xen's in dom0, the loader's in a guest",
    "the page is at its new frame",
    "the area has the time",
    "the vCPU's information is in its new place, with the time",
];

/// Returns the result of an operation, by the start of its line, if it differs from x86's.
pub(crate) fn result(is_dom0: bool, line: &str) -> Option<&'static str> {
    let own: &[_] = if is_dom0 { &DOM0_RESULTS } else { &GUEST_RESULTS };
    let mut rows = own.iter().chain(&RESULTS);
    rows.find(|(start, _)| line.starts_with(start)).map(|&(_, result)| result)
}

/// Returns whether the fact is one of x86 alone.
pub(crate) fn is_of_x86(fact: &str) -> bool {
    FACTS_OF_X86.contains(&fact)
}
