//! A socket, or a character device, as a transport.

use super::device::{Device, refusal};
use super::inbox::{Inbox, ROOM, TIMEOUT};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec::Vec;
use xen_store::connection::{ConnectionError, Transport};
use xen_store::wire::{HEADER_LEN, XsdSockmsg, decode};

#[derive(Debug)]
pub(super) enum Kind {
    Socket(UnixStream),
    /// The kernel takes one message with each write.
    Device(File),
}

impl Kind {
    pub(super) fn socket(socket: UnixStream) -> io::Result<Self> {
        // A thread waits for replies by reading; all other calls do not wait.
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(TIMEOUT))?;
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

    /// Reads what there is; from a socket, may wait for it.
    pub(super) fn read(&self, buffer: &mut [u8], wait: bool) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => {
                let flags = if wait { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
                Ok(recv(socket, buffer, flags)?.0)
            }
            Self::Device(file) => (&*file).read(buffer),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => {
                Ok(send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
            }
            Self::Device(file) => (&*file).write(bytes),
        }
    }
}

/// A stream to a server in user space, or to the kernel's device.
///
/// What is written goes out with the next [`notify`](Transport::notify), all at once; what has come
/// is read as a whole.
pub struct Stream {
    inbox: Arc<Inbox>,
    kind: Arc<Kind>,
    /// Path for a reconnection.
    path: Option<PathBuf>,
    out: Vec<u8>,
    /// State of a device; unused for a socket.
    device: Device,
    /// `true` if the server has not read the last write yet, so that no reply can have come.
    unseen: bool,
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

    /// Opens a kernel's character device, by which programs share the kernel's own connection.
    /// Linux hands each one the events of its watches only, does not pass a watch's depth on,
    /// and is given one request at a time, however many are queued.
    ///
    /// # Errors
    ///
    /// Those of opening it.
    pub fn device(path: &Path) -> io::Result<Self> {
        Ok(Self::new(Kind::device(path)?, Some(path)))
    }

    fn new(kind: Kind, path: Option<&Path>) -> Self {
        let kind = Arc::new(kind);
        Self {
            inbox: Arc::new(Inbox::new(Arc::clone(&kind))),
            kind,
            path: path.map(Into::into),
            out: Vec::with_capacity(ROOM),
            device: Device::default(),
            unseen: false,
        }
    }

    pub(super) fn inbox(&self) -> Arc<Inbox> {
        Arc::clone(&self.inbox)
    }

    /// Returns the header of the message that goes next, if all of it waits.
    fn message(&self) -> Option<XsdSockmsg> {
        let header = self.out.first_chunk().and_then(|header| decode(header).ok())?;
        (HEADER_LEN + header.len as usize <= self.out.len()).then_some(header)
    }

    /// Returns how much of what waits may go with one write.
    fn unit(&self) -> usize {
        match &*self.kind {
            Kind::Socket(_) => self.out.len(),
            Kind::Device(_) if !self.device.is_free() => 0,
            // What is not complete has to wait for the rest.
            Kind::Device(_) => self.message().map_or(0, |header| HEADER_LEN + header.len as usize),
        }
    }

    /// Answers the next message, which the device refuses, in the server's place.
    fn refused(&mut self, unit: usize, error: &io::Error) -> Result<(), ConnectionError> {
        let device = matches!(&*self.kind, Kind::Device(_));
        let said = refusal(Errno::from_io_error(error)).filter(|_| device);
        let (Some(said), Some(header)) = (said, self.message()) else { return Err(failure(error)) };
        self.device.refuse(&header, said);
        self.out.drain(..unit);
        self.inbox.turn();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ConnectionError> {
        let mut full = false;
        loop {
            let unit = self.unit();
            let Some(bytes) = self.out.get(..unit).filter(|bytes| !bytes.is_empty()) else { break };
            match self.kind.write(bytes) {
                Ok(0) => return Err(ConnectionError::Closed),
                Ok(count) => {
                    drop(self.out.drain(..count));
                    self.device.sent();
                }
                Err(error) if is_for_later(&error) => {
                    full = true;
                    break;
                }
                Err(error) => self.refused(unit, &error)?,
            }
        }
        self.inbox.set_full(full);
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
        let refused = self.device.take(into);
        if refused > 0 {
            return Ok(refused);
        }
        let count = self.inbox.take(&self.kind, into, !self.unseen)?;
        if matches!(&*self.kind, Kind::Device(_)) {
            self.device.pass(into.get(..count).unwrap_or_default());
            self.flush()?;
        }
        Ok(count)
    }

    fn notify(&mut self) -> Result<(), ConnectionError> {
        self.unseen = false;
        self.inbox.next_turn();
        if self.out.is_empty() { Ok(()) } else { self.flush() }
    }

    /// Connects to the same place again, where a server may have been started anew.
    fn reconnect(&mut self) -> Result<(), ConnectionError> {
        let path = self.path.as_deref().ok_or(ConnectionError::CannotReconnect)?;
        let kind = match &*self.kind {
            Kind::Socket(_) => UnixStream::connect(path).and_then(Kind::socket),
            Kind::Device(_) => Kind::device(path),
        };
        let last =
            core::mem::replace(&mut self.kind, Arc::new(kind.map_err(|error| failure(&error))?));
        if let Kind::Socket(socket) = &*last {
            // It may be at its end already.
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.inbox.restart(Arc::clone(&self.kind));
        self.out.clear();
        self.device = Device::default();
        self.unseen = false;
        Ok(())
    }
}

pub(super) fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

pub(super) fn failure(error: &io::Error) -> ConnectionError {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => ConnectionError::Closed,
        _ => ConnectionError::System { code: error.raw_os_error().unwrap_or(0) },
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}
