//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "KEXEC_XEN_NO_PAGES" => xen_sys::kexec::KEXEC_XEN_NO_PAGES;
        "KEXEC_TYPE_DEFAULT" => xen_sys::kexec::KEXEC_TYPE_DEFAULT;
        "KEXEC_TYPE_CRASH" => xen_sys::kexec::KEXEC_TYPE_CRASH;
        "KEXEC_CMD_kexec" => xen_sys::kexec::KEXEC_CMD_KEXEC;
        "KEXEC_CMD_kexec_load_v1" => xen_sys::kexec::KEXEC_CMD_KEXEC_LOAD_V1;
        "KEXEC_CMD_kexec_unload_v1" => xen_sys::kexec::KEXEC_CMD_KEXEC_UNLOAD_V1;
        "KEXEC_CMD_kexec_get_range" => xen_sys::kexec::KEXEC_CMD_KEXEC_GET_RANGE;
        "KEXEC_CMD_kexec_load" => xen_sys::kexec::KEXEC_CMD_KEXEC_LOAD;
        "KEXEC_CMD_kexec_unload" => xen_sys::kexec::KEXEC_CMD_KEXEC_UNLOAD;
        "KEXEC_CMD_kexec_status" => xen_sys::kexec::KEXEC_CMD_KEXEC_STATUS;
        "KEXEC_RANGE_MA_CRASH" => xen_sys::kexec::KEXEC_RANGE_MA_CRASH;
        "KEXEC_RANGE_MA_XEN" => xen_sys::kexec::KEXEC_RANGE_MA_XEN;
        "KEXEC_RANGE_MA_CPU" => xen_sys::kexec::KEXEC_RANGE_MA_CPU;
        "KEXEC_RANGE_MA_XENHEAP" => xen_sys::kexec::KEXEC_RANGE_MA_XENHEAP;
        "KEXEC_RANGE_MA_BOOT_PARAM" => xen_sys::kexec::KEXEC_RANGE_MA_BOOT_PARAM;
        "KEXEC_RANGE_MA_EFI_MEMMAP" => xen_sys::kexec::KEXEC_RANGE_MA_EFI_MEMMAP;
        "KEXEC_RANGE_MA_VMCOREINFO" => xen_sys::kexec::KEXEC_RANGE_MA_VMCOREINFO;
    }
    texts {
    }
    structures {
        "xen_kexec_image" => xen_sys::kexec::XenKexecImage {
            "page_list" => page_list, "indirection_page" => indirection_page,
            "start_address" => start_address,
        };
        "xen_kexec_exec" => xen_sys::kexec::XenKexecExec { "type" => type_, };
        "xen_kexec_load_v1" => xen_sys::kexec::XenKexecLoadV1 {
            "type" => type_, "image" => image,
        };
        "xen_kexec_range" => xen_sys::kexec::XenKexecRange {
            "range" => range, "nr" => nr, "size" => size, "start" => start,
        };
        "xen_kexec_segment" => xen_sys::kexec::XenKexecSegment {
            "buf" => buf, "buf_size" => buf_size, "dest_maddr" => dest_maddr,
            "dest_size" => dest_size,
        };
        "xen_kexec_load" => xen_sys::kexec::XenKexecLoad {
            "type" => type_, "_pad" => _pad, "arch" => arch, "nr_segments" => nr_segments,
            "segments" => segments, "entry_maddr" => entry_maddr,
        };
        "xen_kexec_unload" => xen_sys::kexec::XenKexecUnload { "type" => type_, };
        "xen_kexec_status" => xen_sys::kexec::XenKexecStatus { "type" => type_, };
    }
}
