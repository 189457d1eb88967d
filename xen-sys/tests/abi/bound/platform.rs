//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_EFI_get_time" => xen_sys::platform::XEN_EFI_GET_TIME;
        "XEN_EFI_set_time" => xen_sys::platform::XEN_EFI_SET_TIME;
        "XEN_EFI_get_wakeup_time" => xen_sys::platform::XEN_EFI_GET_WAKEUP_TIME;
        "XEN_EFI_set_wakeup_time" => xen_sys::platform::XEN_EFI_SET_WAKEUP_TIME;
        "XEN_EFI_get_next_high_monotonic_count" =>
            xen_sys::platform::XEN_EFI_GET_NEXT_HIGH_MONOTONIC_COUNT;
        "XEN_EFI_get_variable" => xen_sys::platform::XEN_EFI_GET_VARIABLE;
        "XEN_EFI_set_variable" => xen_sys::platform::XEN_EFI_SET_VARIABLE;
        "XEN_EFI_get_next_variable_name" => xen_sys::platform::XEN_EFI_GET_NEXT_VARIABLE_NAME;
        "XEN_EFI_query_variable_info" => xen_sys::platform::XEN_EFI_QUERY_VARIABLE_INFO;
        "XEN_EFI_query_capsule_capabilities" =>
            xen_sys::platform::XEN_EFI_QUERY_CAPSULE_CAPABILITIES;
        "XEN_EFI_update_capsule" => xen_sys::platform::XEN_EFI_UPDATE_CAPSULE;
        "XEN_EFI_GET_TIME_SET_CLEARS_NS" => xen_sys::platform::XEN_EFI_GET_TIME_SET_CLEARS_NS;
        "XEN_EFI_GET_WAKEUP_TIME_ENABLED" => xen_sys::platform::XEN_EFI_GET_WAKEUP_TIME_ENABLED;
        "XEN_EFI_GET_WAKEUP_TIME_PENDING" => xen_sys::platform::XEN_EFI_GET_WAKEUP_TIME_PENDING;
        "XEN_EFI_SET_WAKEUP_TIME_ENABLE" => xen_sys::platform::XEN_EFI_SET_WAKEUP_TIME_ENABLE;
        "XEN_EFI_SET_WAKEUP_TIME_ENABLE_ONLY" =>
            xen_sys::platform::XEN_EFI_SET_WAKEUP_TIME_ENABLE_ONLY;
        "XEN_EFI_VARIABLE_NON_VOLATILE" => xen_sys::platform::XEN_EFI_VARIABLE_NON_VOLATILE;
        "XEN_EFI_VARIABLE_BOOTSERVICE_ACCESS" =>
            xen_sys::platform::XEN_EFI_VARIABLE_BOOTSERVICE_ACCESS;
        "XEN_EFI_VARIABLE_RUNTIME_ACCESS" => xen_sys::platform::XEN_EFI_VARIABLE_RUNTIME_ACCESS;
        "XEN_EFI_VARINFO_BOOT_SNAPSHOT" => xen_sys::platform::XEN_EFI_VARINFO_BOOT_SNAPSHOT;
        "XEN_FW_DISK_INFO" => xen_sys::platform::XEN_FW_DISK_INFO;
        "XEN_FW_DISK_MBR_SIGNATURE" => xen_sys::platform::XEN_FW_DISK_MBR_SIGNATURE;
        "XEN_FW_VBEDDC_INFO" => xen_sys::platform::XEN_FW_VBEDDC_INFO;
        "XEN_FW_EFI_INFO" => xen_sys::platform::XEN_FW_EFI_INFO;
        "XEN_FW_KBD_SHIFT_FLAGS" => xen_sys::platform::XEN_FW_KBD_SHIFT_FLAGS;
        "XEN_FW_EFI_VERSION" => xen_sys::platform::XEN_FW_EFI_VERSION;
        "XEN_FW_EFI_CONFIG_TABLE" => xen_sys::platform::XEN_FW_EFI_CONFIG_TABLE;
        "XEN_FW_EFI_VENDOR" => xen_sys::platform::XEN_FW_EFI_VENDOR;
        "XEN_FW_EFI_MEM_INFO" => xen_sys::platform::XEN_FW_EFI_MEM_INFO;
        "XEN_FW_EFI_RT_VERSION" => xen_sys::platform::XEN_FW_EFI_RT_VERSION;
        "XEN_FW_EFI_PCI_ROM" => xen_sys::platform::XEN_FW_EFI_PCI_ROM;
        "XEN_FW_EFI_APPLE_PROPERTIES" => xen_sys::platform::XEN_FW_EFI_APPLE_PROPERTIES;
        "XENPF_UCODE_FORCE" => xen_sys::platform::XENPF_UCODE_FORCE;
        "QUIRK_NOIRQBALANCING" => xen_sys::platform::QUIRK_NOIRQBALANCING;
        "QUIRK_IOAPIC_BAD_REGSEL" => xen_sys::platform::QUIRK_IOAPIC_BAD_REGSEL;
        "QUIRK_IOAPIC_GOOD_REGSEL" => xen_sys::platform::QUIRK_IOAPIC_GOOD_REGSEL;
        "XEN_PCPU_FLAGS_ONLINE" => xen_sys::platform::XEN_PCPU_FLAGS_ONLINE;
        "XEN_PCPU_FLAGS_INVALID" => xen_sys::platform::XEN_PCPU_FLAGS_INVALID;
        "XEN_RESOURCE_OP_MSR_READ" => xen_sys::platform::XEN_RESOURCE_OP_MSR_READ;
        "XEN_RESOURCE_OP_MSR_WRITE" => xen_sys::platform::XEN_RESOURCE_OP_MSR_WRITE;
        "XENPF_INTERFACE_VERSION" => xen_sys::platform::XENPF_INTERFACE_VERSION;
        "XENPF_settime32" => xen_sys::platform::XENPF_SETTIME32;
        "XENPF_settime64" => xen_sys::platform::XENPF_SETTIME64;
        "XENPF_settime" => xen_sys::platform::XENPF_SETTIME;
        "XENPF_add_memtype" => xen_sys::platform::XENPF_ADD_MEMTYPE;
        "XENPF_del_memtype" => xen_sys::platform::XENPF_DEL_MEMTYPE;
        "XENPF_read_memtype" => xen_sys::platform::XENPF_READ_MEMTYPE;
        "XENPF_microcode_update" => xen_sys::platform::XENPF_MICROCODE_UPDATE;
        "XENPF_microcode_update2" => xen_sys::platform::XENPF_MICROCODE_UPDATE2;
        "XENPF_platform_quirk" => xen_sys::platform::XENPF_PLATFORM_QUIRK;
        "XENPF_efi_runtime_call" => xen_sys::platform::XENPF_EFI_RUNTIME_CALL;
        "XENPF_firmware_info" => xen_sys::platform::XENPF_FIRMWARE_INFO;
        "XENPF_enter_acpi_sleep" => xen_sys::platform::XENPF_ENTER_ACPI_SLEEP;
        "XENPF_change_freq" => xen_sys::platform::XENPF_CHANGE_FREQ;
        "XENPF_getidletime" => xen_sys::platform::XENPF_GETIDLETIME;
        "XENPF_set_processor_pminfo" => xen_sys::platform::XENPF_SET_PROCESSOR_PMINFO;
        "XENPF_get_cpuinfo" => xen_sys::platform::XENPF_GET_CPUINFO;
        "XENPF_get_cpu_version" => xen_sys::platform::XENPF_GET_CPU_VERSION;
        "XENPF_cpu_online" => xen_sys::platform::XENPF_CPU_ONLINE;
        "XENPF_cpu_offline" => xen_sys::platform::XENPF_CPU_OFFLINE;
        "XENPF_cpu_hotadd" => xen_sys::platform::XENPF_CPU_HOTADD;
        "XENPF_mem_hotadd" => xen_sys::platform::XENPF_MEM_HOTADD;
        "XENPF_core_parking" => xen_sys::platform::XENPF_CORE_PARKING;
        "XENPF_resource_op" => xen_sys::platform::XENPF_RESOURCE_OP;
        "XENPF_get_symbol" => xen_sys::platform::XENPF_GET_SYMBOL;
        "XENPF_get_dom0_console" => xen_sys::platform::XENPF_GET_DOM0_CONSOLE;
        "XENPF_get_ucode_revision" => xen_sys::platform::XENPF_GET_UCODE_REVISION;
        "XENPF_ACPI_SLEEP_EXTENDED" => xen_sys::platform::XENPF_ACPI_SLEEP_EXTENDED;
        "XEN_PROCESSOR_PM_CX" => xen_sys::platform::XEN_PROCESSOR_PM_CX;
        "XEN_PROCESSOR_PM_PX" => xen_sys::platform::XEN_PROCESSOR_PM_PX;
        "XEN_PROCESSOR_PM_TX" => xen_sys::platform::XEN_PROCESSOR_PM_TX;
        "XEN_PM_CX" => xen_sys::platform::XEN_PM_CX;
        "XEN_PM_PX" => xen_sys::platform::XEN_PM_PX;
        "XEN_PM_TX" => xen_sys::platform::XEN_PM_TX;
        "XEN_PM_PDC" => xen_sys::platform::XEN_PM_PDC;
        "XEN_PX_PCT" => xen_sys::platform::XEN_PX_PCT;
        "XEN_PX_PSS" => xen_sys::platform::XEN_PX_PSS;
        "XEN_PX_PPC" => xen_sys::platform::XEN_PX_PPC;
        "XEN_PX_PSD" => xen_sys::platform::XEN_PX_PSD;
        "XEN_CPUPERF_SHARED_TYPE_HW" => xen_sys::platform::XEN_CPUPERF_SHARED_TYPE_HW;
        "XEN_CPUPERF_SHARED_TYPE_ALL" => xen_sys::platform::XEN_CPUPERF_SHARED_TYPE_ALL;
        "XEN_CPUPERF_SHARED_TYPE_ANY" => xen_sys::platform::XEN_CPUPERF_SHARED_TYPE_ANY;
        "XEN_CORE_PARKING_SET" => xen_sys::platform::XEN_CORE_PARKING_SET;
        "XEN_CORE_PARKING_GET" => xen_sys::platform::XEN_CORE_PARKING_GET;
    }
    texts {
    }
    structures {
        "xenpf_efi_time" => xen_sys::platform::XenpfEfiTime {
            "year" => year, "month" => month, "day" => day, "hour" => hour, "min" => min,
            "sec" => sec, "ns" => ns, "tz" => tz, "daylight" => daylight,
        };
        "xenpf_efi_guid" => xen_sys::platform::XenpfEfiGuid {
            "data1" => data1, "data2" => data2, "data3" => data3, "data4" => data4,
        };
        "xenpf_efi_runtime_call" => xen_sys::platform::XenpfEfiRuntimeCall {
            "function" => function, "misc" => misc, "status" => status, "u" => u,
        };
        "xenpf_firmware_info" => xen_sys::platform::XenpfFirmwareInfo {
            "type" => type_, "index" => index, "u" => u,
        };
        "xenpf_efi_info" => xen_sys::platform::XenpfEfiInfo { "words" => words, };
        "xenpf_settime32" => xen_sys::platform::XenpfSettime32 {
            "secs" => secs, "nsecs" => nsecs, "system_time" => system_time,
        };
        "xenpf_settime64" => xen_sys::platform::XenpfSettime64 {
            "secs" => secs, "nsecs" => nsecs, "mbz" => mbz, "system_time" => system_time,
        };
        "xenpf_add_memtype" => xen_sys::platform::XenpfAddMemtype {
            "mfn" => mfn, "nr_mfns" => nr_mfns, "type" => type_, "handle" => handle, "reg" => reg,
        };
        "xenpf_del_memtype" => xen_sys::platform::XenpfDelMemtype {
            "handle" => handle, "reg" => reg,
        };
        "xenpf_read_memtype" => xen_sys::platform::XenpfReadMemtype {
            "reg" => reg, "mfn" => mfn, "nr_mfns" => nr_mfns, "type" => type_,
        };
        "xenpf_microcode_update" => xen_sys::platform::XenpfMicrocodeUpdate {
            "data" => data, "length" => length,
        };
        "xenpf_microcode_update2" => xen_sys::platform::XenpfMicrocodeUpdate2 {
            "flags" => flags, "length" => length, "data" => data,
        };
        "xenpf_ucode_revision" => xen_sys::platform::XenpfUcodeRevision {
            "cpu" => cpu, "signature" => signature, "pf" => pf, "revision" => revision,
        };
        "xenpf_platform_quirk" => xen_sys::platform::XenpfPlatformQuirk { "quirk_id" => quirk_id, };
        "xenpf_change_freq" => xen_sys::platform::XenpfChangeFreq {
            "flags" => flags, "cpu" => cpu, "freq" => freq,
        };
        "xenpf_getidletime" => xen_sys::platform::XenpfGetidletime {
            "cpumap_bitmap" => cpumap_bitmap, "cpumap_nr_cpus" => cpumap_nr_cpus,
            "idletime" => idletime, "now" => now,
        };
        "xenpf_pcpuinfo" => xen_sys::platform::XenpfPcpuinfo {
            "xen_cpuid" => xen_cpuid, "max_present" => max_present, "flags" => flags,
            "apic_id" => apic_id, "acpi_id" => acpi_id,
        };
        "xenpf_pcpu_version" => xen_sys::platform::XenpfPcpuVersion {
            "xen_cpuid" => xen_cpuid, "max_present" => max_present, "vendor_id" => vendor_id,
            "family" => family, "model" => model, "stepping" => stepping,
        };
        "xenpf_cpu_ol" => xen_sys::platform::XenpfCpuOl { "cpuid" => cpuid, };
        "xenpf_cpu_hotadd" => xen_sys::platform::XenpfCpuHotadd {
            "apic_id" => apic_id, "acpi_id" => acpi_id, "pxm" => pxm,
        };
        "xenpf_mem_hotadd" => xen_sys::platform::XenpfMemHotadd {
            "spfn" => spfn, "epfn" => epfn, "pxm" => pxm, "flags" => flags,
        };
        "xenpf_resource_entry" => xen_sys::platform::XenpfResourceEntry {
            "u" => u, "rsvd" => rsvd, "idx" => idx, "val" => val,
        };
        "xenpf_resource_op" => xen_sys::platform::XenpfResourceOp {
            "nr_entries" => nr_entries, "cpu" => cpu, "entries" => entries,
        };
        "xenpf_symdata" => xen_sys::platform::XenpfSymdata {
            "namelen" => namelen, "symnum" => symnum, "name" => name, "address" => address,
            "type" => type_,
        };
        "xen_platform_op" => xen_sys::platform::XenPlatformOp {
            "cmd" => cmd, "interface_version" => interface_version, "u" => u,
        };
        "xenpf_enter_acpi_sleep" => xen_sys::platform::XenpfEnterAcpiSleep {
            "val_a" => val_a, "val_b" => val_b, "sleep_state" => sleep_state, "flags" => flags,
        };
        "xen_power_register" => xen_sys::platform::XenPowerRegister {
            "space_id" => space_id, "bit_width" => bit_width, "bit_offset" => bit_offset,
            "access_size" => access_size, "address" => address,
        };
        "xen_processor_csd" => xen_sys::platform::XenProcessorCsd {
            "domain" => domain, "coord_type" => coord_type, "num" => num,
        };
        "xen_processor_cx" => xen_sys::platform::XenProcessorCx {
            "reg" => reg, "type" => type_, "latency" => latency, "power" => power,
            "dpcnt" => dpcnt, "dp" => dp,
        };
        "xen_processor_flags" => xen_sys::platform::XenProcessorFlags { "flags" => flags, };
        "xen_processor_power" => xen_sys::platform::XenProcessorPower {
            "count" => count, "flags" => flags, "states" => states,
        };
        "xen_pct_register" => xen_sys::platform::XenPctRegister {
            "descriptor" => descriptor, "length" => length, "space_id" => space_id,
            "bit_width" => bit_width, "bit_offset" => bit_offset, "reserved" => reserved,
            "address" => address,
        };
        "xen_processor_px" => xen_sys::platform::XenProcessorPx {
            "core_frequency" => core_frequency, "power" => power,
            "transition_latency" => transition_latency, "bus_master_latency" => bus_master_latency,
            "control" => control, "status" => status,
        };
        "xen_psd_package" => xen_sys::platform::XenPsdPackage {
            "num_entries" => num_entries, "revision" => revision, "domain" => domain,
            "coord_type" => coord_type, "num_processors" => num_processors,
        };
        "xen_processor_performance" => xen_sys::platform::XenProcessorPerformance {
            "flags" => flags, "platform_limit" => platform_limit,
            "control_register" => control_register, "status_register" => status_register,
            "state_count" => state_count, "states" => states, "domain_info" => domain_info,
            "shared_type" => shared_type,
        };
        "xenpf_set_processor_pminfo" => xen_sys::platform::XenpfSetProcessorPminfo {
            "id" => id, "type" => type_, "u" => u,
        };
        "xenpf_core_parking" => xen_sys::platform::XenpfCoreParking {
            "type" => type_, "idle_nums" => idle_nums,
        };
    }
}
