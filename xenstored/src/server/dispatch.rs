//! Requests in, messages out.

use super::Result;
use super::change::Change;
use super::connection::{Breach, ConnectionId, message};
use super::database::Server;
use super::nodes::list;
use super::quota::within;
use super::request::{domain, number, one_text, texts};
use super::toolstack::Domains;
use super::transaction::Transaction;
use super::watch::Watch;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use xen_hypercall::DomId;
use xen_store::wire::{MessageType, ServerError, XENSTORE_PAYLOAD_MAX, XsdSockmsg};
use xen_sys::io::xs_wire::{ServerFeatures, XENSTORE_REL_PATH_MAX};

/// The reply to a request without a result.
pub(super) const OK: &[u8] = b"OK\0";

impl Server {
    /// Takes bytes that a client has sent and serves each request that is complete with them. The
    /// caller must check [`accepts`](Self::accepts) before.
    ///
    /// # Errors
    ///
    /// [`Breach`] if the client is to be disconnected.
    pub fn receive(
        &mut self,
        id: ConnectionId,
        mut bytes: &[u8],
        domains: &mut dyn Domains,
    ) -> core::result::Result<(), Breach> {
        loop {
            let connection = self.connection(id).map_err(|_| Breach::Unknown)?;
            match connection.input(&mut bytes).map_err(Breach::Oversized)? {
                Some((header, body)) => self.serve(id, header, &body, domains),
                None => return self.breach(id).map_or(Ok(()), Err),
            }
        }
    }

    /// Serves a request; the reply and any events wait to be sent then.
    pub fn serve(
        &mut self,
        id: ConnectionId,
        header: XsdSockmsg,
        body: &[u8],
        domains: &mut dyn Domains,
    ) {
        let result = self.request(id, header, body, domains);
        let (kind, body) = match result {
            Ok(reply) if reply.len() <= XENSTORE_PAYLOAD_MAX => (header.type_, reply),
            Ok(_) => (MessageType::ERROR, error(ServerError::TooBig)),
            Err(refusal) => (MessageType::ERROR, error(refusal)),
        };
        let reply = message(kind, header.req_id, header.tx_id, &body);
        let Ok(connection) = self.connection(id) else { return };
        // The first event of a watch comes after the reply that accepts the watch.
        let own = core::mem::take(&mut connection.fresh);
        connection.push_reply(reply);
        for event in own {
            self.send_event(id, &event);
        }
    }

    fn request(
        &mut self,
        id: ConnectionId,
        header: XsdSockmsg,
        body: &[u8],
        domains: &mut dyn Domains,
    ) -> Result<Vec<u8>> {
        let (me, tx) = (self.domain_of(id), header.tx_id);
        // Whatever it is about, a request in a transaction that there is not is none.
        self.view(id, tx)?;
        let path = |text: &[u8]| self.path(me, text);
        match header.type_ {
            MessageType::READ => {
                let path = path(one_text(body)?)?;
                Ok(self.look(id, tx, &path)?.value().to_vec())
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
                let (name, value) = body.split_at_checked(nul).ok_or(ServerError::Invalid)?;
                let (path, value) = (path(name)?, value.get(1..).unwrap_or_default().to_vec());
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
                self.reset(id)?;
                Ok(OK.to_vec())
            }
            MessageType::TRANSACTION_START => self.transaction_start(id, tx),
            MessageType::TRANSACTION_END => self.transaction_end(id, tx, one_text(body)?),
            MessageType::GET_DOMAIN_PATH => {
                Ok(format!("/local/domain/{}\0", domain(one_text(body)?)?).into_bytes())
            }
            MessageType::IS_DOMAIN_INTRODUCED if me != DomId(0) => Err(ServerError::AccessDenied),
            MessageType::IS_DOMAIN_INTRODUCED => {
                let known = self.introduced.contains(&domain(one_text(body)?)?.0);
                Ok(if known { b"T\0" } else { b"F\0" }.to_vec())
            }
            MessageType::CONTROL
            | MessageType::INTRODUCE
            | MessageType::RELEASE
            | MessageType::RESUME
            | MessageType::SET_TARGET
            | MessageType::GET_FEATURE
            | MessageType::SET_FEATURE
            | MessageType::GET_QUOTA
            | MessageType::SET_QUOTA => self.privileged(id, header.type_, body, domains),
            _ => Err(ServerError::NotImplemented),
        }
    }

    fn watch(&mut self, id: ConnectionId, body: &[u8]) -> Result<Vec<u8>> {
        let me = self.domain_of(id);
        let texts = texts(body);
        let (given, token, depth) = match texts[..] {
            [given, token] => (given, token, None),
            [given, token, depth] if self.features(me).contains(ServerFeatures::WATCHDEPTH) => {
                (given, token, Some(number(depth)?))
            }
            _ => return Err(ServerError::Invalid),
        };
        let name = core::str::from_utf8(given).map_err(|_| ServerError::Invalid)?;
        // Whatever its name, what is special can be watched; that it never happens is no error.
        let special = name.starts_with('@') && name.len() <= XENSTORE_REL_PATH_MAX;
        let path = if special { name.to_owned() } else { self.path(me, given)? };
        let strip = path.len().saturating_sub(name.len());
        let watches = self.quotas_of(me).watches;
        let watch =
            Arc::new(Watch { given: name.to_owned(), path, token: token.to_vec(), depth, strip });
        let connection = self.connection(id)?;
        if connection
            .watches()
            .iter()
            .any(|other| other.given == watch.given && other.token == watch.token)
        {
            return Err(ServerError::Exists);
        }
        if !within(connection.watches().len() + 1, watches) {
            return Err(ServerError::TooBig);
        }
        self.may_keep(id, watch.size())?;
        let connection = self.connection(id)?;
        // Every watch fires once when it is set.
        connection.fresh.push(watch.event(&watch.path));
        connection.add_watch(Arc::clone(&watch));
        self.watchers.add(id, &watch);
        Ok(OK.to_vec())
    }

    fn unwatch(&mut self, id: ConnectionId, body: &[u8]) -> Result<Vec<u8>> {
        let [given, token] = texts(body)[..] else { return Err(ServerError::Invalid) };
        let connection = self.connection(id)?;
        let is_it = |watch: &Arc<Watch>| watch.given.as_bytes() == given && watch.token == token;
        let found = connection.watches().iter().position(is_it);
        let watch = connection.remove_watch(found.ok_or(ServerError::NotFound)?);
        self.watchers.remove(&watch);
        Ok(OK.to_vec())
    }

    fn transaction_start(&mut self, id: ConnectionId, tx: u32) -> Result<Vec<u8>> {
        if tx != 0 {
            return Err(ServerError::Busy);
        }
        let quotas = self.quotas_of(self.domain_of(id));
        let connection = self.connection(id)?;
        if !within(connection.transactions.len() + 1, quotas.transactions) {
            return Err(ServerError::NoSpace);
        }
        let mut numbers = (connection.last_transaction..=u32::MAX).skip(1).chain(1..=u32::MAX);
        let free = numbers.find(|number| !connection.transactions.contains_key(number));
        let number = free.ok_or(ServerError::NoSpace)?;
        connection.last_transaction = number;
        connection.transactions.insert(number, Transaction::new(quotas.transaction_nodes));
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
        self.connection(id)?.conflicts = 0;
        self.holds.end(id);
        Ok(OK.to_vec())
    }
}

fn error(refusal: ServerError) -> Vec<u8> {
    format!("{}\0", refusal.name()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transaction_ids_skip_open_ones() {
        let mut server = Server::new();
        let id = server.connect(DomId(5));
        for (last, expected) in
            [(0, "1\0"), (u32::MAX - 1, "4294967295\0"), (u32::MAX, "2\0"), (6, "7\0"), (1, "3\0")]
        {
            server.connection(id).unwrap().last_transaction = last;
            let number = server.transaction_start(id, 0).unwrap();
            assert_eq!(core::str::from_utf8(&number).unwrap(), expected, "{last}");
        }
        assert_eq!(server.connection(id).unwrap().last_transaction, 3);
        assert_eq!(server.open_transactions(id).count(), 5);
    }
}
