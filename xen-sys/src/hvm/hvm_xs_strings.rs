//! Xenstore paths that an HVM guest's firmware reads, below its domain's path.
//!
//! Public header: `hvm/hvm_xs_strings.h`.
//!
//! Coverage: 28 constants and no structures, of Xen 4.17 and 4.20; nothing is left out.

/// Directory of all these paths.
pub const HVM_XS_HVMLOADER: &str = "hvmloader";
/// Name of the firmware to start.
pub const HVM_XS_BIOS: &str = "hvmloader/bios";
/// Physical address of the generation identifier.
pub const HVM_XS_GENERATION_ID_ADDRESS: &str = "hvmloader/generation-id-address";
/// Relocation of guest memory to enlarge the device memory: `0` forbids it.
pub const HVM_XS_ALLOW_MEMORY_RELOCATE: &str = "hvmloader/allow-memory-relocate";
/// Physical address of ACPI tables passed through.
pub const HVM_XS_ACPI_PT_ADDRESS: &str = "hvmloader/acpi/address";
/// Length of ACPI tables passed through.
pub const HVM_XS_ACPI_PT_LENGTH: &str = "hvmloader/acpi/length";
/// Physical address of SMBIOS structures passed through.
pub const HVM_XS_SMBIOS_PT_ADDRESS: &str = "hvmloader/smbios/address";
/// Length of SMBIOS structures passed through.
pub const HVM_XS_SMBIOS_PT_LENGTH: &str = "hvmloader/smbios/length";
/// Default SMBIOS battery: `1` to enable it.
pub const HVM_XS_SMBIOS_DEFAULT_BATTERY: &str = "hvmloader/smbios/default_battery";
/// Directory of SMBIOS texts.
pub const HVM_XS_BIOS_STRINGS: &str = "bios-strings";
/// SMBIOS text: firmware vendor.
pub const HVM_XS_BIOS_VENDOR: &str = "bios-strings/bios-vendor";
/// SMBIOS text: firmware version.
pub const HVM_XS_BIOS_VERSION: &str = "bios-strings/bios-version";
/// SMBIOS text: system manufacturer.
pub const HVM_XS_SYSTEM_MANUFACTURER: &str = "bios-strings/system-manufacturer";
/// SMBIOS text: system product.
pub const HVM_XS_SYSTEM_PRODUCT_NAME: &str = "bios-strings/system-product-name";
/// SMBIOS text: system version.
pub const HVM_XS_SYSTEM_VERSION: &str = "bios-strings/system-version";
/// SMBIOS text: system serial number.
pub const HVM_XS_SYSTEM_SERIAL_NUMBER: &str = "bios-strings/system-serial-number";
/// SMBIOS text: board manufacturer.
pub const HVM_XS_BASEBOARD_MANUFACTURER: &str = "bios-strings/baseboard-manufacturer";
/// SMBIOS text: board product.
pub const HVM_XS_BASEBOARD_PRODUCT_NAME: &str = "bios-strings/baseboard-product-name";
/// SMBIOS text: board version.
pub const HVM_XS_BASEBOARD_VERSION: &str = "bios-strings/baseboard-version";
/// SMBIOS text: board serial number.
pub const HVM_XS_BASEBOARD_SERIAL_NUMBER: &str = "bios-strings/baseboard-serial-number";
/// SMBIOS text: board asset tag.
pub const HVM_XS_BASEBOARD_ASSET_TAG: &str = "bios-strings/baseboard-asset-tag";
/// SMBIOS text: place of the board.
pub const HVM_XS_BASEBOARD_LOCATION_IN_CHASSIS: &str = "bios-strings/baseboard-location-in-chassis";
/// SMBIOS text: case manufacturer.
pub const HVM_XS_ENCLOSURE_MANUFACTURER: &str = "bios-strings/enclosure-manufacturer";
/// SMBIOS text: case serial number.
pub const HVM_XS_ENCLOSURE_SERIAL_NUMBER: &str = "bios-strings/enclosure-serial-number";
/// SMBIOS text: case asset tag.
pub const HVM_XS_ENCLOSURE_ASSET_TAG: &str = "bios-strings/enclosure-asset-tag";
/// SMBIOS text: battery manufacturer.
pub const HVM_XS_BATTERY_MANUFACTURER: &str = "bios-strings/battery-manufacturer";
/// SMBIOS text: battery name.
pub const HVM_XS_BATTERY_DEVICE_NAME: &str = "bios-strings/battery-device-name";
/// SMBIOS text: OEM string, by number.
pub const HVM_XS_OEM_STRINGS: &str = "bios-strings/oem-%d";
