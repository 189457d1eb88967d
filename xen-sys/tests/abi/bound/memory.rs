//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XENMEM_increase_reservation" => xen_sys::memory::XENMEM_INCREASE_RESERVATION;
        "XENMEM_decrease_reservation" => xen_sys::memory::XENMEM_DECREASE_RESERVATION;
        "XENMEM_populate_physmap" => xen_sys::memory::XENMEM_POPULATE_PHYSMAP;
        "XENMEM_exchange" => xen_sys::memory::XENMEM_EXCHANGE;
        "XENMEM_maximum_ram_page" => xen_sys::memory::XENMEM_MAXIMUM_RAM_PAGE;
        "XENMEM_current_reservation" => xen_sys::memory::XENMEM_CURRENT_RESERVATION;
        "XENMEM_maximum_reservation" => xen_sys::memory::XENMEM_MAXIMUM_RESERVATION;
        "XENMEM_maximum_gpfn" => xen_sys::memory::XENMEM_MAXIMUM_GPFN;
        "XENMEM_machphys_mfn_list" => xen_sys::memory::XENMEM_MACHPHYS_MFN_LIST;
        "XENMEM_machphys_compat_mfn_list" => xen_sys::memory::XENMEM_MACHPHYS_COMPAT_MFN_LIST;
        "XENMEM_machphys_mapping" => xen_sys::memory::XENMEM_MACHPHYS_MAPPING;
        "XENMEM_add_to_physmap" => xen_sys::memory::XENMEM_ADD_TO_PHYSMAP;
        "XENMEM_add_to_physmap_batch" => xen_sys::memory::XENMEM_ADD_TO_PHYSMAP_BATCH;
        "XENMEM_remove_from_physmap" => xen_sys::memory::XENMEM_REMOVE_FROM_PHYSMAP;
        "XENMEM_memory_map" => xen_sys::memory::XENMEM_MEMORY_MAP;
        "XENMEM_machine_memory_map" => xen_sys::memory::XENMEM_MACHINE_MEMORY_MAP;
        "XENMEM_set_memory_map" => xen_sys::memory::XENMEM_SET_MEMORY_MAP;
        "XENMEM_set_pod_target" => xen_sys::memory::XENMEM_SET_POD_TARGET;
        "XENMEM_get_pod_target" => xen_sys::memory::XENMEM_GET_POD_TARGET;
        "XENMEM_get_sharing_freed_pages" => xen_sys::memory::XENMEM_GET_SHARING_FREED_PAGES;
        "XENMEM_get_sharing_shared_pages" => xen_sys::memory::XENMEM_GET_SHARING_SHARED_PAGES;
        "XENMEM_paging_op" => xen_sys::memory::XENMEM_PAGING_OP;
        "XENMEM_access_op" => xen_sys::memory::XENMEM_ACCESS_OP;
        "XENMEM_sharing_op" => xen_sys::memory::XENMEM_SHARING_OP;
        "XENMEM_claim_pages" => xen_sys::memory::XENMEM_CLAIM_PAGES;
        "XENMEM_get_vnumainfo" => xen_sys::memory::XENMEM_GET_VNUMAINFO;
        "XENMEM_reserved_device_memory_map" => xen_sys::memory::XENMEM_RESERVED_DEVICE_MEMORY_MAP;
        "XENMEM_acquire_resource" => xen_sys::memory::XENMEM_ACQUIRE_RESOURCE;
        "XENMEMF_populate_on_demand" => xen_sys::memory::XENMEMF_POPULATE_ON_DEMAND;
        "XENMEMF_exact_node_request" => xen_sys::memory::XENMEMF_EXACT_NODE_REQUEST;
        "XENMEMF_vnode" => xen_sys::memory::XENMEMF_VNODE;
        "XENMAPSPACE_shared_info" => xen_sys::memory::XENMAPSPACE_SHARED_INFO;
        "XENMAPSPACE_grant_table" => xen_sys::memory::XENMAPSPACE_GRANT_TABLE;
        "XENMAPSPACE_gmfn" => xen_sys::memory::XENMAPSPACE_GMFN;
        "XENMAPSPACE_gmfn_range" => xen_sys::memory::XENMAPSPACE_GMFN_RANGE;
        "XENMAPSPACE_gmfn_foreign" => xen_sys::memory::XENMAPSPACE_GMFN_FOREIGN;
        "XENMAPSPACE_dev_mmio" => xen_sys::memory::XENMAPSPACE_DEV_MMIO;
        "XENMAPIDX_grant_table_status" => xen_sys::memory::XENMAPIDX_GRANT_TABLE_STATUS;
        "XENMEM_access_n" => xen_sys::memory::XenmemAccess::N.0;
        "XENMEM_access_r" => xen_sys::memory::XenmemAccess::R.0;
        "XENMEM_access_w" => xen_sys::memory::XenmemAccess::W.0;
        "XENMEM_access_rw" => xen_sys::memory::XenmemAccess::RW.0;
        "XENMEM_access_x" => xen_sys::memory::XenmemAccess::X.0;
        "XENMEM_access_rx" => xen_sys::memory::XenmemAccess::RX.0;
        "XENMEM_access_wx" => xen_sys::memory::XenmemAccess::WX.0;
        "XENMEM_access_rwx" => xen_sys::memory::XenmemAccess::RWX.0;
        "XENMEM_access_rx2rw" => xen_sys::memory::XenmemAccess::RX2RW.0;
        "XENMEM_access_n2rwx" => xen_sys::memory::XenmemAccess::N2RWX.0;
        "XENMEM_access_r_pw" => xen_sys::memory::XenmemAccess::R_PW.0;
        "XENMEM_access_default" => xen_sys::memory::XenmemAccess::DEFAULT.0;
        "XENMEM_paging_op_nominate" => xen_sys::memory::XENMEM_PAGING_OP_NOMINATE;
        "XENMEM_paging_op_evict" => xen_sys::memory::XENMEM_PAGING_OP_EVICT;
        "XENMEM_paging_op_prep" => xen_sys::memory::XENMEM_PAGING_OP_PREP;
        "XENMEM_access_op_set_access" => xen_sys::memory::XENMEM_ACCESS_OP_SET_ACCESS;
        "XENMEM_access_op_get_access" => xen_sys::memory::XENMEM_ACCESS_OP_GET_ACCESS;
        "XENMEM_access_op_set_access_multi" => xen_sys::memory::XENMEM_ACCESS_OP_SET_ACCESS_MULTI;
        "XENMEM_sharing_op_nominate_gfn" => xen_sys::memory::XENMEM_SHARING_OP_NOMINATE_GFN;
        "XENMEM_sharing_op_nominate_gref" => xen_sys::memory::XENMEM_SHARING_OP_NOMINATE_GREF;
        "XENMEM_sharing_op_share" => xen_sys::memory::XENMEM_SHARING_OP_SHARE;
        "XENMEM_sharing_op_debug_gfn" => xen_sys::memory::XENMEM_SHARING_OP_DEBUG_GFN;
        "XENMEM_sharing_op_debug_mfn" => xen_sys::memory::XENMEM_SHARING_OP_DEBUG_MFN;
        "XENMEM_sharing_op_debug_gref" => xen_sys::memory::XENMEM_SHARING_OP_DEBUG_GREF;
        "XENMEM_sharing_op_add_physmap" => xen_sys::memory::XENMEM_SHARING_OP_ADD_PHYSMAP;
        "XENMEM_sharing_op_audit" => xen_sys::memory::XENMEM_SHARING_OP_AUDIT;
        "XENMEM_sharing_op_range_share" => xen_sys::memory::XENMEM_SHARING_OP_RANGE_SHARE;
        "XENMEM_sharing_op_fork" => xen_sys::memory::XENMEM_SHARING_OP_FORK;
        "XENMEM_sharing_op_fork_reset" => xen_sys::memory::XENMEM_SHARING_OP_FORK_RESET;
        "XENMEM_SHARING_OP_S_HANDLE_INVALID" => xen_sys::memory::XENMEM_SHARING_OP_S_HANDLE_INVALID;
        "XENMEM_SHARING_OP_C_HANDLE_INVALID" => xen_sys::memory::XENMEM_SHARING_OP_C_HANDLE_INVALID;
        "XENMEM_SHARING_OP_FIELD_IS_GREF_FLAG" =>
            xen_sys::memory::XENMEM_SHARING_OP_FIELD_IS_GREF_FLAG;
        "XENMEM_FORK_WITH_IOMMU_ALLOWED" => xen_sys::memory::XENMEM_FORK_WITH_IOMMU_ALLOWED;
        "XENMEM_FORK_BLOCK_INTERRUPTS" => xen_sys::memory::XENMEM_FORK_BLOCK_INTERRUPTS;
        "XENMEM_FORK_RESET_STATE" => xen_sys::memory::XENMEM_FORK_RESET_STATE;
        "XENMEM_FORK_RESET_MEMORY" => xen_sys::memory::XENMEM_FORK_RESET_MEMORY;
        "XENMEM_RDM_ALL" => xen_sys::memory::XENMEM_RDM_ALL;
        "XENMEM_resource_ioreq_server" => xen_sys::memory::XENMEM_RESOURCE_IOREQ_SERVER;
        "XENMEM_resource_grant_table" => xen_sys::memory::XENMEM_RESOURCE_GRANT_TABLE;
        "XENMEM_resource_vmtrace_buf" => xen_sys::memory::XENMEM_RESOURCE_VMTRACE_BUF;
        "XENMEM_resource_grant_table_id_shared" =>
            xen_sys::memory::XENMEM_RESOURCE_GRANT_TABLE_ID_SHARED;
        "XENMEM_resource_grant_table_id_status" =>
            xen_sys::memory::XENMEM_RESOURCE_GRANT_TABLE_ID_STATUS;
        "XENMEM_resource_ioreq_server_frame_bufioreq" =>
            xen_sys::memory::XENMEM_RESOURCE_IOREQ_SERVER_FRAME_BUFIOREQ;
    }
    texts {
    }
    structures {
        "xen_memory_reservation" => xen_sys::memory::XenMemoryReservation {
            "extent_start" => extent_start, "nr_extents" => nr_extents,
            "extent_order" => extent_order, "mem_flags" => mem_flags, "domid" => domid,
        };
        "xen_memory_exchange" => xen_sys::memory::XenMemoryExchange {
            "in" => in_, "out" => out, "nr_exchanged" => nr_exchanged,
        };
        "xen_memory_domain" => xen_sys::memory::XenMemoryDomain { "domid" => domid, };
        "xen_machphys_mfn_list" => xen_sys::memory::XenMachphysMfnList {
            "max_extents" => max_extents, "extent_start" => extent_start,
            "nr_extents" => nr_extents,
        };
        "xen_machphys_mapping" => xen_sys::memory::XenMachphysMapping {
            "v_start" => v_start, "v_end" => v_end, "max_mfn" => max_mfn,
        };
        "xen_add_to_physmap" => xen_sys::memory::XenAddToPhysmap {
            "domid" => domid, "size" => size, "space" => space, "idx" => idx, "gpfn" => gpfn,
        };
        "xen_add_to_physmap_batch" => xen_sys::memory::XenAddToPhysmapBatch {
            "domid" => domid, "space" => space, "size" => size, "u" => u, "idxs" => idxs,
            "gpfns" => gpfns, "errs" => errs,
        };
        "xen_remove_from_physmap" => xen_sys::memory::XenRemoveFromPhysmap {
            "domid" => domid, "gpfn" => gpfn,
        };
        "xen_memory_map" => xen_sys::memory::XenMemoryMap {
            "nr_entries" => nr_entries, "buffer" => buffer,
        };
        "xen_foreign_memory_map" => xen_sys::memory::XenForeignMemoryMap {
            "domid" => domid, "map" => map,
        };
        "xen_pod_target" => xen_sys::memory::XenPodTarget {
            "target_pages" => target_pages, "tot_pages" => tot_pages,
            "pod_cache_pages" => pod_cache_pages, "pod_entries" => pod_entries, "domid" => domid,
        };
        "xen_mem_paging_op" => xen_sys::memory::XenMemPagingOp {
            "op" => op, "domain" => domain, "buffer" => buffer, "gfn" => gfn,
        };
        "xen_mem_access_op" => xen_sys::memory::XenMemAccessOp {
            "op" => op, "access" => access, "domid" => domid, "nr" => nr, "pfn" => pfn,
            "pfn_list" => pfn_list, "access_list" => access_list,
        };
        "mem_sharing_op_nominate" => xen_sys::memory::MemSharingOpNominate {
            "u" => u, "handle" => handle,
        };
        "mem_sharing_op_share" => xen_sys::memory::MemSharingOpShare {
            "source_gfn" => source_gfn, "source_handle" => source_handle,
            "client_gfn" => client_gfn, "client_handle" => client_handle,
            "client_domain" => client_domain,
        };
        "mem_sharing_op_range" => xen_sys::memory::MemSharingOpRange {
            "first_gfn" => first_gfn, "last_gfn" => last_gfn, "opaque" => opaque,
            "client_domain" => client_domain, "_pad" => _pad,
        };
        "mem_sharing_op_debug" => xen_sys::memory::MemSharingOpDebug { "u" => u, };
        "mem_sharing_op_fork" => xen_sys::memory::MemSharingOpFork {
            "parent_domain" => parent_domain, "flags" => flags, "pad" => pad,
        };
        "xen_mem_sharing_op" => xen_sys::memory::XenMemSharingOp {
            "op" => op, "domain" => domain, "u" => u,
        };
        "xen_reserved_device_memory" => xen_sys::memory::XenReservedDeviceMemory {
            "start_pfn" => start_pfn, "nr_pages" => nr_pages,
        };
        "xen_reserved_device_memory_map" => xen_sys::memory::XenReservedDeviceMemoryMap {
            "flags" => flags, "nr_entries" => nr_entries, "buffer" => buffer, "dev.pci" => pci,
        };
        "xen_mem_acquire_resource" => xen_sys::memory::XenMemAcquireResource {
            "domid" => domid, "type" => type_, "id" => id, "nr_frames" => nr_frames, "pad" => pad,
            "frame" => frame, "frame_list" => frame_list,
        };
        "xen_vmemrange" => xen_sys::memory::XenVmemrange {
            "start" => start, "end" => end, "flags" => flags, "nid" => nid,
        };
        "xen_vnuma_topology_info" => xen_sys::memory::XenVnumaTopologyInfo {
            "domid" => domid, "pad" => pad, "nr_vnodes" => nr_vnodes, "nr_vcpus" => nr_vcpus,
            "nr_vmemranges" => nr_vmemranges, "vdistance" => vdistance,
            "vcpu_to_vnode" => vcpu_to_vnode, "vmemrange" => vmemrange,
        };
    }
}
