//! Entries of a grant table, in either version.

use super::{Active, STATUS_WORDS};
use crate::machine::Machine;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use xen_hypercall::{DomId, GrantRef, PAGE_SIZE, SharedU16};
use xen_sys::grant_table::*;

/// Entry, read once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(super) flags: GrantFlags,
    pub(super) domid: DomId,
    pub(super) gfn: u64,
    /// Bytes of the page that the peer may access.
    pub(super) range: (u16, u16),
    /// Domain and reference of the grant behind a transitive entry.
    pub(super) via: (DomId, GrantRef),
}

impl Entry {
    pub(super) fn kind(&self) -> GrantFlags {
        self.flags & GrantFlags::TYPE_MASK
    }

    pub(super) fn read_only(&self) -> bool {
        self.flags.contains(GrantFlags::READONLY)
    }
}

impl Machine {
    fn entry_place(&self, id: DomId, grant: u32) -> Option<(&xen_hypercall::SharedMem, usize)> {
        let grants = &self.dom(id).grants;
        let grant = grant as usize;
        if grant >= grants.entries() {
            return None;
        }
        let (per_frame, size) = grants.shape();
        Some((self.page(*grants.frames.get(grant / per_frame)?), grant % per_frame * size))
    }

    pub(super) fn entry(&self, id: DomId, grant: u32) -> Option<Entry> {
        let (page, at) = self.entry_place(id, grant)?;
        let flags = GrantFlags(page.u16_at(at)?.load(Acquire));
        let domid = DomId(page.read(at + 2)?);
        let whole = (0, PAGE_SIZE as u16);
        let entry = Entry { flags, domid, gfn: 0, range: whole, via: Default::default() };
        if self.dom(id).grants.version == 1 {
            return Some(Entry { gfn: page.read::<u32>(at + 4)?.into(), ..entry });
        }
        let gfn = page.read::<u64>(at + 8)?;
        if entry.kind() == GrantFlags::TRANSITIVE {
            let via = (DomId(page.read(at + 4)?), GrantRef(page.read(at + 8)?));
            return Some(Entry { via, ..entry });
        }
        if flags.contains(GrantFlags::SUB_PAGE) {
            let (start, len): (u16, u16) = (page.read(at + 4)?, page.read(at + 6)?);
            return Some(Entry { gfn, range: (start, len), ..entry });
        }
        Some(Entry { gfn, ..entry })
    }

    pub(crate) fn write_entry(&self, id: DomId, grant: u32, entry: &Entry) {
        let Some((page, at)) = self.entry_place(id, grant) else { return };
        let done = if self.dom(id).grants.version == 1 {
            page.write(at + 4, &(entry.gfn as u32))
        } else {
            page.write(at + 8, &entry.gfn)
        };
        let flags = entry.flags - GrantFlags::READING - GrantFlags::WRITING;
        let done = done.and_then(|()| page.write(at + 2, &entry.domid));
        if let Some(word) = done.and_then(|()| page.u16_at(at)) {
            word.store(flags.0, Release);
        }
    }

    /// Writes an entry, as the toolstack does for a guest's rings.
    pub(crate) fn seed_entry(&self, id: DomId, grant: u32, domid: DomId, gfn: u64) {
        let entry = Entry {
            flags: GrantFlags::PERMIT_ACCESS,
            domid,
            gfn,
            range: Default::default(),
            via: Default::default(),
        };
        self.write_entry(id, grant, &entry);
    }

    /// Returns the word with the reading and writing bits.
    fn use_bits(&self, id: DomId, grant: u32) -> Option<SharedU16<'_>> {
        let grants = &self.dom(id).grants;
        if grants.version == 1 {
            let (page, at) = self.entry_place(id, grant)?;
            return page.u16_at(at);
        }
        let frame = *grants.status.get(grant as usize / STATUS_WORDS)?;
        self.page(frame).u16_at(grant as usize % STATUS_WORDS * 2)
    }

    /// Counts one more use of a granted page, and sets the owner's reading and writing bits.
    pub(super) fn pin(
        &mut self,
        id: DomId,
        grant: u32,
        entry: &Entry,
        write: bool,
    ) -> Result<Active, GrantStatus> {
        if let Some(active) = self.dom_mut(id).grants.active.get_mut(&grant) {
            if write {
                active.writers += 1;
            } else {
                active.readers += 1;
            }
            let active = *active;
            self.show_use(id, grant, write);
            return Ok(active);
        }
        let mapping = self.dom(id).physmap.get(entry.gfn).ok_or(GrantStatus::BAD_PAGE)?;
        let active = Active {
            mfn: mapping.mfn,
            gfn: entry.gfn,
            readers: u32::from(!write),
            writers: u32::from(write),
        };
        self.dom_mut(id).grants.active.insert(grant, active);
        self.show_use(id, grant, write);
        Ok(active)
    }

    fn show_use(&self, id: DomId, grant: u32, write: bool) {
        let mut bits = GrantFlags::READING;
        if write {
            bits |= GrantFlags::WRITING;
        }
        if let Some(word) = self.use_bits(id, grant) {
            word.fetch_or(bits.0);
        }
    }

    /// Counts one use less, and clears the owner's bits at the last.
    pub(super) fn unpin(&mut self, id: DomId, grant: u32, write: bool) {
        let Some(active) = self.dom_mut(id).grants.active.get_mut(&grant) else { return };
        if write {
            active.writers -= 1;
        } else {
            active.readers -= 1;
        }
        let (readers, writers) = (active.readers, active.writers);
        let mut gone = GrantFlags::INVALID;
        if writers == 0 {
            gone |= GrantFlags::WRITING;
        }
        if readers + writers == 0 {
            gone |= GrantFlags::READING;
            self.dom_mut(id).grants.active.remove(&grant);
        }
        if let Some(word) = self.use_bits(id, grant) {
            word.fetch_and(!gone.0);
        }
    }

    /// Checks that `peer` may use an entry for its access, as Xen does in both versions.
    pub(super) fn check_entry(
        &self,
        id: DomId,
        grant: u32,
        peer: DomId,
        write: bool,
    ) -> Result<Entry, GrantStatus> {
        let entry = self.entry(id, grant).ok_or(GrantStatus::BAD_GNTREF)?;
        let sound = entry.kind() == GrantFlags::PERMIT_ACCESS && entry.domid == peer;
        if !sound || (write && entry.read_only()) {
            return Err(GrantStatus::GENERAL_ERROR);
        }
        Ok(entry)
    }

    /// Returns whether another domain may write to a frame.
    pub(crate) fn is_granted_for_writing(&self, id: DomId, gfn: u64) -> bool {
        (0..self.dom(id).grants.entries() as u32).filter_map(|grant| self.entry(id, grant)).any(
            |entry| {
                entry.gfn == gfn && entry.kind() == GrantFlags::PERMIT_ACCESS && !entry.read_only()
            },
        )
    }

    /// Returns the active entries of a domain's table, with peer and frame.
    pub(crate) fn live_entries(&self, id: DomId) -> Vec<(GrantRef, DomId, u64)> {
        let grants = &self.dom(id).grants;
        let (per_frame, size) = grants.shape();
        let mut live = Vec::new();
        for (frame, &mfn) in grants.frames.iter().enumerate() {
            let page = self.page(mfn);
            for index in 0..per_frame {
                // Each free of a page searches the table, and most entries are free.
                let flags = page.u16_at(index * size).map_or(0, |flags| flags.load(Relaxed));
                if GrantFlags(flags) & GrantFlags::TYPE_MASK == GrantFlags::INVALID {
                    continue;
                }
                let grant = (frame * per_frame + index) as u32;
                let entry =
                    self.entry(id, grant).filter(|entry| entry.kind() != GrantFlags::INVALID);
                live.extend(entry.map(|entry| (GrantRef(grant), entry.domid, entry.gfn)));
            }
        }
        live
    }
}
