//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "GUEST_PHANDLE_GIC" => xen_sys::device_tree_defs::GUEST_PHANDLE_GIC;
        "GUEST_PHANDLE_IOMMU" => xen_sys::device_tree_defs::GUEST_PHANDLE_IOMMU;
        "GUEST_ROOT_ADDRESS_CELLS" => xen_sys::device_tree_defs::GUEST_ROOT_ADDRESS_CELLS;
        "GUEST_ROOT_SIZE_CELLS" => xen_sys::device_tree_defs::GUEST_ROOT_SIZE_CELLS;
        "DT_IRQ_TYPE_NONE" => xen_sys::device_tree_defs::DT_IRQ_TYPE_NONE;
        "DT_IRQ_TYPE_EDGE_RISING" => xen_sys::device_tree_defs::DT_IRQ_TYPE_EDGE_RISING;
        "DT_IRQ_TYPE_EDGE_FALLING" => xen_sys::device_tree_defs::DT_IRQ_TYPE_EDGE_FALLING;
        "DT_IRQ_TYPE_EDGE_BOTH" => xen_sys::device_tree_defs::DT_IRQ_TYPE_EDGE_BOTH;
        "DT_IRQ_TYPE_LEVEL_HIGH" => xen_sys::device_tree_defs::DT_IRQ_TYPE_LEVEL_HIGH;
        "DT_IRQ_TYPE_LEVEL_LOW" => xen_sys::device_tree_defs::DT_IRQ_TYPE_LEVEL_LOW;
        "DT_IRQ_TYPE_LEVEL_MASK" => xen_sys::device_tree_defs::DT_IRQ_TYPE_LEVEL_MASK;
        "DT_IRQ_TYPE_SENSE_MASK" => xen_sys::device_tree_defs::DT_IRQ_TYPE_SENSE_MASK;
        "DT_IRQ_TYPE_INVALID" => xen_sys::device_tree_defs::DT_IRQ_TYPE_INVALID;
    }
    texts {
    }
    structures {
    }
}
