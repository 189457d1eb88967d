//! The toolstack's configuration of a disk.

use xenbus::{KeyList, KeyValues, XenbusError};

/// The toolstack's configuration of a disk, for the kernel to find the storage by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VbdConfig<'a> {
    /// The storage, as the guest's configuration has it as `target`, with the toolstack's prefix
    /// if there is one: [`target`](Self::target) takes it apart. Empty if the node
    /// is missing.
    pub params: &'a str,
    /// The major and minor number of a block device of the backend's kernel, if a script of the
    /// toolstack has found one.
    pub physical_device: Option<(u32, u32)>,
    /// The path of that device, or of a file. Empty if the node is missing.
    pub physical_device_path: &'a str,
    /// The guest may write.
    pub writable: bool,
    /// The guest sees a CD-ROM.
    pub cdrom: bool,
    /// The guest sees a removable medium.
    pub removable: bool,
    /// The guest may free sectors.
    pub discard: bool,
}

impl<'a> VbdConfig<'a> {
    /// Adds the nodes of a configuration.
    pub(super) fn keys(keys: &mut KeyList<'_>) {
        for key in [
            "params",
            "physical-device",
            "physical-device-path",
            "mode",
            "device-type",
            "removable",
            "discard-enable",
        ] {
            keys.own(key);
        }
    }

    /// Parses the nodes of the backend's directory.
    pub(super) fn parse(nodes: &KeyValues<'a>) -> Result<Self, XenbusError> {
        let physical_device = nodes.own_string("physical-device")?;
        Ok(Self {
            params: nodes.own_string("params")?.unwrap_or_default(),
            physical_device: physical_device.and_then(parse_physical_device),
            physical_device_path: nodes.own_string("physical-device-path")?.unwrap_or_default(),
            writable: nodes.own_string("mode")?.is_some_and(|mode| mode.starts_with('w')),
            cdrom: nodes.own_string("device-type")? == Some("cdrom"),
            removable: nodes.own_string("removable")? == Some("1"),
            discard: nodes.own_string("discard-enable")? != Some("0"),
        })
    }

    /// Returns whether a hotplug script of the toolstack has written where the storage is.
    pub fn has_physical_device(&self) -> bool {
        self.physical_device.is_some() || !self.physical_device_path.is_empty()
    }

    /// Returns the storage's name in [`params`](Self::params), and the prefix before it.
    pub fn target(&self) -> DiskTarget<'a> {
        DiskTarget::parse(self.params)
    }
}

/// The name of a storage, as `params` has it: `phy:/dev/vg/disk`, `aio:/images/disk`, or without a
/// prefix.
///
/// Toolstacks put a prefix before the name for a backend: libxl `aio`, `qcow2`, `vhd` or `qed`, by
/// the format, for QEMU; xend and xapi `phy`, `file` and `tap`. A backend should refuse a prefix
/// that it does not support: the name after it is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskTarget<'a> {
    /// The text before the first colon, if that is a word. A path with a colon in it, such as
    /// `/dev/disk/by-path/pci-0000:00`, has no prefix. `tap:` and `tap2:` before another
    /// prefix are left out: these name a backend, not a format.
    pub prefix: Option<&'a str>,
    /// The name behind the prefix.
    pub name: &'a str,
}

impl<'a> DiskTarget<'a> {
    /// Parses the text of a `params` node.
    pub fn parse(params: &'a str) -> Self {
        let mut rest = params;
        loop {
            let Some((prefix, name)) = rest.split_once(':').filter(|(prefix, _)| is_word(prefix))
            else {
                return Self { prefix: None, name: rest };
            };
            let is_backend = matches!(prefix, "tap" | "tap2");
            if !is_backend || !name.split_once(':').is_some_and(|(next, _)| is_word(next)) {
                return Self { prefix: Some(prefix), name };
            }
            rest = name;
        }
    }

    /// Returns whether the name is that of a device or file whose bytes are the disk's: without a
    /// prefix, or with `phy`, `file`, `aio` or `raw`.
    pub fn is_raw(&self) -> bool {
        matches!(self.prefix, None | Some("phy" | "file" | "aio" | "raw"))
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Reads a device number, `MAJOR:MINOR` in hexadecimal.
fn parse_physical_device(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once(':')?;
    Some((u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mirage-block-xen 5d24a34.
    #[test]
    fn params_prefix_is_split_off() {
        for (params, prefix, name, raw) in [
            ("/dev/vg/guest", None, "/dev/vg/guest", true),
            ("guest", None, "guest", true),
            ("", None, "", true),
            ("phy:/dev/vg/guest", Some("phy"), "/dev/vg/guest", true),
            ("phy:vg/guest", Some("phy"), "vg/guest", true),
            ("file:/images/guest", Some("file"), "/images/guest", true),
            ("aio:/images/a:b", Some("aio"), "/images/a:b", true),
            ("aio:", Some("aio"), "", true),
            ("tap:aio:/images/guest", Some("aio"), "/images/guest", true),
            ("tap2:tap:vhd:/images/guest", Some("vhd"), "/images/guest", false),
            ("tap:/images/guest", Some("tap"), "/images/guest", false),
            ("qcow2:/images/guest", Some("qcow2"), "/images/guest", false),
            ("nbd:host:10809", Some("nbd"), "host:10809", false),
            ("/dev/disk/by-path/pci-0000:00", None, "/dev/disk/by-path/pci-0000:00", true),
            (":guest", None, ":guest", true),
            ("a b:guest", None, "a b:guest", true),
        ] {
            let found = DiskTarget::parse(params);
            assert_eq!((found, found.is_raw()), (DiskTarget { prefix, name }, raw), "{params}");
        }
    }

    #[test]
    fn device_numbers_are_hexadecimal() {
        assert_eq!(parse_physical_device("ca:1f"), Some((0xca, 0x1f)));
        assert_eq!(parse_physical_device("1"), None);
        assert_eq!(parse_physical_device("x:1"), None);
    }
}
