//! Requests about nodes.

use super::Result;
use super::change::Change;
use super::connection::ConnectionId;
use super::database::Server;
use super::dispatch::OK;
use super::quota::within;
use super::request::{absolute, number, texts};
use super::tree::{depth_below, node_overhead, owner, parent};
use super::view::NodeView;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use xen_hypercall::DomId;
use xen_store::wire::{Permission, ServerError, XENSTORE_PAYLOAD_MAX};

impl Server {
    /// Makes a path absolute, unless that is too long for the domain.
    pub(super) fn path(&self, domain: DomId, text: &[u8]) -> Result<String> {
        let path = absolute(text, domain)?;
        if within(path.len(), self.quotas_of(domain).path_length) {
            Ok(path)
        } else {
            Err(ServerError::Invalid)
        }
    }

    /// Finds a node that the client may read.
    pub(super) fn look(&mut self, id: ConnectionId, tx: u32, path: &str) -> Result<NodeView<'_>> {
        self.access(id, tx, path)?;
        let (found, node) = self.view(id, tx)?.closest(path);
        // Only a domain that may read the node above may detect a missing node.
        if !self.rights(id, node.perms()).read {
            return Err(ServerError::AccessDenied);
        }
        if found == path { Ok(node) } else { Err(ServerError::NotFound) }
    }

    /// Checks that the client may write a node, or make it.
    pub(super) fn may_write(
        &mut self,
        id: ConnectionId,
        tx: u32,
        path: &str,
        len: usize,
    ) -> Result<()> {
        let me = self.domain_of(id);
        let quotas = self.quotas_of(me);
        self.access(id, tx, path)?;
        let view = self.view(id, tx)?;
        let (found, node) = view.closest(path);
        if !self.rights(id, node.perms()).write {
            return Err(ServerError::AccessDenied);
        }
        if found == path {
            let old = node.value().len();
            let size = node.size() - old + len;
            if len > old && !within(size, quotas.node_size) {
                return Err(ServerError::NoSpace);
            }
            return self.may_keep(id, len.saturating_sub(old));
        }
        let perms = size_of_val(node.perms());
        // The first that is missing is a new name in the list of the one that is there.
        let below = path.get(found.len()..).unwrap_or_default().trim_start_matches('/');
        let name = below.split('/').next().unwrap_or_default();
        if !within(node.size() + name.len() + 1, quotas.node_size)
            || !within(perms + len, quotas.node_size)
        {
            return Err(ServerError::NoSpace);
        }
        let missing = depth_below(path, found).unwrap_or(1) as usize;
        if !within(view.owned_nodes(me) + missing, quotas.nodes) {
            return Err(ServerError::NoSpace);
        }
        self.may_keep(id, missing * (node_overhead("/") + perms) + below.len() + len)?;
        // A new node changes the list of the one above it.
        self.access(id, tx, found)
    }

    pub(super) fn remove(&mut self, id: ConnectionId, tx: u32, path: &str) -> Result<Vec<u8>> {
        if path == "/" {
            return Err(ServerError::Invalid);
        }
        self.access(id, tx, parent(path))?;
        let (found, node) = self.view(id, tx)?.closest(path);
        let rights = self.rights(id, node.perms());
        if found == path {
            if !rights.write {
                return Err(ServerError::AccessDenied);
            }
            if tx != 0 {
                let below = self.view(id, tx)?.paths_below(path);
                below.iter().try_for_each(|path| self.access(id, tx, path))?;
            }
            self.change(id, tx, Change::Remove { path: path.to_owned() })?;
        } else if !rights.read {
            return Err(ServerError::AccessDenied);
        } else if found != parent(path) {
            return Err(ServerError::NotFound);
        }
        // What is not there need not be removed, as long as the node above is.
        Ok(OK.to_vec())
    }

    pub(super) fn directory_part(
        &mut self,
        id: ConnectionId,
        tx: u32,
        body: &[u8],
    ) -> Result<Vec<u8>> {
        let [path, offset] = texts(body)[..] else { return Err(ServerError::Invalid) };
        let offset = number(offset)? as usize;
        let path = self.path(self.domain_of(id), path)?;
        let node = self.look(id, tx, &path)?;
        let names = list(node);
        let mut reply = format!("{}\0", node.changed().generation).into_bytes();
        let rest = names.get(offset..).unwrap_or_default();
        // Whole names only, and room for the empty one that ends the list.
        let room = XENSTORE_PAYLOAD_MAX - reply.len() - 1;
        match rest.get(..room) {
            Some(part) if rest.len() > room => {
                let end = part.iter().rposition(|&byte| byte == 0).map_or(0, |at| at + 1);
                reply.extend(part.iter().take(end));
            }
            _ => {
                reply.extend(rest);
                reply.push(0);
            }
        }
        Ok(reply)
    }

    pub(super) fn get_perms(&mut self, id: ConnectionId, tx: u32, path: &[u8]) -> Result<Vec<u8>> {
        let perms = match core::str::from_utf8(path).ok().and_then(|name| self.special.get(name)) {
            Some(perms) => perms.clone(),
            None => {
                let path = self.path(self.domain_of(id), path)?;
                self.look(id, tx, &path)?.perms().to_vec()
            }
        };
        Ok(perms.iter().flat_map(|entry| format!("{entry}\0").into_bytes()).collect())
    }

    pub(super) fn set_perms(&mut self, id: ConnectionId, tx: u32, body: &[u8]) -> Result<Vec<u8>> {
        let texts = texts(body);
        let (&path, entries) = texts.split_first().ok_or(ServerError::Invalid)?;
        let entry = |text: &&[u8]| core::str::from_utf8(text).ok().and_then(Permission::parse);
        let perms: Vec<_> =
            entries.iter().map(entry).collect::<Option<_>>().ok_or(ServerError::Invalid)?;
        let new_owner = perms.first().ok_or(ServerError::Invalid)?.domain;
        let me = self.domain_of(id);
        if !within(perms.len(), self.quotas_of(me).permissions) {
            return Err(ServerError::NoSpace);
        }
        if path.starts_with(b"@") {
            let name = core::str::from_utf8(path).map_err(|_| ServerError::Invalid)?;
            let special = self.special.get_mut(name).ok_or(ServerError::NotFound)?;
            if me != DomId(0) {
                return Err(ServerError::AccessDenied);
            }
            *special = perms;
            return Ok(OK.to_vec());
        }
        let path = self.path(me, path)?;
        self.access(id, tx, &path)?;
        let (found, node) = self.view(id, tx)?.closest(&path);
        let rights = self.rights(id, node.perms());
        if found != path {
            return Err(if rights.read {
                ServerError::NotFound
            } else {
                ServerError::AccessDenied
            });
        }
        if !rights.own {
            return Err(ServerError::AccessDenied);
        }
        // A node can be given away by the control domain only.
        if me != DomId(0) && new_owner != owner(node.perms()) {
            return Err(ServerError::NotPermitted);
        }
        self.change(id, tx, Change::SetPerms { path, perms })?;
        Ok(OK.to_vec())
    }
}

pub(super) fn list(node: NodeView<'_>) -> Vec<u8> {
    node.names().flat_map(|name| [name.as_bytes(), b"\0"].concat()).collect()
}
