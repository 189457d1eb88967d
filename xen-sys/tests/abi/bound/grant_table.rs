//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "GNTTAB_NR_RESERVED_ENTRIES" => xen_sys::grant_table::GNTTAB_NR_RESERVED_ENTRIES;
        "GNTTAB_RESERVED_CONSOLE" => xen_sys::grant_table::GNTTAB_RESERVED_CONSOLE;
        "GNTTAB_RESERVED_XENSTORE" => xen_sys::grant_table::GNTTAB_RESERVED_XENSTORE;
        "GTF_invalid" => xen_sys::grant_table::GrantFlags::INVALID.0;
        "GTF_permit_access" => xen_sys::grant_table::GrantFlags::PERMIT_ACCESS.0;
        "GTF_accept_transfer" => xen_sys::grant_table::GrantFlags::ACCEPT_TRANSFER.0;
        "GTF_transitive" => xen_sys::grant_table::GrantFlags::TRANSITIVE.0;
        "GTF_type_mask" => xen_sys::grant_table::GrantFlags::TYPE_MASK.0;
        "GTF_readonly" => xen_sys::grant_table::GrantFlags::READONLY.0;
        "GTF_reading" => xen_sys::grant_table::GrantFlags::READING.0;
        "GTF_writing" => xen_sys::grant_table::GrantFlags::WRITING.0;
        "GTF_PWT" => xen_sys::grant_table::GrantFlags::PWT.0;
        "GTF_PCD" => xen_sys::grant_table::GrantFlags::PCD.0;
        "GTF_PAT" => xen_sys::grant_table::GrantFlags::PAT.0;
        "GTF_sub_page" => xen_sys::grant_table::GrantFlags::SUB_PAGE.0;
        "GTF_transfer_committed" => xen_sys::grant_table::GrantFlags::TRANSFER_COMMITTED.0;
        "GTF_transfer_completed" => xen_sys::grant_table::GrantFlags::TRANSFER_COMPLETED.0;
        "GNTTABOP_map_grant_ref" => xen_sys::grant_table::GNTTABOP_MAP_GRANT_REF;
        "GNTTABOP_unmap_grant_ref" => xen_sys::grant_table::GNTTABOP_UNMAP_GRANT_REF;
        "GNTTABOP_setup_table" => xen_sys::grant_table::GNTTABOP_SETUP_TABLE;
        "GNTTABOP_dump_table" => xen_sys::grant_table::GNTTABOP_DUMP_TABLE;
        "GNTTABOP_transfer" => xen_sys::grant_table::GNTTABOP_TRANSFER;
        "GNTTABOP_copy" => xen_sys::grant_table::GNTTABOP_COPY;
        "GNTTABOP_query_size" => xen_sys::grant_table::GNTTABOP_QUERY_SIZE;
        "GNTTABOP_unmap_and_replace" => xen_sys::grant_table::GNTTABOP_UNMAP_AND_REPLACE;
        "GNTTABOP_set_version" => xen_sys::grant_table::GNTTABOP_SET_VERSION;
        "GNTTABOP_get_status_frames" => xen_sys::grant_table::GNTTABOP_GET_STATUS_FRAMES;
        "GNTTABOP_get_version" => xen_sys::grant_table::GNTTABOP_GET_VERSION;
        "GNTTABOP_swap_grant_ref" => xen_sys::grant_table::GNTTABOP_SWAP_GRANT_REF;
        "GNTTABOP_cache_flush" => xen_sys::grant_table::GNTTABOP_CACHE_FLUSH;
        "GNTCOPY_source_gref" => xen_sys::grant_table::GrantCopyFlags::SOURCE_GREF.0;
        "GNTCOPY_dest_gref" => xen_sys::grant_table::GrantCopyFlags::DEST_GREF.0;
        "GNTTAB_CACHE_CLEAN" => xen_sys::grant_table::GNTTAB_CACHE_CLEAN;
        "GNTTAB_CACHE_INVAL" => xen_sys::grant_table::GNTTAB_CACHE_INVAL;
        "GNTTAB_CACHE_SOURCE_GREF" => xen_sys::grant_table::GNTTAB_CACHE_SOURCE_GREF;
        "GNTMAP_device_map" => xen_sys::grant_table::GrantMapFlags::DEVICE_MAP.0;
        "GNTMAP_host_map" => xen_sys::grant_table::GrantMapFlags::HOST_MAP.0;
        "GNTMAP_readonly" => xen_sys::grant_table::GrantMapFlags::READONLY.0;
        "GNTMAP_application_map" => xen_sys::grant_table::GrantMapFlags::APPLICATION_MAP.0;
        "GNTMAP_contains_pte" => xen_sys::grant_table::GrantMapFlags::CONTAINS_PTE.0;
        "GNTMAP_guest_avail_mask" => xen_sys::grant_table::GrantMapFlags::GUEST_AVAIL_MASK.0;
        "GNTST_okay" => xen_sys::grant_table::GrantStatus::OKAY.0;
        "GNTST_general_error" => xen_sys::grant_table::GrantStatus::GENERAL_ERROR.0;
        "GNTST_bad_domain" => xen_sys::grant_table::GrantStatus::BAD_DOMAIN.0;
        "GNTST_bad_gntref" => xen_sys::grant_table::GrantStatus::BAD_GNTREF.0;
        "GNTST_bad_handle" => xen_sys::grant_table::GrantStatus::BAD_HANDLE.0;
        "GNTST_bad_virt_addr" => xen_sys::grant_table::GrantStatus::BAD_VIRT_ADDR.0;
        "GNTST_bad_dev_addr" => xen_sys::grant_table::GrantStatus::BAD_DEV_ADDR.0;
        "GNTST_no_device_space" => xen_sys::grant_table::GrantStatus::NO_DEVICE_SPACE.0;
        "GNTST_permission_denied" => xen_sys::grant_table::GrantStatus::PERMISSION_DENIED.0;
        "GNTST_bad_page" => xen_sys::grant_table::GrantStatus::BAD_PAGE.0;
        "GNTST_bad_copy_arg" => xen_sys::grant_table::GrantStatus::BAD_COPY_ARG.0;
        "GNTST_address_too_big" => xen_sys::grant_table::GrantStatus::ADDRESS_TOO_BIG.0;
        "GNTST_eagain" => xen_sys::grant_table::GrantStatus::EAGAIN.0;
        "GNTST_no_space" => xen_sys::grant_table::GrantStatus::NO_SPACE.0;
    }
    texts {
    }
    structures {
        "grant_entry_v1" => xen_sys::grant_table::GrantEntryV1 {
            "flags" => flags, "domid" => domid, "frame" => frame,
        };
        "grant_entry_header" => xen_sys::grant_table::GrantEntryHeader {
            "flags" => flags, "domid" => domid,
        };
        "grant_entry_v2" => xen_sys::grant_table::GrantEntryV2 {
            "hdr" => hdr, "full_page.pad0" => pad0, "full_page.frame" => frame,
        };
        "gnttab_map_grant_ref" => xen_sys::grant_table::GnttabMapGrantRef {
            "host_addr" => host_addr, "flags" => flags, "ref" => ref_, "dom" => dom,
            "status" => status, "handle" => handle, "dev_bus_addr" => dev_bus_addr,
        };
        "gnttab_unmap_grant_ref" => xen_sys::grant_table::GnttabUnmapGrantRef {
            "host_addr" => host_addr, "dev_bus_addr" => dev_bus_addr, "handle" => handle,
            "status" => status,
        };
        "gnttab_setup_table" => xen_sys::grant_table::GnttabSetupTable {
            "dom" => dom, "nr_frames" => nr_frames, "status" => status, "frame_list" => frame_list,
        };
        "gnttab_dump_table" => xen_sys::grant_table::GnttabDumpTable {
            "dom" => dom, "status" => status,
        };
        "gnttab_transfer" => xen_sys::grant_table::GnttabTransfer {
            "mfn" => mfn, "domid" => domid, "ref" => ref_, "status" => status,
        };
        "gnttab_copy_ptr" => xen_sys::grant_table::GnttabCopyPtr {
            "u" => u, "domid" => domid, "offset" => offset,
        };
        "gnttab_copy" => xen_sys::grant_table::GnttabCopy {
            "source" => source, "dest" => dest, "len" => len, "flags" => flags, "status" => status,
        };
        "gnttab_query_size" => xen_sys::grant_table::GnttabQuerySize {
            "dom" => dom, "nr_frames" => nr_frames, "max_nr_frames" => max_nr_frames,
            "status" => status,
        };
        "gnttab_unmap_and_replace" => xen_sys::grant_table::GnttabUnmapAndReplace {
            "host_addr" => host_addr, "new_addr" => new_addr, "handle" => handle,
            "status" => status,
        };
        "gnttab_set_version" => xen_sys::grant_table::GnttabSetVersion { "version" => version, };
        "gnttab_get_status_frames" => xen_sys::grant_table::GnttabGetStatusFrames {
            "nr_frames" => nr_frames, "dom" => dom, "status" => status, "frame_list" => frame_list,
        };
        "gnttab_get_version" => xen_sys::grant_table::GnttabGetVersion {
            "dom" => dom, "pad" => pad, "version" => version,
        };
        "gnttab_swap_grant_ref" => xen_sys::grant_table::GnttabSwapGrantRef {
            "ref_a" => ref_a, "ref_b" => ref_b, "status" => status,
        };
        "gnttab_cache_flush" => xen_sys::grant_table::GnttabCacheFlush {
            "a" => a, "offset" => offset, "length" => length, "op" => op,
        };
    }
}
