//! Protocols of paravirtual devices, between frontend and backend.

pub mod blkif;
pub mod cameraif;
pub mod console;
pub mod displif;
pub mod fbif;
pub mod kbdif;
pub mod libxenvchan;
pub mod netif;
pub mod pciif;
pub mod protocols;
pub mod pvcalls;
pub mod ring;
pub mod sndif;
pub mod tpmif;
pub mod usbif;
pub mod vscsiif;
pub mod xen_9pfs;
pub mod xenbus;
pub mod xs_wire;
