//! Vchans between two domains of a simulated Xen: our server and our client, and either with a peer
//! that leaves, vanishes or lies.

mod fixture;
mod hostile;
mod lifecycle;
#[path = "../persistent/mod.rs"]
mod persistent;
mod region;
mod stream;
mod waiting;
