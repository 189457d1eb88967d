//! Vchans between two domains of a simulated Xen: our server and our client, and either with a peer
//! that leaves, vanishes or lies.

mod hostile;
mod lab;
mod life;
#[path = "../persistent/mod.rs"]
mod persistent;
mod stream;
