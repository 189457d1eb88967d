//! Devices: how the two ends of a device find each other, connect, and part.
//!
//! Each end has a directory in xenstore with a node `state`. The frontend's is `device/KIND/ID` in
//! its domain's home, and names the backend's in its node `backend`; the toolstack makes the
//! backend's, `backend/KIND/GUEST/ID` in that domain's home, which names the frontend's.
//! Both follow one state machine: [`next`] has an answer for each [`End`] and each pair of states.
//! Sources: `io/xenbus.h`, and the headers of the device protocols in `io/`.

mod backend;
mod ends;
mod error;
mod frontend;
mod hotplug;
mod list;
mod lookup;
mod state;

pub use backend::{Backend, BackendEvent};
pub use error::XenbusError;
pub use frontend::{Frontend, FrontendEvent};
pub use hotplug::{HotPlug, Plugged};
pub use list::{DeviceId, backends, devices};
pub use state::{Action, End, next};
pub use xen_sys::io::xenbus::XenbusState;
