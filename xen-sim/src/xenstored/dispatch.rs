//! The requests.

use super::database::{ConnectionId, Database, message};
use super::request::{absolute, domain, number, one_text, texts};
use super::transaction::{Change, Transaction};
use super::tree::{Node, parent};
use super::watch::Watch;
use super::{Result, tree};
use xen_hypercall::DomId;
use xen_store::wire::{MessageType, Permission, ServerError, XENSTORE_PAYLOAD_MAX, XsdSockmsg};

/// The reply to a request that has nothing to tell.
const OK: &[u8] = b"OK\0";

impl Database {
    /// Serves a request; the reply and any events are queued for the clients.
    pub(crate) fn serve(&mut self, id: ConnectionId, header: XsdSockmsg, body: &[u8]) {
        let result = self.request(id, header, body);
        let (kind, body) = match result {
            Ok(reply) if reply.len() <= XENSTORE_PAYLOAD_MAX => (header.type_, reply),
            Ok(_) => (MessageType::ERROR, error(ServerError::TooBig)),
            Err(refusal) => (MessageType::ERROR, error(refusal)),
        };
        let reply = message(kind, header.req_id, header.tx_id, &body);
        let Ok(connection) = self.connection(id) else { return };
        // Events that the request caused for its own sender come after the reply, those from before stay before it.
        let own = core::mem::take(&mut connection.fresh);
        connection.output.push_back(reply);
        for event in own {
            self.send_event(id, &event);
        }
    }

    fn request(&mut self, id: ConnectionId, header: XsdSockmsg, body: &[u8]) -> Result<Vec<u8>> {
        let (me, tx) = (self.domain_of(id), header.tx_id);
        let path = |text: &[u8]| absolute(text, me);
        match header.type_ {
            MessageType::READ => {
                let path = path(one_text(body)?)?;
                Ok(self.look(id, tx, &path)?.value.clone())
            }
            MessageType::DIRECTORY => {
                let path = path(one_text(body)?)?;
                Ok(list(self.look(id, tx, &path)?))
            }
            MessageType::DIRECTORY_PART => self.directory_part(id, tx, body),
            MessageType::GET_PERMS => self.get_perms(id, tx, one_text(body)?),
            MessageType::SET_PERMS => self.set_perms(id, tx, body),
            MessageType::WRITE => {
                let nul = body.iter().position(|&byte| byte == 0).ok_or(ServerError::Invalid)?;
                let path = path(&body[..nul])?;
                let value = body[nul + 1..].to_vec();
                self.may_write(id, tx, &path, value.len())?;
                self.change(id, tx, Change::Write { path, value })?;
                Ok(OK.to_vec())
            }
            MessageType::MKDIR => {
                let path = path(one_text(body)?)?;
                self.may_write(id, tx, &path, 0)?;
                self.change(id, tx, Change::Mkdir { path })?;
                Ok(OK.to_vec())
            }
            MessageType::RM => self.remove(id, tx, &path(one_text(body)?)?),
            MessageType::WATCH => self.watch(id, body),
            MessageType::UNWATCH => self.unwatch(id, body),
            MessageType::RESET_WATCHES => {
                let connection = self.connection(id)?;
                connection.watches.clear();
                connection.transactions.clear();
                connection.drop_events();
                Ok(OK.to_vec())
            }
            MessageType::TRANSACTION_START => self.transaction_start(id, tx),
            MessageType::TRANSACTION_END => self.transaction_end(id, tx, one_text(body)?),
            MessageType::GET_DOMAIN_PATH => {
                Ok(format!("/local/domain/{}\0", domain(one_text(body)?)?).into_bytes())
            }
            MessageType::IS_DOMAIN_INTRODUCED => {
                let known = self.introduced.contains(&domain(one_text(body)?)?.0);
                Ok(if known { b"T\0" } else { b"F\0" }.to_vec())
            }
            MessageType::CONTROL
            | MessageType::INTRODUCE
            | MessageType::RELEASE
            | MessageType::RESUME
            | MessageType::SET_TARGET => self.privileged(me, header.type_, body),
            _ => Err(ServerError::NotImplemented),
        }
    }

    /// Requests of the toolstack. Introducing is done by the simulated toolstack itself, which has the ring at hand.
    fn privileged(&mut self, me: DomId, kind: MessageType, body: &[u8]) -> Result<Vec<u8>> {
        if me != DomId(0) {
            return Err(ServerError::AccessDenied);
        }
        let texts = texts(body);
        match (kind, &texts[..]) {
            (MessageType::RELEASE, [id]) => self.release(domain(id)?),
            (MessageType::RESUME, [id]) => {
                if !self.introduced.contains(&domain(id)?.0) {
                    return Err(ServerError::NotFound);
                }
            }
            (MessageType::SET_TARGET, [id, target]) => {
                self.targets.insert(domain(id)?.0, domain(target)?.0);
            }
            (MessageType::CONTROL, [b"help"]) => return Ok(b"commands: help\0".to_vec()),
            _ => return Err(ServerError::Invalid),
        }
        Ok(OK.to_vec())
    }

    /// Finds a node that the client may read.
    fn look(&mut self, id: ConnectionId, tx: u32, path: &str) -> Result<&Node> {
        self.access(id, tx, path)?;
        let tree = self.view(id, tx)?;
        let (found, node) = tree.closest(path);
        // Whether a node exists is told to those only who may read what is above it.
        if !self.rights(id, node).read {
            return Err(ServerError::AccessDenied);
        }
        if found == path { Ok(node) } else { Err(ServerError::NotFound) }
    }

    /// Checks that the client may write a node, or make it.
    fn may_write(&mut self, id: ConnectionId, tx: u32, path: &str, len: usize) -> Result<()> {
        let me = self.domain_of(id);
        if me != DomId(0) && len > self.quotas.node_size {
            return Err(ServerError::NoSpace);
        }
        self.access(id, tx, path)?;
        let (found, node) = self.view(id, tx)?.closest(path);
        if !self.rights(id, node).write {
            return Err(ServerError::AccessDenied);
        }
        if found == path {
            return Ok(());
        }
        let missing = tree::depth_below(path, found).unwrap_or(1) as usize;
        if me != DomId(0) && self.view(id, tx)?.owned_by(me) + missing > self.quotas.nodes {
            return Err(ServerError::NoSpace);
        }
        // A new node changes the list of the one above it.
        self.access(id, tx, found)
    }

    fn remove(&mut self, id: ConnectionId, tx: u32, path: &str) -> Result<Vec<u8>> {
        if path == "/" {
            return Err(ServerError::Invalid);
        }
        self.access(id, tx, path)?;
        self.access(id, tx, parent(path))?;
        let (found, node) = self.view(id, tx)?.closest(path);
        let rights = self.rights(id, node);
        if found == path {
            if !rights.write {
                return Err(ServerError::AccessDenied);
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

    fn directory_part(&mut self, id: ConnectionId, tx: u32, body: &[u8]) -> Result<Vec<u8>> {
        let [path, offset] = texts(body)[..] else { return Err(ServerError::Invalid) };
        let offset = number(offset)? as usize;
        let path = absolute(path, self.domain_of(id))?;
        let node = self.look(id, tx, &path)?;
        let names = list(node);
        let mut reply = format!("{}\0", node.generation).into_bytes();
        let rest = names.get(offset..).ok_or(ServerError::Invalid)?;
        // Whole names only, and room for the empty one that ends the list.
        let room = XENSTORE_PAYLOAD_MAX - reply.len() - 1;
        if rest.len() <= room {
            reply.extend(rest);
            reply.push(0);
        } else {
            let end = rest[..room].iter().rposition(|&byte| byte == 0).map_or(0, |at| at + 1);
            reply.extend(&rest[..end]);
        }
        Ok(reply)
    }

    fn get_perms(&mut self, id: ConnectionId, tx: u32, path: &[u8]) -> Result<Vec<u8>> {
        let perms = match core::str::from_utf8(path).ok().and_then(|name| self.special.get(name)) {
            Some(perms) => perms.clone(),
            None => {
                let path = absolute(path, self.domain_of(id))?;
                self.look(id, tx, &path)?.perms.clone()
            }
        };
        Ok(perms.iter().flat_map(|entry| format!("{entry}\0").into_bytes()).collect())
    }

    fn set_perms(&mut self, id: ConnectionId, tx: u32, body: &[u8]) -> Result<Vec<u8>> {
        let texts = texts(body);
        let (&path, entries) = texts.split_first().ok_or(ServerError::Invalid)?;
        let entry = |text: &&[u8]| core::str::from_utf8(text).ok().and_then(Permission::parse);
        let perms: Vec<_> = entries.iter().map(entry).collect::<Option<_>>().ok_or(ServerError::Invalid)?;
        let owner = perms.first().ok_or(ServerError::Invalid)?.domain;
        let me = self.domain_of(id);
        if me != DomId(0) && perms.len() > self.quotas.permissions {
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
        let path = absolute(path, me)?;
        self.access(id, tx, &path)?;
        let (found, node) = self.view(id, tx)?.closest(&path);
        let rights = self.rights(id, node);
        if found != path {
            return Err(if rights.read { ServerError::NotFound } else { ServerError::AccessDenied });
        }
        if !rights.own {
            return Err(ServerError::AccessDenied);
        }
        // A node can be given away by the control domain only.
        if me != DomId(0) && owner != node.owner() {
            return Err(ServerError::NotPermitted);
        }
        self.change(id, tx, Change::SetPerms { path, perms })?;
        Ok(OK.to_vec())
    }

    fn watch(&mut self, id: ConnectionId, body: &[u8]) -> Result<Vec<u8>> {
        let me = self.domain_of(id);
        let texts = texts(body);
        let (given, token, depth) = match texts[..] {
            [given, token] => (given, token, None),
            [given, token, depth] => (given, token, Some(number(depth)?)),
            _ => return Err(ServerError::Invalid),
        };
        let name = core::str::from_utf8(given).map_err(|_| ServerError::Invalid)?;
        let path = if self.special.contains_key(name) { name.to_owned() } else { absolute(given, me)? };
        let strip = path.len() - name.len();
        let watches = self.quotas.watches;
        let connection = self.connection(id)?;
        if connection.watches.iter().any(|watch| watch.given == name && watch.token == token) {
            return Err(ServerError::Exists);
        }
        if me != DomId(0) && connection.watches.len() >= watches {
            return Err(ServerError::TooBig);
        }
        let watch = Watch { given: name.to_owned(), path, token: token.to_vec(), depth, strip };
        // Every watch fires once when it is set.
        connection.fresh.push(watch.event(&watch.path));
        connection.watches.push(watch);
        Ok(OK.to_vec())
    }

    fn unwatch(&mut self, id: ConnectionId, body: &[u8]) -> Result<Vec<u8>> {
        let [given, token] = texts(body)[..] else { return Err(ServerError::Invalid) };
        let watches = &mut self.connection(id)?.watches;
        let found = watches.iter().position(|watch| watch.given.as_bytes() == given && watch.token == token);
        watches.remove(found.ok_or(ServerError::NotFound)?);
        Ok(OK.to_vec())
    }

    fn transaction_start(&mut self, id: ConnectionId, tx: u32) -> Result<Vec<u8>> {
        if tx != 0 {
            return Err(ServerError::Busy);
        }
        let (me, limit, tree) = (self.domain_of(id), self.quotas.transactions, self.tree.clone());
        let connection = self.connection(id)?;
        if me != DomId(0) && connection.transactions.len() >= limit {
            return Err(ServerError::NoSpace);
        }
        let number = connection.next_transaction;
        connection.next_transaction = number.checked_add(1).unwrap_or(1);
        connection.transactions.insert(number, Transaction::new(tree));
        Ok(format!("{number}\0").into_bytes())
    }

    fn transaction_end(&mut self, id: ConnectionId, tx: u32, how: &[u8]) -> Result<Vec<u8>> {
        if !matches!(how, b"T" | b"F") {
            return Err(ServerError::Invalid);
        }
        let open = self.connection(id)?.transactions.remove(&tx).ok_or(ServerError::NotFound)?;
        if how == b"T" {
            self.commit(id, &open)?;
        }
        Ok(OK.to_vec())
    }
}

fn error(refusal: ServerError) -> Vec<u8> {
    format!("{}\0", refusal.name()).into_bytes()
}

fn list(node: &Node) -> Vec<u8> {
    node.children.keys().flat_map(|name| [name.as_bytes(), b"\0"].concat()).collect()
}
