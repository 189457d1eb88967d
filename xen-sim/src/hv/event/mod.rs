//! Event channels: state of each domain's ports, and the operations on them.

mod fifo;
mod ops;
mod two_level;

use crate::machine::Machine;
use fifo::Fifo;
use xen_hypercall::{DomId, Errno};
use xen_sys::event_channel::{
    EVTCHN_2L_NR_CHANNELS, EVTCHN_FIFO_NR_CHANNELS, EVTCHN_FIFO_PRIORITY_DEFAULT,
};
use xen_sys::xen::Virq;

/// State of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Free,
    Unbound { remote: DomId },
    Interdomain { remote: DomId, port: u32 },
    Virq(Virq),
    Ipi,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Chan {
    pub(crate) bound: Bound,
    pub(crate) vcpu: u32,
    pub(crate) priority: u32,
    /// An event became pending before the port had an event word.
    pub(crate) early: bool,
}

impl Chan {
    const FREE: Self =
        Self { bound: Bound::Free, vcpu: 0, priority: EVTCHN_FIFO_PRIORITY_DEFAULT, early: false };
}

/// Ports of a domain.
#[derive(Debug)]
pub(crate) struct Events {
    pub(crate) ports: Vec<Chan>,
    max_port: u32,
    /// `Some` after the domain has switched to the FIFO ABI.
    pub(crate) fifo: Option<Fifo>,
}

/// Number of ports of a group. Xen allocates ports in groups; a number above the last group is no
/// port.
const BUCKET: usize = 64;

impl Events {
    pub(crate) fn new(max_port: u32) -> Self {
        Self { ports: vec![Chan::FREE; BUCKET], max_port, fifo: None }
    }

    fn get(&self, port: u32) -> Result<&Chan, Errno> {
        self.ports.get(port as usize).ok_or(Errno::EINVAL)
    }

    fn limit(&self) -> u32 {
        let abi = if self.fifo.is_some() { EVTCHN_FIFO_NR_CHANNELS } else { EVTCHN_2L_NR_CHANNELS };
        abi.min(self.max_port.saturating_add(1))
    }

    /// Returns the open ports with their states.
    pub(crate) fn open(&self) -> impl Iterator<Item = (u32, Chan)> + '_ {
        let ports = self.ports.iter().enumerate().filter(|(_, chan)| chan.bound != Bound::Free);
        ports.map(|(port, chan)| (port as u32, *chan))
    }
}

impl Machine {
    /// Allocates the lowest free port, which is never 0.
    ///
    /// A closed port that the domain has not unlinked from its queue is busy: linked again, it
    /// would stay in the old queue.
    pub(super) fn allocate_port(&mut self, id: DomId, bound: Bound) -> Result<u32, Errno> {
        let ports = &self.dom(id).events.ports;
        let free = |&port: &u32| {
            ports[port as usize].bound == Bound::Free && !self.fifo_is_linked(id, port)
        };
        let port = (1..ports.len() as u32).find(free).unwrap_or(ports.len() as u32);
        let events = &mut self.dom_mut(id).events;
        if port >= events.limit() {
            return Err(Errno::ENOSPC);
        }
        if port as usize == events.ports.len() {
            events.ports.resize(port as usize + BUCKET, Chan::FREE);
        }
        events.ports[port as usize] = Chan { bound, ..Chan::FREE };
        Ok(port)
    }

    /// Makes an event pending on a port, and delivers it unless the port is masked.
    pub(crate) fn set_pending(&mut self, id: DomId, port: u32) {
        let domain = self.dom_mut(id);
        domain.counters.events += 1;
        domain.activity += 1;
        if self.dom(id).events.fifo.is_some() {
            self.fifo_set_pending(id, port);
        } else {
            self.two_level_set_pending(id, port);
        }
    }

    /// Returns whether an event is pending on a port, masked or not.
    pub(crate) fn is_pending(&self, id: DomId, port: u32) -> bool {
        let events = &self.dom(id).events;
        if events.get(port).is_err() {
            return false;
        }
        if events.fifo.is_some() {
            self.fifo_is_pending(id, port)
        } else {
            self.two_level_is_pending(id, port)
        }
    }

    /// Clears a pending event of a port; returns whether one was pending.
    pub(crate) fn clear_pending(&mut self, id: DomId, port: u32) -> bool {
        if self.dom(id).events.fifo.is_some() {
            self.fifo_clear_pending(id, port)
        } else {
            self.two_level_clear_pending(id, port)
        }
    }

    fn unmask(&mut self, id: DomId, port: u32) {
        if self.dom(id).events.fifo.is_some() {
            self.fifo_unmask(id, port);
        } else {
            self.two_level_unmask(id, port);
        }
    }

    /// Sets a vCPU's upcall flag and, if that was clear, interrupts it.
    pub(in crate::hv) fn mark_events_pending(&mut self, id: DomId, vcpu: u32) {
        let Some((mfn, offset)) = self.dom(id).vcpus.get(vcpu as usize).and_then(|vcpu| vcpu.info)
        else {
            return;
        };
        let flag = self.page(mfn).u8_at(offset).map(|flag| flag.swap(1));
        if flag == Some(0) {
            self.dom_mut(id).vcpus[vcpu as usize].interrupt = true;
        }
    }

    /// Raises a virtual interrupt, if it is bound.
    pub(crate) fn raise_virq(&mut self, id: DomId, vcpu: u32, virq: Virq) {
        let Some(vcpu) = self.dom(id).vcpus.get(vcpu as usize) else { return };
        let port = vcpu.virq_ports[virq.0 as usize];
        if port != 0 {
            self.set_pending(id, port);
        }
    }

    /// Raises `VIRQ_DOM_EXC` in dom0: the state of a domain has changed.
    pub(crate) fn raise_dom_exc(&mut self) {
        if self.domains.contains_key(&0) {
            self.raise_virq(DomId(0), 0, Virq::DOM_EXC);
        }
    }

    /// Closes every port of a domain that is gone or starts anew.
    pub(crate) fn close_all_ports(&mut self, id: DomId) {
        let open: Vec<u32> = self.dom(id).events.open().map(|(port, _)| port).collect();
        for port in open {
            self.close_port(id, port);
        }
        self.dom_mut(id).events.fifo = None;
    }

    pub(crate) fn close_port(&mut self, id: DomId, port: u32) {
        let chan = self.dom(id).events.ports[port as usize];
        match chan.bound {
            Bound::Interdomain { remote, port: remote_port } => {
                // The other end waits for this domain to come back.
                self.dom_mut(remote).events.ports[remote_port as usize].bound =
                    Bound::Unbound { remote: id };
            }
            Bound::Virq(virq) => {
                self.dom_mut(id).vcpus[chan.vcpu_of_virq()].virq_ports[virq.0 as usize] = 0;
            }
            _ => {}
        }
        self.clear_pending(id, port);
        self.dom_mut(id).events.ports[port as usize] = Chan::FREE;
        self.trace.record(self.now, Some(id), || format!("port {port} closed"));
    }
}

impl Chan {
    /// Returns the vCPU of a VIRQ. A global one is bound at vCPU 0, wherever it is delivered.
    fn vcpu_of_virq(&self) -> usize {
        match self.bound {
            Bound::Virq(virq) if is_global(virq) => 0,
            _ => self.vcpu as usize,
        }
    }
}

fn is_global(virq: Virq) -> bool {
    !matches!(virq, Virq::TIMER | Virq::DEBUG | Virq::XENOPROF | Virq::XENPMU)
}
