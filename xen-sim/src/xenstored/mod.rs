//! A xenstore server: the database, permissions, transactions, watches, quotas. No I/O: requests in, messages out.

mod database;
mod dispatch;
mod request;
mod transaction;
mod tree;
mod watch;

pub use database::Quotas;
pub(crate) use database::{ConnectionId, Database};

use xen_store::wire::ServerError;

/// What a request leads to.
type Result<T> = core::result::Result<T, ServerError>;
