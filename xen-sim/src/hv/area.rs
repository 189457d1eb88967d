//! Areas in a guest's memory that Xen updates: runstate and time.

use crate::machine::Machine;
use crate::pool::{Mfn, Pool};
use xen_hypercall::{DomId, Errno, PAGE_SIZE, SharedU32, SharedU64};

/// Place of an area: frame and offset of each of its words of eight bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Area(Vec<(Mfn, usize)>);

impl Area {
    /// Returns a word by its offset.
    pub(crate) fn word<'p>(&self, pool: &'p Pool, offset: usize) -> Option<SharedU64<'p>> {
        let &(mfn, start) = self.0.get(offset / 8)?;
        pool.page(mfn).u64_at(start)
    }

    /// Returns half a word by its offset.
    pub(crate) fn half<'p>(&self, pool: &'p Pool, offset: usize) -> Option<SharedU32<'p>> {
        let &(mfn, start) = self.0.get(offset / 8)?;
        pool.page(mfn).u32_at(start + offset % 8)
    }
}

impl Machine {
    /// Returns the area of `len` bytes at an address of the domain's kernel; `None` at address 0.
    ///
    /// Real Xen translates the address at each update and accepts an unaligned one. Here its
    /// mapping must not change, and it must be aligned.
    pub(super) fn area_at_address(
        &self,
        id: DomId,
        address: u64,
        len: usize,
    ) -> Result<Option<Area>, Errno> {
        let physmap = &self.dom(id).physmap;
        let place = |address: usize| {
            let gfn = physmap.gfn(physmap.page_of(address)?);
            Some((physmap.get(gfn)?.mfn, address % PAGE_SIZE))
        };
        let address = address as usize;
        if address == 0 {
            return Ok(None);
        }
        let words = (address..address + len).step_by(8).map(place).collect::<Option<_>>();
        match words {
            Some(words) if address.is_multiple_of(8) => Ok(Some(Area(words))),
            _ => Err(Errno::EFAULT),
        }
    }

    /// Returns the area of `len` bytes at a guest-physical address; `None` at all ones.
    pub(super) fn area_at_frame(
        &self,
        id: DomId,
        address: u64,
        len: usize,
    ) -> Result<Option<Area>, Errno> {
        if address == u64::MAX {
            return Ok(None);
        }
        let offset = address as usize % PAGE_SIZE;
        if !offset.is_multiple_of(8) || offset + len > PAGE_SIZE {
            return Err(Errno::ENXIO);
        }
        let mapping = self.dom(id).physmap.get(address / PAGE_SIZE as u64).ok_or(Errno::EINVAL)?;
        Ok(Some(Area((offset..offset + len).step_by(8).map(|at| (mapping.mfn, at)).collect())))
    }
}
