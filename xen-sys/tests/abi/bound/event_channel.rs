//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "EVTCHNOP_bind_interdomain" => xen_sys::event_channel::EVTCHNOP_BIND_INTERDOMAIN;
        "EVTCHNOP_bind_virq" => xen_sys::event_channel::EVTCHNOP_BIND_VIRQ;
        "EVTCHNOP_bind_pirq" => xen_sys::event_channel::EVTCHNOP_BIND_PIRQ;
        "EVTCHNOP_close" => xen_sys::event_channel::EVTCHNOP_CLOSE;
        "EVTCHNOP_send" => xen_sys::event_channel::EVTCHNOP_SEND;
        "EVTCHNOP_status" => xen_sys::event_channel::EVTCHNOP_STATUS;
        "EVTCHNOP_alloc_unbound" => xen_sys::event_channel::EVTCHNOP_ALLOC_UNBOUND;
        "EVTCHNOP_bind_ipi" => xen_sys::event_channel::EVTCHNOP_BIND_IPI;
        "EVTCHNOP_bind_vcpu" => xen_sys::event_channel::EVTCHNOP_BIND_VCPU;
        "EVTCHNOP_unmask" => xen_sys::event_channel::EVTCHNOP_UNMASK;
        "EVTCHNOP_reset" => xen_sys::event_channel::EVTCHNOP_RESET;
        "EVTCHNOP_init_control" => xen_sys::event_channel::EVTCHNOP_INIT_CONTROL;
        "EVTCHNOP_expand_array" => xen_sys::event_channel::EVTCHNOP_EXPAND_ARRAY;
        "EVTCHNOP_set_priority" => xen_sys::event_channel::EVTCHNOP_SET_PRIORITY;
        "BIND_PIRQ__WILL_SHARE" => xen_sys::event_channel::BIND_PIRQ_WILL_SHARE;
        "EVTCHNSTAT_closed" => xen_sys::event_channel::EvtchnStat::CLOSED.0;
        "EVTCHNSTAT_unbound" => xen_sys::event_channel::EvtchnStat::UNBOUND.0;
        "EVTCHNSTAT_interdomain" => xen_sys::event_channel::EvtchnStat::INTERDOMAIN.0;
        "EVTCHNSTAT_pirq" => xen_sys::event_channel::EvtchnStat::PIRQ.0;
        "EVTCHNSTAT_virq" => xen_sys::event_channel::EvtchnStat::VIRQ.0;
        "EVTCHNSTAT_ipi" => xen_sys::event_channel::EvtchnStat::IPI.0;
        "EVTCHN_2L_NR_CHANNELS" => xen_sys::event_channel::EVTCHN_2L_NR_CHANNELS;
        "EVTCHN_FIFO_PRIORITY_MAX" => xen_sys::event_channel::EVTCHN_FIFO_PRIORITY_MAX;
        "EVTCHN_FIFO_PRIORITY_DEFAULT" => xen_sys::event_channel::EVTCHN_FIFO_PRIORITY_DEFAULT;
        "EVTCHN_FIFO_PRIORITY_MIN" => xen_sys::event_channel::EVTCHN_FIFO_PRIORITY_MIN;
        "EVTCHN_FIFO_MAX_QUEUES" => xen_sys::event_channel::EVTCHN_FIFO_MAX_QUEUES;
        "EVTCHN_FIFO_PENDING" => xen_sys::event_channel::EVTCHN_FIFO_PENDING;
        "EVTCHN_FIFO_MASKED" => xen_sys::event_channel::EVTCHN_FIFO_MASKED;
        "EVTCHN_FIFO_LINKED" => xen_sys::event_channel::EVTCHN_FIFO_LINKED;
        "EVTCHN_FIFO_BUSY" => xen_sys::event_channel::EVTCHN_FIFO_BUSY;
        "EVTCHN_FIFO_LINK_BITS" => xen_sys::event_channel::EVTCHN_FIFO_LINK_BITS;
        "EVTCHN_FIFO_LINK_MASK" => xen_sys::event_channel::EVTCHN_FIFO_LINK_MASK;
        "EVTCHN_FIFO_NR_CHANNELS" => xen_sys::event_channel::EVTCHN_FIFO_NR_CHANNELS;
    }
    texts {
    }
    structures {
        "evtchn_alloc_unbound" => xen_sys::event_channel::EvtchnAllocUnbound {
            "dom" => dom, "remote_dom" => remote_dom, "port" => port,
        };
        "evtchn_bind_interdomain" => xen_sys::event_channel::EvtchnBindInterdomain {
            "remote_dom" => remote_dom, "remote_port" => remote_port, "local_port" => local_port,
        };
        "evtchn_bind_virq" => xen_sys::event_channel::EvtchnBindVirq {
            "virq" => virq, "vcpu" => vcpu, "port" => port,
        };
        "evtchn_bind_pirq" => xen_sys::event_channel::EvtchnBindPirq {
            "pirq" => pirq, "flags" => flags, "port" => port,
        };
        "evtchn_bind_ipi" => xen_sys::event_channel::EvtchnBindIpi {
            "vcpu" => vcpu, "port" => port,
        };
        "evtchn_close" => xen_sys::event_channel::EvtchnClose { "port" => port, };
        "evtchn_send" => xen_sys::event_channel::EvtchnSend { "port" => port, };
        "evtchn_status" => xen_sys::event_channel::EvtchnStatus {
            "dom" => dom, "port" => port, "status" => status, "vcpu" => vcpu, "u" => u,
        };
        "evtchn_bind_vcpu" => xen_sys::event_channel::EvtchnBindVcpu {
            "port" => port, "vcpu" => vcpu,
        };
        "evtchn_unmask" => xen_sys::event_channel::EvtchnUnmask { "port" => port, };
        "evtchn_reset" => xen_sys::event_channel::EvtchnReset { "dom" => dom, };
        "evtchn_init_control" => xen_sys::event_channel::EvtchnInitControl {
            "control_gfn" => control_gfn, "offset" => offset, "vcpu" => vcpu,
            "link_bits" => link_bits, "_pad" => _pad,
        };
        "evtchn_expand_array" => xen_sys::event_channel::EvtchnExpandArray {
            "array_gfn" => array_gfn,
        };
        "evtchn_set_priority" => xen_sys::event_channel::EvtchnSetPriority {
            "port" => port, "priority" => priority,
        };
        "evtchn_op" => xen_sys::event_channel::EvtchnOp { "cmd" => cmd, "u" => u, };
        "evtchn_fifo_control_block" => xen_sys::event_channel::EvtchnFifoControlBlock {
            "ready" => ready, "_rsvd" => _rsvd, "head" => head,
        };
    }
}
