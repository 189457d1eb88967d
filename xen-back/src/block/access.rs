//! Access to the memory of a request: copies of the guest's pages, or their mapping.

use super::request::{Buffers, Part};
use super::validate::{MAX_SEGMENTS, Segments, extent};
use core::fmt;
use heapless::Vec;
use xen_grant::{
    Access, CopyBatch, GrantMapArea, GrantMapping, MAX_PAGES, MapError, ReadOnly, ReadWrite,
};
use xen_hypercall::{DomId, ForeignFrames, GrantRef, OutOfMemory, Pages};
use xen_sys::io::blkif::BlkifRequestSegment;
use zerocopy::FromBytes;

/// The access to a guest's pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrantMode {
    /// Maps them while a request is in flight; the storage uses them directly. For storage that can
    /// do so, and where a hypercall is cheap.
    Map,
    /// Copies between them and private memory, by Xen: nothing is unmapped afterwards, and the
    /// guest cannot change the data that the storage uses.
    #[default]
    Copy,
}

/// The memory of a request could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoAccess;

impl From<MapError> for NoAccess {
    fn from(_: MapError) -> Self {
        Self
    }
}

impl From<OutOfMemory> for NoAccess {
    fn from(_: OutOfMemory) -> Self {
        Self
    }
}

/// Parts of [`MAX_PAGES`] segments in a request.
pub(super) const PARTS: usize = MAX_SEGMENTS.div_ceil(MAX_PAGES);

/// The memory that a request can use.
pub(super) enum Data<P: ForeignFrames> {
    Copy(Pages<P>),
    Map([MapPart<P>; PARTS]),
}

impl<P: ForeignFrames> Data<P> {
    pub(super) fn new(platform: &P, mode: GrantMode) -> Result<Self, OutOfMemory> {
        Ok(match mode {
            GrantMode::Copy => Self::Copy(Pages::alloc(platform.clone(), MAX_SEGMENTS)?),
            GrantMode::Map => {
                let mut parts = [const { MapPart { area: None, mapped: Mapped::None } }; PARTS];
                for part in &mut parts {
                    part.area = Some(GrantMapArea::reserve(platform.clone(), MAX_PAGES)?);
                }
                Self::Map(parts)
            }
        })
    }

    /// Makes the segments accessible; the content of `guest`'s pages, if the request is a write.
    pub(super) fn open(
        &mut self,
        memory: &GuestMemory<P>,
        write: bool,
        segments: &Segments,
    ) -> Result<(), NoAccess> {
        match self {
            Self::Copy(pages) if write => {
                let mut batch = CopyBatch::new(pages, memory.guest);
                let mut at = 0;
                for segment in segments {
                    let (start, len) = extent(segment);
                    batch.copy_from_grant(segment.gref, start, at, len)?;
                    at += len;
                }
                Ok(batch.run()?)
            }
            Self::Copy(_) => Ok(()),
            Self::Map(parts) => {
                let mut chunks = segments.chunks(MAX_PAGES);
                let result = parts.iter_mut().try_for_each(|part| match chunks.next() {
                    None => Ok(()),
                    Some(segments) if write => part.map(memory, segments, Mapped::ReadOnly),
                    Some(segments) => part.map(memory, segments, Mapped::ReadWrite),
                });
                if result.is_err() {
                    let _ = unmap(parts);
                }
                result
            }
        }
    }

    /// Ends the access. `read` if the storage has read the segments' content into the buffers.
    pub(super) fn close(
        &mut self,
        guest: DomId,
        read: bool,
        segments: &Segments,
    ) -> Result<(), NoAccess> {
        match self {
            Self::Copy(pages) if read => {
                let mut batch = CopyBatch::new(pages, guest);
                let mut at = 0;
                for segment in segments {
                    let (start, len) = extent(segment);
                    batch.copy_to_grant(at, segment.gref, start, len)?;
                    at += len;
                }
                Ok(batch.run()?)
            }
            Self::Copy(_) => Ok(()),
            Self::Map(parts) => unmap(parts),
        }
    }

    pub(super) fn buffers<'r>(
        &'r mut self,
        sector: u64,
        segments: &'r Segments,
        len: usize,
    ) -> Buffers<'r> {
        match self {
            Self::Copy(pages) => {
                Buffers::private(sector, pages.as_mut_slice().get_mut(..len).unwrap_or_default())
            }
            Self::Map(parts) => {
                Buffers::mapped(sector, parts.each_ref().map(MapPart::memory), segments)
            }
        }
    }
}

/// Room for [`MAX_PAGES`] segments, kept from one request to the next.
pub(super) struct MapPart<P: ForeignFrames> {
    /// `None` while in use, and if it had to be leaked.
    area: Option<GrantMapArea<P>>,
    mapped: Mapped<P>,
}

enum Mapped<P: ForeignFrames> {
    None,
    ReadOnly(GrantMapping<P, ReadOnly>),
    ReadWrite(GrantMapping<P, ReadWrite>),
}

impl<P: ForeignFrames> MapPart<P> {
    fn map<A: Access>(
        &mut self,
        memory: &GuestMemory<P>,
        segments: &[BlkifRequestSegment],
        mapped: impl FnOnce(GrantMapping<P, A>) -> Mapped<P>,
    ) -> Result<(), NoAccess> {
        let refs: Vec<GrantRef, MAX_PAGES> = segments.iter().map(|segment| segment.gref).collect();
        let area = match self.area.take() {
            Some(area) => area,
            None => GrantMapArea::reserve(memory.segments.platform().clone(), MAX_PAGES)?,
        };
        match area.map(memory.guest, &refs) {
            Ok(mapping) => {
                self.mapped = mapped(mapping);
                Ok(())
            }
            Err(failed) => {
                self.area = failed.area;
                Err(NoAccess)
            }
        }
    }

    fn unmap(&mut self) -> Result<(), NoAccess> {
        let area = match core::mem::replace(&mut self.mapped, Mapped::None) {
            Mapped::None => return Ok(()),
            Mapped::ReadOnly(mapping) => mapping.unmap(),
            Mapped::ReadWrite(mapping) => mapping.unmap(),
        };
        self.area = Some(area?);
        Ok(())
    }

    fn memory(&self) -> Option<Part<'_>> {
        match &self.mapped {
            Mapped::None => None,
            Mapped::ReadOnly(mapping) => Some(Part::ReadOnly(mapping.as_ref())),
            Mapped::ReadWrite(mapping) => Some(Part::Shared(mapping.as_ref())),
        }
    }
}

/// Unmaps all parts; an error if one is stuck.
fn unmap<P: ForeignFrames>(parts: &mut [MapPart<P>; PARTS]) -> Result<(), NoAccess> {
    let mut result = Ok(());
    for part in parts {
        result = part.unmap().and(result);
    }
    result
}

/// The guest of a connection, and memory for the segments of its indirect requests.
pub(super) struct GuestMemory<P: ForeignFrames> {
    pub(super) guest: DomId,
    segments: Pages<P>,
}

impl<P: ForeignFrames> GuestMemory<P> {
    pub(super) fn new(platform: &P, guest: DomId) -> Result<Self, OutOfMemory> {
        Ok(Self { guest, segments: Pages::alloc(platform.clone(), 1)? })
    }

    /// Copies `count` segments out of a page of the guest, each byte once.
    pub(super) fn copy_segments(
        &mut self,
        page: GrantRef,
        count: usize,
        segments: &mut Segments,
    ) -> Result<(), NoAccess> {
        let len = count * size_of::<BlkifRequestSegment>();
        let mut batch = CopyBatch::new(&mut self.segments, self.guest);
        batch.copy_from_grant(page, 0, 0, len)?;
        batch.run()?;
        let bytes = self.segments.as_slice().get(..len).unwrap_or_default();
        let found = bytes.chunks_exact(size_of::<BlkifRequestSegment>());
        segments.extend(found.filter_map(|bytes| BlkifRequestSegment::read_from_bytes(bytes).ok()));
        Ok(())
    }
}

impl<P: ForeignFrames> fmt::Debug for GuestMemory<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestMemory").field("guest", &self.guest).finish_non_exhaustive()
    }
}
