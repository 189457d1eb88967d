//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "PHYSDEVOP_eoi" => xen_sys::physdev::PHYSDEVOP_EOI;
        "PHYSDEVOP_pirq_eoi_gmfn_v1" => xen_sys::physdev::PHYSDEVOP_PIRQ_EOI_GMFN_V1;
        "PHYSDEVOP_pirq_eoi_gmfn_v2" => xen_sys::physdev::PHYSDEVOP_PIRQ_EOI_GMFN_V2;
        "PHYSDEVOP_pirq_eoi_gmfn" => xen_sys::physdev::PHYSDEVOP_PIRQ_EOI_GMFN;
        "PHYSDEVOP_irq_status_query" => xen_sys::physdev::PHYSDEVOP_IRQ_STATUS_QUERY;
        "XENIRQSTAT_needs_eoi" => xen_sys::physdev::XENIRQSTAT_NEEDS_EOI;
        "XENIRQSTAT_shared" => xen_sys::physdev::XENIRQSTAT_SHARED;
        "PHYSDEVOP_set_iopl" => xen_sys::physdev::PHYSDEVOP_SET_IOPL;
        "PHYSDEVOP_set_iobitmap" => xen_sys::physdev::PHYSDEVOP_SET_IOBITMAP;
        "PHYSDEVOP_apic_read" => xen_sys::physdev::PHYSDEVOP_APIC_READ;
        "PHYSDEVOP_apic_write" => xen_sys::physdev::PHYSDEVOP_APIC_WRITE;
        "PHYSDEVOP_alloc_irq_vector" => xen_sys::physdev::PHYSDEVOP_ALLOC_IRQ_VECTOR;
        "PHYSDEVOP_free_irq_vector" => xen_sys::physdev::PHYSDEVOP_FREE_IRQ_VECTOR;
        "PHYSDEVOP_map_pirq" => xen_sys::physdev::PHYSDEVOP_MAP_PIRQ;
        "PHYSDEVOP_unmap_pirq" => xen_sys::physdev::PHYSDEVOP_UNMAP_PIRQ;
        "PHYSDEVOP_manage_pci_add" => xen_sys::physdev::PHYSDEVOP_MANAGE_PCI_ADD;
        "PHYSDEVOP_manage_pci_remove" => xen_sys::physdev::PHYSDEVOP_MANAGE_PCI_REMOVE;
        "PHYSDEVOP_restore_msi" => xen_sys::physdev::PHYSDEVOP_RESTORE_MSI;
        "PHYSDEVOP_manage_pci_add_ext" => xen_sys::physdev::PHYSDEVOP_MANAGE_PCI_ADD_EXT;
        "PHYSDEVOP_setup_gsi" => xen_sys::physdev::PHYSDEVOP_SETUP_GSI;
        "PHYSDEVOP_get_free_pirq" => xen_sys::physdev::PHYSDEVOP_GET_FREE_PIRQ;
        "PHYSDEVOP_pci_mmcfg_reserved" => xen_sys::physdev::PHYSDEVOP_PCI_MMCFG_RESERVED;
        "PHYSDEVOP_pci_device_add" => xen_sys::physdev::PHYSDEVOP_PCI_DEVICE_ADD;
        "PHYSDEVOP_pci_device_remove" => xen_sys::physdev::PHYSDEVOP_PCI_DEVICE_REMOVE;
        "PHYSDEVOP_restore_msi_ext" => xen_sys::physdev::PHYSDEVOP_RESTORE_MSI_EXT;
        "PHYSDEVOP_dbgp_op" => xen_sys::physdev::PHYSDEVOP_DBGP_OP;
        "PHYSDEVOP_prepare_msix" => xen_sys::physdev::PHYSDEVOP_PREPARE_MSIX;
        "PHYSDEVOP_release_msix" => xen_sys::physdev::PHYSDEVOP_RELEASE_MSIX;
        "PHYSDEVOP_pci_device_reset" => xen_sys::physdev::PHYSDEVOP_PCI_DEVICE_RESET;
        "PHYSDEVOP_IRQ_UNMASK_NOTIFY" => xen_sys::physdev::PHYSDEVOP_IRQ_UNMASK_NOTIFY;
        "MAP_PIRQ_TYPE_MSI" => xen_sys::physdev::MAP_PIRQ_TYPE_MSI;
        "MAP_PIRQ_TYPE_GSI" => xen_sys::physdev::MAP_PIRQ_TYPE_GSI;
        "MAP_PIRQ_TYPE_UNKNOWN" => xen_sys::physdev::MAP_PIRQ_TYPE_UNKNOWN;
        "MAP_PIRQ_TYPE_MSI_SEG" => xen_sys::physdev::MAP_PIRQ_TYPE_MSI_SEG;
        "MAP_PIRQ_TYPE_MULTI_MSI" => xen_sys::physdev::MAP_PIRQ_TYPE_MULTI_MSI;
        "XEN_PCI_MMCFG_RESERVED" => xen_sys::physdev::XEN_PCI_MMCFG_RESERVED;
        "XEN_PCI_DEV_EXTFN" => xen_sys::physdev::XEN_PCI_DEV_EXTFN;
        "XEN_PCI_DEV_VIRTFN" => xen_sys::physdev::XEN_PCI_DEV_VIRTFN;
        "XEN_PCI_DEV_PXM" => xen_sys::physdev::XEN_PCI_DEV_PXM;
        "PCI_DEVICE_RESET_COLD" => xen_sys::physdev::PCI_DEVICE_RESET_COLD;
        "PCI_DEVICE_RESET_WARM" => xen_sys::physdev::PCI_DEVICE_RESET_WARM;
        "PCI_DEVICE_RESET_HOT" => xen_sys::physdev::PCI_DEVICE_RESET_HOT;
        "PCI_DEVICE_RESET_FLR" => xen_sys::physdev::PCI_DEVICE_RESET_FLR;
        "PCI_DEVICE_RESET_MASK" => xen_sys::physdev::PCI_DEVICE_RESET_MASK;
        "PHYSDEVOP_DBGP_RESET_PREPARE" => xen_sys::physdev::PHYSDEVOP_DBGP_RESET_PREPARE;
        "PHYSDEVOP_DBGP_RESET_DONE" => xen_sys::physdev::PHYSDEVOP_DBGP_RESET_DONE;
        "PHYSDEVOP_DBGP_BUS_UNKNOWN" => xen_sys::physdev::PHYSDEVOP_DBGP_BUS_UNKNOWN;
        "PHYSDEVOP_DBGP_BUS_PCI" => xen_sys::physdev::PHYSDEVOP_DBGP_BUS_PCI;
    }
    texts {
    }
    structures {
        "physdev_eoi" => xen_sys::physdev::PhysdevEoi { "irq" => irq, };
        "physdev_pirq_eoi_gmfn" => xen_sys::physdev::PhysdevPirqEoiGmfn { "gmfn" => gmfn, };
        "physdev_irq_status_query" => xen_sys::physdev::PhysdevIrqStatusQuery {
            "irq" => irq, "flags" => flags,
        };
        "physdev_set_iopl" => xen_sys::physdev::PhysdevSetIopl { "iopl" => iopl, };
        "physdev_set_iobitmap" => xen_sys::physdev::PhysdevSetIobitmap {
            "bitmap" => bitmap, "nr_ports" => nr_ports,
        };
        "physdev_apic" => xen_sys::physdev::PhysdevApic {
            "apic_physbase" => apic_physbase, "reg" => reg, "value" => value,
        };
        "physdev_irq" => xen_sys::physdev::PhysdevIrq { "irq" => irq, "vector" => vector, };
        "physdev_map_pirq" => xen_sys::physdev::PhysdevMapPirq {
            "domid" => domid, "type" => type_, "index" => index, "pirq" => pirq, "bus" => bus,
            "devfn" => devfn, "entry_nr" => entry_nr, "table_base" => table_base,
        };
        "physdev_unmap_pirq" => xen_sys::physdev::PhysdevUnmapPirq {
            "domid" => domid, "pirq" => pirq,
        };
        "physdev_manage_pci" => xen_sys::physdev::PhysdevManagePci {
            "bus" => bus, "devfn" => devfn,
        };
        "physdev_restore_msi" => xen_sys::physdev::PhysdevRestoreMsi {
            "bus" => bus, "devfn" => devfn,
        };
        "physdev_manage_pci_ext" => xen_sys::physdev::PhysdevManagePciExt {
            "bus" => bus, "devfn" => devfn, "is_extfn" => is_extfn, "is_virtfn" => is_virtfn,
            "physfn.bus" => physfn_bus, "physfn.devfn" => physfn_devfn,
        };
        "physdev_op" => xen_sys::physdev::PhysdevOp { "cmd" => cmd, "u" => u, };
        "physdev_setup_gsi" => xen_sys::physdev::PhysdevSetupGsi {
            "gsi" => gsi, "triggering" => triggering, "polarity" => polarity,
        };
        "physdev_get_free_pirq" => xen_sys::physdev::PhysdevGetFreePirq {
            "type" => type_, "pirq" => pirq,
        };
        "physdev_pci_mmcfg_reserved" => xen_sys::physdev::PhysdevPciMmcfgReserved {
            "address" => address, "segment" => segment, "start_bus" => start_bus,
            "end_bus" => end_bus, "flags" => flags,
        };
        "physdev_pci_device_add" => xen_sys::physdev::PhysdevPciDeviceAdd {
            "seg" => seg, "bus" => bus, "devfn" => devfn, "flags" => flags,
            "physfn.bus" => physfn_bus, "physfn.devfn" => physfn_devfn,
        };
        "physdev_pci_device" => xen_sys::physdev::PhysdevPciDevice {
            "seg" => seg, "bus" => bus, "devfn" => devfn,
        };
        "physdev_dbgp_op" => xen_sys::physdev::PhysdevDbgpOp {
            "op" => op, "bus" => bus, "u.pci" => pci,
        };
        "pci_device_reset" => xen_sys::physdev::PciDeviceReset { "dev" => dev, "flags" => flags, };
    }
}
