//! `memory_op`.

use super::{Answer, Caller};
use crate::guest::Guest;
use crate::machine::Machine;
use crate::physmap::{Kind, Mapping, is_filled};
use crate::pool::Mfn;
use xen_hypercall::{DomId, Errno, PAGE_SIZE};
use xen_sys::hvm::e820::E820Entry;
use xen_sys::memory::*;

impl Machine {
    pub(crate) fn memory_op(&mut self, caller: Caller, command: u32, arg: Guest) -> Answer {
        let me = caller.domain;
        match command {
            XENMEM_ADD_TO_PHYSMAP => {
                let op: XenAddToPhysmap = arg.read()?;
                let domain = self.find_controlled(me, op.domid)?;
                self.add_to_physmap(domain, &op)?;
            }
            XENMEM_ADD_TO_PHYSMAP_BATCH => {
                let op: XenAddToPhysmapBatch = arg.read()?;
                let domain = self.find_controlled(me, op.domid)?;
                self.add_batch_to_physmap(me, domain, &op)?;
            }
            XENMEM_ACQUIRE_RESOURCE => {
                let op: XenMemAcquireResource = arg.read()?;
                if let Some(size) = self.acquire_resource(me, &op)? {
                    arg.write(XenMemAcquireResource { nr_frames: size, ..op })?;
                }
            }
            XENMEM_REMOVE_FROM_PHYSMAP => {
                let op: XenRemoveFromPhysmap = arg.read()?;
                let domain = self.find_controlled(me, op.domid)?;
                self.dom(domain).physmap.get(op.gpfn).ok_or(Errno::ENOENT)?;
                self.map(domain, op.gpfn, None);
            }
            XENMEM_CURRENT_RESERVATION | XENMEM_MAXIMUM_RESERVATION => {
                let op: XenMemoryDomain = arg.read()?;
                let domain = self.find_controlled(me, op.domid)?;
                let domain = self.dom(domain);
                let pages = match command {
                    XENMEM_CURRENT_RESERVATION => {
                        domain.physmap.ram_pages() as u64 - domain.unpopulated
                    }
                    _ => domain.max_pages,
                };
                return Ok(pages as usize);
            }
            XENMEM_MAXIMUM_GPFN => {
                let op: XenMemoryDomain = arg.read()?;
                let domain = self.find_controlled(me, op.domid)?;
                let highest = self.dom(domain).physmap.mappings().map(|(gfn, _)| gfn).max();
                return Ok(highest.unwrap_or(0) as usize);
            }
            XENMEM_MEMORY_MAP => {
                let mut op: XenMemoryMap = arg.read()?;
                if op.nr_entries == 0 {
                    return Err(Errno::EINVAL);
                }
                let (base, pages) = self.dom(me).physmap.ram_range();
                let entry = E820Entry {
                    addr: (base * PAGE_SIZE as u64).into(),
                    size: (pages * PAGE_SIZE as u64).into(),
                    type_: 1.into(),
                };
                // SAFETY: the caller of the hypercall guarantees that the handle inside the
                // argument is valid.
                unsafe { Guest::from_handle(op.buffer) }.write(entry)?;
                op.nr_entries = 1;
                arg.write(op)?;
            }
            XENMEM_DECREASE_RESERVATION | XENMEM_POPULATE_PHYSMAP => {
                return self.reservation(me, command, arg);
            }
            XENMEM_MAXIMUM_RAM_PAGE => return Ok(self.pool.used() as usize),
            _ => return Err(Errno::ENOSYS),
        }
        Ok(0)
    }

    /// Replaces the mapping of a guest frame.
    pub(crate) fn map(&mut self, id: DomId, gfn: u64, mapping: Option<Mapping>) -> Option<Mapping> {
        let domain = self.domains.get_mut(&id.0).expect("the caller has found the domain");
        domain.physmap.set(&mut self.pool, gfn, mapping)
    }

    fn add_to_physmap(&mut self, id: DomId, op: &XenAddToPhysmap) -> Result<(), Errno> {
        match op.space {
            // Pages of another domain are added in batches only.
            XENMAPSPACE_GMFN_FOREIGN => Err(Errno::ENOSYS),
            XENMAPSPACE_GMFN_RANGE => (0..u64::from(op.size)).try_for_each(|nth| {
                self.add_page(id, XENMAPSPACE_GMFN, op.idx + nth, op.gpfn + nth)
            }),
            space => self.add_page(id, space, op.idx, op.gpfn),
        }
    }

    /// Executes a batch: each page has its own error, and the batch continues after an error.
    fn add_batch_to_physmap(
        &mut self,
        me: DomId,
        id: DomId,
        op: &XenAddToPhysmapBatch,
    ) -> Result<(), Errno> {
        let owner = match u32::from(op.space) {
            XENMAPSPACE_GMFN_FOREIGN => Some(self.find_foreign(me, DomId(op.u))?),
            XENMAPSPACE_GMFN_RANGE => return Err(Errno::EOPNOTSUPP),
            _ if op.u != 0 => return Err(Errno::EINVAL),
            _ => None,
        };
        // SAFETY: the caller of the hypercall guarantees that the handles inside the argument are
        // valid.
        let (idxs, gpfns, errs) = unsafe {
            (Guest::from_handle(op.idxs), Guest::from_handle(op.gpfns), Guest::from_handle(op.errs))
        };
        for nth in 0..usize::from(op.size) {
            let (idx, gpfn): (u64, u64) = (idxs.read_at(nth)?, gpfns.read_at(nth)?);
            let done = match owner {
                Some(owner) => self.add_foreign_page(id, owner, idx, gpfn),
                None => self.add_page(id, op.space.into(), idx, gpfn),
            };
            errs.write_at(nth, done.err().map_or(0, |errno| -errno.0))?;
        }
        Ok(())
    }

    /// Returns the domain whose memory `caller` maps without a grant. The caller must be
    /// privileged, and the domain another one.
    fn find_foreign(&self, caller: DomId, named: DomId) -> Result<DomId, Errno> {
        let id = self.find(caller, named).ok_or(Errno::ESRCH)?;
        if id == caller {
            return Err(Errno::EINVAL);
        }
        if self.dom(caller).config.privileged { Ok(id) } else { Err(Errno::EPERM) }
    }

    fn add_foreign_page(
        &mut self,
        id: DomId,
        owner: DomId,
        gfn: u64,
        gpfn: u64,
    ) -> Result<(), Errno> {
        let theirs = self.dom(owner).physmap.get(gfn).filter(|mapping| mapping.kind == Kind::Ram);
        let mfn = theirs.ok_or(Errno::EINVAL)?.mfn;
        self.map(id, gpfn, Some(Mapping { mfn, kind: Kind::Foreign { owner } }));
        self.trace.record(self.now, Some(id), || {
            format!("gfn {gfn:#x} of domain {owner} mapped at gfn {gpfn:#x}")
        });
        Ok(())
    }

    /// Maps frames of Xen that belong to another domain, or returns their number.
    fn acquire_resource(
        &mut self,
        me: DomId,
        op: &XenMemAcquireResource,
    ) -> Result<Option<u32>, Errno> {
        if op.pad != 0 {
            return Err(Errno::EINVAL);
        }
        let owner = self.find(me, op.domid).ok_or(Errno::ESRCH)?;
        if owner == me || !self.dom(me).config.privileged {
            return Err(Errno::EPERM);
        }
        if op.type_ != XENMEM_RESOURCE_GRANT_TABLE {
            return Err(Errno::EOPNOTSUPP);
        }
        let status = match op.id {
            XENMEM_RESOURCE_GRANT_TABLE_ID_SHARED => 0,
            XENMEM_RESOURCE_GRANT_TABLE_ID_STATUS => XENMAPIDX_GRANT_TABLE_STATUS,
            _ => return Err(Errno::EINVAL),
        };
        // SAFETY: the caller of the hypercall guarantees that the handle inside the argument is
        // valid.
        let list = unsafe { Guest::from_handle(op.frame_list) };
        if list.is_null() {
            return match op.nr_frames {
                0 => Ok(Some(self.max_grant_frames(owner, status != 0))),
                _ => Err(Errno::EINVAL),
            };
        }
        for nth in 0..op.nr_frames as usize {
            let gpfn: u64 = list.read_at(nth)?;
            let mfn =
                self.grant_frame(owner, (op.frame + nth as u64) | status).ok_or(Errno::EINVAL)?;
            self.map(me, gpfn, Some(Mapping { mfn, kind: Kind::Foreign { owner } }));
        }
        Ok(None)
    }

    /// Places a page of the domain or of Xen at `gpfn`.
    fn add_page(&mut self, id: DomId, space: u32, idx: u64, gpfn: u64) -> Result<(), Errno> {
        let mapping = match space {
            XENMAPSPACE_SHARED_INFO if idx == 0 => {
                Mapping { mfn: self.dom(id).shared_info, kind: Kind::Xen }
            }
            XENMAPSPACE_GRANT_TABLE => {
                Mapping { mfn: self.grant_frame(id, idx).ok_or(Errno::EINVAL)?, kind: Kind::Xen }
            }
            XENMAPSPACE_GMFN => {
                let mapping =
                    self.dom(id).physmap.get(idx).filter(|mapping| mapping.kind == Kind::Ram);
                mapping.ok_or(Errno::EINVAL)?
            }
            _ => return Err(Errno::EINVAL),
        };
        // A page of Xen has one place at a time.
        let domain = self.dom(id);
        let is_placed = || domain.physmap.mappings().any(|(_, placed)| placed.mfn == mapping.mfn);
        if domain.config.is_arm && mapping.kind == Kind::Xen && is_placed() {
            return Err(Errno::EBUSY);
        }
        self.withdraw(id, mapping.mfn);
        self.map(id, gpfn, Some(mapping));
        self.trace.record(self.now, Some(id), || {
            format!("page {idx} of space {space} placed at gfn {gpfn:#x}")
        });
        Ok(())
    }

    /// Removes a frame of the world from the domain's physical memory.
    pub(crate) fn withdraw(&mut self, id: DomId, mfn: Mfn) {
        let old = self
            .dom(id)
            .physmap
            .mappings()
            .find(|(_, mapping)| mapping.mfn == mfn)
            .map(|(gfn, _)| gfn);
        if let Some(gfn) = old {
            self.map(id, gfn, None);
        }
    }

    /// Adds RAM to empty frames, or releases RAM; returns the number of extents.
    fn reservation(&mut self, me: DomId, command: u32, arg: Guest) -> Answer {
        let op: XenMemoryReservation = arg.read()?;
        let domain = self.find_controlled(me, op.domid)?;
        if op.extent_order > 9 {
            return Err(Errno::EPERM);
        }
        // SAFETY: the caller of the hypercall guarantees that the handle inside the argument is
        // valid.
        let list = unsafe { Guest::from_handle(op.extent_start) };
        for done in 0..op.nr_extents as usize {
            let first: u64 = list.read_at(done)?;
            let mut frames = first..first + (1 << op.extent_order);
            let served = match command {
                XENMEM_DECREASE_RESERVATION => {
                    frames.all(|gfn| match self.dom(domain).physmap.get(gfn) {
                        Some(Mapping { kind: Kind::Ram, mfn }) => {
                            self.release_ram(domain, gfn, mfn);
                            true
                        }
                        _ => false,
                    })
                }
                _ => self.populate(domain, frames),
            };
            if !served {
                return Ok(done);
            }
        }
        Ok(op.nr_extents as usize)
    }

    /// Returns a page of RAM to the world.
    fn release_ram(&mut self, id: DomId, gfn: u64, mfn: Mfn) {
        self.check_unshared(id, &[gfn]);
        let dirty = !is_filled(self.pool.page(mfn), 0);
        self.map(id, gfn, None);
        let domain = self.dom_mut(id);
        // What was never populated has no content.
        let populated = domain.unpopulated == 0;
        domain.unpopulated = domain.unpopulated.saturating_sub(1);
        domain.counters.pages_returned_dirty += u64::from(dirty && populated);
    }

    /// Gives memory to all frames of an extent, or to none.
    fn populate(&mut self, id: DomId, frames: core::ops::Range<u64>) -> bool {
        let domain = self.dom(id);
        let is_empty = frames.clone().all(|gfn| domain.physmap.get(gfn).is_none());
        let pages = domain.physmap.ram_pages() as u64 + (frames.end - frames.start);
        if !is_empty || pages > domain.max_pages {
            return false;
        }
        for gfn in frames {
            let Some(mfn) = self.pool.alloc(1) else { return false };
            self.map(id, gfn, Some(Mapping { mfn, kind: Kind::Ram }));
        }
        true
    }
}
