//! The server's state, and what all requests have in common.

use super::Result;
use super::change::{Change, Effect};
use super::connection::{Breach, Connection, ConnectionId, Limits};
use super::hold::{CONFLICTS, HoldCause, Holds};
use super::quota::{Quotas, within};
use super::transaction::Transaction;
use super::tree::{Rights, Stamp, Tree, owner};
use super::view::View;
use super::watchers::{Watcher, Watchers};
use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use xen_hypercall::{DomId, Instant};
use xen_store::wire::{Access, Permission, ServerError};
use xen_sys::io::xs_wire::ServerFeatures;

/// Features of the server, for ring pages and for
/// [`MessageType::GET_FEATURE`](xen_store::wire::MessageType::GET_FEATURE).
pub(super) const FEATURES: ServerFeatures = ServerFeatures(
    ServerFeatures::RECONNECTION.0 | ServerFeatures::ERROR.0 | ServerFeatures::WATCHDEPTH.0,
);

/// State of a domain beside its nodes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settings {
    pub(super) quotas: Option<Quotas>,
    pub(super) features: Option<ServerFeatures>,
    /// The domain that it is the device model of.
    pub(super) target: Option<DomId>,
}

/// A xenstore server.
#[derive(Debug)]
pub struct Server {
    pub(super) tree: Tree,
    pub(super) generation: u64,
    connections: BTreeMap<ConnectionId, Connection>,
    pub(super) watchers: Watchers,
    next_connection: u64,
    pub(super) quotas: Quotas,
    /// Maximum time that watch events may stay unread.
    patience: Option<Duration>,
    pub(super) holds: Holds,
    pub(super) introduced: BTreeSet<u16>,
    pub(super) settings: BTreeMap<u16, Settings>,
    /// Permissions of the special watches, by name.
    pub(super) special: BTreeMap<String, Vec<Permission>>,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// Makes a server with the root node and the control domain.
    pub fn new() -> Self {
        let only_dom0 = || vec![Permission { access: Access::None, domain: DomId(0) }];
        let special =
            ["@introduceDomain", "@releaseDomain"].map(|name| (name.to_owned(), only_dom0()));
        Self {
            tree: Tree::new(),
            generation: 1,
            connections: BTreeMap::new(),
            watchers: Watchers::default(),
            next_connection: 0,
            quotas: Quotas::default(),
            patience: Some(Duration::from_secs(20)),
            holds: Holds::default(),
            introduced: [0].into(),
            settings: BTreeMap::new(),
            special: special.into(),
        }
    }

    /// Returns what domains may use that have no quotas of their own.
    pub fn quotas(&self) -> Quotas {
        self.quotas
    }

    /// Sets what domains may use that have no quotas of their own.
    pub fn set_quotas(&mut self, quotas: Quotas) {
        self.quotas = quotas;
    }

    /// Returns the features that belong into a domain's ring page.
    pub fn features(&self, domain: DomId) -> ServerFeatures {
        self.settings.get(&domain.0).and_then(|settings| settings.features).unwrap_or(FEATURES)
    }

    /// Takes a new client, which has the rights of `domain`.
    pub fn connect(&mut self, domain: DomId) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.connections.insert(id, Connection::new(domain));
        id
    }

    /// Forgets a client, and its watches and transactions.
    pub fn disconnect(&mut self, id: ConnectionId) {
        let _ = self.reset(id);
        self.connections.remove(&id);
        self.holds.end(id);
    }

    /// Ends a client's watches, with their events, and its transactions.
    pub(super) fn reset(&mut self, id: ConnectionId) -> Result<()> {
        let connection = self.connections.get_mut(&id).ok_or(ServerError::Invalid)?;
        for watch in connection.reset() {
            self.watchers.remove(&watch);
        }
        Ok(())
    }

    /// Returns the domain of a client.
    pub fn domain_of(&self, id: ConnectionId) -> DomId {
        self.connections.get(&id).map_or(DomId::INVALID, |connection| connection.domain)
    }

    /// Returns whether requests may be taken from a client: it reads its replies fast enough and
    /// does not have to wait for others. If not, the caller must leave the requests in the
    /// transport.
    pub fn accepts(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|connection| {
            let limits = self.limits_of(connection.domain);
            !self.holds.holds(connection.domain)
                && within(connection.replies(), limits.replies)
                && within(connection.queued(), limits.reply_bytes)
        })
    }

    /// Returns how many messages wait to be sent to a client.
    pub fn waiting(&self, id: ConnectionId) -> usize {
        self.connections.get(&id).map_or(0, Connection::waiting)
    }

    /// Copies bytes that wait to be sent to a client to `buffer` and returns their number.
    pub fn send(&mut self, id: ConnectionId, buffer: &mut [u8]) -> usize {
        let count = self.connections.get_mut(&id).map_or(0, |connection| connection.output(buffer));
        self.has_read(id);
        count
    }

    /// Takes the first message that waits to be sent to a client, header and payload.
    pub fn take_message(&mut self, id: ConnectionId) -> Option<Vec<u8>> {
        let message = self.connections.get_mut(&id)?.take_message();
        self.has_read(id);
        message.map(|message| message.to_vec())
    }

    /// Sets the time. Returns the time of the next call, if one is needed.
    ///
    /// A client that reads nothing for too long while watch events wait is in
    /// [`breach`](Self::breach). [`accepts`](Self::accepts) leaves the
    /// requests of a domain for up to a second where its writes have kept the control domain from
    /// committing a transaction three times in a row, until that has gone through.
    pub fn tick(&mut self, now: Instant) -> Option<Instant> {
        let held = self.holds.tick(now);
        let guests =
            self.connections.values_mut().filter(|connection| connection.domain != DomId(0));
        let unread = self
            .patience
            .and_then(|patience| guests.filter_map(|guest| guest.tick(now, patience)).min());
        held.into_iter().chain(unread).min()
    }

    /// Sets how long a client may leave watch events unread. It is 20 seconds at first, as Xen's
    /// own has it; `None` is for ever.
    pub fn set_patience(&mut self, patience: Option<Duration>) {
        self.patience = patience;
    }

    /// Returns why a client is to be disconnected, if it is.
    pub fn breach(&self, id: ConnectionId) -> Option<Breach> {
        self.connections.get(&id).map_or(Some(Breach::Unknown), |connection| connection.breach)
    }

    /// Returns the paths that a client watches, as it gave them.
    pub fn watched_paths(&self, id: ConnectionId) -> impl Iterator<Item = &str> {
        self.connections
            .get(&id)
            .into_iter()
            .flat_map(|connection| connection.watches())
            .map(|watch| &*watch.given)
    }

    /// Returns the numbers of a client's open transactions.
    pub fn open_transactions(&self, id: ConnectionId) -> impl Iterator<Item = u32> + '_ {
        self.connections
            .get(&id)
            .into_iter()
            .flat_map(|connection| connection.transactions.keys().copied())
    }

    /// Introduces a domain and fires the watches for it.
    pub fn introduce(&mut self, domain: DomId) {
        if self.introduced.insert(domain.0) {
            self.fire(&format!("@introduceDomain/{domain}"), None, false, None);
        }
    }

    /// Fires the watches for the shutdown of a domain; it stays introduced.
    pub fn domain_changed(&mut self, domain: DomId) {
        self.fire(&format!("@releaseDomain/{domain}"), None, false, None);
    }

    /// Removes a domain that is gone, with all nodes that it owned, and fires the watches for it.
    /// Its number may then be that of another domain, which inherits nothing.
    pub fn release(&mut self, domain: DomId) {
        self.introduced.remove(&domain.0);
        self.settings.remove(&domain.0);
        self.settings
            .values_mut()
            .for_each(|settings| settings.target = settings.target.filter(|&id| id != domain));
        let gone = self.connections.iter().filter(|(_, connection)| connection.domain == domain);
        for id in gone.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.disconnect(id);
        }
        if domain != DomId(0) {
            self.forget_owner(domain);
        }
        self.domain_changed(domain);
    }

    /// Removes what a domain owns, and its name from the permissions of the rest.
    fn forget_owner(&mut self, domain: DomId) {
        let mut owned = Vec::new();
        let mut named: Vec<(String, Vec<Permission>)> = Vec::new();
        self.tree.walk("/", &mut |path, node| {
            let others = node.perms.iter().filter(|entry| entry.domain != domain);
            if owner(&node.perms) == domain {
                owned.push(path.to_owned());
            } else if others.clone().count() < node.perms.len() {
                named.push((path.to_owned(), others.copied().collect()));
            }
        });
        for (path, perms) in named {
            let stamp = self.stamp(DomId(0));
            self.tree.set_perms(&path, &perms, stamp);
        }
        for path in owned {
            // What lay below one that is gone already is gone too.
            self.make_change(DomId(0), &Change::Remove { path });
        }
    }

    pub(super) fn connection(&mut self, id: ConnectionId) -> Result<&mut Connection> {
        self.connections.get_mut(&id).ok_or(ServerError::Invalid)
    }

    /// Returns what a domain may use.
    pub(super) fn quotas_of(&self, domain: DomId) -> Quotas {
        if domain == DomId(0) {
            return Quotas::UNLIMITED;
        }
        self.settings.get(&domain.0).and_then(|settings| settings.quotas).unwrap_or(self.quotas)
    }

    /// Returns what a client may do: what its domain may, or the one that it serves as device
    /// model.
    pub(super) fn rights(&self, id: ConnectionId, perms: &[Permission]) -> Rights {
        let domain = self.domain_of(id);
        let own = Rights::of(domain, perms);
        let target = self.settings.get(&domain.0).and_then(|settings| settings.target);
        target.map_or(own, |target| own.or(Rights::of(target, perms)))
    }

    /// Returns the nodes that a request works on.
    pub(super) fn view(&self, id: ConnectionId, tx: u32) -> Result<View<'_>> {
        if tx == 0 {
            return Ok(View::of_tree(&self.tree));
        }
        let connection = self.connections.get(&id).ok_or(ServerError::Invalid)?;
        let open = connection.transactions.get(&tx).ok_or(ServerError::NotFound)?;
        Ok(View::in_transaction(&self.tree, open))
    }

    /// Returns a transaction, and the tree that it is about.
    fn transaction(&mut self, id: ConnectionId, tx: u32) -> Result<(&mut Transaction, &Tree)> {
        let connection = self.connections.get_mut(&id).ok_or(ServerError::Invalid)?;
        let open = connection.transactions.get_mut(&tx).ok_or(ServerError::NotFound)?;
        Ok((open, &self.tree))
    }

    /// Records a node that a request in a transaction reads.
    pub(super) fn access(&mut self, id: ConnectionId, tx: u32, path: &str) -> Result<()> {
        if tx == 0 {
            return Ok(());
        }
        self.may_keep(id, 0)?;
        let (open, tree) = self.transaction(id, tx)?;
        open.access(tree, path)
    }

    /// Returns whether `more` bytes may be kept for a client's domain.
    pub(super) fn may_keep(&self, id: ConnectionId, more: usize) -> Result<()> {
        let Some(connection) = self.connections.get(&id) else { return Ok(()) };
        let limit = self.quotas_of(connection.domain).memory;
        let kept = self.tree.owned_by(connection.domain).bytes + connection.memory();
        if within(kept + more, limit) { Ok(()) } else { Err(ServerError::OutOfMemory) }
    }

    /// Makes a change in a transaction or for good; the latter fires watches.
    pub(super) fn change(&mut self, id: ConnectionId, tx: u32, change: Change) -> Result<()> {
        let domain = self.domain_of(id);
        if tx == 0 {
            self.make_change(domain, &change);
            return Ok(());
        }
        // What is written is kept twice: in the node's copy, and to be written to the tree.
        self.may_keep(id, 2 * change.size())?;
        let stamp = self.stamp(domain);
        let (open, tree) = self.transaction(id, tx)?;
        open.change(tree, change, stamp)
    }

    fn stamp(&mut self, domain: DomId) -> Stamp {
        self.generation += 1;
        Stamp { generation: self.generation, domain }
    }

    fn make_change(&mut self, domain: DomId, change: &Change) {
        let stamp = self.stamp(domain);
        let mut effects = change.apply(&mut self.tree, stamp);
        // The order of Xen's xenstored in C: what was below a removed node comes before that node.
        // In a transaction it comes after that node there, too.
        effects.reverse();
        self.tell(&effects, domain);
    }

    fn tell(&mut self, effects: &[Effect], writer: DomId) {
        for Effect { path, perms, exact } in effects {
            self.fire(path, perms.as_deref(), *exact, Some(writer));
        }
    }

    /// Ends a transaction; its changes are made if nothing that it read has changed, and the
    /// quota allows it.
    pub(super) fn commit(&mut self, id: ConnectionId, open: &Transaction) -> Result<()> {
        let domain = self.domain_of(id);
        if open.conflicts(&self.tree).next().is_some() {
            let connection = self.connection(id)?;
            connection.conflicts += 1;
            if domain == DomId(0) && connection.conflicts >= CONFLICTS {
                open.conflicts(&self.tree)
                    .for_each(|writer| self.holds.hold(writer, id, HoldCause::Conflict));
            }
            return Err(ServerError::Again);
        }
        let mut tree = self.tree.clone();
        let mut effects = Vec::new();
        for change in &open.changes {
            let stamp = self.stamp(domain);
            effects.extend(change.apply(&mut tree, stamp));
        }
        // What others of the domain's transactions have made counts too.
        let (before, after) = (self.tree.owned_by(domain), tree.owned_by(domain));
        let quotas = self.quotas_of(domain);
        if after.nodes > before.nodes && !within(after.nodes, quotas.nodes) {
            return Err(ServerError::NoSpace);
        }
        if after.bytes > before.bytes && !within(after.bytes, quotas.memory) {
            return Err(ServerError::OutOfMemory);
        }
        self.tree = tree;
        self.tell(&effects, domain);
        Ok(())
    }

    /// Sends an event to each client that watches `path` and may read it. `perms` are those of a
    /// node that is gone.
    ///
    /// A domain that makes the change waits if one of the clients has half of its events unread.
    fn fire(
        &mut self,
        path: &str,
        perms: Option<&[Permission]>,
        exact: bool,
        writer: Option<DomId>,
    ) {
        let name = path.split('/').next().unwrap_or_default();
        let perms = self.special.get(name).map(Vec::as_slice).or(perms);
        let perms = perms.unwrap_or_else(|| &self.tree.closest(path).1.perms);
        let mut watchers = self.watchers.of(path, exact);
        watchers.retain(|watcher| self.rights(watcher.client, perms).read);
        for Watcher { client, watch, .. } in watchers {
            self.send_event(client, &watch.event(path));
            if let Some(writer) = writer
                && self.unread(client).is_some_and(|(events, limit)| events > limit / 2)
            {
                self.holds.hold(writer, client, HoldCause::Unread);
            }
        }
    }

    pub(super) fn send_event(&mut self, id: ConnectionId, body: &[u8]) {
        let limits = self.limits_of(self.domain_of(id));
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.push_event(body, limits);
        }
    }

    /// Returns how many watch events a client has not read, and how many may wait.
    fn unread(&self, id: ConnectionId) -> Option<(usize, usize)> {
        let connection = self.connections.get(&id)?;
        let limit = self.limits_of(connection.domain).events;
        (limit > 0).then(|| (connection.events(), limit))
    }

    /// Ends the wait of domains for a client, once it has read most of its events.
    fn has_read(&mut self, id: ConnectionId) {
        if self.unread(id).is_none_or(|(events, limit)| events <= limit / 4) {
            self.holds.end_cause(id, HoldCause::Unread);
        }
    }

    /// Returns how much a client of `domain` may leave unread.
    fn limits_of(&self, domain: DomId) -> Limits {
        if domain == DomId(0) {
            return Limits::CONTROL;
        }
        let Quotas { outstanding, events, memory, .. } = self.quotas_of(domain);
        Limits { replies: outstanding, reply_bytes: 0, events, event_bytes: memory }
    }
}
