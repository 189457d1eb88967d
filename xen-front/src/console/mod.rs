//! Consoles: the ring that xenconsoled serves, and Xen's own console.

mod error;
mod hypervisor;
mod ring;

pub use error::ConsoleError;
pub use hypervisor::HypervisorConsole;
pub use ring::{Console, Newline};
