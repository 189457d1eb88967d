//! Grant tables: state of each domain's table, and the operations on it.

mod copy;
mod entry;
mod map;

use crate::guest::Guest;
use crate::hv::{Answer, Caller};
use crate::machine::Machine;
use crate::pool::{Mfn, Pool};
use std::collections::BTreeMap;
use xen_hypercall::{DomId, Errno, PAGE_SIZE};
use xen_sys::grant_table::*;
use xen_sys::memory::XENMAPIDX_GRANT_TABLE_STATUS;

/// Granted page in use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Active {
    /// Page at its first use, which does not change with the entry.
    mfn: Mfn,
    gfn: u64,
    readers: u32,
    writers: u32,
}

/// Mapping of another domain's page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Track {
    pub(crate) owner: DomId,
    pub(crate) grant: u32,
    writable: bool,
    gfn: u64,
}

/// Table of a domain, and its mappings of other domains' pages.
#[derive(Debug)]
pub(crate) struct GrantTable {
    version: u32,
    frames: Vec<Mfn>,
    status: Vec<Mfn>,
    max_frames: u32,
    active: BTreeMap<u32, Active>,
    pub(crate) tracks: Vec<Option<Track>>,
}

/// Maximum number of a domain's mappings of other domains' pages.
const MAX_TRACKS: usize = 1024 * PAGE_SIZE / 16;

const V1_ENTRIES: usize = PAGE_SIZE / size_of::<GrantEntryV1>();
const V2_ENTRIES: usize = PAGE_SIZE / size_of::<GrantEntryV2>();
const STATUS_WORDS: usize = PAGE_SIZE / size_of::<GrantEntryStatus>();

impl GrantTable {
    pub(crate) fn new(pool: &mut Pool, max_frames: u32) -> Self {
        let first = pool.alloc(1).expect("the world has a free frame");
        Self {
            version: 1,
            frames: vec![first],
            status: Vec::new(),
            max_frames,
            active: BTreeMap::new(),
            tracks: Vec::new(),
        }
    }

    fn entries(&self) -> usize {
        self.frames.len() * self.shape().0
    }

    /// Returns the number of entries of a frame, and the size of an entry.
    fn shape(&self) -> (usize, usize) {
        if self.version == 2 { (V2_ENTRIES, 16) } else { (V1_ENTRIES, 8) }
    }

    fn grow(&mut self, pool: &mut Pool, frames: usize) -> Option<()> {
        if frames > self.max_frames as usize {
            return None;
        }
        while self.frames.len() < frames {
            self.frames.push(pool.alloc(1)?);
        }
        self.grow_status(pool)
    }

    fn grow_status(&mut self, pool: &mut Pool) -> Option<()> {
        while self.version == 2 && self.status.len() * STATUS_WORDS < self.entries() {
            self.status.push(pool.alloc(1)?);
        }
        Some(())
    }

    /// Returns whether another domain has `gfn` of this one mapped, or is copying from or to it.
    pub(crate) fn in_use(&self, gfn: u64) -> bool {
        self.active.values().any(|active| active.gfn == gfn)
    }

    /// Returns this domain's mappings of other domains' pages.
    pub(crate) fn mappings(&self) -> impl Iterator<Item = Track> + '_ {
        self.tracks.iter().flatten().copied()
    }
}

/// Result of one operation of a batch.
type Status = Result<(), GrantStatus>;

fn status_of(result: Status) -> GrantStatus {
    result.err().unwrap_or(GrantStatus::OKAY)
}

impl Machine {
    pub(crate) fn grant_table_op(
        &mut self,
        caller: Caller,
        command: u32,
        arg: Guest,
        count: u32,
    ) -> Answer {
        let me = caller.domain;
        let count = count as usize;
        match command {
            GNTTABOP_MAP_GRANT_REF => {
                for index in 0..count {
                    let mut op: GnttabMapGrantRef = arg.read_at(index)?;
                    op.status = status_of(self.map_grant_ref(me, &mut op));
                    arg.write_at(index, op)?;
                }
            }
            GNTTABOP_UNMAP_GRANT_REF => {
                for index in 0..count {
                    let mut op: GnttabUnmapGrantRef = arg.read_at(index)?;
                    op.status = status_of(self.unmap_grant_ref(me, &op));
                    arg.write_at(index, op)?;
                }
            }
            GNTTABOP_COPY => {
                for index in 0..count {
                    let mut op: GnttabCopy = arg.read_at(index)?;
                    op.status = status_of(self.grant_copy(me, &op));
                    arg.write_at(index, op)?;
                }
            }
            GNTTABOP_SWAP_GRANT_REF => {
                for index in 0..count {
                    let mut op: GnttabSwapGrantRef = arg.read_at(index)?;
                    op.status = status_of(self.swap_grant_ref(me, &op));
                    arg.write_at(index, op)?;
                }
            }
            GNTTABOP_GET_VERSION => {
                let mut op: GnttabGetVersion = arg.read()?;
                let domain = self.find_controlled(me, op.dom)?;
                op.version = self.dom(domain).grants.version;
                arg.write(op)?;
            }
            GNTTABOP_SET_VERSION => {
                let op: GnttabSetVersion = arg.read()?;
                self.set_grant_version(me, op.version)?;
                arg.write(GnttabSetVersion { version: self.dom(me).grants.version })?;
            }
            // The other commands take one structure; the count is ignored.
            _ if count != 1 => return Err(Errno::EINVAL),
            GNTTABOP_QUERY_SIZE => {
                let mut op: GnttabQuerySize = arg.read()?;
                match self.grant_domain(me, op.dom) {
                    Ok(domain) => {
                        let grants = &self.dom(domain).grants;
                        op.nr_frames = grants.frames.len() as u32;
                        op.max_nr_frames = grants.max_frames;
                        op.status = GrantStatus::OKAY;
                    }
                    Err(status) => op.status = status,
                }
                arg.write(op)?;
            }
            GNTTABOP_SETUP_TABLE => {
                let mut op: GnttabSetupTable = arg.read()?;
                op.status = status_of(self.setup_table(me, &op));
                arg.write(op)?;
            }
            GNTTABOP_GET_STATUS_FRAMES => {
                let mut op: GnttabGetStatusFrames = arg.read()?;
                op.status = status_of(self.get_status_frames(me, &op));
                arg.write(op)?;
            }
            _ => return Err(Errno::ENOSYS),
        }
        Ok(0)
    }

    fn grant_domain(&self, me: DomId, named: DomId) -> Result<DomId, GrantStatus> {
        self.find_controlled(me, named).map_err(|errno| match errno {
            Errno::ESRCH => GrantStatus::BAD_DOMAIN,
            _ => GrantStatus::PERMISSION_DENIED,
        })
    }

    /// Returns the maximum number of frames of a domain's table: of entries, or of their status.
    pub(crate) fn max_grant_frames(&self, id: DomId, status: bool) -> u32 {
        let frames = self.dom(id).grants.max_frames;
        if status { (frames as usize * V2_ENTRIES).div_ceil(STATUS_WORDS) as u32 } else { frames }
    }

    /// Returns the frame at index `idx` of the grant table space, and grows the table to include
    /// it.
    pub(crate) fn grant_frame(&mut self, id: DomId, idx: u64) -> Option<Mfn> {
        let grants = &mut self.domains.get_mut(&id.0)?.grants;
        if grants.version == 2 && idx & XENMAPIDX_GRANT_TABLE_STATUS != 0 {
            let index = (idx & !XENMAPIDX_GRANT_TABLE_STATUS) as usize;
            if index < (grants.max_frames as usize * V2_ENTRIES).div_ceil(STATUS_WORDS) {
                let frames = (index + 1) * STATUS_WORDS / V2_ENTRIES;
                grants.grow(&mut self.pool, frames.min(grants.max_frames as usize))?;
            }
            return grants.status.get(index).copied();
        }
        let index = usize::try_from(idx).ok()?;
        if index < grants.max_frames as usize {
            grants.grow(&mut self.pool, index + 1)?;
        }
        grants.frames.get(index).copied()
    }

    fn setup_table(&mut self, me: DomId, op: &GnttabSetupTable) -> Status {
        let domain = self.grant_domain(me, op.dom)?;
        let grants = &mut self.domains.get_mut(&domain.0).ok_or(GrantStatus::BAD_DOMAIN)?.grants;
        grants.grow(&mut self.pool, op.nr_frames as usize).ok_or(GrantStatus::GENERAL_ERROR)?;
        let frames: Vec<Mfn> = grants.frames[..op.nr_frames as usize].to_vec();
        self.list_frames(domain, &frames, op.frame_list)
    }

    fn get_status_frames(&mut self, me: DomId, op: &GnttabGetStatusFrames) -> Status {
        let domain = self.grant_domain(me, op.dom)?;
        let status = &self.dom(domain).grants.status;
        let frames =
            status.get(..op.nr_frames as usize).ok_or(GrantStatus::GENERAL_ERROR)?.to_vec();
        self.list_frames(domain, &frames, op.frame_list)
    }

    /// Writes the guest frame of each frame of the table; all ones for one that is not placed.
    fn list_frames(&self, id: DomId, frames: &[Mfn], list: xen_sys::GuestHandle) -> Status {
        // SAFETY: the caller of the hypercall guarantees that the handle inside the argument is
        // valid.
        let list = unsafe { Guest::from_handle(list) };
        for (index, &frame) in frames.iter().enumerate() {
            let place = self.dom(id).physmap.mappings().find(|(_, mapping)| mapping.mfn == frame);
            let gfn = place.map_or(u64::MAX, |(gfn, _)| gfn);
            list.write_at(index, gfn).map_err(|_| GrantStatus::BAD_VIRT_ADDR)?;
        }
        Ok(())
    }

    fn set_grant_version(&mut self, me: DomId, version: u32) -> Result<(), Errno> {
        if !matches!(version, 1 | 2) {
            return Err(Errno::EINVAL);
        }
        if self.dom(me).grants.version == version {
            return Ok(());
        }
        if self.dom(me).grants.active.keys().any(|&grant| grant >= GNTTAB_NR_RESERVED_ENTRIES) {
            return Err(Errno::EBUSY);
        }
        let reserved: Vec<_> =
            (0..GNTTAB_NR_RESERVED_ENTRIES).filter_map(|grant| self.entry(me, grant)).collect();
        for &frame in &self.dom(me).grants.frames {
            self.page(frame).zero();
        }
        let grants = &mut self.domains.get_mut(&me.0).ok_or(Errno::ESRCH)?.grants;
        grants.version = version;
        grants.status.clear();
        grants.grow_status(&mut self.pool).ok_or(Errno::ENOMEM)?;
        for (grant, entry) in reserved.into_iter().enumerate() {
            self.write_entry(me, grant as u32, &entry);
        }
        Ok(())
    }

    fn swap_grant_ref(&mut self, me: DomId, op: &GnttabSwapGrantRef) -> Status {
        let grants = &self.dom(me).grants;
        for grant in [op.ref_a.0, op.ref_b.0] {
            if grant as usize >= grants.entries() {
                return Err(GrantStatus::BAD_GNTREF);
            }
            if grants.active.contains_key(&grant) {
                return Err(GrantStatus::EAGAIN);
            }
        }
        let (a, b) = (self.entry(me, op.ref_a.0), self.entry(me, op.ref_b.0));
        if let (Some(a), Some(b)) = (a, b) {
            self.write_entry(me, op.ref_a.0, &b);
            self.write_entry(me, op.ref_b.0, &a);
        }
        Ok(())
    }

    /// Ends all mappings of other domains' pages in a domain that is dead. Its values are dropped
    /// later and may still write to the former mappings: to a frame that no domain has.
    pub(crate) fn unmap_all_grants(&mut self, id: DomId) {
        let frame = self.pool.alloc(1);
        for handle in 0..self.dom(id).grants.tracks.len() {
            if let Some(track) = self.dom_mut(id).grants.tracks[handle].take() {
                self.map(id, track.gfn, None);
                if let (Some(frame), Some(domain)) = (frame, self.domains.get_mut(&id.0)) {
                    domain.physmap.show(&mut self.pool, track.gfn, frame);
                }
                self.unpin(track.owner, track.grant, track.writable);
            }
        }
    }
}
