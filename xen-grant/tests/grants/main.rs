//! The grant table on a simulated Xen, in both versions: grants, mappings and copies, with peers
//! that do not release pages.

mod common;
mod copies;
mod deferred;
mod frames;
mod kinds;
mod model;
mod pool;
mod sharing;
mod table;
