//! xenstore for tests and simulated toolstacks: the same server, without a ring between.

use super::with;
use crate::shared::Shared;
use core::fmt::Display;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use xen_hypercall::DomId;
use xen_store::server::{ConnectionId, NoDomains, Quotas};
use xen_store::wire::{MessageType, Names, Permission, ServerError, XsdSockmsg, parse_event};
use zerocopy::FromBytes;

/// A connection to the world's xenstore, as a daemon has one over a socket: what it does is done at
/// once, with the rights of its domain.
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

/// A change that was watched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreEvent {
    /// The path that changed; relative if the watch was.
    pub path: String,
    /// The token of the watch.
    pub token: String,
}

/// What an operation leads to.
type Result<T> = core::result::Result<T, ServerError>;

/// An open transaction: a [`Store`] whose operations are done when it is committed, or never.
pub type StoreTransaction = Store;

impl Store {
    pub(crate) fn connect(shared: &Arc<Shared>, domain: DomId) -> Self {
        let id = with(shared, |store, _| store.connect_host(domain));
        let connection =
            HostConnection { shared: Arc::clone(shared), id, events: Mutex::default() };
        Self { connection: Arc::new(connection), tx: 0 }
    }

    /// Sends a request as it stands and returns the payload of the reply.
    ///
    /// # Errors
    ///
    /// What the server answers.
    pub fn request(&self, kind: MessageType, body: &[u8]) -> Result<Vec<u8>> {
        let HostConnection { shared, id, events } = &*self.connection;
        let output = with(shared, |store, machine| {
            let header =
                XsdSockmsg { type_: kind, req_id: 0, tx_id: self.tx, len: body.len() as u32 };
            // Introducing is done by the simulated toolstack itself, which has the ring at hand.
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
    /// What the server answers; `NotFound` if there is no such node.
    pub fn read_bytes(&self, path: impl Display) -> Result<Vec<u8>> {
        self.request(MessageType::READ, format!("{path}\0").as_bytes())
    }

    /// Reads a node's value as text; `None` if there is none, or it may not be read.
    pub fn read(&self, path: impl Display) -> Option<String> {
        self.read_bytes(path).ok().map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    /// Reads a node's value as a number; `None` if there is none.
    pub fn read_number<N: xen_store::wire::Number>(&self, path: impl Display) -> Option<N> {
        xen_store::wire::parse_number(&self.read_bytes(path).ok()?).ok()
    }

    /// Writes a node's value, and makes the node if there is none.
    ///
    /// # Errors
    ///
    /// What the server answers.
    pub fn write(&self, path: impl Display, value: impl Display) -> Result<()> {
        self.request(MessageType::WRITE, format!("{path}\0{value}").as_bytes()).map(drop)
    }

    /// Writes bytes that need not be text.
    ///
    /// # Errors
    ///
    /// What the server answers.
    pub fn write_bytes(&self, path: impl Display, value: &[u8]) -> Result<()> {
        let body = [format!("{path}\0").as_bytes(), value].concat();
        self.request(MessageType::WRITE, &body).map(drop)
    }

    /// Makes an empty node, unless there is one.
    ///
    /// # Errors
    ///
    /// What the server answers.
    pub fn mkdir(&self, path: impl Display) -> Result<()> {
        self.request(MessageType::MKDIR, format!("{path}\0").as_bytes()).map(drop)
    }

    /// Removes a node and all below.
    ///
    /// # Errors
    ///
    /// What the server answers.
    pub fn remove(&self, path: impl Display) -> Result<()> {
        self.request(MessageType::RM, format!("{path}\0").as_bytes()).map(drop)
    }

    /// Returns the names below a node, none if there is no such node.
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
    /// What the server answers.
    pub fn set_permissions(&self, path: impl Display, permissions: &[Permission]) -> Result<()> {
        let entries: String = permissions.iter().map(|entry| format!("{entry}\0")).collect();
        self.request(MessageType::SET_PERMS, format!("{path}\0{entries}").as_bytes()).map(drop)
    }

    /// Returns a node's permissions, the owner's entry first.
    ///
    /// # Errors
    ///
    /// What the server answers.
    pub fn permissions(&self, path: impl Display) -> Result<Vec<Permission>> {
        let body = self.request(MessageType::GET_PERMS, format!("{path}\0").as_bytes())?;
        Ok(Names::new(&body).filter_map(Permission::parse).collect())
    }

    /// Watches a node and all below. Events come by [`next_event`](Self::next_event), the first one
    /// at once, and wake the domain's tasks up.
    ///
    /// # Errors
    ///
    /// What the server answers.
    pub fn watch(&self, path: impl Display, token: impl Display) -> Result<()> {
        self.request(MessageType::WATCH, format!("{path}\0{token}\0").as_bytes()).map(drop)
    }

    /// Ends a watch.
    ///
    /// # Errors
    ///
    /// What the server answers; `NotFound` if there is no such watch.
    pub fn unwatch(&self, path: impl Display, token: impl Display) -> Result<()> {
        self.request(MessageType::UNWATCH, format!("{path}\0{token}\0").as_bytes()).map(drop)
    }

    /// Returns the next event of this connection's watches, if one has come.
    pub fn next_event(&self) -> Option<StoreEvent> {
        let HostConnection { shared, id, events } = &*self.connection;
        let output = with(shared, |store, _| store.take_messages(*id));
        let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
        let bodies = output.iter().filter_map(|message| message.get(size_of::<XsdSockmsg>()..));
        events.extend(bodies.filter_map(event));
        events.pop_front()
    }

    /// Starts a transaction. Outside of it nothing is seen of what it does until
    /// [`commit`](Self::commit).
    ///
    /// # Errors
    ///
    /// What the server answers.
    pub fn begin(&self) -> Result<StoreTransaction> {
        let number = self.request(MessageType::TRANSACTION_START, b"\0")?;
        let text = number.strip_suffix(b"\0").unwrap_or(&number);
        let tx = xen_store::wire::parse_number(text).map_err(|_| ServerError::Io)?;
        Ok(Self { tx, ..self.clone() })
    }

    /// Ends the transaction and makes its changes.
    ///
    /// # Errors
    ///
    /// `Again` if somebody else changed what it looked at; nothing is changed then.
    pub fn commit(self) -> Result<()> {
        self.request(MessageType::TRANSACTION_END, b"T\0").map(drop)
    }

    /// Ends the transaction without changing anything.
    ///
    /// # Errors
    ///
    /// What the server answers.
    pub fn abort(self) -> Result<()> {
        self.request(MessageType::TRANSACTION_END, b"F\0").map(drop)
    }

    /// Sets what unprivileged domains may use of the server.
    pub fn set_quotas(&self, quotas: Quotas) {
        with(&self.connection.shared, |store, _| store.server.set_quotas(quotas));
    }

    /// Makes the server move at most `bytes` at a time through rings, so that messages come in
    /// pieces.
    pub fn set_chunk(&self, bytes: usize) {
        with(&self.connection.shared, |store, _| store.chunk = bytes.max(1));
    }

    /// Makes the server deaf to all rings, or hear again what has come meanwhile.
    pub fn set_stopped(&self, stopped: bool) {
        with(&self.connection.shared, |store, machine| {
            store.stopped = stopped;
            machine.dom_mut(DomId(0)).activity += 1;
        });
    }

    /// Returns all nodes with their values, one a line: for failure messages.
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
