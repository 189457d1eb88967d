//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_PCIF_active" => xen_sys::io::pciif::PciFlags::PCIF_ACTIVE.0;
        "XEN_PCIB_AERHANDLER" => xen_sys::io::pciif::PciFlags::PCIB_AERHANDLER.0;
        "XEN_PCIB_active" => xen_sys::io::pciif::PciFlags::PCIB_ACTIVE.0;
        "XEN_PCI_OP_conf_read" => xen_sys::io::pciif::PciOp::CONF_READ.0;
        "XEN_PCI_OP_conf_write" => xen_sys::io::pciif::PciOp::CONF_WRITE.0;
        "XEN_PCI_OP_enable_msi" => xen_sys::io::pciif::PciOp::ENABLE_MSI.0;
        "XEN_PCI_OP_disable_msi" => xen_sys::io::pciif::PciOp::DISABLE_MSI.0;
        "XEN_PCI_OP_enable_msix" => xen_sys::io::pciif::PciOp::ENABLE_MSIX.0;
        "XEN_PCI_OP_disable_msix" => xen_sys::io::pciif::PciOp::DISABLE_MSIX.0;
        "XEN_PCI_OP_aer_detected" => xen_sys::io::pciif::PciOp::AER_DETECTED.0;
        "XEN_PCI_OP_aer_resume" => xen_sys::io::pciif::PciOp::AER_RESUME.0;
        "XEN_PCI_OP_aer_mmio" => xen_sys::io::pciif::PciOp::AER_MMIO.0;
        "XEN_PCI_OP_aer_slotreset" => xen_sys::io::pciif::PciOp::AER_SLOTRESET.0;
        "XEN_PCI_OP_enable_multi_msi" => xen_sys::io::pciif::PciOp::ENABLE_MULTI_MSI.0;
        "XEN_PCI_ERR_success" => xen_sys::io::pciif::PciError::SUCCESS.0;
        "XEN_PCI_ERR_dev_not_found" => xen_sys::io::pciif::PciError::DEV_NOT_FOUND.0;
        "XEN_PCI_ERR_invalid_offset" => xen_sys::io::pciif::PciError::INVALID_OFFSET.0;
        "XEN_PCI_ERR_access_denied" => xen_sys::io::pciif::PciError::ACCESS_DENIED.0;
        "XEN_PCI_ERR_not_implemented" => xen_sys::io::pciif::PciError::NOT_IMPLEMENTED.0;
        "XEN_PCI_ERR_op_failed" => xen_sys::io::pciif::PciError::OP_FAILED.0;
        "SH_INFO_MAX_VEC" => xen_sys::io::pciif::SH_INFO_MAX_VEC;
    }
    texts {
        "XEN_PCI_MAGIC" => xen_sys::io::pciif::XEN_PCI_MAGIC;
    }
    structures {
        "xen_msix_entry" => xen_sys::io::pciif::XenMsixEntry {
            "vector" => vector, "entry" => entry,
        };
        "xen_pci_op" => xen_sys::io::pciif::XenPciOp {
            "cmd" => cmd, "err" => err, "domain" => domain, "bus" => bus, "devfn" => devfn,
            "offset" => offset, "size" => size, "value" => value, "info" => info,
            "msix_entries" => msix_entries,
        };
        "xen_pcie_aer_op" => xen_sys::io::pciif::XenPcieAerOp {
            "cmd" => cmd, "err" => err, "domain" => domain, "bus" => bus, "devfn" => devfn,
        };
        "xen_pci_sharedinfo" => xen_sys::io::pciif::XenPciSharedinfo {
            "flags" => flags, "op" => op, "aer_op" => aer_op,
        };
    }
}
