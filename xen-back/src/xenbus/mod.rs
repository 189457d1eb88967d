//! The backend's side of a device: where devices are found, and how both ends come together and part.
//!
//! The toolstack makes a directory `backend/KIND/GUEST/ID` in the backend's home, which names the frontend's. Each has a node
//! `state`. Sources: `io/xenbus.h`, and the headers of the device protocols in `io/`.

mod backend;
mod list;
mod state;

pub use backend::{Backend, BackendEvent};
pub use list::{DeviceId, devices};
pub use state::{Action, next};
pub use xen_sys::io::xenbus::XenbusState;
