//! Management requests of the toolstack, in the domain's directory `control` and beside it.

mod features;
mod request;
mod shutdown;
mod slate;
mod suspend_channel;
mod sysrq;
mod watchdog;

pub use features::PlatformFeatures;
pub use shutdown::{ShutdownRequest, ShutdownWatcher, SuspendError};
pub use slate::{SlateMode, SlateModeWatcher};
pub use suspend_channel::{SuspendChannel, SuspendChannelError};
pub use sysrq::SysrqWatcher;
pub use watchdog::Watchdog;
