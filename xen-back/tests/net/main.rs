//! Network interfaces served to our own frontend, and to frontends that break every rule,
//! in a simulated Xen.

mod batches;
mod control;
mod drain;
mod fixture;
mod flow;
mod hash;
mod limits;
mod multi;
mod multicast;
mod partitions;
mod queue;
mod queues;
mod raw;
mod receive;
mod states;
mod static_grants;
mod transmit;
mod xdp;
