//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "CALLBACKTYPE_event" => xen_sys::callback::CALLBACKTYPE_EVENT;
        "CALLBACKTYPE_failsafe" => xen_sys::callback::CALLBACKTYPE_FAILSAFE;
        "CALLBACKTYPE_syscall" => xen_sys::callback::CALLBACKTYPE_SYSCALL;
        "CALLBACKTYPE_sysenter_deprecated" => xen_sys::callback::CALLBACKTYPE_SYSENTER_DEPRECATED;
        "CALLBACKTYPE_nmi" => xen_sys::callback::CALLBACKTYPE_NMI;
        "CALLBACKTYPE_sysenter" => xen_sys::callback::CALLBACKTYPE_SYSENTER;
        "CALLBACKTYPE_syscall32" => xen_sys::callback::CALLBACKTYPE_SYSCALL32;
        "CALLBACKF_mask_events" => xen_sys::callback::CALLBACKF_MASK_EVENTS;
        "CALLBACKOP_register" => xen_sys::callback::CALLBACKOP_REGISTER;
        "CALLBACKOP_unregister" => xen_sys::callback::CALLBACKOP_UNREGISTER;
    }
    texts {
    }
    structures {
        "callback_register" => xen_sys::callback::CallbackRegister {
            "type" => type_, "flags" => flags, "address" => address,
        };
        "callback_unregister" => xen_sys::callback::CallbackUnregister {
            "type" => type_, "_unused" => _unused,
        };
    }
}
