//! Frame numbers and pages.

use core::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Size of a page in bytes, as Xen counts pages on every architecture.
#[doc(alias = "XEN_PAGE_SIZE")]
pub const PAGE_SIZE: usize = 1 << PAGE_SHIFT;

/// Base-2 logarithm of [`PAGE_SIZE`].
#[doc(alias = "XEN_PAGE_SHIFT")]
pub const PAGE_SHIFT: u32 = 12;

/// Guest frame number: a guest-physical address divided by [`PAGE_SIZE`].
///
/// Source: `xen_pfn_t` in `arch-x86/xen.h` and `arch-arm.h`; `xen/include/xen/mm.h` explains the
/// term.
#[doc(alias = "xen_pfn_t")]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
)]
#[repr(transparent)]
pub struct Gfn(pub u64);

impl Gfn {
    /// Returns the frame that contains the guest-physical `address`.
    pub const fn containing(address: u64) -> Self {
        Self(address >> PAGE_SHIFT)
    }

    /// Returns the guest-physical address of the frame's first byte.
    pub const fn address(self) -> u64 {
        self.0 << PAGE_SHIFT
    }
}

impl fmt::Display for Gfn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gfn {:#x}", self.0)
    }
}

/// One page of private memory, with the alignment that Xen needs.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(4096))]
pub struct Page(pub [u8; PAGE_SIZE]);

impl Page {
    /// Page of zeroes.
    pub const ZERO: Self = Self([0; PAGE_SIZE]);
}

impl Default for Page {
    fn default() -> Self {
        Self::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_and_address_convert_both_ways() {
        assert_eq!(Gfn::containing(0x1234_5678), Gfn(0x1_2345));
        assert_eq!(Gfn(0x1_2345).address(), 0x1234_5000);
    }
}
