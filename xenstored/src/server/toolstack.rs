//! Requests of the toolstack.

use super::Result;
use super::connection::ConnectionId;
use super::database::{FEATURES, Server};
use super::request::{domain, number, texts};
use crate::server::Quotas;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use xen_hypercall::{DomId, Gfn, Port};
use xen_store::wire::{MessageType, ServerError};
use xen_sys::io::xs_wire::ServerFeatures;

/// Operations that need a hypervisor. Toolstacks request them over their connections.
pub trait Domains {
    /// Makes the ring of a domain usable: its page is frame `gfn`, its port `port`. If it is in use
    /// already, it was set up anew. Requests on it are for a connection of its own, which the
    /// callee makes with [`Server::connect`] once this has returned.
    ///
    /// # Errors
    ///
    /// The error for the toolstack.
    fn introduce(
        &mut self,
        domain: DomId,
        gfn: Gfn,
        port: Port,
    ) -> core::result::Result<(), ServerError>;

    /// Releases the ring of a domain that the server removes.
    fn release(&mut self, domain: DomId);
}

/// A server whose clients all have sockets.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDomains;

impl Domains for NoDomains {
    fn introduce(&mut self, _: DomId, _: Gfn, _: Port) -> core::result::Result<(), ServerError> {
        Err(ServerError::NotImplemented)
    }

    fn release(&mut self, _: DomId) {}
}

impl Server {
    pub(super) fn privileged(
        &mut self,
        id: ConnectionId,
        kind: MessageType,
        body: &[u8],
        domains: &mut dyn Domains,
    ) -> Result<Vec<u8>> {
        let texts = texts(body);
        // Any domain may ask what it may use itself.
        if let (MessageType::GET_FEATURE, []) = (kind, &texts[..]) {
            return Ok(answer(self.features(self.domain_of(id)).0));
        }
        if self.domain_of(id) != DomId(0) {
            return Err(ServerError::AccessDenied);
        }
        match (kind, &texts[..]) {
            (MessageType::INTRODUCE, [id, gfn, port]) => {
                let id = domain(id)?;
                let gfn = xen_store::wire::parse_number(gfn).map_err(|_| ServerError::Invalid)?;
                domains.introduce(id, Gfn(gfn), Port(number(port)?))?;
                self.introduce(id);
            }
            (MessageType::RELEASE, [id]) => {
                let id = self.known(id)?;
                if id == DomId(0) {
                    return Err(ServerError::Invalid);
                }
                domains.release(id);
                self.release(id);
            }
            (MessageType::RESUME, [id]) => {
                self.known(id)?;
            }
            (MessageType::SET_TARGET, [id, target]) => {
                let (id, target) = (self.known(id)?, self.known(target)?);
                self.settings.entry(id.0).or_default().target = Some(target);
            }
            (MessageType::GET_FEATURE, [id]) => return Ok(answer(self.features(domain(id)?).0)),
            (MessageType::SET_FEATURE, [id, features]) => {
                let (id, features) = (domain(id)?, number(features)?);
                if features & !FEATURES.0 != 0 {
                    return Err(ServerError::Invalid);
                }
                // The domain has read it in its ring page already.
                if self.introduced.contains(&id.0) {
                    return Err(ServerError::Busy);
                }
                self.settings.entry(id.0).or_default().features = Some(ServerFeatures(features));
            }
            (MessageType::GET_QUOTA, []) => {
                return Ok(format!("{}\0", Quotas::NAMES.join(" ")).into_bytes());
            }
            (MessageType::GET_QUOTA, [name]) => return quota(self.quotas, name),
            (MessageType::GET_QUOTA, [id, name]) => {
                return quota(self.quotas_of(domain(id)?), name);
            }
            (MessageType::SET_QUOTA, [name, value]) => set_quota(&mut self.quotas, name, value)?,
            (MessageType::SET_QUOTA, [id, name, value]) => {
                let id = domain(id)?;
                // The control domain has none.
                if id == DomId(0) {
                    return Err(ServerError::Invalid);
                }
                let mut quotas = self.quotas_of(id);
                set_quota(&mut quotas, name, value)?;
                self.settings.entry(id.0).or_default().quotas = Some(quotas);
            }
            (MessageType::CONTROL, [b"help"]) => return Ok(b"commands: help, check\0".to_vec()),
            (MessageType::CONTROL, [b"check"]) if !self.tree.is_consistent() => {
                return Err(ServerError::Io);
            }
            (MessageType::CONTROL, [b"check"]) => {}
            _ => return Err(ServerError::Invalid),
        }
        Ok(b"OK\0".to_vec())
    }

    /// Reads the number of a domain that was introduced.
    fn known(&self, text: &[u8]) -> Result<DomId> {
        domain(text).and_then(|id| {
            self.introduced.contains(&id.0).then_some(id).ok_or(ServerError::NotFound)
        })
    }
}

fn answer(number: u32) -> Vec<u8> {
    format!("{number}\0").into_bytes()
}

fn quota(quotas: Quotas, name: &[u8]) -> Result<Vec<u8>> {
    let value = core::str::from_utf8(name).ok().and_then(|name| quotas.get(name));
    value.map(|value| (value.to_string() + "\0").into_bytes()).ok_or(ServerError::Invalid)
}

fn set_quota(quotas: &mut Quotas, name: &[u8], value: &[u8]) -> Result<()> {
    let name = core::str::from_utf8(name).map_err(|_| ServerError::Invalid)?;
    if quotas.set(name, number(value)? as usize) { Ok(()) } else { Err(ServerError::Invalid) }
}
