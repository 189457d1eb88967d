//! Vchan: a stream of bytes each way between any two domains, as Xen's `libxenvchan` speaks it.
//!
//! One domain is the [`Server`]: it owns and grants all memory, and writes into xenstore where that
//! is. The other is the [`Client`], which maps it. No toolstack takes part. It is here, though
//! neither is the front end of a device, because it needs the same layers as a front end does.
//!
//! ```no_run
//! # use core::time::Duration;
//! # use xen_front::vchan::{Client, Server, VchanError, VchanOrders};
//! # use xen_grant::GrantTable;
//! # use xen_hypercall::{DomId, ForeignFrames};
//! # use xen_store::XenStore;
//! /// Sends back what a domain sends.
//! fn serve<P: ForeignFrames>(store: &XenStore<P>, grants: &GrantTable<P>, client: DomId) -> Result<(), VchanError> {
//!     // 64 KiB from the client, 2 KiB to it.
//!     let mut server = Server::open(store, grants, client, "data/echo", VchanOrders::new(16, 11)?)?;
//!     let patience = || store.platform().now() + Duration::from_secs(30);
//!     server.wait_for_client(patience())?;
//!     let mut buffer = [0; 512];
//!     loop {
//!         server.wait_readable(patience())?;
//!         let count = match server.read(&mut buffer) {
//!             Err(VchanError::Disconnected) => break,
//!             count => count?,
//!         };
//!         let mut rest = &buffer[..count];
//!         while !rest.is_empty() {
//!             server.wait_writable(patience())?;
//!             rest = &rest[server.write(rest)?..];
//!         }
//!     }
//!     server.close(patience())
//! }
//!
//! /// Says hello to a domain that does the above.
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
//! [`End::read`] and [`End::write`] never wait and allocate nothing. Whatever the size of its
//! rings, a server is of some 2 KiB itself, and a client of 6. A peer can stop, leave or vanish;
//! what it can't have done is a typed error, after which that direction is dead for good. What a
//! client keeps mapped of what its server takes back is in the grant table's deferred list. Neither
//! end survives a suspend: close it before, make it anew afterwards.
//!
//! Source: `io/libxenvchan.h`, and what `tools/libs/vchan` does.

mod client;
mod end;
mod error;
mod server;

pub use client::Client;
pub use end::End;
pub use error::VchanError;
pub use server::{MAX_PATH, Server};
pub use xen_ring::{VchanOrders, VchanPeer};
