//! Layouts of the structures that are shared with Xen, as computed by a C compiler from
//! Xen's headers. Every build of this crate compares these for its target.
//!
//! `cargo xtask abi --bound` writes this file; do not edit. If a stale file prevents
//! the build of that command, empty the file first.

/// Asserts size, alignment and the offsets of fields.
macro_rules! layouts {
    ($($ty:ty: $size:literal, $align:literal { $($field:ident $at:literal)* })*) => {$(
        const _: () = {
            assert!(size_of::<$ty>() == $size, concat!("size of ", stringify!($ty)));
            assert!(align_of::<$ty>() == $align, concat!("alignment of ", stringify!($ty)));
            $(assert!(
                core::mem::offset_of!($ty, $field) == $at,
                concat!("offset of ", stringify!($ty), ".", stringify!($field))
            );)*
        };
    )*};
}

layouts! {
    xen_sys::callback::CallbackRegister: 16, 8 {
        type_ 0 flags 2 address 8
    }
    xen_sys::callback::CallbackUnregister: 4, 2 {
        type_ 0 _unused 2
    }
    xen_sys::xen::Dom0VgaConsoleInfo: 40, 4 {
        video_type 0 width 4 height 6 bytes_per_line 8 bits_per_pixel 10 lfb_base 12 lfb_size 16
        red_pos 20 red_size 21 green_pos 22 green_size 23 blue_pos 24 blue_size 25 rsvd_pos 26
        rsvd_size 27 gbl_caps 28 mode_attrs 32 pad 34 ext_lfb_base 36
    }
    xen_sys::event_channel::EvtchnAllocUnbound: 8, 4 {
        dom 0 remote_dom 2 port 4
    }
    xen_sys::event_channel::EvtchnBindInterdomain: 12, 4 {
        remote_dom 0 remote_port 4 local_port 8
    }
    xen_sys::event_channel::EvtchnBindIpi: 8, 4 {
        vcpu 0 port 4
    }
    xen_sys::event_channel::EvtchnBindPirq: 12, 4 {
        pirq 0 flags 4 port 8
    }
    xen_sys::event_channel::EvtchnBindVcpu: 8, 4 {
        port 0 vcpu 4
    }
    xen_sys::event_channel::EvtchnBindVirq: 12, 4 {
        virq 0 vcpu 4 port 8
    }
    xen_sys::event_channel::EvtchnClose: 4, 4 {
        port 0
    }
    xen_sys::event_channel::EvtchnExpandArray: 8, 8 {
        array_gfn 0
    }
    xen_sys::event_channel::EvtchnFifoControlBlock: 72, 4 {
        ready 0 _rsvd 4 head 8
    }
    xen_sys::event_channel::EvtchnInitControl: 24, 8 {
        control_gfn 0 offset 8 vcpu 12 link_bits 16 _pad 17
    }
    xen_sys::event_channel::EvtchnReset: 2, 2 {
        dom 0
    }
    xen_sys::event_channel::EvtchnSend: 4, 4 {
        port 0
    }
    xen_sys::event_channel::EvtchnSetPriority: 8, 4 {
        port 0 priority 4
    }
    xen_sys::event_channel::EvtchnStatus: 24, 4 {
        dom 0 port 4 status 8 vcpu 12 u 16
    }
    xen_sys::event_channel::EvtchnUnmask: 4, 4 {
        port 0
    }
    xen_sys::grant_table::GnttabCacheFlush: 16, 8 {
        a 0 offset 8 length 10 op 12
    }
    xen_sys::grant_table::GnttabCopy: 40, 8 {
        source 0 dest 16 len 32 flags 34 status 36
    }
    xen_sys::grant_table::GnttabCopyPtr: 16, 8 {
        u 0 domid 8 offset 10
    }
    xen_sys::grant_table::GnttabDumpTable: 4, 2 {
        dom 0 status 2
    }
    xen_sys::grant_table::GnttabGetStatusFrames: 16, 8 {
        nr_frames 0 dom 4 status 6 frame_list 8
    }
    xen_sys::grant_table::GnttabGetVersion: 8, 4 {
        dom 0 pad 2 version 4
    }
    xen_sys::grant_table::GnttabMapGrantRef: 32, 8 {
        host_addr 0 flags 8 ref_ 12 dom 16 status 18 handle 20 dev_bus_addr 24
    }
    xen_sys::grant_table::GnttabQuerySize: 16, 4 {
        dom 0 nr_frames 4 max_nr_frames 8 status 12
    }
    xen_sys::grant_table::GnttabSetVersion: 4, 4 {
        version 0
    }
    xen_sys::grant_table::GnttabSetupTable: 24, 8 {
        dom 0 nr_frames 4 status 8 frame_list 16
    }
    xen_sys::grant_table::GnttabSwapGrantRef: 12, 4 {
        ref_a 0 ref_b 4 status 8
    }
    xen_sys::grant_table::GnttabUnmapAndReplace: 24, 8 {
        host_addr 0 new_addr 8 handle 16 status 20
    }
    xen_sys::grant_table::GnttabUnmapGrantRef: 24, 8 {
        host_addr 0 dev_bus_addr 8 handle 16 status 20
    }
    xen_sys::grant_table::GrantEntryHeader: 4, 2 {
        flags 0 domid 2
    }
    xen_sys::grant_table::GrantEntryV1: 8, 4 {
        flags 0 domid 2 frame 4
    }
    xen_sys::grant_table::GrantEntryV2: 16, 8 {
        hdr 0 pad0 4 frame 8
    }
    xen_sys::xen::MulticallEntry: 64, 8 {
        op 0 result 8 args 16
    }
    xen_sys::physdev::PciDeviceReset: 8, 4 {
        dev 0 flags 4
    }
    xen_sys::physdev::PhysdevApic: 16, 8 {
        apic_physbase 0 reg 8 value 12
    }
    xen_sys::physdev::PhysdevDbgpOp: 6, 2 {
        op 0 bus 1 pci 2
    }
    xen_sys::physdev::PhysdevEoi: 4, 4 {
        irq 0
    }
    xen_sys::physdev::PhysdevGetFreePirq: 8, 4 {
        type_ 0 pirq 4
    }
    xen_sys::physdev::PhysdevIrq: 8, 4 {
        irq 0 vector 4
    }
    xen_sys::physdev::PhysdevIrqStatusQuery: 8, 4 {
        irq 0 flags 4
    }
    xen_sys::physdev::PhysdevManagePci: 2, 1 {
        bus 0 devfn 1
    }
    xen_sys::physdev::PhysdevManagePciExt: 16, 4 {
        bus 0 devfn 1 is_extfn 4 is_virtfn 8 physfn_bus 12 physfn_devfn 13
    }
    xen_sys::physdev::PhysdevMapPirq: 40, 8 {
        domid 0 type_ 4 index 8 pirq 12 bus 16 devfn 20 entry_nr 24 table_base 32
    }
    xen_sys::physdev::PhysdevPciDevice: 4, 2 {
        seg 0 bus 2 devfn 3
    }
    xen_sys::physdev::PhysdevPciDeviceAdd: 12, 4 {
        seg 0 bus 2 devfn 3 flags 4 physfn_bus 8 physfn_devfn 9
    }
    xen_sys::physdev::PhysdevPciMmcfgReserved: 16, 8 {
        address 0 segment 8 start_bus 10 end_bus 11 flags 12
    }
    xen_sys::physdev::PhysdevPirqEoiGmfn: 8, 8 {
        gmfn 0
    }
    xen_sys::physdev::PhysdevRestoreMsi: 2, 1 {
        bus 0 devfn 1
    }
    xen_sys::physdev::PhysdevSetupGsi: 8, 4 {
        gsi 0 triggering 4 polarity 5
    }
    xen_sys::physdev::PhysdevUnmapPirq: 8, 4 {
        domid 0 pirq 4
    }
    xen_sys::sched::SchedPinOverride: 4, 4 {
        pcpu 0
    }
    xen_sys::sched::SchedPoll: 24, 8 {
        ports 0 nr_ports 8 timeout 16
    }
    xen_sys::sched::SchedRemoteShutdown: 8, 4 {
        domain_id 0 reason 4
    }
    xen_sys::sched::SchedShutdown: 4, 4 {
        reason 0
    }
    xen_sys::sched::SchedWatchdog: 8, 4 {
        id 0 timeout 4
    }
    xen_sys::vcpu::VcpuGetPhysid: 8, 8 {
        phys_id 0
    }
    xen_sys::hvm::hvm_vcpu::VcpuHvmContext: 128, 8 {
        mode 0 pad 4 cpu_regs 8
    }
    xen_sys::hvm::hvm_vcpu::VcpuHvmX8664: 112, 8 {
        rax 0 rcx 8 rdx 16 rbx 24 rsp 32 rbp 40 rsi 48 rdi 56 rip 64 rflags 72 cr0 80 cr3 88 cr4 96
        efer 104
    }
    xen_sys::vcpu::VcpuRegisterRunstateMemoryArea: 8, 8 {
        addr 0
    }
    xen_sys::vcpu::VcpuRegisterTimeMemoryArea: 8, 8 {
        addr 0
    }
    xen_sys::vcpu::VcpuRegisterVcpuInfo: 16, 8 {
        mfn 0 offset 8 rsvd 12
    }
    xen_sys::vcpu::VcpuRunstateInfo: 48, 8 {
        state 0 state_entry_time 8 time 16
    }
    xen_sys::vcpu::VcpuSetPeriodicTimer: 8, 8 {
        period_ns 0
    }
    xen_sys::vcpu::VcpuSetSingleshotTimer: 16, 8 {
        timeout_abs_ns 0 flags 8
    }
    xen_sys::xen::VcpuTimeInfo: 32, 8 {
        version 0 pad0 4 tsc_timestamp 8 system_time 16 tsc_to_system_mul 24 tsc_shift 28 flags 29
        pad1 30
    }
    xen_sys::memory::XenAddToPhysmap: 24, 8 {
        domid 0 size 2 space 4 idx 8 gpfn 16
    }
    xen_sys::memory::XenAddToPhysmapBatch: 32, 8 {
        domid 0 space 2 size 4 u 6 idxs 8 gpfns 16 errs 24
    }
    xen_sys::argo::XenArgoAddr: 8, 4 {
        aport 0 domain_id 4 pad 6
    }
    xen_sys::argo::XenArgoIov: 16, 8 {
        iov_hnd 0 iov_len 8 pad 12
    }
    xen_sys::argo::XenArgoRegisterRing: 12, 4 {
        aport 0 partner_id 4 pad 6 len 8
    }
    xen_sys::argo::XenArgoRingData: 8, 4 {
        nent 0 pad 4
    }
    xen_sys::argo::XenArgoRingDataEnt: 20, 4 {
        ring 0 flags 8 pad 10 space_required 12 max_message_size 16
    }
    xen_sys::argo::XenArgoSendAddr: 16, 4 {
        src 0 dst 8
    }
    xen_sys::argo::XenArgoUnregisterRing: 8, 4 {
        aport 0 partner_id 4 pad 6
    }
    xen_sys::version::XenCompileInfo: 144, 1 {
        compiler 0 compile_by 64 compile_domain 80 compile_date 112
    }
    xen_sys::hvm::dm_op::XenDmOp: 32, 8 {
        op 0 pad 4 u 8
    }
    xen_sys::hvm::dm_op::XenDmOpBuf: 16, 8 {
        h 0 size 8
    }
    xen_sys::hvm::dm_op::XenDmOpCreateIoreqServer: 6, 2 {
        handle_bufioreq 0 pad 1 id 4
    }
    xen_sys::hvm::dm_op::XenDmOpDestroyIoreqServer: 4, 2 {
        id 0 pad 2
    }
    xen_sys::hvm::dm_op::XenDmOpGetIoreqServerInfo: 24, 8 {
        id 0 flags 2 bufioreq_port 4 ioreq_gfn 8 bufioreq_gfn 16
    }
    xen_sys::hvm::dm_op::XenDmOpInjectEvent: 24, 8 {
        vcpuid 0 vector 4 type_ 5 insn_len 6 pad0 7 error_code 8 pad1 12 cr2 16
    }
    xen_sys::hvm::dm_op::XenDmOpInjectMsi: 16, 8 {
        data 0 pad 4 addr 8
    }
    xen_sys::hvm::dm_op::XenDmOpIoreqServerRange: 24, 8 {
        id 0 pad 2 type_ 4 start 8 end 16
    }
    xen_sys::hvm::dm_op::XenDmOpMapMemTypeToIoreqServer: 16, 8 {
        id 0 type_ 2 flags 4 opaque 8
    }
    xen_sys::hvm::dm_op::XenDmOpModifiedMemory: 8, 4 {
        nr_extents 0 opaque 4
    }
    xen_sys::hvm::dm_op::XenDmOpModifiedMemoryExtent: 16, 8 {
        nr 0 pad 4 first_pfn 8
    }
    xen_sys::hvm::dm_op::XenDmOpNrVcpus: 4, 4 {
        vcpus 0
    }
    xen_sys::hvm::dm_op::XenDmOpPinMemoryCacheattr: 24, 8 {
        start 0 end 8 type_ 16 pad 20
    }
    xen_sys::hvm::dm_op::XenDmOpRelocateMemory: 24, 8 {
        size 0 pad 4 src_gfn 8 dst_gfn 16
    }
    xen_sys::hvm::dm_op::XenDmOpRemoteShutdown: 4, 4 {
        reason 0
    }
    xen_sys::hvm::dm_op::XenDmOpSetIoreqServerState: 4, 2 {
        id 0 enabled 2 pad 3
    }
    xen_sys::hvm::dm_op::XenDmOpSetIrqLevel: 8, 4 {
        irq 0 level 4 pad 5
    }
    xen_sys::hvm::dm_op::XenDmOpSetIsaIrqLevel: 2, 1 {
        isa_irq 0 level 1
    }
    xen_sys::hvm::dm_op::XenDmOpSetMemType: 16, 8 {
        nr 0 mem_type 4 pad 6 first_pfn 8
    }
    xen_sys::hvm::dm_op::XenDmOpSetPciIntxLevel: 6, 2 {
        domain 0 bus 2 device 3 intx 4 level 5
    }
    xen_sys::hvm::dm_op::XenDmOpSetPciLinkRoute: 2, 1 {
        link 0 isa_irq 1
    }
    xen_sys::hvm::dm_op::XenDmOpTrackDirtyVram: 16, 8 {
        nr 0 pad 4 first_pfn 8
    }
    xen_sys::domctl::XenDomctl: 144, 8 {
        cmd 0 interface_version 4 domain 8 _pad 10 u 16
    }
    xen_sys::domctl::XenDomctlGetvcpuinfo: 24, 8 {
        vcpu 0 online 4 blocked 5 running 6 cpu_time 8 cpu 16
    }
    xen_sys::domctl::XenDomctlIomemPermission: 24, 8 {
        first_mfn 0 nr_mfns 8 allow_access 16
    }
    xen_sys::domctl::XenDomctlIoportPermission: 12, 4 {
        first_port 0 nr_ports 4 allow_access 8
    }
    xen_sys::domctl::XenDomctlMaxMem: 8, 8 {
        max_memkb 0
    }
    xen_sys::domctl::XenDomctlMaxVcpus: 4, 4 {
        max 0
    }
    xen_sys::domctl::XenDomctlSetTarget: 2, 2 {
        target 0
    }
    xen_sys::domctl::XenDomctlSetVirqHandler: 4, 4 {
        virq 0
    }
    xen_sys::domctl::XenDomctlSetdomainhandle: 16, 1 {
        handle 0
    }
    xen_sys::version::XenFeatureInfo: 8, 4 {
        submap_idx 0 submap 4
    }
    xen_sys::xsm::flask_op::XenFlaskOp: 40, 8 {
        cmd 0 interface_version 4 u 8
    }
    xen_sys::xsm::flask_op::XenFlaskPeersid: 8, 4 {
        evtchn 0 sid 4
    }
    xen_sys::xsm::flask_op::XenFlaskSidContext: 16, 8 {
        sid 0 size 4 context 8
    }
    xen_sys::memory::XenForeignMemoryMap: 24, 8 {
        domid 0 map 8
    }
    xen_sys::hvm::hvm_op::XenHvmAltp2mChangeGfn: 24, 8 {
        view 0 pad1 2 pad2 4 old_gfn 8 new_gfn 16
    }
    xen_sys::hvm::hvm_op::XenHvmAltp2mDomainState: 1, 1 {
        state 0
    }
    xen_sys::hvm::hvm_op::XenHvmAltp2mGetVcpuP2mIdx: 8, 4 {
        vcpu_id 0 altp2m_idx 4
    }
    xen_sys::hvm::hvm_op::XenHvmAltp2mMemAccess: 16, 8 {
        view 0 access 2 pad 4 gfn 8
    }
    xen_sys::hvm::hvm_op::XenHvmAltp2mOp: 80, 8 {
        version 0 cmd 4 domain 8 pad1 10 pad2 12 u 16
    }
    xen_sys::hvm::hvm_op::XenHvmAltp2mSetMemAccessMulti: 32, 8 {
        view 0 pad 2 nr 4 opaque 8 pfn_list 16 access_list 24
    }
    xen_sys::hvm::hvm_op::XenHvmAltp2mSetVisibility: 4, 2 {
        altp2m_idx 0 visible 2 pad 3
    }
    xen_sys::hvm::hvm_op::XenHvmAltp2mSuppressVe: 16, 8 {
        view 0 suppress_ve 2 pad1 3 pad2 4 gfn 8
    }
    xen_sys::hvm::hvm_op::XenHvmAltp2mSuppressVeMulti: 32, 8 {
        view 0 suppress_ve 2 pad1 3 first_error 4 first_gfn 8 last_gfn 16 first_error_gfn 24
    }
    xen_sys::hvm::hvm_op::XenHvmAltp2mVcpuDisableNotify: 4, 4 {
        vcpu_id 0
    }
    xen_sys::hvm::hvm_op::XenHvmAltp2mVcpuEnableNotify: 16, 8 {
        vcpu_id 0 pad 4 gfn 8
    }
    xen_sys::hvm::hvm_op::XenHvmAltp2mView: 4, 2 {
        view 0 hvmmem_default_access 2
    }
    xen_sys::hvm::hvm_op::XenHvmGetMemType: 16, 8 {
        domid 0 mem_type 2 pad 4 pfn 8
    }
    xen_sys::hvm::hvm_op::XenHvmGetTime: 8, 8 {
        now 0
    }
    xen_sys::hvm::hvm_op::XenHvmPagetableDying: 16, 8 {
        domid 0 pad 2 gpa 8
    }
    xen_sys::hvm::hvm_op::XenHvmParam: 16, 8 {
        domid 0 pad 2 index 4 value 8
    }
    xen_sys::hvm::hvm_op::XenHvmXentrace: 32, 2 {
        event 0 extra_bytes 2 extra 4
    }
    xen_sys::hypfs::XenHypfsDirentry: 12, 4 {
        type_ 0 encoding 1 pad 2 content_len 4 max_write_len 8
    }
    xen_sys::kexec::XenKexecExec: 4, 4 {
        type_ 0
    }
    xen_sys::kexec::XenKexecLoad: 24, 8 {
        type_ 0 _pad 1 arch 2 nr_segments 4 segments 8 entry_maddr 16
    }
    xen_sys::kexec::XenKexecRange: 24, 8 {
        range 0 nr 4 size 8 start 16
    }
    xen_sys::kexec::XenKexecSegment: 32, 8 {
        buf 0 buf_size 8 dest_maddr 16 dest_size 24
    }
    xen_sys::kexec::XenKexecStatus: 1, 1 {
        type_ 0
    }
    xen_sys::kexec::XenKexecUnload: 1, 1 {
        type_ 0
    }
    xen_sys::memory::XenMemAccessOp: 32, 8 {
        op 0 access 1 domid 2 nr 4 pfn 8 pfn_list 16 access_list 24
    }
    xen_sys::memory::XenMemAcquireResource: 32, 8 {
        domid 0 type_ 2 id 4 nr_frames 8 pad 12 frame 16 frame_list 24
    }
    xen_sys::memory::XenMemPagingOp: 24, 8 {
        op 0 domain 2 buffer 8 gfn 16
    }
    xen_sys::memory::XenMemSharingOp: 48, 8 {
        op 0 domain 2 u 8
    }
    xen_sys::memory::XenMemoryDomain: 2, 2 {
        domid 0
    }
    xen_sys::memory::XenMemoryExchange: 72, 8 {
        in_ 0 out 32 nr_exchanged 64
    }
    xen_sys::memory::XenMemoryMap: 16, 8 {
        nr_entries 0 buffer 8
    }
    xen_sys::memory::XenMemoryReservation: 32, 8 {
        extent_start 0 nr_extents 8 extent_order 16 mem_flags 20 domid 24
    }
    xen_sys::platform::XenPlatformOp: 136, 8 {
        cmd 0 interface_version 4 u 8
    }
    xen_sys::version::XenPlatformParameters: 8, 8 {
        virt_start 0
    }
    xen_sys::pmu::XenPmuParams: 24, 8 {
        version_maj 0 version_min 4 val 8 vcpu 16 pad 20
    }
    xen_sys::memory::XenPodTarget: 40, 8 {
        target_pages 0 tot_pages 8 pod_cache_pages 16 pod_entries 24 domid 32
    }
    xen_sys::memory::XenRemoveFromPhysmap: 16, 8 {
        domid 0 gpfn 8
    }
    xen_sys::memory::XenReservedDeviceMemory: 16, 8 {
        start_pfn 0 nr_pages 8
    }
    xen_sys::memory::XenReservedDeviceMemoryMap: 24, 8 {
        flags 0 nr_entries 4 buffer 8 pci 16
    }
    xen_sys::sysctl::XenSysctl: 136, 8 {
        cmd 0 interface_version 4 u 8
    }
    xen_sys::sysctl::XenSysctlAvailheap: 24, 8 {
        min_bitwidth 0 max_bitwidth 4 node 8 avail_bytes 16
    }
    xen_sys::sysctl::XenSysctlCpuHotplug: 8, 4 {
        cpu 0 op 4
    }
    xen_sys::sysctl::XenSysctlCpuinfo: 8, 8 {
        idletime 0
    }
    xen_sys::sysctl::XenSysctlCputopo: 12, 4 {
        core 0 socket 4 node 8
    }
    xen_sys::sysctl::XenSysctlCputopoinfo: 16, 8 {
        num_cpus 0 cputopo 8
    }
    xen_sys::sysctl::XenSysctlDebugKeys: 16, 8 {
        keys 0 nr_keys 8
    }
    xen_sys::sysctl::XenSysctlGetcpuinfo: 24, 8 {
        max_cpus 0 info 8 nr_cpus 16
    }
    xen_sys::sysctl::XenSysctlGetdomaininfolist: 24, 8 {
        first_domain 0 max_domains 4 buffer 8 num_domains 16
    }
    xen_sys::sysctl::XenSysctlMeminfo: 16, 8 {
        memsize 0 memfree 8
    }
    xen_sys::sysctl::XenSysctlNumainfo: 24, 8 {
        num_nodes 0 meminfo 8 distance 16
    }
    xen_sys::sysctl::XenSysctlPhysinfo: 112, 8 {
        threads_per_core 0 cores_per_socket 4 nr_cpus 8 max_cpu_id 12 nr_nodes 16 max_node_id 20
        cpu_khz 24 capabilities 28 arch_capabilities 32 pad 36 total_pages 40 free_pages 48
        scrub_pages 56 outstanding_pages 64 max_mfn 72 hw_cap 80
    }
    xen_sys::sysctl::XenSysctlReadconsole: 24, 8 {
        clear 0 incremental 1 pad0 2 pad1 3 index 4 buffer 8 count 16
    }
    xen_sys::sysctl::XenSysctlSchedId: 4, 4 {
        sched_id 0
    }
    xen_sys::memory::XenVmemrange: 24, 8 {
        start 0 end 8 flags 16 nid 20
    }
    xen_sys::memory::XenVnumaTopologyInfo: 40, 8 {
        domid 0 pad 2 nr_vnodes 4 nr_vcpus 8 nr_vmemranges 12 vdistance 16 vcpu_to_vnode 24
        vmemrange 32
    }
    xen_sys::nmi::XennmiCallback: 16, 8 {
        handler_address 0 pad 8
    }
    xen_sys::platform::XenpfAddMemtype: 32, 8 {
        mfn 0 nr_mfns 8 type_ 16 handle 20 reg 24
    }
    xen_sys::platform::XenpfChangeFreq: 16, 8 {
        flags 0 cpu 4 freq 8
    }
    xen_sys::platform::XenpfCoreParking: 8, 4 {
        type_ 0 idle_nums 4
    }
    xen_sys::platform::XenpfCpuHotadd: 12, 4 {
        apic_id 0 acpi_id 4 pxm 8
    }
    xen_sys::platform::XenpfCpuOl: 4, 4 {
        cpuid 0
    }
    xen_sys::platform::XenpfDelMemtype: 8, 4 {
        handle 0 reg 4
    }
    xen_sys::platform::XenpfEfiRuntimeCall: 56, 8 {
        function 0 misc 4 status 8 u 16
    }
    xen_sys::platform::XenpfEnterAcpiSleep: 12, 4 {
        val_a 0 val_b 2 sleep_state 4 flags 8
    }
    xen_sys::platform::XenpfFirmwareInfo: 40, 8 {
        type_ 0 index 4 u 8
    }
    xen_sys::platform::XenpfGetidletime: 32, 8 {
        cpumap_bitmap 0 cpumap_nr_cpus 8 idletime 16 now 24
    }
    xen_sys::platform::XenpfMemHotadd: 24, 8 {
        spfn 0 epfn 8 pxm 16 flags 20
    }
    xen_sys::platform::XenpfMicrocodeUpdate: 16, 8 {
        data 0 length 8
    }
    xen_sys::platform::XenpfMicrocodeUpdate2: 16, 8 {
        flags 0 length 4 data 8
    }
    xen_sys::platform::XenpfPcpuVersion: 32, 4 {
        xen_cpuid 0 max_present 4 vendor_id 8 family 20 model 24 stepping 28
    }
    xen_sys::platform::XenpfPcpuinfo: 20, 4 {
        xen_cpuid 0 max_present 4 flags 8 apic_id 12 acpi_id 16
    }
    xen_sys::platform::XenpfPlatformQuirk: 4, 4 {
        quirk_id 0
    }
    xen_sys::platform::XenpfReadMemtype: 32, 8 {
        reg 0 mfn 8 nr_mfns 16 type_ 24
    }
    xen_sys::platform::XenpfResourceEntry: 24, 8 {
        u 0 rsvd 4 idx 8 val 16
    }
    xen_sys::platform::XenpfResourceOp: 16, 8 {
        nr_entries 0 cpu 4 entries 8
    }
    xen_sys::platform::XenpfSetProcessorPminfo: 112, 8 {
        id 0 type_ 4 u 8
    }
    xen_sys::platform::XenpfSettime32: 16, 8 {
        secs 0 nsecs 4 system_time 8
    }
    xen_sys::platform::XenpfSettime64: 24, 8 {
        secs 0 nsecs 8 mbz 12 system_time 16
    }
    xen_sys::platform::XenpfSymdata: 32, 8 {
        namelen 0 symnum 4 name 8 address 16 type_ 24
    }
    xen_sys::platform::XenpfUcodeRevision: 16, 4 {
        cpu 0 signature 4 pf 8 revision 12
    }
}

#[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
layouts! {
    xen_sys::xen::SharedInfo: 1088, 8 {
        vcpu_info 0 evtchn_pending 48 evtchn_mask 560 wc_version 1072 wc_sec 1076 wc_nsec 1080
        wc_sec_hi 1084
    }
    xen_sys::xen::VcpuInfo: 48, 8 {
        evtchn_upcall_pending 0 pad0 1 evtchn_pending_sel 8 time 16
    }
    xen_sys::arch_arm::XenArchDomainconfig: 12, 4 {
        gic_version 0 sve_vl 1 tee_type 2 nr_spis 4 clock_frequency 8
    }
    xen_sys::domctl::XenDomctlCreatedomain: 72, 4 {
        ssidref 0 handle 4 flags 20 iommu_opts 24 max_vcpus 28 max_evtchn_port 32
        max_grant_frames 36 max_maptrack_frames 40 grant_opts 44 altp2m_opts 48 vmtrace_size 52
        cpupool_id 56 arch 60
    }
    xen_sys::domctl::XenDomctlGetdomaininfo: 120, 8 {
        domain 0 pad1 2 flags 4 tot_pages 8 max_pages 16 outstanding_pages 24 shr_pages 32
        paged_pages 40 shared_info_frame 48 cpu_time 56 nr_online_vcpus 64 max_vcpu_id 68 ssidref 72
        handle 76 cpupool 92 gpaddr_bits 96 pad2 97 arch_config 104
    }
}

#[cfg(target_arch = "x86_64")]
layouts! {
    xen_sys::arch_x86::xen::ArchSharedInfo: 48, 8 {
        max_pfn 0 pfn_to_mfn_frame_list_list 8 nmi_reason 16 p2m_cr3 24 p2m_vaddr 32
        p2m_generation 40
    }
    xen_sys::arch_x86::xen_x86_64::ArchVcpuInfo: 16, 8 {
        cr2 0 pad 8
    }
    xen_sys::arch_x86::hvm::start_info::HvmMemmapTableEntry: 24, 8 {
        addr 0 size 8 type_ 16 reserved 20
    }
    xen_sys::arch_x86::hvm::start_info::HvmModlistEntry: 32, 8 {
        paddr 0 size 8 cmdline_paddr 16 reserved 24
    }
    xen_sys::arch_x86::hvm::start_info::HvmStartInfo: 56, 8 {
        magic 0 version 4 flags 8 nr_modules 12 modlist_paddr 16 cmdline_paddr 24 rsdp_paddr 32
        memmap_paddr 40 memmap_entries 48 reserved 52
    }
    xen_sys::arch_x86::xen_mca::McinfoLogicalCpu: 304, 8 {
        mc_cpunr 0 mc_chipid 4 mc_coreid 8 mc_threadid 10 mc_apicid 12 mc_clusterid 16 mc_ncores 20
        mc_ncores_active 24 mc_nthreads 28 mc_cpuid_level 32 mc_family 36 mc_vendor 40 mc_model 44
        mc_step 48 mc_vendorid 52 mc_brandid 68 mc_cpu_caps 132 mc_cache_size 160
        mc_cache_alignment 164 mc_nmsrvals 168 mc_msrvalues 176
    }
    xen_sys::arch_x86::xen_mca::McinfoMsr: 16, 8 {
        reg 0 value 8
    }
    xen_sys::xen::SharedInfo: 3136, 8 {
        vcpu_info 0 evtchn_pending 2048 evtchn_mask 2560 wc_version 3072 wc_sec 3076 wc_nsec 3080
        wc_sec_hi 3084 arch 3088
    }
    xen_sys::xen::VcpuInfo: 64, 8 {
        evtchn_upcall_pending 0 evtchn_upcall_mask 1 evtchn_pending_sel 8 arch 16 time 32
    }
    xen_sys::arch_x86::xen::XenArchDomainconfig: 8, 4 {
        emulation_flags 0 misc_flags 4
    }
    xen_sys::domctl::XenDomctlCreatedomain: 68, 4 {
        ssidref 0 handle 4 flags 20 iommu_opts 24 max_vcpus 28 max_evtchn_port 32
        max_grant_frames 36 max_maptrack_frames 40 grant_opts 44 altp2m_opts 48 vmtrace_size 52
        cpupool_id 56 arch 60
    }
    xen_sys::domctl::XenDomctlGetdomaininfo: 112, 8 {
        domain 0 pad1 2 flags 4 tot_pages 8 max_pages 16 outstanding_pages 24 shr_pages 32
        paged_pages 40 shared_info_frame 48 cpu_time 56 nr_online_vcpus 64 max_vcpu_id 68 ssidref 72
        handle 76 cpupool 92 gpaddr_bits 96 pad2 97 arch_config 104
    }
    xen_sys::hvm::hvm_op::XenHvmEvtchnUpcallVector: 8, 4 {
        vcpu 0 vector 4
    }
    xen_sys::arch_x86::xen_mca::XenMc: 152, 8 {
        cmd 0 interface_version 4 u 8
    }
    xen_sys::arch_x86::xen_mca::XenMcFetch: 24, 8 {
        flags 0 fetch_id 8 data 16
    }
    xen_sys::arch_x86::xen_mca::XenMcPhyscpuinfo: 16, 8 {
        ncpus 0 info 8
    }
}
