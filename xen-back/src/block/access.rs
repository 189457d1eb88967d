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
const PARTS: usize = MAX_SEGMENTS.div_ceil(MAX_PAGES);

/// The memory that a request can use.
pub(super) enum Data<P: ForeignFrames> {
    Copy(Pages<P>),
    Map {
        /// Room to map into. `None` while in use, and if it had to be leaked.
        areas: [Option<GrantMapArea<P>>; PARTS],
        mapped: Mapped<P>,
    },
}

/// The mapped pages of a request, in parts.
pub(super) enum Mapped<P: ForeignFrames> {
    None,
    ReadOnly(Mappings<P, ReadOnly>),
    ReadWrite(Mappings<P, ReadWrite>),
}

type Mappings<P, A> = [Option<GrantMapping<P, A>>; PARTS];

impl<P: ForeignFrames> Data<P> {
    pub(super) fn new(platform: &P, mode: GrantMode) -> Result<Self, OutOfMemory> {
        Ok(match mode {
            GrantMode::Copy => Self::Copy(Pages::alloc(platform.clone(), MAX_SEGMENTS)?),
            GrantMode::Map => {
                let mut areas = [const { None }; PARTS];
                for area in &mut areas {
                    *area = Some(GrantMapArea::reserve(platform.clone(), MAX_PAGES)?);
                }
                Self::Map { areas, mapped: Mapped::None }
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
            Self::Map { areas, mapped } => {
                *mapped = if write {
                    Mapped::ReadOnly(map(areas, memory, segments)?)
                } else {
                    Mapped::ReadWrite(map(areas, memory, segments)?)
                };
                Ok(())
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
            Self::Map { areas, mapped } => match core::mem::replace(mapped, Mapped::None) {
                Mapped::None => Ok(()),
                Mapped::ReadOnly(mappings) => unmap(areas, mappings),
                Mapped::ReadWrite(mappings) => unmap(areas, mappings),
            },
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
            Self::Map { mapped, .. } => {
                let parts = match mapped {
                    Mapped::None => [const { None }; PARTS],
                    Mapped::ReadOnly(mappings) => {
                        parts(mappings, |mapping| Part::ReadOnly(mapping.as_ref()))
                    }
                    Mapped::ReadWrite(mappings) => {
                        parts(mappings, |mapping| Part::Shared(mapping.as_ref()))
                    }
                };
                Buffers::mapped(sector, parts, segments)
            }
        }
    }
}

fn parts<'r, P: ForeignFrames, A: Access>(
    mappings: &'r Mappings<P, A>,
    part: impl Fn(&'r GrantMapping<P, A>) -> Part<'r>,
) -> [Option<Part<'r>>; PARTS] {
    mappings.each_ref().map(|mapping| mapping.as_ref().map(&part))
}

/// Maps all segments, or none.
fn map<P: ForeignFrames, A: Access>(
    areas: &mut [Option<GrantMapArea<P>>; PARTS],
    memory: &GuestMemory<P>,
    segments: &Segments,
) -> Result<Mappings<P, A>, NoAccess> {
    let mut mappings = [const { None }; PARTS];
    let parts = areas.iter_mut().zip(&mut mappings).zip(segments.chunks(MAX_PAGES));
    for ((place, mapping), part) in parts {
        let refs: Vec<GrantRef, MAX_PAGES> = part.iter().map(|segment| segment.gref).collect();
        let area = match place.take() {
            Some(area) => Ok(area),
            None => GrantMapArea::reserve(memory.segments.platform().clone(), MAX_PAGES),
        };
        match area.map(|area| area.map(memory.guest, &refs)) {
            Ok(Ok(mapped)) => {
                *mapping = Some(mapped);
                continue;
            }
            Ok(Err(failed)) => *place = failed.area,
            Err(OutOfMemory { .. }) => {}
        }
        let _ = unmap(areas, mappings);
        return Err(NoAccess);
    }
    Ok(mappings)
}

fn unmap<P: ForeignFrames, A: Access>(
    areas: &mut [Option<GrantMapArea<P>>; PARTS],
    mappings: Mappings<P, A>,
) -> Result<(), NoAccess> {
    let mut result = Ok(());
    for (place, mapping) in areas.iter_mut().zip(mappings) {
        match mapping.map(GrantMapping::unmap) {
            None => {}
            Some(Ok(area)) => *place = Some(area),
            Some(Err(_)) => result = Err(NoAccess),
        }
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
