//! What the targets share: a peer that writes to shared memory from a stream of input, and worlds to put drivers into.

mod device;
mod peer;
mod ring;
mod store;

pub use device::{Back, Deed, Devil};
pub use peer::{Peer, with_page};
pub use ring::{Call, Ring, drive};
pub use store::{Use, use_store};
