//! Operations on nodes, the same inside and outside of transactions.

use super::{Core, TxId, error_at};
use crate::connection::Ticket;
use crate::error::{Reason, StoreError};
use crate::text::PathText;
use crate::wire::{self, MessageType, Names, Number, Part, Permission, ServerError};
use core::fmt::{self, Display};
use core::ops::Range;
use heapless::{String, Vec};
use xen_hypercall::DomId;

/// The longest name that [`Nodes::directory`] passes on.
const MAX_NAME: usize = 256;

/// Where an operation goes to.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "it can't be named outside")]
pub struct Target<'a> {
    pub(crate) core: &'a dyn Core,
    pub(crate) tx: TxId,
}

pub trait Sealed {
    fn target(&self) -> Target<'_>;
}

/// A reply that is being looked at; its slot is given up when this is dropped.
struct Reply<'a> {
    core: &'a dyn Core,
    ticket: Ticket,
}

impl Reply<'_> {
    fn read<R>(&self, look: impl FnOnce(&[u8]) -> Result<R, Reason>) -> Result<R, Reason> {
        let mut look = Some(look);
        let mut result = Err(Reason::Malformed);
        self.core.show(self.ticket, &mut |body| {
            if let Some(look) = look.take() {
                result = look(body);
            }
        });
        result
    }
}

impl Drop for Reply<'_> {
    fn drop(&mut self) {
        self.core.forget(self.ticket);
    }
}

fn call<'a>(target: Target<'a>, kind: MessageType, parts: &[Part<'_>]) -> Result<Reply<'a>, Reason> {
    let Target { core, tx } = target;
    core.call(kind, tx, parts).map(|ticket| Reply { core, ticket })
}

/// Sends a request and looks at the reply.
pub(super) fn ask<R>(
    target: Target<'_>,
    kind: MessageType,
    parts: &[Part<'_>],
    look: impl FnOnce(&[u8]) -> Result<R, Reason>,
) -> Result<R, Reason> {
    call(target, kind, parts).and_then(|reply| reply.read(look))
}

fn text(body: &[u8]) -> Result<&str, Reason> {
    core::str::from_utf8(body).map_err(|_| Reason::NotText)
}

fn string<const N: usize>(body: &[u8]) -> Result<String<N>, Reason> {
    String::try_from(text(body)?).map_err(|_| Reason::BufferTooSmall { needed: body.len() })
}

/// Reads and writes nodes. Every method is one request; it blocks until the reply is there, or the store's timeout is over.
///
/// A path is anything that displays as one: a `&str`, or `format_args!("{dir}/state")`. One that does not begin with a slash
/// is relative to the domain's own home. Every error says which path it is about.
///
/// # Errors
///
/// Each method: [`Reason::Server`] if the server refuses, [`Reason::Timeout`], [`Reason::Connection`], and [`Reason::Path`] or
/// [`Reason::TooLong`] with nothing sent.
pub trait Nodes: Sealed {
    /// Reads a node's value into `buffer` and returns its length.
    ///
    /// # Errors
    ///
    /// [`Reason::BufferTooSmall`] with nothing copied; those of the trait.
    #[doc(alias = "XS_READ")]
    fn read(&self, path: impl Display, buffer: &mut [u8]) -> Result<usize, StoreError> {
        read_with(self.target(), &path, |body| copy(body, buffer))
    }

    /// Reads a node's value as text of at most `N` bytes.
    ///
    /// # Errors
    ///
    /// [`Reason::NotText`], [`Reason::BufferTooSmall`]; those of the trait.
    fn read_string<const N: usize>(&self, path: impl Display) -> Result<String<N>, StoreError> {
        read_with(self.target(), &path, string)
    }

    /// Reads a node's value as a decimal number, strictly; see [`wire::parse_number`].
    ///
    /// # Errors
    ///
    /// [`Reason::Number`]; those of the trait.
    fn read_number<N: Number>(&self, path: impl Display) -> Result<N, StoreError> {
        read_with(self.target(), &path, |body| Ok(wire::parse_number(body)?))
    }

    /// Reads a node's value as a decimal number, `default` if there is no such node. What is there but no number is an error.
    ///
    /// # Errors
    ///
    /// Those of [`read_number`](Self::read_number), but for a missing node.
    fn read_number_or<N: Number>(&self, path: impl Display, default: N) -> Result<N, StoreError> {
        match self.read_number(path) {
            Err(error) if error.is_not_found() => Ok(default),
            result => result,
        }
    }

    /// Tells whether a node exists.
    ///
    /// # Errors
    ///
    /// Those of the trait, but for a missing node.
    fn exists(&self, path: impl Display) -> Result<bool, StoreError> {
        match read_with(self.target(), &path, |_| Ok(())) {
            Err(error) if error.is_not_found() => Ok(false),
            result => result.map(|()| true),
        }
    }

    /// Writes a node's value, making the node and those above it if they are missing.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[doc(alias = "XS_WRITE")]
    fn write(&self, path: impl Display, value: impl AsRef<[u8]>) -> Result<(), StoreError> {
        simple(self.target(), MessageType::WRITE, &path, &[Part::Bytes(value.as_ref())])
    }

    /// Writes what `value` displays as a node's value: a number, or `format_args!(...)`.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    fn write_fmt(&self, path: impl Display, value: impl Display) -> Result<(), StoreError> {
        simple(self.target(), MessageType::WRITE, &path, &[Part::Text(format_args!("{value}"))])
    }

    /// Makes a node with an empty value; one that exists stays as it is.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[doc(alias = "XS_MKDIR")]
    fn mkdir(&self, path: impl Display) -> Result<(), StoreError> {
        simple(self.target(), MessageType::MKDIR, &path, &[])
    }

    /// Removes a node and all below. A missing node is no error if its parent exists.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[doc(alias = "XS_RM")]
    fn remove(&self, path: impl Display) -> Result<(), StoreError> {
        simple(self.target(), MessageType::RM, &path, &[])
    }

    /// Calls `each` with the name of every child of a node. `each` may use the store; a request slot is taken meanwhile.
    ///
    /// More names than a message can carry are read in parts.
    ///
    /// # Errors
    ///
    /// [`Reason::BufferTooSmall`] at a name over 256 bytes; [`Reason::Changed`] if the children changed between parts, which in a transaction they
    /// don't; those of the trait.
    #[doc(alias = "XS_DIRECTORY")]
    #[doc(alias = "XS_DIRECTORY_PART")]
    fn directory(&self, path: impl Display, mut each: impl FnMut(&str)) -> Result<(), StoreError> {
        parts(self.target(), &path, &mut |reply, list| {
            let mut index = 0;
            // One name at a time, so that the lock is not held while `each` runs.
            while let Some(name) = reply.read(|body| {
                let body = body.get(list.clone()).unwrap_or_default();
                Names::new(body).nth(index).map(|name| string::<MAX_NAME>(name.as_bytes())).transpose()
            })? {
                each(&name);
                index += 1;
            }
            Ok(())
        })
        .map_err(error_at(MessageType::DIRECTORY, &path))
    }

    /// Lists the children of a node into `buffer` and returns their names.
    ///
    /// # Errors
    ///
    /// [`Reason::BufferTooSmall`], which a buffer of 4096 bytes is only where a message would be too; those of [`directory`](Self::directory).
    fn directory_into<'b>(&self, path: impl Display, buffer: &'b mut [u8]) -> Result<Names<'b>, StoreError> {
        let mut len = 0;
        parts(self.target(), &path, &mut |reply, list| {
            let free = buffer.get_mut(len..).unwrap_or_default();
            len += reply.read(|body| copy(body.get(list.clone()).unwrap_or_default(), free))?;
            Ok(())
        })
        .map_err(error_at(MessageType::DIRECTORY, &path))?;
        Ok(Names::new(buffer.get(..len).unwrap_or_default()))
    }

    /// Sends a request that there is no method for, copies the payload of the reply to `buffer` and returns its length. Of `parts`, the first that is a
    /// path is for errors to show.
    ///
    /// # Errors
    ///
    /// [`Reason::BufferTooSmall`] with nothing copied; those of the trait.
    fn request(&self, kind: MessageType, parts: &[Part<'_>], buffer: &mut [u8]) -> Result<usize, StoreError> {
        ask(self.target(), kind, parts, |body| copy(body, buffer)).map_err(|reason| {
            let path = parts.iter().find_map(|part| match part {
                Part::Path(path) => Some(PathText::new(path)),
                _ => None,
            });
            StoreError { operation: kind, path: path.unwrap_or(PathText::EMPTY), reason }
        })
    }

    /// Returns a node's permissions, at most `N` entries; the first is the owner's.
    ///
    /// # Errors
    ///
    /// [`Reason::BufferTooSmall`] if there are more, [`Reason::Malformed`] if one is unknown; those of the trait.
    #[doc(alias = "XS_GET_PERMS")]
    fn permissions<const N: usize>(&self, path: impl Display) -> Result<Vec<Permission, N>, StoreError> {
        call(self.target(), MessageType::GET_PERMS, &[Part::Path(format_args!("{path}"))])
            .and_then(|reply| {
                reply.read(|body| {
                    let mut entries = Vec::new();
                    for entry in Names::new(body) {
                        let entry = Permission::parse(entry).ok_or(Reason::Malformed)?;
                        let needed = Names::new(body).count();
                        entries.push(entry).map_err(|_| Reason::BufferTooSmall { needed })?;
                    }
                    Ok(entries)
                })
            })
            .map_err(error_at(MessageType::GET_PERMS, &path))
    }

    /// Sets a node's permissions; the first entry is the owner's.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[doc(alias = "XS_SET_PERMS")]
    fn set_permissions(&self, path: impl Display, permissions: &[Permission]) -> Result<(), StoreError> {
        let entries = Entries(permissions);
        simple(self.target(), MessageType::SET_PERMS, &path, &[Part::Text(format_args!("{entries}"))])
    }

    /// Returns the home of a domain, such as `/local/domain/5`, whether the domain exists or not.
    ///
    /// # Errors
    ///
    /// [`Reason::BufferTooSmall`] if it has more than `N` bytes; those of the trait.
    #[doc(alias = "XS_GET_DOMAIN_PATH")]
    fn domain_path<const N: usize>(&self, domain: DomId) -> Result<String<N>, StoreError> {
        let kind = MessageType::GET_DOMAIN_PATH;
        let parts = [Part::Text(format_args!("{}\0", domain.0))];
        ask(self.target(), kind, &parts, |body| string(body.strip_suffix(b"\0").unwrap_or(body)))
            .map_err(error_at(kind, &domain))
    }

    /// Returns this domain's number, as its home says in `domid`.
    ///
    /// # Errors
    ///
    /// Those of [`read_number`](Self::read_number).
    fn domid(&self) -> Result<DomId, StoreError> {
        self.read_number("domid").map(DomId)
    }

    /// Reads a node's value.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[cfg(feature = "alloc")]
    fn read_vec(&self, path: impl Display) -> Result<alloc::vec::Vec<u8>, StoreError> {
        read_with(self.target(), &path, |body| Ok(body.into()))
    }

    /// Reads a node's value as text.
    ///
    /// # Errors
    ///
    /// [`Reason::NotText`]; those of the trait.
    #[cfg(feature = "alloc")]
    fn read_text(&self, path: impl Display) -> Result<alloc::string::String, StoreError> {
        read_with(self.target(), &path, |body| text(body).map(Into::into))
    }

    /// Returns the names of a node's children.
    ///
    /// # Errors
    ///
    /// Those of [`directory`](Self::directory); names may have any length.
    #[cfg(feature = "alloc")]
    fn list(&self, path: impl Display) -> Result<alloc::vec::Vec<alloc::string::String>, StoreError> {
        let mut names = alloc::vec::Vec::new();
        parts(self.target(), &path, &mut |reply, list| {
            reply.read(|body| {
                names.extend(Names::new(body.get(list.clone()).unwrap_or_default()).map(Into::into));
                Ok(())
            })
        })
        .map_err(error_at(MessageType::DIRECTORY, &path))?;
        Ok(names)
    }
}

fn copy(body: &[u8], buffer: &mut [u8]) -> Result<usize, Reason> {
    let target = buffer.get_mut(..body.len()).ok_or(Reason::BufferTooSmall { needed: body.len() })?;
    target.copy_from_slice(body);
    Ok(body.len())
}

/// Gets a reply, and which of its bytes are names.
type Take<'t, 'a> = &'t mut dyn FnMut(&Reply<'a>, Range<usize>) -> Result<(), Reason>;

/// Lists a node's children, in parts if it must be. `take` gets each reply, and which of its bytes are the names.
fn parts<'a>(target: Target<'a>, path: &dyn Display, take: Take<'_, 'a>) -> Result<(), Reason> {
    match call(target, MessageType::DIRECTORY, &[Part::Path(format_args!("{path}"))]) {
        Err(Reason::Server(ServerError::TooBig)) => {}
        reply => {
            let reply = reply?;
            let all = 0..reply.read(|body| Ok(body.len()))?;
            return take(&reply, all);
        }
    }
    let mut offset = 0;
    let mut generation = None;
    loop {
        let parts = [Part::Path(format_args!("{path}")), Part::Text(format_args!("{offset}\0"))];
        let reply = call(target, MessageType::DIRECTORY_PART, &parts)?;
        let (found, list, len, last) = reply.read(|body| {
            let end = body.iter().position(|&byte| byte == 0).ok_or(Reason::Malformed)?;
            let found = wire::parse_number::<u64>(body.get(..end).unwrap_or_default())?;
            let names = body.get(end + 1..).unwrap_or_default();
            // An empty name ends the list.
            let last = names.is_empty() || names == b"\0" || names.ends_with(b"\0\0");
            let kept = names.len().saturating_sub(usize::from(last));
            Ok((found, end + 1..end + 1 + kept, names.len(), last))
        })?;
        if *generation.get_or_insert(found) != found {
            return Err(Reason::Changed);
        }
        take(&reply, list)?;
        offset += len;
        if last {
            return Ok(());
        }
    }
}

fn read_with<R>(
    target: Target<'_>,
    path: &dyn Display,
    look: impl FnOnce(&[u8]) -> Result<R, Reason>,
) -> Result<R, StoreError> {
    ask(target, MessageType::READ, &[Part::Path(format_args!("{path}"))], look)
        .map_err(error_at(MessageType::READ, path))
}

/// A request about `path` whose reply says nothing but that it is done.
fn simple(
    target: Target<'_>,
    kind: MessageType,
    path: &dyn Display,
    rest: &[Part<'_>],
) -> Result<(), StoreError> {
    let first = Part::Path(format_args!("{path}"));
    let result = match rest {
        [] => call(target, kind, &[first]),
        [part, ..] => call(target, kind, &[first, *part]),
    };
    result.map(drop).map_err(error_at(kind, path))
}

struct Entries<'a>(&'a [Permission]);

impl Display for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|entry| write!(f, "{entry}\0"))
    }
}
