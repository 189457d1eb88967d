//! The parameters of a disk, as published by the backend and checked.

use super::error::NodeError;
use super::{BlkFrontError, RequestError, SECTOR_SIZE};
use xen_hypercall::PAGE_SIZE;
use xen_store::{ErrorKind, StoreError};
use xen_sys::io::blkif::{BlkifOp, VdiskInfo};
use xenbus::{KeyValues, XenbusError};

/// More sectors than this would make byte offsets overflow.
const MAX_SECTORS: u64 = u64::MAX / SECTOR_SIZE as u64;

/// The method to write a disk's cache back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushMethod {
    /// By a flush request (`feature-flush-cache`).
    #[doc(alias = "BLKIF_OP_FLUSH_DISKCACHE")]
    Flush,
    /// By an empty write barrier (`feature-barrier`).
    #[doc(alias = "BLKIF_OP_WRITE_BARRIER")]
    Barrier,
}

impl FlushMethod {
    pub(super) fn operation(self) -> BlkifOp {
        match self {
            Self::Flush => BlkifOp::FLUSH_DISKCACHE,
            Self::Barrier => BlkifOp::WRITE_BARRIER,
        }
    }
}

/// The discard support of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Discard {
    /// The unit in bytes that the storage frees, a multiple of the disk's own sectors. A discard
    /// may begin and end within a unit; the storage keeps the rest of that.
    #[doc(alias = "discard-granularity")]
    pub granularity: u32,
    /// The offset of the first unit in bytes, less than the granularity.
    #[doc(alias = "discard-alignment")]
    pub alignment: u32,
    /// The backend takes secure discards.
    #[doc(alias = "discard-secure")]
    pub secure: bool,
}

/// The parameters of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskInfo {
    /// The size in sectors of 512 bytes, a multiple of the disk's own sectors.
    pub sectors: u64,
    /// The size of the disk's own sectors in bytes: requests begin and end at multiples of it.
    pub sector_size: u32,
    /// The sector size of the storage in bytes: requests are fastest at multiples of it.
    pub physical_sector_size: u32,
    /// No writes.
    pub read_only: bool,
    /// A CD-ROM.
    pub cdrom: bool,
    /// A removable medium.
    pub removable: bool,
    /// The backend takes flush requests.
    pub flush: bool,
    /// The backend takes write barriers.
    pub barrier: bool,
    /// The discard support, if the backend takes discards.
    #[doc(alias = "feature-discard")]
    pub discard: Option<Discard>,
    /// Trust of the administrator in the backend (`trusted`). Pages for an untrusted backend are
    /// zeroed.
    pub trusted: bool,
}

impl DiskInfo {
    /// The disk before it is connected: empty.
    pub(super) const NONE: Self = Self {
        sectors: 0,
        sector_size: SECTOR_SIZE as u32,
        physical_sector_size: SECTOR_SIZE as u32,
        read_only: true,
        cdrom: false,
        removable: false,
        flush: false,
        barrier: false,
        discard: None,
        trusted: false,
    };

    /// Returns the size in bytes.
    pub fn bytes(&self) -> u64 {
        self.sectors * SECTOR_SIZE as u64
    }

    /// Returns how the cache is written back; none if the backend has no way.
    pub fn flush_method(&self) -> Option<FlushMethod> {
        match (self.flush, self.barrier) {
            (true, _) => Some(FlushMethod::Flush),
            (false, true) => Some(FlushMethod::Barrier),
            (false, false) => None,
        }
    }

    /// Returns a disk as the toolstack has configured it.
    pub(super) fn configured(nodes: &KeyValues<'_>) -> Result<Self, XenbusError> {
        let mode = short(nodes.string("mode"))?;
        Ok(Self {
            read_only: mode.is_some_and(|mode| mode.starts_with('r')),
            cdrom: short(nodes.own_string("device-type"))? == Some("cdrom"),
            trusted: short(nodes.own_string("trusted"))? != Some("0"),
            ..Self::NONE
        })
    }

    /// Adds what the backend has published about a disk.
    pub(super) fn published(self, nodes: &KeyValues<'_>) -> Result<Self, BlkFrontError> {
        let sector_size = check_sector_size(nodes.number("sector-size")?)?;
        let info = VdiskInfo(nodes.number_or("info", 0)?);
        Ok(Self {
            sectors: check_sectors(nodes.number("sectors")?, sector_size)?,
            sector_size,
            physical_sector_size: check_physical(
                nodes.number_or("physical-sector-size", sector_size)?,
                sector_size,
            ),
            read_only: self.read_only || info.contains(VdiskInfo::READONLY),
            cdrom: self.cdrom || info.contains(VdiskInfo::CDROM),
            removable: info.contains(VdiskInfo::REMOVABLE),
            flush: nodes.number_or("feature-flush-cache", 0u32)? != 0,
            barrier: nodes.number_or("feature-barrier", 0u32)? != 0,
            discard: Discard::published(nodes, sector_size)?,
            trusted: self.trusted,
        })
    }

    /// Turns off what `other` has turned off: what the backend does not support after all.
    pub(super) fn restrict(&mut self, other: &Self) {
        self.flush &= other.flush;
        self.barrier &= other.barrier;
        self.discard = self
            .discard
            .zip(other.discard)
            .map(|(own, other)| Discard { secure: own.secure && other.secure, ..own });
    }

    /// Takes a new size; an impossible one is refused.
    pub(super) fn resize(&mut self, sectors: u64) -> Result<(), NodeError> {
        self.sectors = check_sectors(sectors, self.sector_size)?;
        Ok(())
    }

    /// Checks that a disk can carry out a discard.
    pub(super) fn check_discard(
        &self,
        sector: u64,
        sectors: u64,
        secure: bool,
    ) -> Result<(), RequestError> {
        if self.read_only {
            return Err(RequestError::ReadOnly);
        }
        let discard = self.discard.ok_or(RequestError::NoDiscard)?;
        if secure && !discard.secure {
            return Err(RequestError::NoSecureDiscard);
        }
        if sectors == 0 {
            return Err(RequestError::NoSectors);
        }
        self.check_range(sector, sectors)
    }

    /// Checks that `sectors` from `sector` on are sectors of the disk.
    pub(super) fn check_range(&self, sector: u64, sectors: u64) -> Result<(), RequestError> {
        // A power of two, as checked.
        let unit = u64::from(self.sector_size) / SECTOR_SIZE as u64;
        if (sector | sectors) & unit.wrapping_sub(1) != 0 {
            return Err(RequestError::Misaligned { sector_size: self.sector_size });
        }
        match sector.checked_add(sectors) {
            Some(end) if end <= self.sectors => Ok(()),
            _ => Err(RequestError::OutOfRange { sector, sectors, capacity: self.sectors }),
        }
    }
}

impl Discard {
    /// The nodes of the backend.
    pub(super) const KEYS: [&str; 4] =
        ["feature-discard", "discard-granularity", "discard-alignment", "discard-secure"];

    /// Returns what the backend has published about discards.
    fn published(nodes: &KeyValues<'_>, sector_size: u32) -> Result<Option<Self>, XenbusError> {
        let [offered, granularity, alignment, secure] = Self::KEYS;
        let offered = nodes.number_or(offered, 0u32)? != 0;
        let granularity = nodes.number_or(granularity, 0)?;
        let alignment = nodes.number_or(alignment, 0)?;
        let secure = nodes.number_or(secure, 0u32)? != 0;
        Ok(offered.then(|| Self::new(granularity, alignment, secure, sector_size)))
    }

    /// Replaces an impossible granularity by the sector size, its default, and an alignment by the
    /// rest that it leaves of a unit: only the efficiency of discards depends on them. A
    /// granularity need not be a power of two.
    fn new(granularity: u32, alignment: u32, secure: bool, sector_size: u32) -> Self {
        let possible = granularity != 0 && granularity.is_multiple_of(sector_size);
        let granularity = if possible { granularity } else { sector_size };
        Self { granularity, alignment: alignment % granularity, secure }
    }
}

/// Treats an optional node that is too long or not text as missing.
fn short(value: Result<Option<&str>, XenbusError>) -> Result<Option<&str>, XenbusError> {
    match value {
        Ok(value) => Ok(value.filter(|value| value.len() <= 16)),
        Err(XenbusError::Store(StoreError {
            kind: ErrorKind::NotText | ErrorKind::TooLong { .. },
            ..
        })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Checks the sector size: a sector larger than a page could not be one segment.
fn check_sector_size(bytes: u32) -> Result<u32, NodeError> {
    let possible = bytes.is_power_of_two() && (SECTOR_SIZE..=PAGE_SIZE).contains(&(bytes as usize));
    if possible { Ok(bytes) } else { Err(NodeError::SectorSize(bytes)) }
}

fn check_sectors(sectors: u64, sector_size: u32) -> Result<u64, NodeError> {
    let unit = u64::from(sector_size) / SECTOR_SIZE as u64;
    if sectors > MAX_SECTORS {
        Err(NodeError::Sectors(sectors))
    } else {
        Ok(sectors - sectors % unit)
    }
}

/// Replaces an impossible physical sector size by the logical one: only speed depends on it.
fn check_physical(bytes: u32, sector_size: u32) -> u32 {
    if bytes.is_power_of_two() && bytes >= sector_size { bytes } else { sector_size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// D-B10.
    #[test]
    fn impossible_sector_sizes_are_refused() {
        for bytes in [0, 1, 3, 256, 513, 1000, 8192, 1 << 31, u32::MAX] {
            assert_eq!(check_sector_size(bytes), Err(NodeError::SectorSize(bytes)));
        }
        for bytes in [512, 1024, 2048, 4096] {
            assert_eq!(check_sector_size(bytes), Ok(bytes));
        }
        assert_eq!(check_sectors(u64::MAX, 512), Err(NodeError::Sectors(u64::MAX)));
        assert_eq!(check_sectors(MAX_SECTORS + 1, 512), Err(NodeError::Sectors(MAX_SECTORS + 1)));
        assert_eq!(check_sectors(MAX_SECTORS, 512), Ok(MAX_SECTORS));
        assert_eq!(check_sectors(17, 4096), Ok(16));
    }

    /// D-B10.
    #[test]
    fn impossible_physical_size_is_replaced() {
        assert_eq!(check_physical(4096, 512), 4096);
        for bytes in [0, 3, 256, 4097] {
            assert_eq!(check_physical(bytes, 512), 512);
        }
    }

    /// D-B17.
    #[test]
    fn impossible_granularity_is_replaced() {
        let new = |granularity, alignment| {
            let Discard { granularity, alignment, .. } =
                Discard::new(granularity, alignment, false, 4096);
            (granularity, alignment)
        };
        for found in [0, 1, 512, 4095, 4097, u32::MAX] {
            assert_eq!(new(found, 0), (4096, 0), "{found}");
        }
        for found in [4096, 12288, 1 << 31] {
            assert_eq!(new(found, 512), (found, 512));
        }
        assert_eq!(new(8192, u32::MAX), (8192, 8191));
    }

    #[test]
    fn unusable_discards_are_refused() {
        let disk = DiskInfo { sectors: 16, read_only: false, ..DiskInfo::NONE };
        assert_eq!(disk.check_discard(0, 1, false), Err(RequestError::NoDiscard));
        let discard = Discard::new(0, 0, false, 512);
        let plain = DiskInfo { discard: Some(discard), ..disk };
        assert_eq!(plain.check_discard(0, 16, true), Err(RequestError::NoSecureDiscard));
        let secure = DiskInfo { discard: Some(Discard { secure: true, ..discard }), ..disk };
        for (sector, sectors, expected) in [
            (0, 16, Ok(())),
            (15, 1, Ok(())),
            (0, 0, Err(RequestError::NoSectors)),
            (0, 17, Err(RequestError::OutOfRange { sector: 0, sectors: 17, capacity: 16 })),
            (
                1,
                u64::MAX,
                Err(RequestError::OutOfRange { sector: 1, sectors: u64::MAX, capacity: 16 }),
            ),
        ] {
            assert_eq!(plain.check_discard(sector, sectors, false), expected);
            assert_eq!(secure.check_discard(sector, sectors, true), expected);
        }
        let large = DiskInfo { sector_size: 4096, ..plain };
        let misaligned = RequestError::Misaligned { sector_size: 4096 };
        assert_eq!(large.check_discard(0, 4, false), Err(misaligned));
        let read_only = DiskInfo { read_only: true, ..secure };
        assert_eq!(read_only.check_discard(0, 1, false), Err(RequestError::ReadOnly));
    }

    #[test]
    fn flush_comes_before_barrier() {
        let info = |flush, barrier| DiskInfo { flush, barrier, ..DiskInfo::NONE }.flush_method();
        assert_eq!(info(true, true), Some(FlushMethod::Flush));
        assert_eq!(info(false, true), Some(FlushMethod::Barrier));
        assert_eq!(info(false, false), None);
    }

    #[test]
    fn sizes_are_in_512_bytes() {
        let info = DiskInfo { sectors: 16, sector_size: 4096, ..DiskInfo::NONE };
        assert_eq!(info.bytes(), 8192);
        assert_eq!(info.check_range(8, 8), Ok(()));
        assert_eq!(info.check_range(4, 8), Err(RequestError::Misaligned { sector_size: 4096 }));
        assert_eq!(info.check_range(8, 4), Err(RequestError::Misaligned { sector_size: 4096 }));
    }

    proptest! {
        #[test]
        fn accepted_range_is_within_disk(sectors: u64, sector: u64, count: u64) {
            let info = DiskInfo { sectors: sectors % MAX_SECTORS, ..DiskInfo::NONE };
            if info.check_range(sector, count).is_ok() {
                prop_assert!(u128::from(sector) + u128::from(count) <= u128::from(info.sectors));
                prop_assert!(info.bytes() / 512 == info.sectors);
            }
        }
    }
}
