#![doc = include_str!("../README.md")]

mod counters;
mod domain;
mod guest;
mod hv;
mod machine;
mod physmap;
mod pool;
mod rng;
mod shared;
mod task;
mod trace;
mod violation;
mod world;

pub use counters::Counters;
pub use domain::Domain;
pub use machine::DomainConfig;
pub use task::{Step, Task, TaskId};
pub use trace::TraceEvent;
pub use violation::Violation;
pub use world::{Findings, World};
