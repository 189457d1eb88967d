//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XenbusStateUnknown" => xen_sys::io::xenbus::XenbusState::UNKNOWN.0;
        "XenbusStateInitialising" => xen_sys::io::xenbus::XenbusState::INITIALISING.0;
        "XenbusStateInitWait" => xen_sys::io::xenbus::XenbusState::INIT_WAIT.0;
        "XenbusStateInitialised" => xen_sys::io::xenbus::XenbusState::INITIALISED.0;
        "XenbusStateConnected" => xen_sys::io::xenbus::XenbusState::CONNECTED.0;
        "XenbusStateClosing" => xen_sys::io::xenbus::XenbusState::CLOSING.0;
        "XenbusStateClosed" => xen_sys::io::xenbus::XenbusState::CLOSED.0;
        "XenbusStateReconfiguring" => xen_sys::io::xenbus::XenbusState::RECONFIGURING.0;
        "XenbusStateReconfigured" => xen_sys::io::xenbus::XenbusState::RECONFIGURED.0;
    }
    texts {
    }
    structures {
    }
}
