//! xenstore for tests and simulated toolstacks: the same server without a ring.

use super::with;
use crate::shared::Shared;
use core::fmt::Display;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use xen_hypercall::DomId;
use xen_store::wire::{MessageType, Names, Permission, ServerError, XsdSockmsg, parse_event};
use xenstored::server::{ConnectionId, NoDomains, Quotas};
use zerocopy::FromBytes;

/// Connection to the world's xenstore, like that of a daemon over a socket. Each request completes
/// at once, with the rights of its domain.
///
/// Clones share the connection. Watches end when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Store {
    connection: Arc<HostConnection>,
    tx: u32,
}

#[derive(Debug)]
struct HostConnection {
    shared: Arc<Shared>,
    id: ConnectionId,
    events: Mutex<VecDeque<StoreEvent>>,
}

/// Event of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreEvent {
    /// Changed path, relative if that of the watch is.
    pub path: String,
    /// Token of the watch.
    pub token: String,
}

/// Result of an operation.
type Result<T> = core::result::Result<T, ServerError>;

/// Open transaction: a [`Store`] whose changes take effect at its commit.
pub type StoreTransaction = Store;

impl Store {
    pub(crate) fn connect(shared: &Arc<Shared>, domain: DomId) -> Self {
        let id = with(shared, |store, _| store.connect_host(domain));
        let connection =
            HostConnection { shared: Arc::clone(shared), id, events: Mutex::default() };
        Self { connection: Arc::new(connection), tx: 0 }
    }

    /// Sends an encoded request, and returns the payload of the reply.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn request(&self, kind: MessageType, body: &[u8]) -> Result<Vec<u8>> {
        let HostConnection { shared, id, events } = &*self.connection;
        let output = with(shared, |store, machine| {
            let header =
                XsdSockmsg { type_: kind, req_id: 0, tx_id: self.tx, len: body.len() as u32 };
            // The simulated toolstack implements INTRODUCE, which needs the ring.
            store.server.serve(*id, header, body, &mut NoDomains);
            let output = store.take_messages(*id);
            store.flush(machine);
            output
        });
        let mut result = Err(ServerError::Io);
        let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
        for message in output {
            let Ok((header, body)) = XsdSockmsg::read_from_prefix(&message) else { continue };
            match header.type_ {
                MessageType::WATCH_EVENT => events.extend(event(body)),
                MessageType::ERROR => result = Err(ServerError::parse(body)),
                _ => result = Ok(body.to_vec()),
            }
        }
        result
    }

    /// Reads a node's value.
    ///
    /// # Errors
    ///
    /// Those of the server; `NotFound` if there is no such node.
    pub fn read_bytes(&self, path: impl Display) -> Result<Vec<u8>> {
        self.request(MessageType::READ, format!("{path}\0").as_bytes())
    }

    /// Reads a node's value as text; returns `None` if it does not exist or may not be read.
    pub fn read(&self, path: impl Display) -> Option<String> {
        self.read_bytes(path).ok().map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    /// Reads a node's value as a number; returns `None` if it has none.
    pub fn read_number<N: xen_store::wire::Number>(&self, path: impl Display) -> Option<N> {
        xen_store::wire::parse_number(&self.read_bytes(path).ok()?).ok()
    }

    /// Writes a node's value, and creates the node if needed.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn write(&self, path: impl Display, value: impl Display) -> Result<()> {
        self.request(MessageType::WRITE, format!("{path}\0{value}").as_bytes()).map(drop)
    }

    /// Writes a node's value that is not text.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn write_bytes(&self, path: impl Display, value: &[u8]) -> Result<()> {
        let body = [format!("{path}\0").as_bytes(), value].concat();
        self.request(MessageType::WRITE, &body).map(drop)
    }

    /// Creates an empty node, unless it exists.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn mkdir(&self, path: impl Display) -> Result<()> {
        self.request(MessageType::MKDIR, format!("{path}\0").as_bytes()).map(drop)
    }

    /// Removes a node and all nodes below it.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn remove(&self, path: impl Display) -> Result<()> {
        self.request(MessageType::RM, format!("{path}\0").as_bytes()).map(drop)
    }

    /// Returns the names of a node's children, none if there is no such node.
    pub fn list(&self, path: impl Display) -> Vec<String> {
        let body = self
            .request(MessageType::DIRECTORY, format!("{path}\0").as_bytes())
            .unwrap_or_default();
        Names::new(&body).map(str::to_owned).collect()
    }

    /// Sets a node's permissions, the owner's entry first.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn set_permissions(&self, path: impl Display, permissions: &[Permission]) -> Result<()> {
        let entries: String = permissions.iter().map(|entry| format!("{entry}\0")).collect();
        self.request(MessageType::SET_PERMS, format!("{path}\0{entries}").as_bytes()).map(drop)
    }

    /// Returns a node's permissions, the owner's entry first.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn permissions(&self, path: impl Display) -> Result<Vec<Permission>> {
        let body = self.request(MessageType::GET_PERMS, format!("{path}\0").as_bytes())?;
        Ok(Names::new(&body).filter_map(Permission::parse).collect())
    }

    /// Watches a node and all nodes below it. Events, the first one at once, wake the domain's
    /// tasks and are returned by [`next_event`](Self::next_event).
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn watch(&self, path: impl Display, token: impl Display) -> Result<()> {
        self.request(MessageType::WATCH, format!("{path}\0{token}\0").as_bytes()).map(drop)
    }

    /// Removes a watch.
    ///
    /// # Errors
    ///
    /// Those of the server; `NotFound` if there is no such watch.
    pub fn unwatch(&self, path: impl Display, token: impl Display) -> Result<()> {
        self.request(MessageType::UNWATCH, format!("{path}\0{token}\0").as_bytes()).map(drop)
    }

    /// Returns the next event of this connection's watches, if any.
    pub fn next_event(&self) -> Option<StoreEvent> {
        let HostConnection { shared, id, events } = &*self.connection;
        let output = with(shared, |store, _| store.take_messages(*id));
        let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
        let bodies = output.iter().filter_map(|message| message.get(size_of::<XsdSockmsg>()..));
        events.extend(bodies.filter_map(event));
        events.pop_front()
    }

    /// Starts a transaction. Its changes are visible to others after [`commit`](Self::commit).
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn begin(&self) -> Result<StoreTransaction> {
        let number = self.request(MessageType::TRANSACTION_START, b"\0")?;
        let text = number.strip_suffix(b"\0").unwrap_or(&number);
        let tx = xen_store::wire::parse_number(text).map_err(|_| ServerError::Io)?;
        Ok(Self { tx, ..self.clone() })
    }

    /// Commits the transaction.
    ///
    /// # Errors
    ///
    /// `Again`, without a change, if another client changed a node that the transaction accessed.
    pub fn commit(self) -> Result<()> {
        self.request(MessageType::TRANSACTION_END, b"T\0").map(drop)
    }

    /// Ends the transaction without a change.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn abort(self) -> Result<()> {
        self.request(MessageType::TRANSACTION_END, b"F\0").map(drop)
    }

    /// Sets the quotas of unprivileged domains.
    pub fn set_quotas(&self, quotas: Quotas) {
        with(&self.connection.shared, |store, _| store.server.set_quotas(quotas));
    }

    /// Limits the bytes that the server copies at a time through rings, so that messages arrive in
    /// pieces.
    pub fn set_chunk(&self, bytes: usize) {
        with(&self.connection.shared, |store, _| store.chunk = bytes.max(1));
    }

    /// Stops the server, so that it takes no request from any ring, or continues it.
    pub fn set_stopped(&self, stopped: bool) {
        with(&self.connection.shared, |store, machine| {
            store.stopped = stopped;
            machine.dom_mut(DomId(0)).activity += 1;
        });
    }

    /// Returns all nodes with their values, one on each line, for failure messages.
    pub fn dump(&self, path: &str) -> String {
        let mut text = format!("{path} = {:?}\n", self.read(path).unwrap_or_default());
        for name in self.list(path) {
            let below = if path == "/" { format!("/{name}") } else { format!("{path}/{name}") };
            text += &self.dump(&below);
        }
        text
    }
}

fn event(body: &[u8]) -> Option<StoreEvent> {
    let event = parse_event(body)?;
    Some(StoreEvent {
        path: event.path.to_owned(),
        token: String::from_utf8_lossy(event.token).into_owned(),
    })
}

impl Drop for HostConnection {
    fn drop(&mut self) {
        with(&self.shared, |store, _| store.disconnect_host(self.id));
    }
}
