//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
    }
    texts {
        "HVM_XS_HVMLOADER" => xen_sys::hvm::hvm_xs_strings::HVM_XS_HVMLOADER;
        "HVM_XS_BIOS" => xen_sys::hvm::hvm_xs_strings::HVM_XS_BIOS;
        "HVM_XS_GENERATION_ID_ADDRESS" =>
            xen_sys::hvm::hvm_xs_strings::HVM_XS_GENERATION_ID_ADDRESS;
        "HVM_XS_ALLOW_MEMORY_RELOCATE" =>
            xen_sys::hvm::hvm_xs_strings::HVM_XS_ALLOW_MEMORY_RELOCATE;
        "HVM_XS_ACPI_PT_ADDRESS" => xen_sys::hvm::hvm_xs_strings::HVM_XS_ACPI_PT_ADDRESS;
        "HVM_XS_ACPI_PT_LENGTH" => xen_sys::hvm::hvm_xs_strings::HVM_XS_ACPI_PT_LENGTH;
        "HVM_XS_SMBIOS_PT_ADDRESS" => xen_sys::hvm::hvm_xs_strings::HVM_XS_SMBIOS_PT_ADDRESS;
        "HVM_XS_SMBIOS_PT_LENGTH" => xen_sys::hvm::hvm_xs_strings::HVM_XS_SMBIOS_PT_LENGTH;
        "HVM_XS_SMBIOS_DEFAULT_BATTERY" =>
            xen_sys::hvm::hvm_xs_strings::HVM_XS_SMBIOS_DEFAULT_BATTERY;
        "HVM_XS_BIOS_STRINGS" => xen_sys::hvm::hvm_xs_strings::HVM_XS_BIOS_STRINGS;
        "HVM_XS_BIOS_VENDOR" => xen_sys::hvm::hvm_xs_strings::HVM_XS_BIOS_VENDOR;
        "HVM_XS_BIOS_VERSION" => xen_sys::hvm::hvm_xs_strings::HVM_XS_BIOS_VERSION;
        "HVM_XS_SYSTEM_MANUFACTURER" => xen_sys::hvm::hvm_xs_strings::HVM_XS_SYSTEM_MANUFACTURER;
        "HVM_XS_SYSTEM_PRODUCT_NAME" => xen_sys::hvm::hvm_xs_strings::HVM_XS_SYSTEM_PRODUCT_NAME;
        "HVM_XS_SYSTEM_VERSION" => xen_sys::hvm::hvm_xs_strings::HVM_XS_SYSTEM_VERSION;
        "HVM_XS_SYSTEM_SERIAL_NUMBER" => xen_sys::hvm::hvm_xs_strings::HVM_XS_SYSTEM_SERIAL_NUMBER;
        "HVM_XS_BASEBOARD_MANUFACTURER" =>
            xen_sys::hvm::hvm_xs_strings::HVM_XS_BASEBOARD_MANUFACTURER;
        "HVM_XS_BASEBOARD_PRODUCT_NAME" =>
            xen_sys::hvm::hvm_xs_strings::HVM_XS_BASEBOARD_PRODUCT_NAME;
        "HVM_XS_BASEBOARD_VERSION" => xen_sys::hvm::hvm_xs_strings::HVM_XS_BASEBOARD_VERSION;
        "HVM_XS_BASEBOARD_SERIAL_NUMBER" =>
            xen_sys::hvm::hvm_xs_strings::HVM_XS_BASEBOARD_SERIAL_NUMBER;
        "HVM_XS_BASEBOARD_ASSET_TAG" => xen_sys::hvm::hvm_xs_strings::HVM_XS_BASEBOARD_ASSET_TAG;
        "HVM_XS_BASEBOARD_LOCATION_IN_CHASSIS" =>
            xen_sys::hvm::hvm_xs_strings::HVM_XS_BASEBOARD_LOCATION_IN_CHASSIS;
        "HVM_XS_ENCLOSURE_MANUFACTURER" =>
            xen_sys::hvm::hvm_xs_strings::HVM_XS_ENCLOSURE_MANUFACTURER;
        "HVM_XS_ENCLOSURE_SERIAL_NUMBER" =>
            xen_sys::hvm::hvm_xs_strings::HVM_XS_ENCLOSURE_SERIAL_NUMBER;
        "HVM_XS_ENCLOSURE_ASSET_TAG" => xen_sys::hvm::hvm_xs_strings::HVM_XS_ENCLOSURE_ASSET_TAG;
        "HVM_XS_BATTERY_MANUFACTURER" => xen_sys::hvm::hvm_xs_strings::HVM_XS_BATTERY_MANUFACTURER;
        "HVM_XS_BATTERY_DEVICE_NAME" => xen_sys::hvm::hvm_xs_strings::HVM_XS_BATTERY_DEVICE_NAME;
        "HVM_XS_OEM_STRINGS" => xen_sys::hvm::hvm_xs_strings::HVM_XS_OEM_STRINGS;
    }
    structures {
    }
}
