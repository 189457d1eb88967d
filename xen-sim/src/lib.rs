#![doc = include_str!("../README.md")]

mod counters;
mod decorate;
mod domain;
mod domain_handle;
mod event_wait;
mod forbid_wait;
mod guest;
mod hostile;
mod hv;
mod machine;
mod physmap;
mod pool;
mod rng;
mod shared;
mod store;
mod task;
mod toolstack;
mod trace;
mod violation;
mod world;

pub use counters::Counters;
pub use decorate::{
    Call, CountCalls, FailByChoice, FailNth, Interpose, Interposed, Jitter, TraceCalls,
};
pub use domain::Domain;
pub use event_wait::{EventWait, run_until_due};
pub use forbid_wait::ForbidWait;
pub use hostile::{BackendProtocol, ChoiceSource, HostileBackend, HostilePeer, SharedLoads};
pub use machine::DomainConfig;
pub use store::{Store, StoreEvent, StoreTransaction};
pub use task::{Step, Task, TaskId};
pub use toolstack::{Device, DeviceKind, DeviceSpec, Disk, Image, Vif};
pub use trace::TraceEvent;
pub use violation::Violation;
pub use world::{Findings, World};
pub use xenstored::server::Quotas;
