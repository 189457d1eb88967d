//! States of a device's front end and back end.
//!
//! Public header: `io/xenbus.h`.
//!
//! Coverage: 9 constants and no structures, of Xen 4.17 and 4.20; nothing is left out.

open_enum! {
    /// State of one end of a device, as a decimal number in its xenstore node `state`.
    #[doc(alias = "xenbus_state")]
    pub struct XenbusState(u32) {
        /// No state: the node is missing.
        #[doc(alias = "XenbusStateUnknown")]
        UNKNOWN = 0;
        /// The end is starting.
        #[doc(alias = "XenbusStateInitialising")]
        INITIALISING = 1;
        /// The back end has started and waits for the front end's details.
        #[doc(alias = "XenbusStateInitWait")]
        INIT_WAIT = 2;
        /// The end has published its details and waits for the peer.
        #[doc(alias = "XenbusStateInitialised")]
        INITIALISED = 3;
        /// The end works.
        #[doc(alias = "XenbusStateConnected")]
        CONNECTED = 4;
        /// The end is being closed.
        #[doc(alias = "XenbusStateClosing")]
        CLOSING = 5;
        /// The end is closed.
        #[doc(alias = "XenbusStateClosed")]
        CLOSED = 6;
        /// The device is being reconfigured (PCI).
        #[doc(alias = "XenbusStateReconfiguring")]
        RECONFIGURING = 7;
        /// The device has been reconfigured (PCI).
        #[doc(alias = "XenbusStateReconfigured")]
        RECONFIGURED = 8;
    }
}
