//! A guest's ring, as the server serves it.

use crate::machine::Machine;
use crate::pool::Mfn;
use crate::xenstored::{ConnectionId, Database};
use core::mem::offset_of;
use core::sync::atomic::Ordering::{Acquire, Release};
use xen_hypercall::{DomId, SharedMem, SharedU32};
use xen_store::wire::{HEADER_LEN, decode};
use xen_sys::io::xs_wire::*;

/// Messages that may wait for a client before its requests are left lying.
const MAX_OUTSTANDING: usize = 20;

#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) connection: ConnectionId,
    domain: DomId,
    page: Mfn,
    /// The control domain's port.
    pub(crate) port: u32,
    /// The guest has sent an event that was not looked into yet.
    pub(super) woken: bool,
    input: Vec<u8>,
    /// Bytes of the first waiting message that are in the ring already.
    sent: usize,
    /// The guest broke the protocol; nothing is done for it until it reconnects.
    broken: bool,
}

macro_rules! index {
    ($page:expr, $field:ident) => {
        word($page, offset_of!(XenstoreDomainInterface, $field))
    };
}

fn word(page: &SharedMem, offset: usize) -> SharedU32<'_> {
    page.u32_at(offset).expect("a word of the page")
}

/// How a ring can be broken by its guest.
#[derive(Clone, Copy)]
enum Breach {
    Index,
    Protocol,
}

impl Ring {
    pub(crate) fn new(
        machine: &Machine,
        connection: ConnectionId,
        domain: DomId,
        page: Mfn,
        port: u32,
    ) -> Self {
        let features = ServerFeatures::RECONNECTION | ServerFeatures::ERROR;
        let mem = machine.page(page);
        index!(mem, server_features).store(features.0, Release);
        index!(mem, connection).store(XENSTORE_CONNECTED, Release);
        Self { connection, domain, page, port, woken: true, input: Vec::new(), sent: 0, broken: false }
    }

    /// Takes requests in and sends messages out; returns whether anything moved.
    pub(super) fn pump(&mut self, machine: &mut Machine, database: &mut Database, chunk: usize) -> bool {
        if !machine.is_alive(self.domain) {
            return false;
        }
        let mem = machine.page(self.page);
        let mut moved = false;
        if self.woken && index!(mem, connection).load(Acquire) == XENSTORE_RECONNECT {
            self.reconnect(mem, database);
            moved = true;
        }
        if self.broken {
            self.woken = false;
        } else {
            match self.exchange(mem, database, chunk) {
                Ok(bytes) => moved |= bytes > 0,
                Err(breach) => {
                    self.break_off(mem, database, breach);
                    moved = true;
                }
            }
        }
        if moved {
            // The guest may have closed its port; that is its own affair.
            let _ = machine.send(DomId(0), self.port);
        }
        moved
    }

    fn exchange(&mut self, mem: &SharedMem, database: &mut Database, chunk: usize) -> Result<usize, Breach> {
        let taken = if self.woken { self.take(mem, database, chunk)? } else { 0 };
        while let Some(header) = self.input.first_chunk::<HEADER_LEN>() {
            let header = decode(header).map_err(|_| Breach::Protocol)?;
            let end = HEADER_LEN + header.len as usize;
            let Some(body) = self.input.get(HEADER_LEN..end) else { break };
            database.serve(self.connection, header, body);
            self.input.drain(..end);
        }
        let hung_up = database.connections.get(&self.connection).is_none_or(|connection| connection.hung_up);
        if hung_up {
            return Err(Breach::Protocol);
        }
        Ok(taken + self.give(mem, database, chunk)?)
    }

    /// Moves requests out of the ring.
    fn take(&mut self, mem: &SharedMem, database: &Database, chunk: usize) -> Result<usize, Breach> {
        let (prod, cons) = (index!(mem, req_prod).load(Acquire), index!(mem, req_cons));
        let start = cons.load(Acquire);
        let waiting = prod.wrapping_sub(start) as usize;
        if waiting > XENSTORE_RING_SIZE {
            return Err(Breach::Index);
        }
        let output =
            database.connections.get(&self.connection).map_or(0, |connection| connection.output.len());
        if output > MAX_OUTSTANDING {
            return Ok(0);
        }
        let count = waiting.min(chunk);
        self.woken = count < waiting;
        for offset in 0..count {
            let at = (start as usize).wrapping_add(offset) % XENSTORE_RING_SIZE;
            self.input.extend(mem.read::<u8>(offset_of!(XenstoreDomainInterface, req) + at));
        }
        cons.store(start.wrapping_add(count as u32), Release);
        Ok(count)
    }

    /// Moves messages into the ring.
    fn give(&mut self, mem: &SharedMem, database: &mut Database, chunk: usize) -> Result<usize, Breach> {
        let Some(connection) = database.connections.get_mut(&self.connection) else { return Ok(0) };
        let (prod, cons) = (index!(mem, rsp_prod), index!(mem, rsp_cons).load(Acquire));
        let start = prod.load(Acquire);
        let used = start.wrapping_sub(cons) as usize;
        let mut room = XENSTORE_RING_SIZE.checked_sub(used).ok_or(Breach::Index)?.min(chunk);
        let mut given = 0;
        while let Some(message) = connection.output.front()
            && room > 0
        {
            let rest = &message[self.sent..];
            let count = rest.len().min(room);
            for (offset, byte) in rest[..count].iter().enumerate() {
                let at = (start as usize).wrapping_add(given + offset) % XENSTORE_RING_SIZE;
                mem.write(offset_of!(XenstoreDomainInterface, rsp) + at, byte);
            }
            (room, given, self.sent) = (room - count, given + count, self.sent + count);
            if self.sent == message.len() {
                connection.output.pop_front();
                self.sent = 0;
                // There is room to answer again.
                self.woken = true;
            }
        }
        prod.store(start.wrapping_add(given as u32), Release);
        Ok(given)
    }

    /// Starts anew, because the guest asked for it.
    fn reconnect(&mut self, mem: &SharedMem, database: &mut Database) {
        database.disconnect(self.connection);
        self.connection = database.connect(self.domain);
        for index in [
            index!(mem, req_prod),
            index!(mem, req_cons),
            index!(mem, rsp_prod),
            index!(mem, rsp_cons),
            index!(mem, error),
        ] {
            index.store(0, Release);
        }
        index!(mem, connection).store(XENSTORE_CONNECTED, Release);
        self.input.clear();
        (self.sent, self.broken) = (0, false);
    }

    /// Takes no notice of the guest any more, and tells it why.
    fn break_off(&mut self, mem: &SharedMem, database: &mut Database, breach: Breach) {
        let error = match breach {
            Breach::Index => XENSTORE_ERROR_RINGIDX,
            Breach::Protocol => XENSTORE_ERROR_PROTO,
        };
        index!(mem, error).store(error, Release);
        database.reset(self.connection);
        self.input.clear();
        (self.sent, self.broken) = (0, true);
    }
}
