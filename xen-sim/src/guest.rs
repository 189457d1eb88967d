//! Memory that the arguments of a hypercall point to.

use xen_hypercall::Errno;
use xen_sys::GuestHandle;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Address of an array in the caller's memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guest(usize);

impl Guest {
    /// Creates it from an argument of the hypercall.
    ///
    /// # Safety
    ///
    /// The address must be null, or valid with exposed provenance for the reads and writes of the
    /// operation.
    pub(crate) unsafe fn new(address: usize) -> Self {
        Self(address)
    }

    /// Creates it from a handle in an argument structure.
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new).
    pub(crate) unsafe fn from_handle(handle: GuestHandle) -> Self {
        Self(handle.0 as usize)
    }

    pub(crate) fn is_null(self) -> bool {
        self.0 == 0
    }

    /// Reads element `index`.
    pub(crate) fn read_at<T: FromBytes>(self, index: usize) -> Result<T, Errno> {
        if self.is_null() {
            return Err(Errno::EFAULT);
        }
        let place = core::ptr::with_exposed_provenance::<T>(self.0 + index * size_of::<T>());
        // SAFETY: valid for reads by the contract of `new`; FromBytes accepts any content.
        Ok(unsafe { place.read_unaligned() })
    }

    /// Writes element `index`.
    pub(crate) fn write_at<T: IntoBytes + Immutable>(
        self,
        index: usize,
        value: T,
    ) -> Result<(), Errno> {
        if self.is_null() {
            return Err(Errno::EFAULT);
        }
        let place = core::ptr::with_exposed_provenance_mut::<T>(self.0 + index * size_of::<T>());
        // SAFETY: valid for writes by the contract of `new`.
        unsafe { place.write_unaligned(value) };
        Ok(())
    }

    pub(crate) fn read<T: FromBytes>(self) -> Result<T, Errno> {
        self.read_at(0)
    }

    pub(crate) fn write<T: IntoBytes + Immutable>(self, value: T) -> Result<(), Errno> {
        self.write_at(0, value)
    }

    /// Reads `len` bytes.
    pub(crate) fn bytes(self, len: usize) -> Result<Vec<u8>, Errno> {
        (0..len).map(|index| self.read_at(index)).collect()
    }
}
