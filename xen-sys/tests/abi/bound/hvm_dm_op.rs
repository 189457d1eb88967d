//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_DMOP_create_ioreq_server" => xen_sys::hvm::dm_op::XEN_DMOP_CREATE_IOREQ_SERVER;
        "XEN_DMOP_get_ioreq_server_info" => xen_sys::hvm::dm_op::XEN_DMOP_GET_IOREQ_SERVER_INFO;
        "XEN_DMOP_map_io_range_to_ioreq_server" =>
            xen_sys::hvm::dm_op::XEN_DMOP_MAP_IO_RANGE_TO_IOREQ_SERVER;
        "XEN_DMOP_unmap_io_range_from_ioreq_server" =>
            xen_sys::hvm::dm_op::XEN_DMOP_UNMAP_IO_RANGE_FROM_IOREQ_SERVER;
        "XEN_DMOP_set_ioreq_server_state" => xen_sys::hvm::dm_op::XEN_DMOP_SET_IOREQ_SERVER_STATE;
        "XEN_DMOP_destroy_ioreq_server" => xen_sys::hvm::dm_op::XEN_DMOP_DESTROY_IOREQ_SERVER;
        "XEN_DMOP_track_dirty_vram" => xen_sys::hvm::dm_op::XEN_DMOP_TRACK_DIRTY_VRAM;
        "XEN_DMOP_set_pci_intx_level" => xen_sys::hvm::dm_op::XEN_DMOP_SET_PCI_INTX_LEVEL;
        "XEN_DMOP_set_isa_irq_level" => xen_sys::hvm::dm_op::XEN_DMOP_SET_ISA_IRQ_LEVEL;
        "XEN_DMOP_set_pci_link_route" => xen_sys::hvm::dm_op::XEN_DMOP_SET_PCI_LINK_ROUTE;
        "XEN_DMOP_modified_memory" => xen_sys::hvm::dm_op::XEN_DMOP_MODIFIED_MEMORY;
        "XEN_DMOP_set_mem_type" => xen_sys::hvm::dm_op::XEN_DMOP_SET_MEM_TYPE;
        "XEN_DMOP_inject_event" => xen_sys::hvm::dm_op::XEN_DMOP_INJECT_EVENT;
        "XEN_DMOP_inject_msi" => xen_sys::hvm::dm_op::XEN_DMOP_INJECT_MSI;
        "XEN_DMOP_map_mem_type_to_ioreq_server" =>
            xen_sys::hvm::dm_op::XEN_DMOP_MAP_MEM_TYPE_TO_IOREQ_SERVER;
        "XEN_DMOP_remote_shutdown" => xen_sys::hvm::dm_op::XEN_DMOP_REMOTE_SHUTDOWN;
        "XEN_DMOP_relocate_memory" => xen_sys::hvm::dm_op::XEN_DMOP_RELOCATE_MEMORY;
        "XEN_DMOP_pin_memory_cacheattr" => xen_sys::hvm::dm_op::XEN_DMOP_PIN_MEMORY_CACHEATTR;
        "XEN_DMOP_set_irq_level" => xen_sys::hvm::dm_op::XEN_DMOP_SET_IRQ_LEVEL;
        "XEN_DMOP_nr_vcpus" => xen_sys::hvm::dm_op::XEN_DMOP_NR_VCPUS;
        "XEN_DMOP_no_gfns" => xen_sys::hvm::dm_op::XEN_DMOP_NO_GFNS;
        "XEN_DMOP_IO_RANGE_PORT" => xen_sys::hvm::dm_op::XEN_DMOP_IO_RANGE_PORT;
        "XEN_DMOP_IO_RANGE_MEMORY" => xen_sys::hvm::dm_op::XEN_DMOP_IO_RANGE_MEMORY;
        "XEN_DMOP_IO_RANGE_PCI" => xen_sys::hvm::dm_op::XEN_DMOP_IO_RANGE_PCI;
        "XEN_DMOP_IOREQ_MEM_ACCESS_READ" => xen_sys::hvm::dm_op::XEN_DMOP_IOREQ_MEM_ACCESS_READ;
        "XEN_DMOP_IOREQ_MEM_ACCESS_WRITE" => xen_sys::hvm::dm_op::XEN_DMOP_IOREQ_MEM_ACCESS_WRITE;
        "XEN_DMOP_EVENT_ext_int" => xen_sys::hvm::dm_op::XEN_DMOP_EVENT_EXT_INT;
        "XEN_DMOP_EVENT_nmi" => xen_sys::hvm::dm_op::XEN_DMOP_EVENT_NMI;
        "XEN_DMOP_EVENT_hw_exc" => xen_sys::hvm::dm_op::XEN_DMOP_EVENT_HW_EXC;
        "XEN_DMOP_EVENT_sw_int" => xen_sys::hvm::dm_op::XEN_DMOP_EVENT_SW_INT;
        "XEN_DMOP_EVENT_pri_sw_exc" => xen_sys::hvm::dm_op::XEN_DMOP_EVENT_PRI_SW_EXC;
        "XEN_DMOP_EVENT_sw_exc" => xen_sys::hvm::dm_op::XEN_DMOP_EVENT_SW_EXC;
        "XEN_DMOP_MEM_CACHEATTR_UC" => xen_sys::hvm::dm_op::XEN_DMOP_MEM_CACHEATTR_UC;
        "XEN_DMOP_MEM_CACHEATTR_WC" => xen_sys::hvm::dm_op::XEN_DMOP_MEM_CACHEATTR_WC;
        "XEN_DMOP_MEM_CACHEATTR_WT" => xen_sys::hvm::dm_op::XEN_DMOP_MEM_CACHEATTR_WT;
        "XEN_DMOP_MEM_CACHEATTR_WP" => xen_sys::hvm::dm_op::XEN_DMOP_MEM_CACHEATTR_WP;
        "XEN_DMOP_MEM_CACHEATTR_WB" => xen_sys::hvm::dm_op::XEN_DMOP_MEM_CACHEATTR_WB;
        "XEN_DMOP_MEM_CACHEATTR_UCM" => xen_sys::hvm::dm_op::XEN_DMOP_MEM_CACHEATTR_UCM;
        "XEN_DMOP_DELETE_MEM_CACHEATTR" => xen_sys::hvm::dm_op::XEN_DMOP_DELETE_MEM_CACHEATTR;
    }
    texts {
    }
    structures {
        "xen_dm_op_create_ioreq_server" => xen_sys::hvm::dm_op::XenDmOpCreateIoreqServer {
            "handle_bufioreq" => handle_bufioreq, "pad" => pad, "id" => id,
        };
        "xen_dm_op_get_ioreq_server_info" => xen_sys::hvm::dm_op::XenDmOpGetIoreqServerInfo {
            "id" => id, "flags" => flags, "bufioreq_port" => bufioreq_port,
            "ioreq_gfn" => ioreq_gfn, "bufioreq_gfn" => bufioreq_gfn,
        };
        "xen_dm_op_ioreq_server_range" => xen_sys::hvm::dm_op::XenDmOpIoreqServerRange {
            "id" => id, "pad" => pad, "type" => type_, "start" => start, "end" => end,
        };
        "xen_dm_op_set_ioreq_server_state" => xen_sys::hvm::dm_op::XenDmOpSetIoreqServerState {
            "id" => id, "enabled" => enabled, "pad" => pad,
        };
        "xen_dm_op_destroy_ioreq_server" => xen_sys::hvm::dm_op::XenDmOpDestroyIoreqServer {
            "id" => id, "pad" => pad,
        };
        "xen_dm_op_track_dirty_vram" => xen_sys::hvm::dm_op::XenDmOpTrackDirtyVram {
            "nr" => nr, "pad" => pad, "first_pfn" => first_pfn,
        };
        "xen_dm_op_set_pci_intx_level" => xen_sys::hvm::dm_op::XenDmOpSetPciIntxLevel {
            "domain" => domain, "bus" => bus, "device" => device, "intx" => intx, "level" => level,
        };
        "xen_dm_op_set_isa_irq_level" => xen_sys::hvm::dm_op::XenDmOpSetIsaIrqLevel {
            "isa_irq" => isa_irq, "level" => level,
        };
        "xen_dm_op_set_irq_level" => xen_sys::hvm::dm_op::XenDmOpSetIrqLevel {
            "irq" => irq, "level" => level, "pad" => pad,
        };
        "xen_dm_op_set_pci_link_route" => xen_sys::hvm::dm_op::XenDmOpSetPciLinkRoute {
            "link" => link, "isa_irq" => isa_irq,
        };
        "xen_dm_op_modified_memory" => xen_sys::hvm::dm_op::XenDmOpModifiedMemory {
            "nr_extents" => nr_extents, "opaque" => opaque,
        };
        "xen_dm_op_modified_memory_extent" => xen_sys::hvm::dm_op::XenDmOpModifiedMemoryExtent {
            "nr" => nr, "pad" => pad, "first_pfn" => first_pfn,
        };
        "xen_dm_op_set_mem_type" => xen_sys::hvm::dm_op::XenDmOpSetMemType {
            "nr" => nr, "mem_type" => mem_type, "pad" => pad, "first_pfn" => first_pfn,
        };
        "xen_dm_op_inject_event" => xen_sys::hvm::dm_op::XenDmOpInjectEvent {
            "vcpuid" => vcpuid, "vector" => vector, "type" => type_, "insn_len" => insn_len,
            "pad0" => pad0, "error_code" => error_code, "pad1" => pad1, "cr2" => cr2,
        };
        "xen_dm_op_inject_msi" => xen_sys::hvm::dm_op::XenDmOpInjectMsi {
            "data" => data, "pad" => pad, "addr" => addr,
        };
        "xen_dm_op_map_mem_type_to_ioreq_server" =>
            xen_sys::hvm::dm_op::XenDmOpMapMemTypeToIoreqServer {
            "id" => id, "type" => type_, "flags" => flags, "opaque" => opaque,
        };
        "xen_dm_op_remote_shutdown" => xen_sys::hvm::dm_op::XenDmOpRemoteShutdown {
            "reason" => reason,
        };
        "xen_dm_op_relocate_memory" => xen_sys::hvm::dm_op::XenDmOpRelocateMemory {
            "size" => size, "pad" => pad, "src_gfn" => src_gfn, "dst_gfn" => dst_gfn,
        };
        "xen_dm_op_pin_memory_cacheattr" => xen_sys::hvm::dm_op::XenDmOpPinMemoryCacheattr {
            "start" => start, "end" => end, "type" => type_, "pad" => pad,
        };
        "xen_dm_op_nr_vcpus" => xen_sys::hvm::dm_op::XenDmOpNrVcpus { "vcpus" => vcpus, };
        "xen_dm_op" => xen_sys::hvm::dm_op::XenDmOp { "op" => op, "pad" => pad, "u" => u, };
        "xen_dm_op_buf" => xen_sys::hvm::dm_op::XenDmOpBuf { "h" => h, "size" => size, };
    }
}
