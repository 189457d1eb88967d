//! Block devices: virtual device numbers and their names.

use core::fmt;
use core::str::FromStr;
use thiserror::Error;

const HD_MAJORS: [u32; 10] = [3, 22, 33, 34, 56, 57, 88, 89, 90, 91];
const SD_MAJORS: [u32; 16] =
    [8, 65, 66, 67, 68, 69, 70, 71, 128, 129, 130, 131, 132, 133, 134, 135];
const XVD_MAJOR: u32 = 202;
/// Flag of the scheme that has 2^20 disks of 256 partitions each.
const EXTENDED: u32 = 1 << 28;

/// Number of a virtual block device: it encodes a disk of the guest and a partition of that disk.
///
/// The number is displayed as the name in the guest's configuration: `xvda`, `xvdb3`, `sdc` or
/// `hda1`. A number in no supported scheme is displayed as `vbd-NUMBER`. Parsing a name returns the
/// number that the toolstack assigns to it.
///
/// Source: `docs/man/xen-vbd-interface.7.pandoc` in Xen's tree. The second and further majors of
/// `sd` and `hd` are those of Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VbdNumber(pub u32);

/// A family of disk names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFamily {
    /// Xen's own virtual disks, `xvd`.
    Xvd,
    /// SCSI disks, `sd`.
    Sd,
    /// IDE disks, `hd`.
    Hd,
}

impl DiskFamily {
    /// Returns the prefix of the names.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Xvd => "xvd",
            Self::Sd => "sd",
            Self::Hd => "hd",
        }
    }
}

/// Parts of the name of a disk or partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VbdName {
    /// Family of names.
    pub family: DiskFamily,
    /// Index of the disk, from 0.
    pub disk: u32,
    /// Number of the partition, from 1; 0 is the whole disk.
    pub partition: u32,
}

impl VbdNumber {
    /// Returns the name, if the number is in a supported scheme.
    pub fn name(self) -> Option<VbdName> {
        let name = |family, disk, partition| Some(VbdName { family, disk, partition });
        if self.0 & !(EXTENDED - 1) == EXTENDED {
            return name(DiskFamily::Xvd, (self.0 ^ EXTENDED) >> 8, self.0 & 0xff);
        }
        let (major, minor) = (self.0 >> 8, self.0 & 0xff);
        let nth = |majors: &[u32]| majors.iter().position(|&m| m == major).map(|n| n as u32);
        if major == XVD_MAJOR {
            name(DiskFamily::Xvd, minor >> 4, minor & 0xf)
        } else if let Some(nth) = nth(&SD_MAJORS) {
            name(DiskFamily::Sd, nth * 16 + (minor >> 4), minor & 0xf)
        } else if let Some(nth) = nth(&HD_MAJORS).filter(|_| minor < 128) {
            name(DiskFamily::Hd, nth * 2 + (minor >> 6), minor & 0x3f)
        } else {
            None
        }
    }
}

impl VbdName {
    /// Returns the number that the toolstack assigns to the name, or `None` if the family has no
    /// such disk or partition.
    pub fn number(self) -> Option<VbdNumber> {
        let Self { family, disk, partition } = self;
        let nth = |majors: &[u32], disk: u32| majors.get(disk as usize).copied();
        let number = match family {
            DiskFamily::Xvd if disk < 16 && partition < 16 => {
                XVD_MAJOR << 8 | disk << 4 | partition
            }
            DiskFamily::Xvd if disk < 1 << 20 && partition < 256 => {
                EXTENDED | disk << 8 | partition
            }
            DiskFamily::Sd if partition < 16 => {
                nth(&SD_MAJORS, disk / 16)? << 8 | (disk % 16) << 4 | partition
            }
            DiskFamily::Hd if partition < 64 => {
                nth(&HD_MAJORS, disk / 2)? << 8 | (disk % 2) << 6 | partition
            }
            _ => return None,
        };
        Some(VbdNumber(number))
    }
}

impl fmt::Display for VbdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => name.fmt(f),
            None => write!(f, "vbd-{}", self.0),
        }
    }
}

impl fmt::Display for VbdName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.family.prefix())?;
        write_letters(f, self.disk)?;
        if self.partition == 0 { Ok(()) } else { write!(f, "{}", self.partition) }
    }
}

/// Writes a, b, ... z, aa, ab, ...
fn write_letters(f: &mut fmt::Formatter<'_>, disk: u32) -> fmt::Result {
    if let Some(more) = (disk / 26).checked_sub(1) {
        write_letters(f, more)?;
    }
    fmt::Write::write_char(f, char::from(b'a' + (disk % 26) as u8))
}

/// Error of a text that is not the name of a virtual disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a disk name: expected one like xvda, xvdb3, sdc, hda1 or vbd-51712")]
pub struct VbdNameError;

impl FromStr for VbdNumber {
    type Err = VbdNameError;

    fn from_str(name: &str) -> Result<Self, VbdNameError> {
        if let Some(number) = name.strip_prefix("vbd-") {
            return decimal(number).map(Self).ok_or(VbdNameError);
        }
        [DiskFamily::Xvd, DiskFamily::Sd, DiskFamily::Hd]
            .into_iter()
            .find_map(|family| parse_rest(family, name.strip_prefix(family.prefix())?))
            .and_then(VbdName::number)
            .ok_or(VbdNameError)
    }
}

fn parse_rest(family: DiskFamily, rest: &str) -> Option<VbdName> {
    let digits = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
    let (letters, digits) = rest.split_at_checked(digits)?;
    // Bijective base 26, counted from 1.
    let disk = letters.bytes().try_fold(0u32, |disk, letter| {
        disk.checked_mul(26)?.checked_add(u32::from(letter.checked_sub(b'a')?) + 1)
    })?;
    let partition = match digits {
        "" => 0,
        digits => decimal(digits).filter(|_| !digits.starts_with('0'))?,
    };
    Some(VbdName { family, disk: disk.checked_sub(1)?, partition })
}

fn decimal(digits: &str) -> Option<u32> {
    digits.parse().ok().filter(|_| !digits.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn numbers_have_the_documented_names() {
        for (number, name) in [
            (51712, "xvda"),
            (51713, "xvda1"),
            (51728, "xvdb"),
            (51952, "xvdp"),
            (51967, "xvdp15"),
            (1 << 28 | 16 << 8, "xvdq"),
            (1 << 28 | 25 << 8, "xvdz"),
            (1 << 28 | 26 << 8, "xvdaa"),
            (1 << 28 | 16, "xvda16"),
            (1 << 28 | 0xf_ffff << 8 | 255, "xvdbgqcv255"),
            (2048, "sda"),
            (2048 + 0x2f, "sdc15"),
            (65 << 8, "sdq"),
            (768, "hda"),
            (832, "hdb"),
            (769, "hda1"),
            (22 << 8 | 64 | 63, "hdd63"),
        ] {
            assert_eq!(VbdNumber(number).to_string(), name);
            assert_eq!(name.parse(), Ok(VbdNumber(number)));
        }
    }

    #[test]
    fn numbers_in_no_scheme_round_trip() {
        for number in [0, 1 << 8, 768 + 128, 202 << 16, 2 << 28, u32::MAX, 1 << 27 | 202 << 8] {
            let text = VbdNumber(number).to_string();
            assert_eq!(text, std::format!("vbd-{number}"));
            assert_eq!(text.parse(), Ok(VbdNumber(number)));
        }
    }

    #[test]
    fn two_numbers_may_have_one_name() {
        assert_eq!(VbdNumber(1 << 28).to_string(), "xvda");
        assert_eq!("xvda".parse(), Ok(VbdNumber(51712)));
    }

    #[test]
    fn other_texts_are_no_names() {
        for text in [
            "", "xvd", "xvd1", "xvdbgqcw", "xvda256", "xvda01", "xvda0", "xvda+1", "xvdA",
            "xvda1b", "sda16", "hda64", "vbd-", "vbd-+1", "eth0",
        ] {
            assert_eq!(text.parse::<VbdNumber>(), Err(VbdNameError), "{text}");
        }
        assert!("xvdzzzzzzzzzz".parse::<VbdNumber>().is_err());
        assert!("xvda99999999999".parse::<VbdNumber>().is_err());
    }

    proptest! {
        #[test]
        fn names_of_all_numbers_round_trip(number: u32) {
            for number in [number, number & 0xffff, EXTENDED | number >> 4] {
                let back: VbdNumber = VbdNumber(number).to_string().parse().unwrap();
                prop_assert_eq!(back.name(), VbdNumber(number).name());
            }
        }

        #[test]
        fn any_text_causes_no_panic(text: std::string::String) {
            let _ = text.parse::<VbdNumber>();
        }
    }
}
