//! Access to the memory of a request: copies of the guest's pages, or their mapping.

use super::persistent::{PersistentGrants, RequestPage, RequestPages};
use super::request::{Buffers, MappedSegments, Part, Parts};
use super::validate::{Segments, Transfer, extent};
use super::{Config, SECTOR_SIZE, Statistics};
use core::fmt;
use heapless::Vec;
use xen_grant::{
    Access, CopyBatch, GrantMapArea, GrantMapping, MAX_COPIES, MAX_PAGES, MapError, ReadOnly,
    ReadWrite,
};
use xen_hypercall::{DomId, ForeignFrames, GrantRef, OutOfMemory, PageVec, Pages};
use xen_sys::io::blkif::BlkifRequestSegment;
use zerocopy::FromBytes;

/// The access to a guest's pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrantMode {
    /// Maps them while a request is in flight; the storage uses them directly. For storage that can
    /// do so, and where a hypercall is cheap. Frontends with persistent grants have their pages
    /// mapped once: see [`Config::persistent_grants`].
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

/// The access to the pages of a connection's frontend.
#[derive(Clone, Copy, Debug)]
pub(super) struct AccessConfig {
    pub(super) mode: GrantMode,
    /// The most segments of a request.
    pub(super) segments: usize,
    /// The most persistent grants, if the frontend uses them.
    pub(super) persistent: Option<usize>,
}

impl AccessConfig {
    /// Returns the access to the pages of a frontend that uses persistent grants, or does not.
    pub(super) fn new(config: &Config, persistent: bool) -> Self {
        let persistent = persistent && config.offers_persistent();
        Self {
            mode: config.mode,
            segments: config.segments(),
            persistent: persistent.then_some(config.persistent_grants as usize),
        }
    }
}

/// The most segments that are copied by one hypercall: each can cross a page of the copy.
const COPIES: usize = MAX_COPIES / 2;

/// The memory that a request can use.
pub(super) enum Data<P: ForeignFrames> {
    Copy(Pages<P>),
    /// Each for [`MAX_PAGES`] segments.
    Map(PageVec<P, MapPart<P>>),
    Persistent(RequestPages<P>),
}

impl<P: ForeignFrames> Data<P> {
    pub(super) fn new(platform: &P, config: &AccessConfig) -> Result<Self, OutOfMemory> {
        let AccessConfig { mode, segments, persistent } = *config;
        Ok(match mode {
            GrantMode::Copy => Self::Copy(Pages::alloc(platform.clone(), segments)?),
            GrantMode::Map if persistent.is_some() => {
                Self::Persistent(PageVec::with_capacity(platform.clone(), segments)?)
            }
            GrantMode::Map => {
                let count = segments.div_ceil(MAX_PAGES);
                let mut parts = PageVec::with_capacity(platform.clone(), count)?;
                for _ in 0..count {
                    let area = Some(GrantMapArea::reserve(platform.clone(), MAX_PAGES)?);
                    // There is room.
                    let _ = parts.push(MapPart { area, mapped: Mapped::None });
                }
                Self::Map(parts)
            }
        })
    }

    /// Makes the segments accessible; the content of the guest's pages, if the request is a write.
    pub(super) fn open(
        &mut self,
        memory: &mut GuestMemory<P>,
        write: bool,
        segments: &[BlkifRequestSegment],
        statistics: &mut Statistics,
    ) -> Result<(), NoAccess> {
        match self {
            Self::Copy(pages) if write => {
                let mut at = 0;
                for segments in segments.chunks(COPIES) {
                    let mut batch = CopyBatch::new(pages, memory.guest);
                    for segment in segments {
                        let (start, len) = extent(segment);
                        batch.copy_from_grant(segment.gref, start, at, len)?;
                        at += len;
                    }
                    batch.run()?;
                }
                Ok(())
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
            Self::Persistent(pages) => {
                let grants = memory.persistent_mut().ok_or(NoAccess)?;
                let refs = segments.iter().map(|segment| segment.gref);
                let result = grants.acquire(refs, pages, statistics);
                if result.is_err() {
                    let _ = grants.release(pages);
                }
                Ok(result?)
            }
        }
    }

    /// Ends the access. `read` if the storage has read the segments' content into the buffers.
    pub(super) fn close(
        &mut self,
        memory: &mut GuestMemory<P>,
        read: bool,
        segments: &[BlkifRequestSegment],
    ) -> Result<(), NoAccess> {
        match self {
            Self::Copy(pages) if read => {
                let mut at = 0;
                for segments in segments.chunks(COPIES) {
                    let mut batch = CopyBatch::new(pages, memory.guest);
                    for segment in segments {
                        let (start, len) = extent(segment);
                        batch.copy_to_grant(at, segment.gref, start, len)?;
                        at += len;
                    }
                    batch.run()?;
                }
                Ok(())
            }
            Self::Copy(_) => Ok(()),
            Self::Map(parts) => unmap(parts),
            Self::Persistent(pages) => {
                Ok(memory.persistent_mut().ok_or(NoAccess)?.release(pages)?)
            }
        }
    }

    /// Returns the buffers of a request whose data is accessible.
    pub(super) fn buffers<'r>(
        &'r mut self,
        transfer: &Transfer,
        segments: &'r [BlkifRequestSegment],
    ) -> Buffers<'r> {
        let Transfer { sector, count, write, .. } = *transfer;
        match self {
            Self::Copy(pages) => {
                let len = count as usize * SECTOR_SIZE;
                Buffers::private(sector, pages.as_mut_slice().get_mut(..len).unwrap_or_default())
            }
            Self::Map(parts) => {
                Buffers::mapped(sector, MappedSegments { parts, pages: MAX_PAGES, segments, write })
            }
            Self::Persistent(pages) => {
                Buffers::mapped(sector, MappedSegments { parts: pages, pages: 1, segments, write })
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
            None => GrantMapArea::reserve(memory.platform.clone(), MAX_PAGES)?,
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

impl<P: ForeignFrames> Parts for PageVec<P, MapPart<P>> {
    fn part(&self, index: usize) -> Option<Part<'_>> {
        self.get(index).and_then(MapPart::memory)
    }
}

impl<P: ForeignFrames> Parts for RequestPages<P> {
    fn part(&self, index: usize) -> Option<Part<'_>> {
        self.get(index).and_then(RequestPage::memory).map(Part::Shared)
    }
}

/// Unmaps all parts; an error if one is stuck.
fn unmap<P: ForeignFrames>(parts: &mut [MapPart<P>]) -> Result<(), NoAccess> {
    let mut result = Ok(());
    for part in parts {
        result = part.unmap().and(result);
    }
    result
}

/// The guest of a connection, the access to the segments of its indirect requests, and its
/// persistent grants.
pub(super) struct GuestMemory<P: ForeignFrames> {
    platform: P,
    guest: DomId,
    source: SegmentSource<P>,
}

/// The access to the segments of indirect requests.
enum SegmentSource<P: ForeignFrames> {
    /// By a copy to this memory.
    Copy(Pages<P>),
    /// By mapping their page, as those of the data. The list has room for one page.
    Persistent(PersistentGrants<P>, RequestPages<P>),
}

impl<P: ForeignFrames> GuestMemory<P> {
    pub(super) fn new(
        platform: &P,
        guest: DomId,
        config: &AccessConfig,
    ) -> Result<Self, OutOfMemory> {
        let source = match config.persistent {
            None => SegmentSource::Copy(Pages::alloc(platform.clone(), 1)?),
            Some(limit) => SegmentSource::Persistent(
                PersistentGrants::new(platform, guest, limit)?,
                PageVec::with_capacity(platform.clone(), 1)?,
            ),
        };
        Ok(Self { platform: platform.clone(), guest, source })
    }

    pub(super) fn persistent_mut(&mut self) -> Option<&mut PersistentGrants<P>> {
        match &mut self.source {
            SegmentSource::Copy(_) => None,
            SegmentSource::Persistent(grants, _) => Some(grants),
        }
    }

    pub(super) fn persistent(&self) -> Option<&PersistentGrants<P>> {
        match &self.source {
            SegmentSource::Copy(_) => None,
            SegmentSource::Persistent(grants, _) => Some(grants),
        }
    }

    /// Adds `count` segments in a page of the guest to `segments`. Loads each byte once.
    pub(super) fn copy_segments(
        &mut self,
        page: GrantRef,
        count: usize,
        segments: &mut Segments,
        statistics: &mut Statistics,
    ) -> Result<(), NoAccess> {
        const SIZE: usize = size_of::<BlkifRequestSegment>();
        match &mut self.source {
            SegmentSource::Copy(memory) => {
                let len = count * SIZE;
                let mut batch = CopyBatch::new(memory, self.guest);
                batch.copy_from_grant(page, 0, 0, len)?;
                batch.run()?;
                let bytes = memory.as_slice().get(..len).unwrap_or_default();
                let found = bytes.chunks_exact(SIZE);
                // There is room: the count was checked.
                let found = found.map_while(|bytes| FromBytes::read_from_bytes(bytes).ok());
                segments.extend(found);
            }
            SegmentSource::Persistent(grants, pages) => {
                let result = grants.acquire(core::iter::once(page), pages, statistics);
                if let Some(memory) = pages.first().and_then(RequestPage::memory) {
                    segments.extend((0..count).map_while(|index| memory.read(index * SIZE)));
                }
                let released = grants.release(pages);
                result.and(released)?;
            }
        }
        Ok(())
    }
}

impl<P: ForeignFrames> fmt::Debug for GuestMemory<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestMemory").field("guest", &self.guest).finish_non_exhaustive()
    }
}
