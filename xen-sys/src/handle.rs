//! Addresses of guest buffers inside hypercall arguments.

use core::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Address of a buffer in the caller's address space, as a field of a hypercall's argument: eight
/// bytes, aligned to eight, on x86-64 and on arm.
///
/// A handle is a number. It neither owns nor borrows the buffer. The caller of the hypercall must
/// keep the buffer valid until the call returns.
#[doc(alias = "XEN_GUEST_HANDLE")]
#[doc(alias = "XEN_GUEST_HANDLE_64")]
#[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(transparent)]
pub struct GuestHandle(pub u64);

impl GuestHandle {
    /// Null handle: no buffer.
    pub const NULL: Self = Self(0);

    /// Makes a handle to a buffer that Xen reads. The provenance of the pointer is exposed.
    #[must_use]
    pub fn from_ptr<T>(ptr: *const T) -> Self {
        Self(ptr.expose_provenance() as u64)
    }

    /// Makes a handle to a buffer that Xen writes. The provenance of the pointer is exposed.
    #[must_use]
    pub fn from_mut_ptr<T>(ptr: *mut T) -> Self {
        Self(ptr.expose_provenance() as u64)
    }

    /// Returns whether the handle is null.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for GuestHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuestHandle({:#x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_holds_the_address() {
        let mut word = 0u64;
        let address = (&raw const word).addr() as u64;
        assert_eq!(GuestHandle::from_ptr(&raw const word).0, address);
        assert_eq!(GuestHandle::from_mut_ptr(&raw mut word).0, address);
        assert!(GuestHandle::NULL.is_null());
    }
}
