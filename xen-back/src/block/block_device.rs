//! The storage of a disk.

use super::Discard;
use thiserror::Error;
use xen_hypercall::{ReadOnlyMem, SharedMem};
pub use xen_sys::io::blkif::SECTOR_SIZE;

/// A failure of a storage. The frontend receives a status only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BlockDeviceError {
    /// The medium failed.
    #[error("the storage failed")]
    Io,
    /// The storage does not support the operation.
    #[error("the storage does not support this")]
    Unsupported,
}

/// A run of bytes that a storage reads or writes: mapped pages of a guest, or a private copy.
#[derive(Debug)]
pub struct IoBuffer<'m>(Place<'m>);

#[derive(Debug)]
enum Place<'m> {
    Shared { mem: &'m SharedMem, start: usize, len: usize },
    ReadOnly { mem: &'m ReadOnlyMem, start: usize, len: usize },
    Private(&'m mut [u8]),
}

impl<'m> IoBuffer<'m> {
    /// Makes a buffer of memory that another domain can change at any time. `None` if it has fewer
    /// bytes.
    pub fn shared(mem: &'m SharedMem, start: usize, len: usize) -> Option<Self> {
        let fits = start <= mem.len() && len <= mem.len() - start;
        fits.then_some(Self(Place::Shared { mem, start, len }))
    }

    /// Makes a read-only buffer of memory that another domain can change at any time. `None` if it
    /// has fewer bytes.
    pub fn read_only(mem: &'m ReadOnlyMem, start: usize, len: usize) -> Option<Self> {
        let fits = start <= mem.len() && len <= mem.len() - start;
        fits.then_some(Self(Place::ReadOnly { mem, start, len }))
    }

    /// Makes a buffer of private memory.
    pub fn private(bytes: &'m mut [u8]) -> Self {
        Self(Place::Private(bytes))
    }

    /// Returns the number of bytes, a multiple of 512.
    #[expect(clippy::len_without_is_empty, reason = "a request has at least a sector")]
    pub fn len(&self) -> usize {
        match &self.0 {
            Place::Shared { len, .. } | Place::ReadOnly { len, .. } => *len,
            Place::Private(bytes) => bytes.len(),
        }
    }

    /// Copies `bytes`, the result of a read, to offset `at`. `None`, with nothing copied, if the
    /// buffer is too short or read-only, as the source of a write is.
    #[must_use]
    pub fn put(&mut self, at: usize, bytes: &[u8]) -> Option<()> {
        match &mut self.0 {
            Place::Shared { mem, start, len } => (at <= *len && bytes.len() <= *len - at)
                .then(|| mem.copy_from(*start + at, bytes))?,
            Place::ReadOnly { .. } => None,
            Place::Private(target) => {
                target.get_mut(at..)?.get_mut(..bytes.len())?.copy_from_slice(bytes);
                Some(())
            }
        }
    }

    /// Copies the bytes to be written from offset `at` to `bytes`. `None`, with nothing copied, if
    /// the buffer is too short.
    ///
    /// Copy each byte once: a guest can change its pages between two copies.
    #[must_use]
    pub fn get(&self, at: usize, bytes: &mut [u8]) -> Option<()> {
        match &self.0 {
            Place::Shared { mem, start, len } => {
                (at <= *len && bytes.len() <= *len - at).then(|| mem.copy_to(*start + at, bytes))?
            }
            Place::ReadOnly { mem, start, len } => {
                (at <= *len && bytes.len() <= *len - at).then(|| mem.copy_to(*start + at, bytes))?
            }
            Place::Private(source) => {
                bytes.copy_from_slice(source.get(at..)?.get(..bytes.len())?);
                Some(())
            }
        }
    }

    /// Returns the bytes of private memory.
    pub fn as_private(&mut self) -> Option<&mut [u8]> {
        match &mut self.0 {
            Place::Shared { .. } | Place::ReadOnly { .. } => None,
            Place::Private(bytes) => Some(bytes),
        }
    }

    /// Returns a guest's memory, and the offset of the bytes in it.
    pub fn as_shared(&self) -> Option<(&'m ReadOnlyMem, usize)> {
        match &self.0 {
            Place::Shared { mem, start, .. } => Some((mem.as_read_only(), *start)),
            Place::ReadOnly { mem, start, .. } => Some((mem, *start)),
            Place::Private(_) => None,
        }
    }
}

/// The storage of a disk.
///
/// All positions and sizes are in sectors of 512 bytes, as in the protocol, also with a larger
/// [`sector_size`](Self::sector_size). The backend validates requests before it calls the storage:
/// ranges lie within [`sectors`](Self::sectors) and are multiples of the sector size.
///
/// The methods return when the operation is complete. So [`BlkBack`](super::BlkBack) has no request
/// in flight between two polls, and maps a guest's pages only during one request. A slow storage
/// blocks the thread that polls the backend: give it a thread, or use an
/// [`AsyncBlkBack`](super::AsyncBlkBack).
pub trait BlockDevice {
    /// Returns the disk's size in units of 512 bytes. The frontend is notified of a change at the
    /// next poll.
    fn sectors(&self) -> u64;

    /// Returns the smallest unit in bytes that can be read or written, a power of two, 512 to 4096.
    fn sector_size(&self) -> u32 {
        SECTOR_SIZE as u32
    }

    /// Returns whether the disk is read-only.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Returns the discard support, if there is any.
    fn discard_support(&self) -> Option<Discard> {
        None
    }

    /// Reads the sectors from `sector` on into all of `to`.
    ///
    /// # Errors
    ///
    /// [`BlockDeviceError`]. With mapped pages, the frontend can read `to` nevertheless: it must
    /// not be data of others.
    fn read(&mut self, sector: u64, to: IoBuffer<'_>) -> Result<(), BlockDeviceError>;

    /// Writes all of `from` to the sectors from `sector` on.
    ///
    /// # Errors
    ///
    /// [`BlockDeviceError`]; the content of the sectors is then undefined.
    fn write(&mut self, sector: u64, from: IoBuffer<'_>) -> Result<(), BlockDeviceError>;

    /// Makes all completed writes durable.
    ///
    /// # Errors
    ///
    /// [`BlockDeviceError`].
    fn flush(&mut self) -> Result<(), BlockDeviceError> {
        Ok(())
    }

    /// Frees `count` sectors from `sector` on, at least one; their content is then undefined.
    ///
    /// A frontend's range can begin and end within units of [`Discard::granularity`]. As a discard
    /// is a hint, the storage frees the units that lie in the range as a whole, or none. With
    /// `secure` it makes all of the range impossible to recover, or fails. `secure` is set only
    /// where [`Discard::secure`] is: elsewhere, the request is carried out as a plain discard
    /// (`io/blkif.h`: "ignored if discard-secure=0").
    ///
    /// # Errors
    ///
    /// [`BlockDeviceError`].
    fn discard(&mut self, sector: u64, count: u64, secure: bool) -> Result<(), BlockDeviceError> {
        let _ = (sector, count, secure);
        Err(BlockDeviceError::Unsupported)
    }
}

macro_rules! delegate {
    ($self:ident => $target:expr, $target_mut:expr) => {
        fn sectors(&$self) -> u64 {
            $target.sectors()
        }

        fn sector_size(&$self) -> u32 {
            $target.sector_size()
        }

        fn is_read_only(&$self) -> bool {
            $target.is_read_only()
        }

        fn discard_support(&$self) -> Option<Discard> {
            $target.discard_support()
        }

        fn read(&mut $self, sector: u64, to: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
            $target_mut.read(sector, to)
        }

        fn write(&mut $self, sector: u64, from: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
            $target_mut.write(sector, from)
        }

        fn flush(&mut $self) -> Result<(), BlockDeviceError> {
            $target_mut.flush()
        }

        fn discard(
            &mut $self,
            sector: u64,
            count: u64,
            secure: bool,
        ) -> Result<(), BlockDeviceError> {
            $target_mut.discard(sector, count, secure)
        }
    };
}

impl<S: BlockDevice + ?Sized> BlockDevice for &mut S {
    delegate!(self => (**self), (**self));
}

/// A disk behind several devices.
#[cfg(feature = "alloc")]
impl<S: BlockDevice + ?Sized> BlockDevice for alloc::rc::Rc<core::cell::RefCell<S>> {
    delegate!(self => self.borrow(), self.borrow_mut());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use xen_hypercall::Page;

    #[test]
    fn read_only_buffer_takes_no_bytes() {
        let mut pages = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut pages);
        mem.write(1532, b"abcd").unwrap();
        let mut buffer = IoBuffer::read_only(mem.as_read_only(), 512, 1024).unwrap();
        let mut found = [0; 4];
        assert!(buffer.get(1020, &mut found).is_some());
        assert_eq!((&found, buffer.len()), (b"abcd", 1024));
        assert!(buffer.get(1021, &mut found).is_none());
        assert!(buffer.put(0, b"x").is_none() && buffer.as_private().is_none());
        assert_eq!(buffer.as_shared().map(|(_, start)| start), Some(512));
        assert!(IoBuffer::read_only(mem.as_read_only(), 4096, 512).is_none());
    }

    #[test]
    fn access_stays_within_buffer() {
        let mut pages = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut pages);
        let mut bytes = [0; 1024];
        for mut buffer in [IoBuffer::shared(mem, 512, 1024).unwrap(), IoBuffer::private(&mut bytes)]
        {
            assert_eq!(buffer.len(), 1024);
            assert!(buffer.put(1020, b"abcd").is_some());
            assert!(buffer.put(1021, b"abcd").is_none());
            assert!(buffer.put(usize::MAX, b"abcd").is_none());
            let mut back = [0; 4];
            assert!(buffer.get(1020, &mut back).is_some());
            assert_eq!(&back, b"abcd");
            assert!(buffer.get(1021, &mut back).is_none());
        }
        assert!(IoBuffer::shared(mem, 4096, 512).is_none());
        assert!(IoBuffer::shared(mem, usize::MAX, 2).is_none());
    }
}
