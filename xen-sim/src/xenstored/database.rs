//! The server's state, and what all requests have in common.

use super::Result;
use super::transaction::{Change, Transaction};
use super::tree::{self, Tree};
use super::watch::Watch;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use xen_hypercall::DomId;
use xen_store::wire::{Access, MessageType, Permission, ServerError, XsdSockmsg, encode};

/// Names a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId(pub(crate) u32);

/// How much of the server a domain may use. The control domain may use any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Nodes that it owns.
    pub nodes: usize,
    /// Bytes of a node's value and permissions.
    pub node_size: usize,
    /// Watches.
    pub watches: usize,
    /// Open transactions.
    pub transactions: usize,
    /// Entries of a node's permissions.
    pub permissions: usize,
    /// Watch events that wait to be read; who lets more pile up loses the connection.
    pub events: usize,
}

impl Default for Quotas {
    /// Returns those that Xen's own server starts with.
    fn default() -> Self {
        Self { nodes: 1000, node_size: 2048, watches: 128, transactions: 10, permissions: 5, events: 4096 }
    }
}

/// A client.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) domain: DomId,
    pub(crate) watches: Vec<Watch>,
    pub(super) transactions: BTreeMap<u32, Transaction>,
    /// Whole messages to be sent; events among them are told by their type.
    pub(crate) output: VecDeque<Vec<u8>>,
    /// Events of the request that is being served, to follow its reply.
    pub(super) fresh: Vec<Vec<u8>>,
    pub(super) next_transaction: u32,
    /// Messages that the client's tasks were woken up for, where it has no ring.
    pub(crate) announced: usize,
    /// The client has let too much pile up.
    pub(crate) hung_up: bool,
}

impl Connection {
    /// Drops the events that wait; the first message may be on its way in part, and stays.
    pub(super) fn drop_events(&mut self) {
        let event = MessageType::WATCH_EVENT.0.to_ne_bytes();
        let mut index = 0;
        self.output.retain(|message| {
            index += 1;
            index == 1 || !message.starts_with(&event)
        });
    }

    pub(crate) fn open_transactions(&self) -> impl Iterator<Item = u32> + '_ {
        self.transactions.keys().copied()
    }
}

/// The whole server.
#[derive(Debug)]
pub(crate) struct Database {
    pub(super) tree: Tree,
    pub(super) generation: u64,
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    next_connection: u32,
    pub(crate) quotas: Quotas,
    pub(super) introduced: BTreeSet<u16>,
    /// Who may see the special watches, by name.
    pub(super) special: BTreeMap<String, Vec<Permission>>,
    pub(super) targets: BTreeMap<u16, u16>,
}

fn only_dom0() -> Vec<Permission> {
    vec![Permission { access: Access::None, domain: DomId(0) }]
}

impl Database {
    pub(crate) fn new() -> Self {
        let special = ["@introduceDomain", "@releaseDomain"].map(|name| (name.to_owned(), only_dom0()));
        Self {
            tree: Tree::new(),
            generation: 1,
            connections: BTreeMap::new(),
            next_connection: 0,
            quotas: Quotas::default(),
            introduced: BTreeSet::new(),
            special: special.into(),
            targets: BTreeMap::new(),
        }
    }

    pub(crate) fn connect(&mut self, domain: DomId) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let connection = Connection {
            domain,
            watches: Vec::new(),
            transactions: BTreeMap::new(),
            output: VecDeque::new(),
            fresh: Vec::new(),
            next_transaction: 1,
            announced: 0,
            hung_up: false,
        };
        self.connections.insert(id, connection);
        id
    }

    pub(crate) fn disconnect(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    /// Forgets what a client has registered, as when it reconnects.
    pub(crate) fn reset(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.watches.clear();
            connection.transactions.clear();
            connection.output.clear();
        }
    }

    /// Makes a domain known, and tells who watches for that.
    pub(crate) fn introduce(&mut self, domain: DomId) {
        if self.introduced.insert(domain.0) {
            self.fire("@introduceDomain", None, false);
        }
    }

    /// Forgets a domain, and tells who watches for that.
    pub(crate) fn release(&mut self, domain: DomId) {
        self.introduced.remove(&domain.0);
        self.targets.remove(&domain.0);
        self.fire("@releaseDomain", None, false);
    }

    /// Tells that a domain is no longer what it was, without forgetting it.
    pub(crate) fn domain_changed(&mut self) {
        self.fire("@releaseDomain", None, false);
    }

    pub(super) fn connection(&mut self, id: ConnectionId) -> Result<&mut Connection> {
        self.connections.get_mut(&id).ok_or(ServerError::Invalid)
    }

    pub(super) fn domain_of(&self, id: ConnectionId) -> DomId {
        self.connections.get(&id).map_or(DomId::INVALID, |connection| connection.domain)
    }

    /// Returns whose rights a client has: its own, or those of the domain that it serves as device model.
    pub(super) fn rights(&self, id: ConnectionId, node: &tree::Node) -> tree::Rights {
        let domain = self.domain_of(id);
        let own = node.rights(domain);
        match self.targets.get(&domain.0) {
            Some(&target) => {
                let more = node.rights(DomId(target));
                tree::Rights {
                    read: own.read || more.read,
                    write: own.write || more.write,
                    own: own.own || more.own,
                }
            }
            None => own,
        }
    }

    /// Returns the tree that a request works on.
    pub(super) fn view(&self, id: ConnectionId, tx: u32) -> Result<&Tree> {
        if tx == 0 {
            return Ok(&self.tree);
        }
        let connection = self.connections.get(&id).ok_or(ServerError::Invalid)?;
        connection.transactions.get(&tx).map(|open| &open.tree).ok_or(ServerError::NotFound)
    }

    /// Notes what a request in a transaction looks at.
    pub(super) fn access(&mut self, id: ConnectionId, tx: u32, path: &str) -> Result<()> {
        if tx != 0 {
            let open = self.connection(id)?.transactions.get_mut(&tx).ok_or(ServerError::NotFound)?;
            open.access(path);
        }
        Ok(())
    }

    /// Makes a change in a transaction or for good; the latter fires watches.
    pub(super) fn change(&mut self, id: ConnectionId, tx: u32, change: Change) -> Result<()> {
        self.generation += 1;
        let (generation, domain) = (self.generation, self.domain_of(id));
        if tx == 0 {
            self.apply(domain, &change);
            return Ok(());
        }
        let open = self.connection(id)?.transactions.get_mut(&tx).ok_or(ServerError::NotFound)?;
        change.apply(&mut open.tree, domain, generation);
        open.changes.push(change);
        Ok(())
    }

    /// Makes a change for good and fires the watches that it concerns.
    fn apply(&mut self, domain: DomId, change: &Change) {
        let effects = change.apply(&mut self.tree, domain, self.generation);
        for Effect { path, perms, exact } in effects {
            self.fire(&path, perms.as_deref(), exact);
        }
    }

    /// Ends a transaction; its changes are made if nothing that it looked at has changed.
    pub(super) fn commit(&mut self, id: ConnectionId, open: &Transaction) -> Result<()> {
        if open.conflicts(&self.tree) {
            return Err(ServerError::Again);
        }
        let domain = self.domain_of(id);
        for change in &open.changes {
            self.generation += 1;
            self.apply(domain, change);
        }
        Ok(())
    }

    /// Sends an event to each client that watches `path` and may know of it. `perms` are those of a node that is gone.
    pub(super) fn fire(&mut self, path: &str, perms: Option<&[Permission]>, exact: bool) {
        let gone = perms.map(|perms| tree::Node::new(perms.to_vec(), 0));
        let special = self.special.get(path).map(|perms| tree::Node::new(perms.clone(), 0));
        let node =
            special.or(gone).unwrap_or_else(|| tree::Node::new(self.tree.closest(path).1.perms.clone(), 0));
        let mut events = Vec::new();
        for (&id, connection) in &self.connections {
            for watch in connection.watches.iter().filter(|watch| watch.matches(path, exact)) {
                if self.rights(id, &node).read {
                    events.push((id, watch.event(path)));
                }
            }
        }
        for (id, body) in events {
            self.send_event(id, &body);
        }
    }

    /// Queues a watch event, unless the same one waits already.
    pub(super) fn send_event(&mut self, id: ConnectionId, body: &[u8]) {
        let limit = self.quotas.events;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let message = message(MessageType::WATCH_EVENT, 0, 0, body);
        // The first one may be on its way in part.
        if connection.output.iter().skip(1).any(|waiting| *waiting == message) {
            return;
        }
        if connection.domain != DomId(0) && connection.output.len() >= limit {
            connection.hung_up = true;
            return;
        }
        connection.output.push_back(message);
    }
}

/// Puts a message together.
pub(super) fn message(kind: MessageType, req_id: u32, tx_id: u32, body: &[u8]) -> Vec<u8> {
    let header = XsdSockmsg { type_: kind, req_id, tx_id, len: body.len() as u32 };
    [&encode(&header)[..], body].concat()
}

/// Whom a change concerns.
pub(super) struct Effect {
    path: String,
    /// Permissions of a node that is gone.
    perms: Option<Vec<Permission>>,
    exact: bool,
}

impl Change {
    /// Makes the change; it was checked before.
    fn apply(&self, tree: &mut Tree, domain: DomId, generation: u64) -> Vec<Effect> {
        let concerns = |path: &str| vec![Effect { path: path.to_owned(), perms: None, exact: false }];
        match self {
            Self::Write { path, value } => {
                make(tree, path, domain, generation);
                if let Some(node) = tree.get_mut(path) {
                    node.value.clone_from(value);
                    node.generation = generation;
                }
                concerns(path)
            }
            Self::Mkdir { path } => {
                if make(tree, path, domain, generation) {
                    concerns(path)
                } else {
                    Vec::new()
                }
            }
            Self::SetPerms { path, perms } => {
                if let Some(node) = tree.get_mut(path) {
                    node.perms.clone_from(perms);
                    node.generation = generation;
                }
                concerns(path)
            }
            Self::Remove { path } => {
                let Some(node) = tree.remove(path, generation) else { return Vec::new() };
                let mut effects = Vec::new();
                tree::walk(path, &node, &mut |below, node| {
                    let perms = Some(node.perms.clone());
                    effects.push(Effect { path: below.to_owned(), perms, exact: below != path });
                });
                effects
            }
        }
    }
}

/// Makes a node and what is missing above it; returns whether it was missing.
fn make(tree: &mut Tree, path: &str, domain: DomId, generation: u64) -> bool {
    if tree.get(path).is_some() {
        return false;
    }
    make(tree, tree::parent(path), domain, generation);
    let mut perms = tree.closest(path).1.perms.clone();
    // What a guest makes is its own; what the control domain makes belongs to whom the rest does.
    if let Some(owner) = perms.first_mut()
        && domain != DomId(0)
    {
        owner.domain = domain;
    }
    tree.add(path, perms, generation);
    true
}
