//! A socket, or a character device, as a transport.

use crate::connection::{ConnectionError, Transport};
use crate::wire::{HEADER_LEN, XENSTORE_PAYLOAD_MAX, decode};
use rustix::event::PollFlags;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::vec::Vec;
use std::{fmt, vec};

/// The bytes that are read from, and kept for, the server at once.
const ROOM: usize = 8 * (HEADER_LEN + XENSTORE_PAYLOAD_MAX);

#[derive(Debug)]
pub(super) enum Kind {
    Socket(UnixStream),
    /// The kernel takes one message with each write.
    Device(File),
}

/// What the transport shares with the process that waits for it.
#[derive(Debug)]
pub(super) struct Shared {
    /// Another one after a reconnect.
    kind: Mutex<Arc<Kind>>,
    /// There is something left to write.
    full: AtomicBool,
}

impl Shared {
    pub(super) fn kind(&self) -> Arc<Kind> {
        Arc::clone(&self.kind.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn interest(&self) -> PollFlags {
        if self.full.load(Ordering::Relaxed) { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN }
    }
}

impl Kind {
    fn socket(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self::Socket(socket))
    }

    fn device(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        rustix::io::ioctl_fionbio(&file, true)?;
        Ok(Self::Device(file))
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Self::Socket(socket) => socket.as_fd(),
            Self::Device(file) => file.as_fd(),
        }
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => (&*socket).read(buffer),
            Self::Device(file) => (&*file).read(buffer),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => (&*socket).write(bytes),
            Self::Device(file) => (&*file).write(bytes),
        }
    }
}

/// A stream to a server in user space, or to the kernel's device.
///
/// What is written goes out with the next [`notify`](Transport::notify), all at once; what has come is read as a whole.
pub struct Stream {
    shared: Arc<Shared>,
    kind: Arc<Kind>,
    /// Where to connect again.
    path: Option<PathBuf>,
    out: Vec<u8>,
    /// Something was written that the server has not seen yet: to look for its reply would be in vain.
    unseen: bool,
    /// All that had come was read; to try once more is for the next turn.
    drained: bool,
    buffer: Vec<u8>,
    /// What of the buffer is not taken yet.
    ready: core::ops::Range<usize>,
}

impl Stream {
    /// Connects to the server that listens on a socket.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub fn connect(path: &Path) -> io::Result<Self> {
        Ok(Self::new(Kind::socket(UnixStream::connect(path)?)?, Some(path)))
    }

    /// Takes a socket that is connected to a server.
    ///
    /// # Errors
    ///
    /// Those of setting it up.
    pub fn socket(socket: UnixStream) -> io::Result<Self> {
        Ok(Self::new(Kind::socket(socket)?, None))
    }

    /// Opens a kernel's character device.
    ///
    /// # Errors
    ///
    /// Those of opening it.
    pub fn device(path: &Path) -> io::Result<Self> {
        Ok(Self::new(Kind::device(path)?, Some(path)))
    }

    fn new(kind: Kind, path: Option<&Path>) -> Self {
        let kind = Arc::new(kind);
        let shared = Shared { kind: Mutex::new(Arc::clone(&kind)), full: AtomicBool::new(false) };
        Self {
            shared: Arc::new(shared),
            kind,
            path: path.map(Into::into),
            drained: false,
            out: Vec::with_capacity(ROOM),
            unseen: false,
            buffer: vec![0; ROOM],
            ready: 0..0,
        }
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Returns how much of what waits may go with one write.
    fn unit(&self) -> usize {
        match &*self.kind {
            Kind::Socket(_) => self.out.len(),
            Kind::Device(_) => {
                let header = self.out.first_chunk().and_then(|header| decode(header).ok());
                let end = header.map_or(usize::MAX, |header| HEADER_LEN + header.len as usize);
                // What is not complete has to wait for the rest.
                if end <= self.out.len() { end } else { 0 }
            }
        }
    }

    fn flush(&mut self) -> Result<(), ConnectionError> {
        let mut full = false;
        loop {
            let unit = self.unit();
            let Some(bytes) = self.out.get(..unit).filter(|bytes| !bytes.is_empty()) else { break };
            match self.kind.write(bytes) {
                Ok(0) => return Err(ConnectionError::Closed),
                Ok(count) => drop(self.out.drain(..count)),
                Err(error) if is_for_later(&error) => {
                    full = true;
                    break;
                }
                Err(error) => return Err(failure(&error)),
            }
        }
        self.shared.full.store(full, Ordering::Relaxed);
        Ok(())
    }
}

impl Transport for Stream {
    fn try_write(&mut self, bytes: &[u8]) -> Result<usize, ConnectionError> {
        let count = bytes.len().min(ROOM.saturating_sub(self.out.len()));
        self.out.extend_from_slice(bytes.get(..count).unwrap_or_default());
        self.unseen |= count > 0;
        Ok(count)
    }

    fn try_read(&mut self, into: &mut [u8]) -> Result<usize, ConnectionError> {
        if self.ready.is_empty() {
            if self.unseen || self.drained {
                return Ok(0);
            }
            match self.kind.read(&mut self.buffer) {
                Ok(0) => return Err(ConnectionError::Closed),
                Ok(count) => {
                    self.ready = 0..count;
                    self.drained = count < ROOM;
                }
                Err(error) if is_for_later(&error) => return Ok(0),
                Err(error) => return Err(failure(&error)),
            }
        }
        let ready = self.buffer.get(self.ready.clone()).unwrap_or_default();
        let count = ready.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.ready.start += count;
        Ok(count)
    }

    fn notify(&mut self) -> Result<(), ConnectionError> {
        (self.unseen, self.drained) = (false, false);
        if self.out.is_empty() { Ok(()) } else { self.flush() }
    }

    /// Connects to the same place again, where a server may have been started anew.
    fn reconnect(&mut self) -> Result<(), ConnectionError> {
        let path = self.path.as_deref().ok_or(ConnectionError::CannotReconnect)?;
        let kind = match &*self.kind {
            Kind::Socket(_) => UnixStream::connect(path).and_then(Kind::socket),
            Kind::Device(_) => Kind::device(path),
        };
        self.kind = Arc::new(kind.map_err(|error| failure(&error))?);
        *self.shared.kind.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&self.kind);
        self.out.clear();
        self.ready = 0..0;
        (self.unseen, self.drained) = (false, false);
        self.shared.full.store(false, Ordering::Relaxed);
        Ok(())
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn failure(error: &io::Error) -> ConnectionError {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => ConnectionError::Closed,
        _ => ConnectionError::System { code: error.raw_os_error().unwrap_or(0) },
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("shared", &self.shared).finish_non_exhaustive()
    }
}
