//! Requests of toolstacks, and what a domain may ask about itself.

use super::nodes::{Sealed, XsOps};
use super::{Runtime, XenStore, error_at};
use crate::connection::Transport;
use crate::error::{ErrorKind, StoreError};
use crate::wire::{MessageType, Number, Part, parse_number};
use core::fmt::{Arguments, Display};
use xen_hypercall::{DomId, Gfn, Port};
use xen_sys::io::xs_wire::ServerFeatures;

/// Each method is one request; it blocks until the reply is there, or the store's timeout is over.
/// All but [`features`](XenStore::features) of this domain are for the control domain.
///
/// # Errors
///
/// Each method: [`ErrorKind::Server`] if the server refuses, with
/// [`NotImplemented`](crate::wire::ServerError::NotImplemented) if it does not support the request;
/// [`ErrorKind::Timeout`], [`ErrorKind::Connection`]; [`ErrorKind::Malformed`] for a reply that
/// makes no sense.
impl<P: Runtime, T: Transport> XenStore<P, T>
where
    Self: XsOps,
{
    /// Makes the server serve a domain, whose ring page is frame `gfn`, and which waits for events
    /// at its port `port`.
    ///
    /// # Errors
    ///
    /// Those of the implementation.
    #[doc(alias = "XS_INTRODUCE")]
    pub fn introduce(&self, domain: DomId, gfn: Gfn, port: Port) -> Result<(), StoreError> {
        let Gfn(gfn) = gfn;
        self.order(
            MessageType::INTRODUCE,
            &domain,
            format_args!("{}\0{gfn}\0{}\0", domain.0, port.0),
        )
    }

    /// Makes the server forget a domain that is gone.
    ///
    /// # Errors
    ///
    /// Those of the implementation.
    #[doc(alias = "XS_RELEASE")]
    pub fn release(&self, domain: DomId) -> Result<(), StoreError> {
        self.order(MessageType::RELEASE, &domain, format_args!("{}\0", domain.0))
    }

    /// Notifies the server that a domain continues after its shutdown for a suspend.
    ///
    /// # Errors
    ///
    /// Those of the implementation.
    #[doc(alias = "XS_RESUME")]
    pub fn resume_domain(&self, domain: DomId) -> Result<(), StoreError> {
        self.order(MessageType::RESUME, &domain, format_args!("{}\0", domain.0))
    }

    /// Lets a domain, a device model, do all that `target` may.
    ///
    /// # Errors
    ///
    /// Those of the implementation.
    #[doc(alias = "XS_SET_TARGET")]
    pub fn set_target(&self, domain: DomId, target: DomId) -> Result<(), StoreError> {
        self.order(MessageType::SET_TARGET, &domain, format_args!("{}\0{}\0", domain.0, target.0))
    }

    /// Returns whether the server serves a domain.
    ///
    /// # Errors
    ///
    /// Those of the implementation.
    #[doc(alias = "XS_IS_DOMAIN_INTRODUCED")]
    pub fn is_introduced(&self, domain: DomId) -> Result<bool, StoreError> {
        let operation = MessageType::IS_DOMAIN_INTRODUCED;
        self.ask(operation, &domain, format_args!("{}\0", domain.0), |body| match body {
            b"T" | b"T\0" => Ok(true),
            b"F" | b"F\0" => Ok(false),
            _ => Err(ErrorKind::Malformed),
        })
    }

    /// Returns the features that the server has for this domain, or for another one.
    ///
    /// # Errors
    ///
    /// Those of the implementation.
    #[doc(alias = "XS_GET_FEATURE")]
    pub fn features(&self, domain: Option<DomId>) -> Result<ServerFeatures, StoreError> {
        let operation = MessageType::GET_FEATURE;
        let number = match domain {
            None => self.ask(operation, &"", format_args!(""), number),
            Some(domain) => self.ask(operation, &domain, format_args!("{}\0", domain.0), number),
        };
        number.map(ServerFeatures)
    }

    /// Sets the features that the server will have for a domain that is not introduced yet.
    ///
    /// # Errors
    ///
    /// Those of the implementation.
    #[doc(alias = "XS_SET_FEATURE")]
    pub fn set_features(&self, domain: DomId, features: ServerFeatures) -> Result<(), StoreError> {
        let ServerFeatures(features) = features;
        self.order(MessageType::SET_FEATURE, &domain, format_args!("{}\0{features}\0", domain.0))
    }

    /// Calls `each` with the name of every quota of the server.
    ///
    /// # Errors
    ///
    /// Those of the implementation.
    pub fn quota_names(&self, mut each: impl FnMut(&str)) -> Result<(), StoreError> {
        super::nodes::each_item(self.target(), MessageType::GET_QUOTA, next_quota, &mut each)
            .map_err(error_at(MessageType::GET_QUOTA, &""))
    }

    /// Returns how much a domain may use, or one that has no quota of its own; zero stands for no
    /// limit.
    ///
    /// # Errors
    ///
    /// Those of the implementation.
    #[doc(alias = "XS_GET_QUOTA")]
    pub fn quota(&self, domain: Option<DomId>, name: &str) -> Result<u32, StoreError> {
        let operation = MessageType::GET_QUOTA;
        match domain {
            None => self.ask(operation, &name, format_args!("{name}\0"), number),
            Some(domain) => {
                self.ask(operation, &name, format_args!("{}\0{name}\0", domain.0), number)
            }
        }
    }

    /// Sets how much a domain may use, or all that have no quota of their own; zero stands for no
    /// limit.
    ///
    /// # Errors
    ///
    /// Those of the implementation.
    #[doc(alias = "XS_SET_QUOTA")]
    pub fn set_quota(
        &self,
        domain: Option<DomId>,
        name: &str,
        value: u32,
    ) -> Result<(), StoreError> {
        let operation = MessageType::SET_QUOTA;
        match domain {
            None => self.order(operation, &name, format_args!("{name}\0{value}\0")),
            Some(domain) => {
                self.order(operation, &name, format_args!("{}\0{name}\0{value}\0", domain.0))
            }
        }
    }

    /// Gives the server one of its own commands, and returns how long the answer in `buffer` is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BufferTooSmall`] with nothing copied; those of the implementation.
    #[doc(alias = "XS_CONTROL")]
    pub fn control(&self, words: &[&str], buffer: &mut [u8]) -> Result<usize, StoreError> {
        let words = Words(words);
        self.ask(MessageType::CONTROL, &"", format_args!("{words}"), |body| {
            let target = buffer
                .get_mut(..body.len())
                .ok_or(ErrorKind::BufferTooSmall { needed: body.len() })?;
            target.copy_from_slice(body);
            Ok(body.len())
        })
    }

    /// Sends a request whose reply has no content.
    fn order(
        &self,
        operation: MessageType,
        about: &dyn Display,
        payload: Arguments<'_>,
    ) -> Result<(), StoreError> {
        self.ask(operation, about, payload, |_| Ok(()))
    }

    fn ask<R>(
        &self,
        operation: MessageType,
        about: &dyn Display,
        payload: Arguments<'_>,
        look: impl FnOnce(&[u8]) -> Result<R, ErrorKind>,
    ) -> Result<R, StoreError> {
        super::nodes::ask(self.target(), operation, &[Part::Text(payload)], look)
            .map_err(error_at(operation, about))
    }
}

/// Splits the first name off a list whose separators are blanks and NULs.
fn next_quota(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_separator = |&byte: &u8| byte == b' ' || byte == 0;
    let start = list.iter().position(|byte| !is_separator(byte))?;
    let list = list.get(start..)?;
    list.split_at_checked(list.iter().position(is_separator).unwrap_or(list.len()))
}

fn number<N: Number>(body: &[u8]) -> Result<N, ErrorKind> {
    Ok(parse_number(body.strip_suffix(b"\0").unwrap_or(body))?)
}

struct Words<'a>(&'a [&'a str]);

impl Display for Words<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, "{word}\0"))
    }
}
