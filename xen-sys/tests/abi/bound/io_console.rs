//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XENCONSOLE_CONNECTED" => xen_sys::io::console::XENCONSOLE_CONNECTED;
        "XENCONSOLE_DISCONNECTED" => xen_sys::io::console::XENCONSOLE_DISCONNECTED;
    }
    texts {
    }
    structures {
        "xencons_interface" => xen_sys::io::console::XenconsInterface {
            "in" => in_, "out" => out, "in_cons" => in_cons, "in_prod" => in_prod,
            "out_cons" => out_cons, "out_prod" => out_prod, "connection" => connection,
        };
    }
}
