//! Operations on nodes, the same inside and outside of transactions.

use super::{Core, TxId, error_at};
use crate::connection::RequestId;
use crate::error::{ErrorKind, StoreError};
use crate::text::PathText;
use crate::wire::{
    self, DirectoryPart, MessageType, Names, Number, Part, Permission, Permissions, ServerError,
};
use core::fmt::{self, Display};
use core::ops::Range;
use core::time::Duration;
use heapless::{String, Vec};
use xen_hypercall::{DomId, Instant};

/// Longest name that [`XsOps::directory`] passes to the caller.
const MAX_NAME: usize = 256;

/// The bytes of a list that are copied to the stack. For a longer one a page is taken from the
/// platform: stacks of kernels have no room for a message.
const SHORT_LIST: usize = 512;

/// Limits of a directory that is read in parts: a name for each possible domain, as in
/// `/local/domain`, and bytes for these names. A server that never ends the list must not take all
/// memory.
const MAX_NAMES: usize = 1 << 16;
const MAX_LIST: usize = 1 << 20;
/// The parts of that many bytes, each at least half full.
const MAX_PARTS: usize = MAX_LIST / (wire::XENSTORE_PAYLOAD_MAX / 2);
/// Maximum number of restarts of a directory that changes while it is read.
const MAX_RESTARTS: u32 = 8;

/// Destination of an operation: a store or a transaction.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "it can't be named outside")]
pub struct Target<'a> {
    pub(crate) core: &'a dyn Core,
    pub(crate) tx: TxId,
}

pub trait Sealed {
    fn target(&self) -> Target<'_>;
}

/// A reply that is being read; dropping it frees its slot.
struct Reply<'a> {
    core: &'a dyn Core,
    id: RequestId,
}

impl Reply<'_> {
    /// Copies `list` out of the reply, gives the request slot up, and calls `each` for all items.
    ///
    /// The caller's function runs without the lock and without the slot, because it may use the
    /// store.
    fn for_each_name(
        self,
        list: Range<usize>,
        next: Next,
        each: &mut dyn FnMut(&str),
    ) -> Result<(), ErrorKind> {
        let mut short = [0; SHORT_LIST];
        if let Some(copy) = short.get_mut(..list.len()) {
            self.read(|body| {
                copy.copy_from_slice(body.get(list).ok_or(ErrorKind::Malformed)?);
                Ok(())
            })?;
            drop(self);
            return pass_items_on(copy, next, each);
        }
        let mut result = Err(ErrorKind::Malformed);
        let copied = self.core.show_copy(self.id, &mut |body| {
            result = pass_items_on(body.get(list.clone()).unwrap_or_default(), next, each);
        });
        if copied {
            return result;
        }
        // Without memory for a copy the slot is held, and one item is copied at a time.
        let mut at = list.start;
        while let Some((item, rest)) = self.read(|body| {
            let items = body.get(at..list.end).unwrap_or_default();
            let item = |(item, rest): (&[u8], &[u8])| Ok((string::<MAX_NAME>(item)?, rest.len()));
            next(items).map(item).transpose()
        })? {
            each(&item);
            at = list.end - rest;
        }
        Ok(())
    }

    fn read<R>(&self, look: impl FnOnce(&[u8]) -> Result<R, ErrorKind>) -> Result<R, ErrorKind> {
        let mut look = Some(look);
        let mut result = Err(ErrorKind::Malformed);
        self.core.show(self.id, &mut |body| {
            if let Some(look) = look.take() {
                result = look(body);
            }
        });
        result
    }
}

impl Drop for Reply<'_> {
    fn drop(&mut self) {
        self.core.forget(self.id);
    }
}

fn call<'a>(
    target: Target<'a>,
    operation: MessageType,
    parts: &[Part<'_>],
) -> Result<Reply<'a>, ErrorKind> {
    let Target { core, tx } = target;
    core.call(operation, tx, parts).map(|id| Reply { core, id })
}

/// Sends a request and passes the reply to a function.
pub(super) fn ask<R>(
    target: Target<'_>,
    operation: MessageType,
    parts: &[Part<'_>],
    look: impl FnOnce(&[u8]) -> Result<R, ErrorKind>,
) -> Result<R, ErrorKind> {
    call(target, operation, parts).and_then(|reply| reply.read(look))
}

/// A function that splits the first item off a list.
pub(super) type Next = fn(&[u8]) -> Option<(&[u8], &[u8])>;

fn next_name(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut names = Names::new(list);
    names.next().map(|name| (name.as_bytes(), names.rest()))
}

fn pass_items_on(mut list: &[u8], next: Next, each: &mut dyn FnMut(&str)) -> Result<(), ErrorKind> {
    while let Some((item, rest)) = next(list) {
        each(&string::<MAX_NAME>(item)?);
        list = rest;
    }
    Ok(())
}

/// Sends a request without a payload and calls `each` with the items of the list that is the reply.
pub(super) fn each_item(
    target: Target<'_>,
    operation: MessageType,
    next: Next,
    each: &mut dyn FnMut(&str),
) -> Result<(), ErrorKind> {
    let reply = call(target, operation, &[])?;
    let all = 0..reply.read(|body| Ok(body.len()))?;
    reply.for_each_name(all, next, each)
}

fn text(body: &[u8]) -> Result<&str, ErrorKind> {
    core::str::from_utf8(body).map_err(|_| ErrorKind::NotText)
}

fn string<const N: usize>(body: &[u8]) -> Result<String<N>, ErrorKind> {
    String::try_from(text(body)?).map_err(|_| ErrorKind::BufferTooSmall { needed: body.len() })
}

/// Operations on nodes. Every method is one request; it blocks until the reply has come or the
/// store's timeout has passed.
///
/// A path is anything that displays as one: a `&str`, or `format_args!("{dir}/state")`. One that
/// does not begin with a slash is relative to the domain's own home. Every error says which path it
/// is about.
///
/// # Errors
///
/// Each method: [`ErrorKind::Server`] if the server refuses, [`ErrorKind::Timeout`],
/// [`ErrorKind::Connection`], and [`ErrorKind::Path`] or [`ErrorKind::TooLong`] with nothing sent.
pub trait XsOps: Sealed {
    /// Reads a node's value into `buffer` and returns its length.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BufferTooSmall`] with nothing copied; those of the trait.
    #[doc(alias = "XS_READ")]
    fn read(&self, path: impl Display, buffer: &mut [u8]) -> Result<usize, StoreError> {
        read_with(self.target(), &path, |body| copy(body, buffer))
    }

    /// Reads a node's value as text of at most `N` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotText`], [`ErrorKind::BufferTooSmall`]; those of the trait.
    fn read_string<const N: usize>(&self, path: impl Display) -> Result<String<N>, StoreError> {
        read_with(self.target(), &path, string)
    }

    /// Reads a node's value as a decimal number, strictly; see [`wire::parse_number`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Number`]; those of the trait.
    fn read_number<N: Number>(&self, path: impl Display) -> Result<N, StoreError> {
        read_with(self.target(), &path, |body| Ok(wire::parse_number(body)?))
    }

    /// Reads a node's value as a decimal number, `default` if there is no such node. What is there
    /// but no number is an error.
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

    /// Returns whether a node exists.
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

    /// Writes a node's value, making the node and missing nodes above it.
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

    /// Calls `each` with the name of every child of a node. `each` may use the store: neither a
    /// lock nor a request slot is held meanwhile, unless the list is longer than 512 bytes and
    /// the platform has no page for a copy.
    ///
    /// More names than a message can carry are read in parts: twice, because `each` must not be
    /// called with names of two lists. Reading starts again if the children change meanwhile,
    /// at most 8 times.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BufferTooSmall`] at a name over 256 bytes; [`ErrorKind::Changed`] if the
    /// children keep changing, or change after `each` was called, which is impossible in a
    /// transaction; [`ErrorKind::ListTooLong`] for more than 65,536 names or 1 MiB,
    /// [`ErrorKind::Timeout`] if it takes longer than the store's timeout; those of the trait.
    #[doc(alias = "XS_DIRECTORY")]
    #[doc(alias = "XS_DIRECTORY_PART")]
    fn directory(&self, path: impl Display, mut each: impl FnMut(&str)) -> Result<(), StoreError> {
        pass_children_on(self.target(), &path, &mut each)
            .map_err(error_at(MessageType::DIRECTORY, &path))
    }

    /// Lists the children of a node into `buffer` and returns their names. A list in parts that
    /// changes meanwhile is read again, at most 8 times.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BufferTooSmall`], which a buffer of 4096 bytes is only where a message would be
    /// too; those of [`directory`](Self::directory).
    fn directory_into<'b>(
        &self,
        path: impl Display,
        buffer: &'b mut [u8],
    ) -> Result<Names<'b>, StoreError> {
        let mut len = 0;
        children(self.target(), &path, &mut |part| {
            let Some((reply, list)) = part else {
                len = 0;
                return Ok(());
            };
            let free = buffer.get_mut(len..).unwrap_or_default();
            len += reply.read(|body| copy(body.get(list.clone()).unwrap_or_default(), free))?;
            Ok(())
        })
        .map_err(error_at(MessageType::DIRECTORY, &path))?;
        Ok(Names::new(buffer.get(..len).unwrap_or_default()))
    }

    /// Sends a request that there is no method for, copies the payload of the reply to `buffer` and
    /// returns its length. Of `parts`, the first that is a path is for errors to show.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BufferTooSmall`] with nothing copied; those of the trait.
    fn request(
        &self,
        operation: MessageType,
        parts: &[Part<'_>],
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        ask(self.target(), operation, parts, |body| copy(body, buffer)).map_err(|kind| {
            let path = parts.iter().find_map(|part| match part {
                Part::Path(path) => Some(PathText::new(path)),
                _ => None,
            });
            StoreError { operation, path: path.unwrap_or(PathText::EMPTY), kind }
        })
    }

    /// Returns a node's permissions, at most `N` entries; the first is the owner's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BufferTooSmall`] if there are more, [`ErrorKind::Malformed`] if one is empty,
    /// unknown or not terminated; those of the trait.
    #[doc(alias = "XS_GET_PERMS")]
    fn permissions<const N: usize>(
        &self,
        path: impl Display,
    ) -> Result<Vec<Permission, N>, StoreError> {
        call(self.target(), MessageType::GET_PERMS, &[Part::Path(format_args!("{path}"))])
            .and_then(|reply| {
                reply.read(|body| {
                    let list = Permissions::parse(body)?;
                    let mut entries = Vec::new();
                    for entry in list.clone() {
                        let needed = list.clone().count();
                        entries.push(entry).map_err(|_| ErrorKind::BufferTooSmall { needed })?;
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
    fn set_permissions(
        &self,
        path: impl Display,
        permissions: &[Permission],
    ) -> Result<(), StoreError> {
        let entries = Entries(permissions);
        simple(
            self.target(),
            MessageType::SET_PERMS,
            &path,
            &[Part::Text(format_args!("{entries}"))],
        )
    }

    /// Returns the home of a domain, such as `/local/domain/5`, whether the domain exists or not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BufferTooSmall`] if it has more than `N` bytes, [`ErrorKind::Malformed`] if it
    /// is no path; those of the trait.
    #[doc(alias = "XS_GET_DOMAIN_PATH")]
    fn domain_path<const N: usize>(&self, domain: DomId) -> Result<String<N>, StoreError> {
        let operation = MessageType::GET_DOMAIN_PATH;
        let parts = [Part::Text(format_args!("{}\0", domain.0))];
        ask(self.target(), operation, &parts, |body| {
            let path = body.strip_suffix(b"\0").unwrap_or(body);
            // It is the beginning of further paths, which would fail one by one.
            wire::check_path(path).map_err(|_| ErrorKind::Malformed)?;
            string(path)
        })
        .map_err(error_at(operation, &domain))
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
    /// [`ErrorKind::NotText`]; those of the trait.
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
    fn list(
        &self,
        path: impl Display,
    ) -> Result<alloc::vec::Vec<alloc::string::String>, StoreError> {
        let mut names = alloc::vec::Vec::new();
        children(self.target(), &path, &mut |part| {
            let Some((reply, list)) = part else {
                names.clear();
                return Ok(());
            };
            reply.read(|body| {
                names
                    .extend(Names::new(body.get(list.clone()).unwrap_or_default()).map(Into::into));
                Ok(())
            })
        })
        .map_err(error_at(MessageType::DIRECTORY, &path))?;
        Ok(names)
    }
}

fn copy(body: &[u8], buffer: &mut [u8]) -> Result<usize, ErrorKind> {
    let target =
        buffer.get_mut(..body.len()).ok_or(ErrorKind::BufferTooSmall { needed: body.len() })?;
    target.copy_from_slice(body);
    Ok(body.len())
}

/// Receiver of a reply and the range of its names; `None` restarts the list.
type Take<'t, 'a> = &'t mut dyn FnMut(Option<(Reply<'a>, Range<usize>)>) -> Result<(), ErrorKind>;

/// Asks for all children of a node at once; `None` if the list needs more than a message.
fn whole<'a>(
    target: Target<'a>,
    path: &dyn Display,
) -> Result<Option<(Reply<'a>, Range<usize>)>, ErrorKind> {
    match call(target, MessageType::DIRECTORY, &[Part::Path(format_args!("{path}"))]) {
        Err(ErrorKind::Server(ServerError::TooBig)) => Ok(None),
        reply => {
            let reply = reply?;
            let all = 0..reply.read(|body| Ok(body.len()))?;
            Ok(Some((reply, all)))
        }
    }
}

/// Lists a node's children, in parts if the list is long; restarts if the children change
/// meanwhile.
fn children<'a>(
    target: Target<'a>,
    path: &dyn Display,
    take: Take<'_, 'a>,
) -> Result<(), ErrorKind> {
    if let Some(all) = whole(target, path)? {
        return take(Some(all));
    }
    let limit = Until::timeout_of(target.core);
    for _ in 0..=MAX_RESTARTS {
        take(None)?;
        match parts(target, path, &limit, None, &mut |reply, list| take(Some((reply, list)))) {
            Err(ErrorKind::Changed) => {}
            listed => return listed.map(drop),
        }
    }
    Err(ErrorKind::Changed)
}

/// Calls `each` with the names of a node's children.
fn pass_children_on(
    target: Target<'_>,
    path: &dyn Display,
    each: &mut dyn FnMut(&str),
) -> Result<(), ErrorKind> {
    if let Some((reply, list)) = whole(target, path)? {
        return reply.for_each_name(list, next_name, each);
    }
    let limit = Until::timeout_of(target.core);
    for _ in 0..=MAX_RESTARTS {
        // A name that the caller has received cannot be withdrawn, so a change must show before.
        let generation = match parts(target, path, &limit, None, &mut |_, _| Ok(())) {
            Err(ErrorKind::Changed) => continue,
            generation => generation?,
        };
        let mut passed_on = false;
        let listed = parts(target, path, &limit, Some(generation), &mut |reply, list| {
            passed_on |= !list.is_empty();
            reply.for_each_name(list, next_name, each)
        });
        match listed {
            Err(ErrorKind::Changed) if !passed_on => {}
            listed => return listed.map(drop),
        }
    }
    Err(ErrorKind::Changed)
}

/// The time that an operation of several requests has.
struct Until {
    deadline: Instant,
    waited: Duration,
}

impl Until {
    fn timeout_of(core: &dyn Core) -> Self {
        let waited = core.timeout();
        Self { deadline: core.now() + waited, waited }
    }
}

/// Lists a node's children in parts, of generation `expected` if there is one, and returns their
/// generation. `take` gets each reply, and which of its bytes are names.
fn parts<'a>(
    target: Target<'a>,
    path: &dyn Display,
    limit: &Until,
    expected: Option<u64>,
    take: &mut dyn FnMut(Reply<'a>, Range<usize>) -> Result<(), ErrorKind>,
) -> Result<u64, ErrorKind> {
    let (mut generation, mut bytes, mut names) = (expected, 0, 0);
    for _ in 0..MAX_PARTS {
        let request = [Part::Path(format_args!("{path}")), Part::Text(format_args!("{bytes}\0"))];
        let reply = call(target, MessageType::DIRECTORY_PART, &request)?;
        let part = reply.read(DirectoryPart::parse)?;
        if *generation.get_or_insert(part.generation) != part.generation {
            return Err(ErrorKind::Changed);
        }
        bytes += part.names.len();
        names += part.count;
        if bytes > MAX_LIST || names > MAX_NAMES {
            break;
        }
        take(reply, part.names)?;
        if part.is_last {
            return Ok(part.generation);
        }
        if target.core.now() >= limit.deadline {
            return Err(ErrorKind::Timeout { waited: limit.waited });
        }
    }
    Err(ErrorKind::ListTooLong { bytes })
}

fn read_with<R>(
    target: Target<'_>,
    path: &dyn Display,
    look: impl FnOnce(&[u8]) -> Result<R, ErrorKind>,
) -> Result<R, StoreError> {
    ask(target, MessageType::READ, &[Part::Path(format_args!("{path}"))], look)
        .map_err(error_at(MessageType::READ, path))
}

/// Sends a request about `path` whose reply has no content.
fn simple(
    target: Target<'_>,
    operation: MessageType,
    path: &dyn Display,
    rest: &[Part<'_>],
) -> Result<(), StoreError> {
    let first = Part::Path(format_args!("{path}"));
    let result = match rest {
        [] => call(target, operation, &[first]),
        [part, ..] => call(target, operation, &[first, *part]),
    };
    result.map(drop).map_err(error_at(operation, path))
}

struct Entries<'a>(&'a [Permission]);

impl Display for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|entry| write!(f, "{entry}\0"))
    }
}
