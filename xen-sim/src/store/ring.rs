//! xenstore ring of a guest, at the server's end.

use crate::machine::Machine;
use crate::pool::Mfn;
use core::mem::offset_of;
use core::sync::atomic::Ordering::{Acquire, Release};
use xen_hypercall::{DomId, SharedMem, SharedU32};
use xen_ring::{ByteConsumer, ByteProducer, Corrupt};
use xen_sys::io::xs_wire::{XenstoreDomainInterface as Page, *};
use xenstored::server::{Breach as ServerBreach, ConnectionId, NoDomains, Server};

type Requests = ByteConsumer<
    { offset_of!(Page, req) },
    XENSTORE_RING_SIZE,
    { offset_of!(Page, req_cons) },
    { offset_of!(Page, req_prod) },
>;
type Replies = ByteProducer<
    { offset_of!(Page, rsp) },
    XENSTORE_RING_SIZE,
    { offset_of!(Page, rsp_cons) },
    { offset_of!(Page, rsp_prod) },
>;

#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) connection: ConnectionId,
    domain: DomId,
    page: Mfn,
    requests: Requests,
    replies: Replies,
    /// Port of the control domain.
    pub(crate) port: u32,
    /// The guest has sent an event that is not yet handled.
    pub(super) woken: bool,
    /// The guest broke the protocol, and is not served until it reconnects.
    broken: bool,
}

macro_rules! index {
    ($page:expr, $field:ident) => {
        word($page, offset_of!(Page, $field))
    };
}

fn word(page: &SharedMem, offset: usize) -> SharedU32<'_> {
    page.u32_at(offset).expect("the word is in the page")
}

/// Protocol violation of a guest.
#[derive(Clone, Copy)]
enum Breach {
    Index,
    Protocol,
    Stalled,
}

impl From<Corrupt> for Breach {
    fn from(_: Corrupt) -> Self {
        Self::Index
    }
}

impl Ring {
    pub(crate) fn new(
        machine: &Machine,
        server: &Server,
        connection: ConnectionId,
        page: Mfn,
        port: u32,
    ) -> Self {
        let domain = server.domain_of(connection);
        let features = server.features(domain);
        let mem = machine.page(page);
        index!(mem, server_features).store(features.0, Release);
        index!(mem, connection).store(XENSTORE_CONNECTED, Release);
        let (requests, replies) = (Requests::attach(mem), Replies::attach(mem));
        Self { connection, domain, page, requests, replies, port, woken: true, broken: false }
    }

    /// Takes requests and sends messages; returns whether there were any.
    pub(super) fn pump(
        &mut self,
        machine: &mut Machine,
        server: &mut Server,
        chunk: usize,
    ) -> bool {
        if !machine.is_alive(self.domain) {
            return false;
        }
        let mem = machine.page(self.page);
        let mut moved = false;
        if self.woken && index!(mem, connection).load(Acquire) == XENSTORE_RECONNECT {
            self.reconnect(mem, server);
            moved = true;
        }
        if self.broken {
            self.woken = false;
        } else {
            match self.exchange(mem, server, chunk) {
                Ok(bytes) => moved |= bytes > 0,
                Err(breach) => {
                    self.disconnect(mem, server, breach);
                    moved = true;
                }
            }
        }
        if moved {
            // The guest may have closed its port, which is no error.
            let _ = machine.send(DomId(0), self.port);
        }
        moved
    }

    fn exchange(
        &mut self,
        mem: &SharedMem,
        server: &mut Server,
        chunk: usize,
    ) -> Result<usize, Breach> {
        let taken = if self.woken { self.take(mem, server, chunk)? } else { 0 };
        let given = self.give(mem, server, chunk)?;
        match server.breach(self.connection) {
            None => Ok(taken + given),
            Some(ServerBreach::Stalled { .. }) => Err(Breach::Stalled),
            Some(_) => Err(Breach::Protocol),
        }
    }

    /// Copies requests from the ring to the server.
    fn take(
        &mut self,
        mem: &SharedMem,
        server: &mut Server,
        chunk: usize,
    ) -> Result<usize, Breach> {
        let waiting = self.requests.available(mem)?;
        if !server.accepts(self.connection) {
            return Ok(0);
        }
        let count = waiting.min(chunk);
        self.woken = count < waiting;
        let mut bytes = [0; XENSTORE_RING_SIZE];
        let taken = self.requests.read(mem, &mut bytes[..count])?;
        server
            .receive(self.connection, &bytes[..taken], &mut NoDomains)
            .map_err(|_| Breach::Protocol)?;
        Ok(taken)
    }

    /// Copies messages from the server to the ring.
    fn give(
        &mut self,
        mem: &SharedMem,
        server: &mut Server,
        chunk: usize,
    ) -> Result<usize, Breach> {
        let room = self.replies.free(mem)?.min(chunk);
        let mut bytes = [0; XENSTORE_RING_SIZE];
        let given = server.send(self.connection, &mut bytes[..room]);
        self.replies.write(mem, &bytes[..given])?;
        // Requests that waited for space may continue.
        self.woken |= given > 0;
        Ok(given)
    }

    /// Resets the connection at the guest's request.
    fn reconnect(&mut self, mem: &SharedMem, server: &mut Server) {
        server.disconnect(self.connection);
        self.connection = server.connect(self.domain);
        for index in [
            index!(mem, req_prod),
            index!(mem, req_cons),
            index!(mem, rsp_prod),
            index!(mem, rsp_cons),
            index!(mem, error),
        ] {
            index.store(0, Release);
        }
        (self.requests, self.replies) = (Requests::attach(mem), Replies::attach(mem));
        index!(mem, connection).store(XENSTORE_CONNECTED, Release);
        self.broken = false;
    }

    /// Stops serving the guest, and writes the error to the ring.
    fn disconnect(&mut self, mem: &SharedMem, server: &mut Server, breach: Breach) {
        let error = match breach {
            Breach::Index => XENSTORE_ERROR_RINGIDX,
            Breach::Protocol => XENSTORE_ERROR_PROTO,
            Breach::Stalled => XENSTORE_ERROR_COMM,
        };
        index!(mem, error).store(error, Release);
        // The watches and transactions end with the connection.
        server.disconnect(self.connection);
        self.connection = server.connect(self.domain);
        self.broken = true;
    }
}
