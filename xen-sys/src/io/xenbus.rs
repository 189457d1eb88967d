//! States of a device's frontend and backend.
//!
//! Public header: `io/xenbus.h`.
//!
//! Coverage: 9 constants and no structures, of Xen 4.17 and 4.20; nothing is left out.

open_enum! {
    /// State of one end of a device, as a decimal number in its xenstore node `state`.
    #[doc(alias = "xenbus_state")]
    pub struct XenbusState(u32) {
        /// Unknown state: the node is missing.
        #[doc(alias = "XenbusStateUnknown")]
        UNKNOWN = 0;
        /// Start of this end.
        #[doc(alias = "XenbusStateInitialising")]
        INITIALISING = 1;
        /// The backend has started and waits for the details of the frontend.
        #[doc(alias = "XenbusStateInitWait")]
        INIT_WAIT = 2;
        /// This end has published its details and waits for its peer.
        #[doc(alias = "XenbusStateInitialised")]
        INITIALISED = 3;
        /// Connected.
        #[doc(alias = "XenbusStateConnected")]
        CONNECTED = 4;
        /// Close in progress.
        #[doc(alias = "XenbusStateClosing")]
        CLOSING = 5;
        /// Closed.
        #[doc(alias = "XenbusStateClosed")]
        CLOSED = 6;
        /// Reconfiguration in progress (PCI).
        #[doc(alias = "XenbusStateReconfiguring")]
        RECONFIGURING = 7;
        /// Reconfigured (PCI).
        #[doc(alias = "XenbusStateReconfigured")]
        RECONFIGURED = 8;
    }
}
