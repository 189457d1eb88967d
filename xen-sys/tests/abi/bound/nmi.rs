//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_NMIREASON_io_error" => xen_sys::nmi::XEN_NMIREASON_IO_ERROR;
        "XEN_NMIREASON_pci_serr" => xen_sys::nmi::XEN_NMIREASON_PCI_SERR;
        "XEN_NMIREASON_unknown" => xen_sys::nmi::XEN_NMIREASON_UNKNOWN;
        "XENNMI_register_callback" => xen_sys::nmi::XENNMI_REGISTER_CALLBACK;
        "XENNMI_unregister_callback" => xen_sys::nmi::XENNMI_UNREGISTER_CALLBACK;
    }
    texts {
    }
    structures {
        "xennmi_callback" => xen_sys::nmi::XennmiCallback {
            "handler_address" => handler_address, "pad" => pad,
        };
    }
}
