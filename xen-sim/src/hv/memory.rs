//! `memory_op`.

use super::{Answer, Caller};
use crate::guest::Guest;
use crate::machine::Machine;
use crate::physmap::{Kind, Mapping};
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
            XENMEM_REMOVE_FROM_PHYSMAP => {
                let op: XenRemoveFromPhysmap = arg.read()?;
                let domain = self.find_controlled(me, op.domid)?;
                self.dom(domain).physmap.get(op.gpfn).ok_or(Errno::ENOENT)?;
                self.map(domain, op.gpfn, None);
            }
            XENMEM_CURRENT_RESERVATION | XENMEM_MAXIMUM_RESERVATION => {
                let op: XenMemoryDomain = arg.read()?;
                let domain = self.find_controlled(me, op.domid)?;
                let physmap = &self.dom(domain).physmap;
                let pages = match command {
                    XENMEM_CURRENT_RESERVATION => physmap.ram_pages(),
                    _ => physmap.ram_range().1 as usize,
                };
                return Ok(pages);
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
                // SAFETY: whoever issued the hypercall vouches for the handle inside the argument too.
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

    /// Changes what is behind a guest frame.
    pub(crate) fn map(&mut self, id: DomId, gfn: u64, mapping: Option<Mapping>) -> Option<Mapping> {
        let domain = self.domains.get_mut(&id.0).expect("the caller looked the domain up");
        domain.physmap.set(&mut self.pool, gfn, mapping)
    }

    fn add_to_physmap(&mut self, id: DomId, op: &XenAddToPhysmap) -> Result<(), Errno> {
        let mapping = match op.space {
            XENMAPSPACE_SHARED_INFO if op.idx == 0 => {
                Mapping { mfn: self.dom(id).shared_info, kind: Kind::Xen }
            }
            XENMAPSPACE_GRANT_TABLE => {
                Mapping { mfn: self.grant_frame(id, op.idx).ok_or(Errno::EINVAL)?, kind: Kind::Xen }
            }
            XENMAPSPACE_GMFN => {
                let mapping = self.dom(id).physmap.get(op.idx).filter(|mapping| mapping.kind == Kind::Ram);
                mapping.ok_or(Errno::EINVAL)?
            }
            _ => return Err(Errno::EINVAL),
        };
        // A page of Xen's is in one place at a time.
        self.withdraw(id, mapping.mfn);
        self.map(id, op.gpfn, Some(mapping));
        self.trace.record(self.now, Some(id), || {
            format!("page {} of space {} placed at gfn {:#x}", op.idx, op.space, op.gpfn)
        });
        Ok(())
    }

    /// Takes a frame of the world out of wherever the domain has it.
    pub(crate) fn withdraw(&mut self, id: DomId, mfn: Mfn) {
        let old = self.dom(id).physmap.mappings().find(|(_, mapping)| mapping.mfn == mfn).map(|(gfn, _)| gfn);
        if let Some(gfn) = old {
            self.map(id, gfn, None);
        }
    }

    /// Adds RAM at frames that have none, or gives RAM back; returns how many extents were done.
    fn reservation(&mut self, me: DomId, command: u32, arg: Guest) -> Answer {
        let op: XenMemoryReservation = arg.read()?;
        let domain = self.find_controlled(me, op.domid)?;
        if op.extent_order > 9 {
            return Err(Errno::EPERM);
        }
        // SAFETY: whoever issued the hypercall vouches for the handle inside the argument too.
        let list = unsafe { Guest::from_handle(op.extent_start) };
        for done in 0..op.nr_extents as usize {
            let first: u64 = list.read_at(done)?;
            for gfn in first..first + (1 << op.extent_order) {
                let ram = self.dom(domain).physmap.get(gfn);
                let served = match command {
                    XENMEM_DECREASE_RESERVATION => match ram {
                        Some(Mapping { kind: Kind::Ram, .. }) => {
                            self.map(domain, gfn, None);
                            true
                        }
                        _ => false,
                    },
                    _ => self.populate(domain, gfn, ram),
                };
                if !served {
                    return Ok(done);
                }
            }
        }
        Ok(op.nr_extents as usize)
    }

    fn populate(&mut self, id: DomId, gfn: u64, found: Option<Mapping>) -> bool {
        let physmap = &self.dom(id).physmap;
        if found.is_some() || physmap.ram_pages() as u64 >= physmap.ram_range().1 {
            return false;
        }
        let Some(mfn) = self.pool.alloc(1) else { return false };
        self.map(id, gfn, Some(Mapping { mfn, kind: Kind::Ram }));
        true
    }
}
