//! Vchan: a stream of bytes each way between any two domains, as Xen's `libxenvchan` speaks it.
//!
//! One domain is the [`Server`]: it owns and grants all memory, and writes the references into
//! xenstore. The other is the [`Client`], which maps it. No toolstack takes part, and there are no
//! xenbus states. The module is in this crate because it needs the layers of a frontend.
//!
//! ```no_run
//! # use core::time::Duration;
//! # use xen_front::vchan::{Client, Server, VchanError, VchanOrders};
//! # use xen_grant::GrantTable;
//! # use xen_hypercall::{DomId, ForeignFrames};
//! # use xen_store::XenStore;
//! /// Sends back the bytes of a client.
//! fn serve<P: ForeignFrames>(
//!     store: &XenStore<P>,
//!     grants: &GrantTable<P>,
//!     client: DomId,
//! ) -> Result<(), VchanError> {
//!     // 64 KiB from the client, 2 KiB to it.
//!     let orders = VchanOrders::new(16, 11)?;
//!     let mut server = Server::open(store, grants, client, "data/echo", orders)?;
//!     let deadline = || store.platform().now() + Duration::from_secs(30);
//!     server.wait_for_client(deadline())?;
//!     let mut buffer = [0; 512];
//!     loop {
//!         server.wait_readable(deadline())?;
//!         let count = match server.read(&mut buffer) {
//!             Err(VchanError::Disconnected) => break,
//!             count => count?,
//!         };
//!         let mut rest = &buffer[..count];
//!         while !rest.is_empty() {
//!             server.wait_writable(deadline())?;
//!             rest = &rest[server.write(rest)?..];
//!         }
//!     }
//!     server.close(deadline())
//! }
//!
//! /// Sends a greeting to the server above.
//! fn greet<P: ForeignFrames>(store: &XenStore<P>, server: DomId) -> Result<(), VchanError> {
//!     let deadline = store.platform().now() + Duration::from_secs(30);
//!     let path = format_args!("/local/domain/{}/data/echo", server.0);
//!     let mut client = Client::connect(store, server, path, deadline)?;
//!     client.write(b"hello")?;
//!     client.wait_readable(deadline)?;
//!     client.read(&mut [0; 5])?;
//!     client.flush(deadline)
//! }
//! ```
//!
//! The functions that connect, and [`Server::close`], wait for answers of xenstore. On a connected
//! [`End`] the functions `wait_*` and [`End::flush`] wait, up to their deadline; all others and the
//! drop never wait and allocate nothing. The values have less than 1 KiB, for any size of the
//! rings. A peer can stop, disconnect or be destroyed; an impossible index is a typed error, after
//! which that direction stays closed. Pages that a client keeps mapped after its
//! server has closed are in the grant table's deferred list. Neither end survives a suspend: close
//! it before, and create another one afterwards.
//!
//! Domains without xenstore connect by a [`StaticVchan`] each: memory and port are a part of their
//! configuration.
//!
//! Source: `io/libxenvchan.h` and `tools/libs/vchan`.

mod client;
mod end;
mod error;
mod region;
mod server;

pub use client::Client;
pub use end::End;
pub use error::VchanError;
pub use region::{StaticEnd, StaticVchan};
pub use server::{MAX_PATH, Server};
pub use xen_ring::{VchanOrders, VchanPeer};
