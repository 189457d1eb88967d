//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "SCHEDOP_yield" => xen_sys::sched::SCHEDOP_YIELD;
        "SCHEDOP_block" => xen_sys::sched::SCHEDOP_BLOCK;
        "SCHEDOP_shutdown" => xen_sys::sched::SCHEDOP_SHUTDOWN;
        "SCHEDOP_poll" => xen_sys::sched::SCHEDOP_POLL;
        "SCHEDOP_remote_shutdown" => xen_sys::sched::SCHEDOP_REMOTE_SHUTDOWN;
        "SCHEDOP_shutdown_code" => xen_sys::sched::SCHEDOP_SHUTDOWN_CODE;
        "SCHEDOP_watchdog" => xen_sys::sched::SCHEDOP_WATCHDOG;
        "SCHEDOP_pin_override" => xen_sys::sched::SCHEDOP_PIN_OVERRIDE;
        "SHUTDOWN_poweroff" => xen_sys::sched::ShutdownReason::POWEROFF.0;
        "SHUTDOWN_reboot" => xen_sys::sched::ShutdownReason::REBOOT.0;
        "SHUTDOWN_suspend" => xen_sys::sched::ShutdownReason::SUSPEND.0;
        "SHUTDOWN_crash" => xen_sys::sched::ShutdownReason::CRASH.0;
        "SHUTDOWN_watchdog" => xen_sys::sched::ShutdownReason::WATCHDOG.0;
        "SHUTDOWN_soft_reset" => xen_sys::sched::ShutdownReason::SOFT_RESET.0;
        "SHUTDOWN_MAX" => xen_sys::sched::ShutdownReason::MAX.0;
    }
    texts {
    }
    structures {
        "sched_shutdown" => xen_sys::sched::SchedShutdown { "reason" => reason, };
        "sched_poll" => xen_sys::sched::SchedPoll {
            "ports" => ports, "nr_ports" => nr_ports, "timeout" => timeout,
        };
        "sched_remote_shutdown" => xen_sys::sched::SchedRemoteShutdown {
            "domain_id" => domain_id, "reason" => reason,
        };
        "sched_watchdog" => xen_sys::sched::SchedWatchdog { "id" => id, "timeout" => timeout, };
        "sched_pin_override" => xen_sys::sched::SchedPinOverride { "pcpu" => pcpu, };
    }
}
