//! How the bytes of a request get from and to the guest.

use super::validate::{MAX_SEGMENTS, Segments, Transfer, extent};
use super::{BlockDevice, BlockDeviceError, IoBuffer, SECTOR_SIZE};
use core::fmt;
use xen_grant::{
    Access, CopyBatch, GrantMapArea, GrantMapping, MAX_PAGES, MapError, ReadOnly, ReadWrite,
};
use xen_hypercall::{DomId, ForeignFrames, GrantRef, OutOfMemory, PAGE_SIZE, Pages};
use xen_sys::io::blkif::BlkifRequestSegment;
use zerocopy::FromBytes;

/// How a guest's pages are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrantMode {
    /// Maps them for the time of a request; the storage works in them. For storage that can use the
    /// guest's pages directly, and where a hypercall costs little.
    Map,
    /// Lets Xen copy between them and memory of our own: no mapping to be undone, and the guest
    /// can't change what the storage sees.
    #[default]
    Copy,
}

/// Why a transfer failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransferError {
    Grant(MapError),
    Memory(OutOfMemory),
    Device(BlockDeviceError),
}

impl From<MapError> for TransferError {
    fn from(error: MapError) -> Self {
        Self::Grant(error)
    }
}

impl From<BlockDeviceError> for TransferError {
    fn from(error: BlockDeviceError) -> Self {
        Self::Device(error)
    }
}

impl From<OutOfMemory> for TransferError {
    fn from(error: OutOfMemory) -> Self {
        Self::Memory(error)
    }
}

/// The ways to one guest's memory.
pub(super) struct GuestMemory<P: ForeignFrames> {
    guest: DomId,
    platform: P,
    /// A page for the segments of indirect requests; in copy mode, more behind it for the data.
    private: Pages<P>,
    mode: GrantMode,
    /// Room to map into, in map mode. `None` if it had to be given up.
    window: Option<GrantMapArea<P>>,
}

impl<P: ForeignFrames> GuestMemory<P> {
    pub(super) fn new(platform: &P, guest: DomId, mode: GrantMode) -> Result<Self, OutOfMemory> {
        let (pages, window) = match mode {
            GrantMode::Copy => (1 + MAX_SEGMENTS, None),
            GrantMode::Map => (1, Some(GrantMapArea::reserve(platform.clone(), MAX_PAGES)?)),
        };
        let private = Pages::alloc(platform.clone(), pages)?;
        Ok(Self { guest, platform: platform.clone(), private, mode, window })
    }

    /// Copies `count` segments out of a page of the guest's, each byte once.
    pub(super) fn fetch_segments(
        &mut self,
        page: GrantRef,
        count: usize,
    ) -> Result<Segments, MapError> {
        let len = count * size_of::<BlkifRequestSegment>();
        let mut batch = CopyBatch::new(&mut self.private, self.guest);
        batch.copy_from_grant(page, 0, 0, len)?;
        batch.run()?;
        let bytes = self.private.as_slice().get(..len).unwrap_or_default();
        let segments = bytes.chunks_exact(size_of::<BlkifRequestSegment>());
        Ok(segments.filter_map(|bytes| BlkifRequestSegment::read_from_bytes(bytes).ok()).collect())
    }

    /// Carries out a transfer that was checked.
    pub(super) fn transfer(
        &mut self,
        transfer: &Transfer,
        segments: &Segments,
        storage: &mut impl BlockDevice,
    ) -> Result<(), TransferError> {
        match (self.mode, transfer.write) {
            (GrantMode::Copy, true) => self.copy_in(transfer.sector, segments, storage),
            (GrantMode::Copy, false) => self.copy_out(transfer.sector, segments, storage),
            (GrantMode::Map, true) => {
                self.map::<ReadOnly>(transfer, segments, storage, |mapping, start, len| {
                    IoBuffer::read_only(mapping.as_ref(), start, len)
                })
            }
            (GrantMode::Map, false) => {
                self.map::<ReadWrite>(transfer, segments, storage, |mapping, start, len| {
                    IoBuffer::shared(mapping.as_ref(), start, len)
                })
            }
        }
    }

    fn copy_in(
        &mut self,
        sector: u64,
        segments: &Segments,
        storage: &mut impl BlockDevice,
    ) -> Result<(), TransferError> {
        let mut batch = CopyBatch::new(&mut self.private, self.guest);
        let mut at = PAGE_SIZE;
        for segment in segments {
            let (start, len) = extent(segment);
            batch.copy_from_grant(segment.gref, start, at, len)?;
            at += len;
        }
        batch.run()?;
        let data = self.private.as_mut_slice().get_mut(PAGE_SIZE..at).unwrap_or_default();
        Ok(storage.write(sector, IoBuffer::private(data))?)
    }

    fn copy_out(
        &mut self,
        sector: u64,
        segments: &Segments,
        storage: &mut impl BlockDevice,
    ) -> Result<(), TransferError> {
        let len: usize = segments.iter().map(|segment| extent(segment).1).sum();
        let data =
            self.private.as_mut_slice().get_mut(PAGE_SIZE..PAGE_SIZE + len).unwrap_or_default();
        storage.read(sector, IoBuffer::private(data))?;
        let mut batch = CopyBatch::new(&mut self.private, self.guest);
        let mut at = PAGE_SIZE;
        for segment in segments {
            let (start, len) = extent(segment);
            batch.copy_to_grant(at, segment.gref, start, len)?;
            at += len;
        }
        Ok(batch.run()?)
    }

    fn map<A: Access>(
        &mut self,
        transfer: &Transfer,
        segments: &Segments,
        storage: &mut impl BlockDevice,
        piece: BufferOf<P, A>,
    ) -> Result<(), TransferError> {
        let mut sector = transfer.sector;
        for part in segments.chunks(MAX_PAGES) {
            let window = match self.window.take() {
                Some(window) => window,
                None => GrantMapArea::reserve(self.platform.clone(), MAX_PAGES)?,
            };
            let refs: heapless::Vec<GrantRef, MAX_PAGES> =
                part.iter().map(|segment| segment.gref).collect();
            let mapping: GrantMapping<P, A> = match window.map(self.guest, &refs) {
                Ok(mapping) => mapping,
                Err(failed) => {
                    self.window = failed.area;
                    return Err(failed.error.into());
                }
            };
            let done = work_in(&mapping, transfer.write, &mut sector, part, storage, piece);
            self.window = Some(mapping.unmap()?);
            done?;
        }
        Ok(())
    }
}

/// Makes a piece of mapped pages, of bytes from the start on: one that can be written if the pages
/// can.
type BufferOf<P, A> = for<'m> fn(&'m GrantMapping<P, A>, usize, usize) -> Option<IoBuffer<'m>>;

/// Has the storage work in mapped pages: one piece for each run of segments whose bytes lie side by
/// side.
fn work_in<P: ForeignFrames, A: Access>(
    mapping: &GrantMapping<P, A>,
    write: bool,
    sector: &mut u64,
    segments: &[BlkifRequestSegment],
    storage: &mut impl BlockDevice,
    piece: BufferOf<P, A>,
) -> Result<(), BlockDeviceError> {
    let mut runs = segments.iter().map(extent).enumerate().peekable();
    while let Some((page, (start, mut len))) = runs.next() {
        let start = page * PAGE_SIZE + start;
        while let Some((_, (_, more))) =
            runs.next_if(|&(page, (begin, _))| page * PAGE_SIZE + begin == start + len)
        {
            len += more;
        }
        let piece = piece(mapping, start, len).ok_or(BlockDeviceError::Io)?;
        if write {
            storage.write(*sector, piece)?;
        } else {
            storage.read(*sector, piece)?;
        }
        *sector += (len / SECTOR_SIZE) as u64;
    }
    Ok(())
}

impl<P: ForeignFrames> fmt::Debug for GuestMemory<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestMemory")
            .field("guest", &self.guest)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
