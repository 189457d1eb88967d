//! What a disk's content is kept in.

use core::fmt;
use xen_hypercall::{ReadOnlyMem, SharedMem};
pub use xen_sys::io::blkif::SECTOR_SIZE;

/// A storage's failure. The frontend learns no more than that there was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockDeviceError {
    /// The medium failed.
    Io,
    /// The storage can't do this.
    Unsupported,
}

impl fmt::Display for BlockDeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Io => "the storage failed",
            Self::Unsupported => "the storage can't do this",
        })
    }
}

impl core::error::Error for BlockDeviceError {}

/// What a storage offers for freeing sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discard {
    /// The unit in bytes.
    pub granularity: u32,
    /// Where the first unit begins, in bytes.
    pub alignment: u32,
    /// Whether what was freed can be made impossible to recover (`discard-secure`).
    pub secure: bool,
}

/// A run of bytes that a storage reads from or writes to: a guest's own pages, mapped, or a private
/// copy.
#[derive(Debug)]
pub struct IoBuffer<'m>(Place<'m>);

#[derive(Debug)]
enum Place<'m> {
    Shared { mem: &'m SharedMem, start: usize, len: usize },
    ReadOnly { mem: &'m ReadOnlyMem, start: usize, len: usize },
    Private(&'m mut [u8]),
}

impl<'m> IoBuffer<'m> {
    /// Makes a piece of memory that another domain may change at any time. `None` if it has not
    /// that many bytes.
    pub fn shared(mem: &'m SharedMem, start: usize, len: usize) -> Option<Self> {
        let fits = start <= mem.len() && len <= mem.len() - start;
        fits.then_some(Self(Place::Shared { mem, start, len }))
    }

    /// Makes a piece of memory that another domain may change at any time and that can't be
    /// written. `None` if it has not that many bytes.
    pub fn read_only(mem: &'m ReadOnlyMem, start: usize, len: usize) -> Option<Self> {
        let fits = start <= mem.len() && len <= mem.len() - start;
        fits.then_some(Self(Place::ReadOnly { mem, start, len }))
    }

    /// Makes a piece of private memory.
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

    /// Copies `bytes` to offset `at`: what a read has found. `None`, with nothing copied, if they
    /// do not fit, or if the memory is the guest's source of a write, which is mapped for
    /// reading alone.
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

    /// Copies from offset `at` to `bytes`: what is to be written. `None`, with nothing copied, if
    /// there are not so many.
    ///
    /// Take each byte once: of a guest's own pages, a second look may find another.
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

    /// Returns the bytes, if they are private.
    pub fn as_private(&mut self) -> Option<&mut [u8]> {
        match &mut self.0 {
            Place::Shared { .. } | Place::ReadOnly { .. } => None,
            Place::Private(bytes) => Some(bytes),
        }
    }

    /// Returns the memory and where in it the bytes begin, if they are a guest's.
    pub fn as_shared(&self) -> Option<(&'m ReadOnlyMem, usize)> {
        match &self.0 {
            Place::Shared { mem, start, .. } => Some((mem.as_read_only(), *start)),
            Place::ReadOnly { mem, start, .. } => Some((mem, *start)),
            Place::Private(_) => None,
        }
    }
}

/// Keeps the content of a disk.
///
/// All positions and sizes are in sectors of 512 bytes, whatever [`sector_size`](Self::sector_size)
/// says, as in the protocol. Everything that a frontend asks for is checked before it comes here:
/// ranges lie within [`sectors`](Self::sectors), and respect the sector size.
///
/// The methods return when the work is done. So there is never a request in flight between two
/// polls of the backend: a frontend that dies, closes or breaks the protocol leaves nothing behind
/// that would have to be waited for or called back, its pages are mapped only while one request is
/// carried out, and barriers need no bookkeeping. A storage on top of a slow device blocks the
/// thread that serves it; give each such disk a thread.
pub trait BlockDevice {
    /// Returns the disk's size in units of 512 bytes. When it changes, the frontend is told at the
    /// next poll.
    fn sectors(&self) -> u64;

    /// Returns the smallest unit in bytes that can be read or written, a power of two, 512 to 4096.
    fn sector_size(&self) -> u32 {
        SECTOR_SIZE as u32
    }

    /// Tells whether nothing may be written.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Returns what the storage offers for freeing sectors, `None` if nothing.
    fn discard_support(&self) -> Option<Discard> {
        None
    }

    /// Reads the sectors from `sector` on into all of `to`.
    ///
    /// # Errors
    ///
    /// [`BlockDeviceError`]. The content of `to` can reach the frontend all the same: it must not
    /// be data of others.
    fn read(&mut self, sector: u64, to: IoBuffer<'_>) -> Result<(), BlockDeviceError>;

    /// Writes all of `from` to the sectors from `sector` on.
    ///
    /// # Errors
    ///
    /// [`BlockDeviceError`]; what the sectors hold then is not defined.
    fn write(&mut self, sector: u64, from: IoBuffer<'_>) -> Result<(), BlockDeviceError>;

    /// Makes all that was written last.
    ///
    /// # Errors
    ///
    /// [`BlockDeviceError`].
    fn flush(&mut self) -> Result<(), BlockDeviceError> {
        Ok(())
    }

    /// Frees `count` sectors from `sector` on, at least one; what they hold afterwards is not
    /// defined.
    ///
    /// A frontend's range can begin and end within units of [`Discard::granularity`]. As a discard
    /// is a hint, the storage frees the units that lie in the range as a whole, or none. With
    /// `secure` it makes all of the range impossible to recover, or fails. `secure` is set only
    /// where [`Discard::secure`] is: a frontend that asks for it elsewhere has its sectors
    /// freed in the plain way (`io/blkif.h`: "ignored if discard-secure=0").
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

        fn discard(&mut $self, sector: u64, count: u64, secure: bool) -> Result<(), BlockDeviceError> {
            $target_mut.discard(sector, count, secure)
        }
    };
}

impl<S: BlockDevice + ?Sized> BlockDevice for &mut S {
    delegate!(self => (**self), (**self));
}

/// A disk that several devices serve.
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
    fn read_only_piece_takes_no_bytes() {
        let mut pages = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut pages);
        mem.write(1532, b"abcd").unwrap();
        let mut piece = IoBuffer::read_only(mem.as_read_only(), 512, 1024).unwrap();
        let mut found = [0; 4];
        assert!(piece.get(1020, &mut found).is_some());
        assert_eq!((&found, piece.len()), (b"abcd", 1024));
        assert!(piece.get(1021, &mut found).is_none());
        assert!(piece.put(0, b"x").is_none() && piece.as_private().is_none());
        assert_eq!(piece.as_shared().map(|(_, start)| start), Some(512));
        assert!(IoBuffer::read_only(mem.as_read_only(), 4096, 512).is_none());
    }

    #[test]
    fn nothing_reaches_outside_a_piece() {
        let mut pages = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut pages);
        let mut bytes = [0; 1024];
        for mut piece in [IoBuffer::shared(mem, 512, 1024).unwrap(), IoBuffer::private(&mut bytes)]
        {
            assert_eq!(piece.len(), 1024);
            assert!(piece.put(1020, b"abcd").is_some());
            assert!(piece.put(1021, b"abcd").is_none());
            assert!(piece.put(usize::MAX, b"abcd").is_none());
            let mut back = [0; 4];
            assert!(piece.get(1020, &mut back).is_some());
            assert_eq!(&back, b"abcd");
            assert!(piece.get(1021, &mut back).is_none());
        }
        assert!(IoBuffer::shared(mem, 4096, 512).is_none());
        assert!(IoBuffer::shared(mem, usize::MAX, 2).is_none());
    }
}
