//! Network interfaces served to our own frontend, and to frontends that break every rule,
//! in a simulated Xen.

mod batches;
mod drain;
mod fixture;
mod flow;
mod queue;
mod raw;
mod receive;
mod states;
mod transmit;
