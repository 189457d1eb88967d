//! A xenstore server: the database, permissions, transactions, watches, quotas. No I/O and no
//! clock: bytes in, bytes out.
//!
//! The owner of the server moves bytes between a client's transport and [`Server::receive`] and
//! [`Server::send`], and implements the operations that need a hypervisor ([`Domains`]):
//!
//! ```
//! use xen_hypercall::DomId;
//! use xenstored::server::{NoDomains, Server};
//! use xen_store::wire::{MessageType, XsdSockmsg, encode};
//!
//! let mut server = Server::new();
//! let client = server.connect(DomId(0));
//! let header = XsdSockmsg { type_: MessageType::WRITE, req_id: 1, tx_id: 0, len: 5 };
//! server.receive(client, &[&encode(&header)[..], b"/a\0hi"].concat(), &mut NoDomains)?;
//! let mut reply = [0; 64];
//! let len = server.send(client, &mut reply);
//! assert_eq!(&reply[16..len], b"OK\0");
//! # Ok::<(), xenstored::server::Breach>(())
//! ```
//!
//! # Limits
//!
//! All that a client can make the server keep is bounded by [`Quotas`], for every domain but the
//! control domain: nodes and their size, watches, transactions and the nodes in them, replies and
//! events that it does not read, and the memory of all that together. A transaction keeps copies of
//! the nodes that it has read, and no snapshot of the others. A client that leaves events unread
//! loses the connection after 20 seconds. A domain has to wait if it writes so often that the
//! control domain's transactions fail, or that a client cannot read the events as fast. Both need
//! the [time](Server::tick). Clients of the control domain have no quotas, but their unread
//! messages are bounded too. A domain's count of nodes is part of the
//! tree, so it is right in every transaction, whatever fails, and at nothing when the domain is
//! [released](Server::release): its nodes go then, and so does its name in the permissions of
//! others' nodes, before the number is used again. Paths have no limit of depth but their length;
//! nothing recurses.

mod change;
mod connection;
mod database;
mod dispatch;
mod hold;
mod nodes;
mod quota;
mod request;
mod toolstack;
mod transaction;
mod tree;
mod view;
mod watch;
mod watchers;

pub use connection::{Breach, ConnectionId};
pub use database::Server;
pub use quota::Quotas;
pub use toolstack::{Domains, NoDomains};

use xen_store::wire::ServerError;

/// Result of a request.
pub(crate) type Result<T> = core::result::Result<T, ServerError>;
