//! Transports of bytes to the server and back.

use super::ConnectionError;
use xen_hypercall::sync::{Ordering, fence};
use xen_hypercall::{Mapped, Platform, Port, SharedMem, ops};
use xen_ring::{ByteConsumer, ByteProducer};
use xen_sys::io::xs_wire::{
    ServerFeatures, XENSTORE_CONNECTED, XENSTORE_ERROR_NONE, XENSTORE_RECONNECT,
    XENSTORE_RING_SIZE, XenstoreDomainInterface as Page,
};

/// A stream of bytes to a xenstore server and one back. No method waits.
pub trait Transport {
    /// Sends as many of `bytes` as there is room for and returns how many; zero if there is none.
    ///
    /// # Errors
    ///
    /// [`ConnectionError`] if the connection is broken; for good.
    fn try_write(&mut self, bytes: &[u8]) -> Result<usize, ConnectionError>;

    /// Receives as many bytes as there are and `buffer` holds and returns how many; zero if there
    /// are none.
    ///
    /// # Errors
    ///
    /// [`ConnectionError`] if the connection is broken; for good.
    fn try_read(&mut self, buffer: &mut [u8]) -> Result<usize, ConnectionError>;

    /// Notifies the server, if it needs to be, of the writes and reads since the last call.
    ///
    /// # Errors
    ///
    /// [`ConnectionError`] if the connection is broken; for good.
    fn notify(&mut self) -> Result<(), ConnectionError>;

    /// Requests a new connection from the server in the place of this one, which is broken or was
    /// ended by the server. Nothing can be written or read before the server agrees.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::CannotReconnect`] if the transport or the server does not support
    /// it; nothing has changed then.
    fn reconnect(&mut self) -> Result<(), ConnectionError> {
        Err(ConnectionError::CannotReconnect)
    }

    /// Returns whether the server may still keep watches and transactions of an earlier user of
    /// this connection, so that the first request has to end them. A shared connection returns
    /// `false`: through a device the watches are those of the kernel.
    fn is_inherited(&self) -> bool {
        false
    }
}

type Requests = ByteProducer<
    { core::mem::offset_of!(Page, req) },
    XENSTORE_RING_SIZE,
    { core::mem::offset_of!(Page, req_cons) },
    { core::mem::offset_of!(Page, req_prod) },
>;
type Replies = ByteConsumer<
    { core::mem::offset_of!(Page, rsp) },
    XENSTORE_RING_SIZE,
    { core::mem::offset_of!(Page, rsp_cons) },
    { core::mem::offset_of!(Page, rsp_prod) },
>;

/// The ring page that a domain shares with the server.
///
/// Nothing is sent or received before the page's `connection` field has the value of a connected
/// server; then the indices start at the values found. The page is never zeroed.
///
/// Source: `docs/misc/xenstore-ring.txt`, `xenstore_domain_interface` in `io/xs_wire.h`.
#[derive(Debug)]
pub struct RingTransport<P: Platform, M: AsRef<SharedMem> = Mapped<P>> {
    platform: P,
    page: M,
    port: Port,
    ends: Option<(Requests, Replies)>,
    notify: bool,
}

impl<P: Platform, M: AsRef<SharedMem>> RingTransport<P, M> {
    /// Takes the page and the port that goes with it.
    pub fn new(platform: P, page: M, port: Port) -> Self {
        Self { platform, page, port, ends: None, notify: false }
    }

    /// Returns what the server says it can do.
    pub fn server_features(&self) -> ServerFeatures {
        let features = self.page.as_ref().u32::<{ core::mem::offset_of!(Page, server_features) }>();
        ServerFeatures(features.load(Ordering::Relaxed))
    }

    /// Attaches to the ring if the server is connected; checks for an error of the server.
    fn attach(&mut self) -> Result<bool, ConnectionError> {
        let mem = self.page.as_ref();
        if self.ends.is_none() {
            let connection =
                mem.u32::<{ core::mem::offset_of!(Page, connection) }>().load(Ordering::Acquire);
            if connection != XENSTORE_CONNECTED {
                return Ok(false);
            }
            self.ends = Some((Requests::attach(mem), Replies::attach(mem)));
        }
        if self.server_features().contains(ServerFeatures::ERROR) {
            let code = mem.u32::<{ core::mem::offset_of!(Page, error) }>().load(Ordering::Relaxed);
            if code != XENSTORE_ERROR_NONE {
                return Err(ConnectionError::Lost { code });
            }
        }
        Ok(true)
    }
}

impl<P: Platform, M: AsRef<SharedMem>> Transport for RingTransport<P, M> {
    fn try_write(&mut self, bytes: &[u8]) -> Result<usize, ConnectionError> {
        if !self.attach()? {
            return Ok(0);
        }
        let Some((requests, _)) = &mut self.ends else { return Ok(0) };
        let count = requests.write(self.page.as_ref(), bytes)?;
        self.notify |= count > 0;
        Ok(count)
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<usize, ConnectionError> {
        if !self.attach()? {
            return Ok(0);
        }
        let Some((_, replies)) = &mut self.ends else { return Ok(0) };
        let mem = self.page.as_ref();
        let count = replies.read(mem, buffer)?;
        if count > 0 {
            // A server that found no room sleeps until it is notified. If it checked before our
            // index moved, its own index shows here that the ring was full; if it checked
            // after, it found the room.
            fence(Ordering::SeqCst);
            self.notify |= replies.available(mem)? + count >= XENSTORE_RING_SIZE;
        }
        Ok(count)
    }

    fn notify(&mut self) -> Result<(), ConnectionError> {
        if core::mem::take(&mut self.notify) {
            ops::event_channel::send(&self.platform, self.port)
                .map_err(|errno| ConnectionError::Notify { port: self.port, errno })?;
        }
        Ok(())
    }

    fn reconnect(&mut self) -> Result<(), ConnectionError> {
        if !self.server_features().contains(ServerFeatures::RECONNECTION) {
            return Err(ConnectionError::CannotReconnect);
        }
        self.ends = None;
        let connection = self.page.as_ref().u32::<{ core::mem::offset_of!(Page, connection) }>();
        connection.store(XENSTORE_RECONNECT, Ordering::Release);
        self.notify = true;
        self.notify()
    }

    /// Returns `true`: the page stays when one kernel follows another.
    fn is_inherited(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A transport with nothing but what is required.
    struct Plain;

    impl Transport for Plain {
        fn try_write(&mut self, bytes: &[u8]) -> Result<usize, ConnectionError> {
            Ok(bytes.len())
        }

        fn try_read(&mut self, _: &mut [u8]) -> Result<usize, ConnectionError> {
            Ok(0)
        }

        fn notify(&mut self) -> Result<(), ConnectionError> {
            Ok(())
        }
    }

    #[test]
    fn plain_transport_cannot_reconnect() {
        assert_eq!(Plain.reconnect(), Err(ConnectionError::CannotReconnect));
        assert!(!Plain.is_inherited());
    }
}
