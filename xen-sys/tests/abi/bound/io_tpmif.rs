//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "TPMIF_TX_RING_SIZE" => xen_sys::io::tpmif::TPMIF_TX_RING_SIZE;
        "TPMIF_STATE_IDLE" => xen_sys::io::tpmif::TpmifState::IDLE.0;
        "TPMIF_STATE_SUBMIT" => xen_sys::io::tpmif::TpmifState::SUBMIT.0;
        "TPMIF_STATE_FINISH" => xen_sys::io::tpmif::TpmifState::FINISH.0;
        "TPMIF_STATE_CANCEL" => xen_sys::io::tpmif::TpmifState::CANCEL.0;
    }
    texts {
    }
    structures {
        "tpmif_tx_request" => xen_sys::io::tpmif::TpmifTxRequest {
            "addr" => addr, "ref" => ref_, "unused" => unused, "size" => size,
        };
        "tpmif_ring" => xen_sys::io::tpmif::TpmifRing { "req" => req, };
        "tpmif_tx_interface" => xen_sys::io::tpmif::TpmifTxInterface { "ring" => ring, };
        "tpmif_shared_page" => xen_sys::io::tpmif::TpmifSharedPage {
            "length" => length, "state" => state, "locality" => locality, "pad" => pad,
            "nr_extra_pages" => nr_extra_pages,
        };
    }
}
