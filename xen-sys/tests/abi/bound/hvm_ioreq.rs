//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "IOREQ_READ" => xen_sys::hvm::ioreq::IOREQ_READ;
        "IOREQ_WRITE" => xen_sys::hvm::ioreq::IOREQ_WRITE;
        "STATE_IOREQ_NONE" => xen_sys::hvm::ioreq::STATE_IOREQ_NONE;
        "STATE_IOREQ_READY" => xen_sys::hvm::ioreq::STATE_IOREQ_READY;
        "STATE_IOREQ_INPROCESS" => xen_sys::hvm::ioreq::STATE_IOREQ_INPROCESS;
        "STATE_IORESP_READY" => xen_sys::hvm::ioreq::STATE_IORESP_READY;
        "IOREQ_TYPE_PIO" => xen_sys::hvm::ioreq::IOREQ_TYPE_PIO;
        "IOREQ_TYPE_COPY" => xen_sys::hvm::ioreq::IOREQ_TYPE_COPY;
        "IOREQ_TYPE_PCI_CONFIG" => xen_sys::hvm::ioreq::IOREQ_TYPE_PCI_CONFIG;
        "IOREQ_TYPE_TIMEOFFSET" => xen_sys::hvm::ioreq::IOREQ_TYPE_TIMEOFFSET;
        "IOREQ_TYPE_INVALIDATE" => xen_sys::hvm::ioreq::IOREQ_TYPE_INVALIDATE;
        "IOREQ_BUFFER_SLOT_NUM" => xen_sys::hvm::ioreq::IOREQ_BUFFER_SLOT_NUM;
        "ACPI_PM_TMR_BLK_ADDRESS_V0" => xen_sys::hvm::ioreq::ACPI_PM_TMR_BLK_ADDRESS_V0;
        "ACPI_PM1A_EVT_BLK_ADDRESS_V0" => xen_sys::hvm::ioreq::ACPI_PM1A_EVT_BLK_ADDRESS_V0;
        "ACPI_PM1A_CNT_BLK_ADDRESS_V0" => xen_sys::hvm::ioreq::ACPI_PM1A_CNT_BLK_ADDRESS_V0;
        "ACPI_GPE0_BLK_ADDRESS_V0" => xen_sys::hvm::ioreq::ACPI_GPE0_BLK_ADDRESS_V0;
        "ACPI_GPE0_BLK_LEN_V0" => xen_sys::hvm::ioreq::ACPI_GPE0_BLK_LEN_V0;
        "ACPI_PM1A_EVT_BLK_ADDRESS_V1" => xen_sys::hvm::ioreq::ACPI_PM1A_EVT_BLK_ADDRESS_V1;
        "ACPI_PM1A_CNT_BLK_ADDRESS_V1" => xen_sys::hvm::ioreq::ACPI_PM1A_CNT_BLK_ADDRESS_V1;
        "ACPI_PM_TMR_BLK_ADDRESS_V1" => xen_sys::hvm::ioreq::ACPI_PM_TMR_BLK_ADDRESS_V1;
        "ACPI_GPE0_BLK_ADDRESS_V1" => xen_sys::hvm::ioreq::ACPI_GPE0_BLK_ADDRESS_V1;
        "ACPI_GPE0_BLK_LEN_V1" => xen_sys::hvm::ioreq::ACPI_GPE0_BLK_LEN_V1;
        "ACPI_PM1A_EVT_BLK_ADDRESS" => xen_sys::hvm::ioreq::ACPI_PM1A_EVT_BLK_ADDRESS;
        "ACPI_PM1A_CNT_BLK_ADDRESS" => xen_sys::hvm::ioreq::ACPI_PM1A_CNT_BLK_ADDRESS;
        "ACPI_PM_TMR_BLK_ADDRESS" => xen_sys::hvm::ioreq::ACPI_PM_TMR_BLK_ADDRESS;
        "ACPI_GPE0_BLK_ADDRESS" => xen_sys::hvm::ioreq::ACPI_GPE0_BLK_ADDRESS;
        "ACPI_GPE0_BLK_LEN" => xen_sys::hvm::ioreq::ACPI_GPE0_BLK_LEN;
    }
    texts {
    }
    structures {
        "ioreq" => xen_sys::hvm::ioreq::Ioreq {
            "addr" => addr, "data" => data, "count" => count, "size" => size,
            "vp_eport" => vp_eport, "state_and_flags" => state_and_flags, "type" => type_,
        };
        "shared_iopage" => xen_sys::hvm::ioreq::SharedIopage { "vcpu_ioreq" => vcpu_ioreq, };
        "buf_ioreq" => xen_sys::hvm::ioreq::BufIoreq {
            "type" => type_, "bits" => bits, "data" => data,
        };
        "buffered_iopage" => xen_sys::hvm::ioreq::BufferedIopage {
            "read_pointer" => read_pointer, "write_pointer" => write_pointer,
            "buf_ioreq" => buf_ioreq,
        };
    }
}
