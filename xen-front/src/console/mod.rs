//! Primary console, secondary consoles, and Xen's own console.

mod error;
mod front;
mod hypervisor;
mod ring;

pub use error::ConsoleError;
pub use front::{ConsoleFront, list};
pub use hypervisor::HypervisorConsole;
pub use ring::{Console, Newline};
