//! VM generation id: a number that a toolstack changes where a domain runs a second time from the
//! same state.
//!
//! Source: `docs/man/xl.cfg.5.pod.in` (`ms_vm_genid`) and `hvm/params.h` of Xen. The firmware of an
//! HVM guest places the number in reserved memory. Xen 4.20 keeps it across `xl restore` and
//! `xl migrate`.

use core::sync::atomic::Ordering;
use thiserror::Error;
use xen_hypercall::ops::hvm;
use xen_hypercall::{Errno, Gfn, Mapped, OutOfMemory, PAGE_SIZE, Platform, SharedMem};
use xen_sys::arch_x86::hvm::start_info::{HvmMemmapTableEntry, MemmapType};
use xen_sys::hvm::params::HVM_PARAM_VM_GENERATION_ID_ADDR;

/// Size of the number, in bytes.
const SIZE: u64 = 16;
/// Maximum number of reads until two agree: the number changes only while the domain is suspended.
const READS: u32 = 4;

/// Error of a VM generation id that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GenerationIdError {
    /// Xen refused to read the address.
    #[error("VM generation id: Xen refused its address: {0}")]
    Xen(Errno),
    /// The number is not aligned, or in RAM of the kernel.
    #[error("VM generation id: found address {address:#x}, expected reserved memory")]
    Address {
        /// Physical address.
        address: u64,
    },
    /// The platform could not map the page.
    #[error("VM generation id: {0}")]
    Map(OutOfMemory),
}

/// Page with the VM generation id of an HVM guest.
#[derive(Debug)]
pub struct GenerationId<P: Platform> {
    page: Mapped<P>,
    offset: usize,
}

impl<P: Platform> GenerationId<P> {
    /// Maps the page with the number. `None` if the domain has no number, as a PVH guest or one
    /// without `ms_vm_genid`.
    ///
    /// `memory_map` is the map of [`BootInfo`](crate::BootInfo). Pages of its RAM are refused.
    ///
    /// # Errors
    ///
    /// [`GenerationIdError`].
    #[doc(alias = "HVM_PARAM_VM_GENERATION_ID_ADDR")]
    pub fn new(
        platform: P,
        memory_map: &[HvmMemmapTableEntry],
    ) -> Result<Option<Self>, GenerationIdError> {
        let address = match hvm::get_param(&platform, HVM_PARAM_VM_GENERATION_ID_ADDR) {
            Ok(0) => return Ok(None),
            result => result.map_err(GenerationIdError::Xen)?,
        };
        let error = GenerationIdError::Address { address };
        let gfn = Gfn::containing(address);
        let page = gfn.address()..gfn.address().saturating_add(PAGE_SIZE as u64);
        let is_ram = memory_map.iter().any(|entry| {
            entry.type_ == MemmapType::RAM
                && entry.addr < page.end
                && page.start < entry.addr.saturating_add(entry.size)
        });
        let offset = address - page.start;
        if is_ram || !address.is_multiple_of(8) || offset + SIZE > PAGE_SIZE as u64 {
            return Err(error);
        }
        // SAFETY: the firmware reserves the page, which is no RAM of the allocator, and only this
        // value accesses it, through the accessor.
        let page = unsafe { Mapped::map(platform, gfn, 1) }.map_err(GenerationIdError::Map)?;
        Ok(Some(Self { page, offset: offset as usize }))
    }

    /// Returns the number, in the byte order of the memory. It is compared with the one before
    /// after each resume: another number shows that another copy of the domain may run.
    pub fn read(&self) -> u128 {
        let mut last = self.load();
        for _ in 0..READS {
            let next = self.load();
            if next == last {
                break;
            }
            last = next;
        }
        last
    }

    fn load(&self) -> u128 {
        let memory: &SharedMem = self.page.as_ref();
        let half = |offset| memory.u64_at(offset).map_or(0, |word| word.load(Ordering::Relaxed));
        u128::from(half(self.offset + 8)) << 64 | u128::from(half(self.offset))
    }
}
