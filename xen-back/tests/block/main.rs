//! Disks served to our own frontend, and to frontends that break every rule, in a simulated Xen.

mod bad_nodes;
mod device;
mod fixture;
mod in_flight;
mod indirect;
mod merged;
mod persistent;
mod queues;
mod requests;
mod shuffled;
mod states;
