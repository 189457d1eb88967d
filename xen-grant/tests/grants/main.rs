//! The grant table on a simulated Xen, in both versions: sharing, mapping and copying, with peers
//! that do not let go.

mod common;
mod copies;
mod deferred;
mod frames;
mod kinds;
mod model;
mod sharing;
mod table;
