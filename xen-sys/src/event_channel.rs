//! Event channels: the interrupts between domains, and from Xen to a domain.
//!
//! Public header: `event_channel.h`.
//!
//! Coverage: 33 constants and 16 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::xen::Virq;

ident! {
    /// Local end of an event channel.
    #[doc(alias = "evtchn_port_t")]
    pub struct Port(u32);
}

/// Command: connects to an unbound port of the peer. See [`EvtchnBindInterdomain`].
#[doc(alias = "EVTCHNOP_bind_interdomain")]
pub const EVTCHNOP_BIND_INTERDOMAIN: u32 = 0;
/// Command: binds a port to a virtual interrupt. See [`EvtchnBindVirq`].
#[doc(alias = "EVTCHNOP_bind_virq")]
pub const EVTCHNOP_BIND_VIRQ: u32 = 1;
/// Command: binds a port to a physical interrupt. See [`EvtchnBindPirq`].
#[doc(alias = "EVTCHNOP_bind_pirq")]
pub const EVTCHNOP_BIND_PIRQ: u32 = 2;
/// Command: closes a port. See [`EvtchnClose`].
#[doc(alias = "EVTCHNOP_close")]
pub const EVTCHNOP_CLOSE: u32 = 3;
/// Command: raises the event at the other end. See [`EvtchnSend`].
#[doc(alias = "EVTCHNOP_send")]
pub const EVTCHNOP_SEND: u32 = 4;
/// Command: gets the state of a port. See [`EvtchnStatus`].
#[doc(alias = "EVTCHNOP_status")]
pub const EVTCHNOP_STATUS: u32 = 5;
/// Command: allocates a port for a peer to connect to. See [`EvtchnAllocUnbound`].
#[doc(alias = "EVTCHNOP_alloc_unbound")]
pub const EVTCHNOP_ALLOC_UNBOUND: u32 = 6;
/// Command: allocates a port for events to a vCPU of the caller. See [`EvtchnBindIpi`].
#[doc(alias = "EVTCHNOP_bind_ipi")]
pub const EVTCHNOP_BIND_IPI: u32 = 7;
/// Command: sets the vCPU that receives a port's events. See [`EvtchnBindVcpu`].
#[doc(alias = "EVTCHNOP_bind_vcpu")]
pub const EVTCHNOP_BIND_VCPU: u32 = 8;
/// Command: unmasks a port and delivers a pending event. See [`EvtchnUnmask`].
#[doc(alias = "EVTCHNOP_unmask")]
pub const EVTCHNOP_UNMASK: u32 = 9;
/// Command: closes all ports and returns to the 2-level format. See [`EvtchnReset`].
#[doc(alias = "EVTCHNOP_reset")]
pub const EVTCHNOP_RESET: u32 = 10;
/// Command: switches a vCPU to the FIFO format. See [`EvtchnInitControl`].
#[doc(alias = "EVTCHNOP_init_control")]
pub const EVTCHNOP_INIT_CONTROL: u32 = 11;
/// Command: adds a page to the array of event words. See [`EvtchnExpandArray`].
#[doc(alias = "EVTCHNOP_expand_array")]
pub const EVTCHNOP_EXPAND_ARRAY: u32 = 12;
/// Command: sets a port's priority. See [`EvtchnSetPriority`].
#[doc(alias = "EVTCHNOP_set_priority")]
pub const EVTCHNOP_SET_PRIORITY: u32 = 13;

/// Argument of [`EVTCHNOP_ALLOC_UNBOUND`].
#[doc(alias = "evtchn_alloc_unbound")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnAllocUnbound {
    /// Domain of the new port: [`DomId::SELF`], or another domain for a toolstack.
    pub dom: DomId,
    /// The domain that may connect.
    pub remote_dom: DomId,
    /// Out: the new port.
    pub port: Port,
}
const _: () = assert!(size_of::<EvtchnAllocUnbound>() == 8);

/// Argument of [`EVTCHNOP_BIND_INTERDOMAIN`].
#[doc(alias = "evtchn_bind_interdomain")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnBindInterdomain {
    /// The peer.
    pub remote_dom: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// The peer's unbound port.
    pub remote_port: Port,
    /// Out: the caller's end.
    pub local_port: Port,
}
const _: () = assert!(size_of::<EvtchnBindInterdomain>() == 12);

/// Argument of [`EVTCHNOP_BIND_VIRQ`].
#[doc(alias = "evtchn_bind_virq")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnBindVirq {
    /// The virtual interrupt.
    pub virq: Virq,
    /// The vCPU; 0 for a global virtual interrupt.
    pub vcpu: u32,
    /// Out: the new port.
    pub port: Port,
}
const _: () = assert!(size_of::<EvtchnBindVirq>() == 12);

/// Argument of [`EVTCHNOP_BIND_PIRQ`].
#[doc(alias = "evtchn_bind_pirq")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnBindPirq {
    /// The physical interrupt.
    pub pirq: u32,
    /// [`BIND_PIRQ_WILL_SHARE`] or zero.
    pub flags: u32,
    /// Out: the new port.
    pub port: Port,
}
const _: () = assert!(size_of::<EvtchnBindPirq>() == 12);

/// Flag of [`EvtchnBindPirq`]: other domains may bind the same interrupt.
#[doc(alias = "BIND_PIRQ__WILL_SHARE")]
pub const BIND_PIRQ_WILL_SHARE: u32 = 1;

/// Argument of [`EVTCHNOP_BIND_IPI`].
#[doc(alias = "evtchn_bind_ipi")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnBindIpi {
    /// The vCPU that receives the event.
    pub vcpu: u32,
    /// Out: the new port.
    pub port: Port,
}
const _: () = assert!(size_of::<EvtchnBindIpi>() == 8);

/// Argument of [`EVTCHNOP_CLOSE`].
#[doc(alias = "evtchn_close")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnClose {
    /// The port.
    pub port: Port,
}
const _: () = assert!(size_of::<EvtchnClose>() == 4);

/// Argument of [`EVTCHNOP_SEND`].
#[doc(alias = "evtchn_send")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnSend {
    /// The sender's end.
    pub port: Port,
}
const _: () = assert!(size_of::<EvtchnSend>() == 4);

/// Argument of [`EVTCHNOP_STATUS`].
#[doc(alias = "evtchn_status")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnStatus {
    /// Domain of the port.
    pub dom: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// The port.
    pub port: Port,
    /// Out: state of the port.
    pub status: EvtchnStat,
    /// Out: the vCPU that receives its events.
    pub vcpu: u32,
    /// Out: for an unbound port, the domain that may connect (low 16 bits of word 0); for an
    /// interdomain port, the peer (low 16 bits of word 0) and its port (word 1); else the
    /// interrupt (word 0).
    pub u: [u32; 2],
}
const _: () = assert!(size_of::<EvtchnStatus>() == 24);

open_enum! {
    /// State of a port.
    pub struct EvtchnStat(u32) {
        /// Closed.
        #[doc(alias = "EVTCHNSTAT_closed")]
        CLOSED = 0;
        /// Waiting for a peer.
        #[doc(alias = "EVTCHNSTAT_unbound")]
        UNBOUND = 1;
        /// Connected to a peer.
        #[doc(alias = "EVTCHNSTAT_interdomain")]
        INTERDOMAIN = 2;
        /// Bound to a physical interrupt.
        #[doc(alias = "EVTCHNSTAT_pirq")]
        PIRQ = 3;
        /// Bound to a virtual interrupt.
        #[doc(alias = "EVTCHNSTAT_virq")]
        VIRQ = 4;
        /// Bound to a vCPU of the same domain.
        #[doc(alias = "EVTCHNSTAT_ipi")]
        IPI = 5;
    }
}

/// Argument of [`EVTCHNOP_BIND_VCPU`].
#[doc(alias = "evtchn_bind_vcpu")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnBindVcpu {
    /// The port.
    pub port: Port,
    /// The vCPU that receives its events.
    pub vcpu: u32,
}
const _: () = assert!(size_of::<EvtchnBindVcpu>() == 8);

/// Argument of [`EVTCHNOP_UNMASK`].
#[doc(alias = "evtchn_unmask")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnUnmask {
    /// The port.
    pub port: Port,
}
const _: () = assert!(size_of::<EvtchnUnmask>() == 4);

/// Argument of [`EVTCHNOP_RESET`].
#[doc(alias = "evtchn_reset")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnReset {
    /// Domain of the ports.
    pub dom: DomId,
}
const _: () = assert!(size_of::<EvtchnReset>() == 2);

/// Argument of [`EVTCHNOP_INIT_CONTROL`].
#[doc(alias = "evtchn_init_control")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnInitControl {
    /// Frame with the control block.
    pub control_gfn: u64,
    /// Offset of the control block in that frame, in bytes.
    pub offset: u32,
    /// The vCPU of the control block.
    pub vcpu: u32,
    /// Out: width of the link field in event words.
    pub link_bits: u8,
    /// Zero.
    pub _pad: [u8; 7],
}
const _: () = assert!(size_of::<EvtchnInitControl>() == 24);

/// Argument of [`EVTCHNOP_EXPAND_ARRAY`].
#[doc(alias = "evtchn_expand_array")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnExpandArray {
    /// Frame to add; all of its words must be masked.
    pub array_gfn: u64,
}
const _: () = assert!(size_of::<EvtchnExpandArray>() == 8);

/// Argument of [`EVTCHNOP_SET_PRIORITY`].
#[doc(alias = "evtchn_set_priority")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnSetPriority {
    /// The port.
    pub port: Port,
    /// [`EVTCHN_FIFO_PRIORITY_MAX`] to [`EVTCHN_FIFO_PRIORITY_MIN`].
    pub priority: u32,
}
const _: () = assert!(size_of::<EvtchnSetPriority>() == 8);

/// Argument of [`crate::xen::HYPERVISOR_EVENT_CHANNEL_OP_COMPAT`]: a command and space for its
/// argument.
#[doc(alias = "evtchn_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnOp {
    /// `EVTCHNOP_*`.
    pub cmd: u32,
    /// The command's argument.
    pub u: [u32; 6],
}
const _: () = assert!(size_of::<EvtchnOp>() == 28);

/// Number of ports of the 2-level format on a 64-bit guest.
pub const EVTCHN_2L_NR_CHANNELS: u32 = 4096;
/// The highest priority.
pub const EVTCHN_FIFO_PRIORITY_MAX: u32 = 0;
/// The priority of a new port.
pub const EVTCHN_FIFO_PRIORITY_DEFAULT: u32 = 7;
/// The lowest priority.
pub const EVTCHN_FIFO_PRIORITY_MIN: u32 = 15;
/// Number of queues per vCPU, one per priority.
pub const EVTCHN_FIFO_MAX_QUEUES: u32 = 16;
/// Bit of an event word: pending.
pub const EVTCHN_FIFO_PENDING: u32 = 31;
/// Bit of an event word: masked.
pub const EVTCHN_FIFO_MASKED: u32 = 30;
/// Bit of an event word: in a queue.
pub const EVTCHN_FIFO_LINKED: u32 = 29;
/// Bit of an event word: Xen is updating the link.
pub const EVTCHN_FIFO_BUSY: u32 = 28;
/// Width of the link field.
pub const EVTCHN_FIFO_LINK_BITS: u32 = 17;
/// Mask of the link field.
pub const EVTCHN_FIFO_LINK_MASK: u32 = 0x1ffff;
/// Number of ports of the FIFO format.
pub const EVTCHN_FIFO_NR_CHANNELS: u32 = 1 << 17;

/// One event in the FIFO format: four flag bits and the port that follows in the queue.
#[doc(alias = "event_word_t")]
pub type EventWord = u32;

/// A vCPU's queue heads in the FIFO format.
#[doc(alias = "evtchn_fifo_control_block")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct EvtchnFifoControlBlock {
    /// One bit per priority whose queue has events.
    pub ready: u32,
    /// Unused.
    pub _rsvd: u32,
    /// The first port of each queue.
    pub head: [u32; 16],
}
const _: () = assert!(size_of::<EvtchnFifoControlBlock>() == 72);
