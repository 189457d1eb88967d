//! `event_channel_op`.

use super::{Bound, is_global};
use crate::guest::Guest;
use crate::hv::{Answer, Caller};
use crate::machine::Machine;
use xen_hypercall::{DomId, Errno, Port};
use xen_sys::event_channel::*;
use xen_sys::xen::NR_VIRQS;

impl Machine {
    pub(crate) fn event_channel_op(&mut self, caller: Caller, command: u32, arg: Guest) -> Answer {
        let me = caller.domain;
        match command {
            EVTCHNOP_ALLOC_UNBOUND => {
                let mut op: EvtchnAllocUnbound = arg.read()?;
                let domain = self.find_controlled(me, op.dom)?;
                op.port = Port(self.alloc_unbound(domain, self.resolve(me, op.remote_dom))?);
                arg.write(op)?;
            }
            EVTCHNOP_BIND_INTERDOMAIN => {
                let mut op: EvtchnBindInterdomain = arg.read()?;
                op.local_port = Port(self.bind_interdomain(me, op.remote_dom, op.remote_port.0)?);
                arg.write(op)?;
            }
            EVTCHNOP_BIND_VIRQ => {
                let mut op: EvtchnBindVirq = arg.read()?;
                op.port = Port(self.bind_virq(me, &op)?);
                arg.write(op)?;
            }
            EVTCHNOP_BIND_IPI => {
                let mut op: EvtchnBindIpi = arg.read()?;
                self.vcpu_exists(me, op.vcpu)?;
                let port = self.allocate_port(me, Bound::Ipi)?;
                self.dom_mut(me).events.ports[port as usize].vcpu = op.vcpu;
                op.port = Port(port);
                arg.write(op)?;
            }
            EVTCHNOP_CLOSE => {
                let op: EvtchnClose = arg.read()?;
                if self.dom(me).events.get(op.port.0)?.bound == Bound::Free {
                    return Err(Errno::EINVAL);
                }
                self.close_port(me, op.port.0);
            }
            EVTCHNOP_SEND => {
                let op: EvtchnSend = arg.read()?;
                self.send(me, op.port.0)?;
            }
            EVTCHNOP_STATUS => {
                let mut op: EvtchnStatus = arg.read()?;
                self.status(me, &mut op)?;
                arg.write(op)?;
            }
            EVTCHNOP_BIND_VCPU => {
                let op: EvtchnBindVcpu = arg.read()?;
                self.bind_vcpu(me, &op)?;
            }
            EVTCHNOP_UNMASK => {
                let op: EvtchnUnmask = arg.read()?;
                if self.dom(me).events.get(op.port.0)?.bound != Bound::Free {
                    self.unmask(me, op.port.0);
                }
            }
            EVTCHNOP_RESET => {
                let op: EvtchnReset = arg.read()?;
                let domain = self.find_controlled(me, op.dom)?;
                if domain != me && self.dom(domain).pauses == 0 {
                    return Err(Errno::EINVAL);
                }
                self.close_all_ports(domain);
            }
            EVTCHNOP_INIT_CONTROL => {
                let mut op: EvtchnInitControl = arg.read()?;
                self.fifo_init_control(me, &mut op)?;
                arg.write(op)?;
            }
            EVTCHNOP_EXPAND_ARRAY => {
                let op: EvtchnExpandArray = arg.read()?;
                self.fifo_expand_array(me, op.array_gfn)?;
            }
            EVTCHNOP_SET_PRIORITY => {
                let op: EvtchnSetPriority = arg.read()?;
                self.set_priority(me, op.port.0, op.priority)?;
            }
            // No simulated domain has a physical interrupt.
            EVTCHNOP_BIND_PIRQ => return Err(Errno::EINVAL),
            _ => return Err(Errno::ENOSYS),
        }
        Ok(0)
    }

    pub(crate) fn resolve(&self, caller: DomId, named: DomId) -> DomId {
        if named == DomId::SELF { caller } else { named }
    }

    fn vcpu_exists(&self, domain: DomId, vcpu: u32) -> Result<(), Errno> {
        if (vcpu as usize) < self.dom(domain).vcpus.len() { Ok(()) } else { Err(Errno::ENOENT) }
    }

    /// Opens a port of `domain` that `remote` may bind.
    pub(crate) fn alloc_unbound(&mut self, domain: DomId, remote: DomId) -> Result<u32, Errno> {
        let port = self.allocate_port(domain, Bound::Unbound { remote })?;
        self.trace
            .record(self.now, Some(domain), || format!("port {port} waits for domain {remote}"));
        Ok(port)
    }

    /// Opens a port of `domain`, connected to a port of `remote`.
    pub(crate) fn bind_interdomain(
        &mut self,
        domain: DomId,
        remote: DomId,
        port: u32,
    ) -> Result<u32, Errno> {
        let remote = self.find(domain, remote).ok_or(Errno::ESRCH)?;
        // As in Xen, the local port is allocated first, so that its failure has precedence.
        let local = self.allocate_port(domain, Bound::Interdomain { remote, port })?;
        let bound = self.dom(remote).events.get(port).map(|chan| chan.bound);
        if bound != Ok(Bound::Unbound { remote: domain }) {
            self.dom_mut(domain).events.ports[local as usize].bound = Bound::Free;
            return Err(Errno::EINVAL);
        }
        let far = &mut self.dom_mut(remote).events.ports[port as usize];
        far.bound = Bound::Interdomain { remote: domain, port: local };
        self.trace.record(self.now, Some(domain), || {
            format!("port {local} bound to port {port} of domain {remote}")
        });
        // The peer may have sent an event before the binding.
        self.set_pending(domain, local);
        Ok(local)
    }

    fn bind_virq(&mut self, me: DomId, op: &EvtchnBindVirq) -> Result<u32, Errno> {
        if op.virq.0 >= NR_VIRQS || (is_global(op.virq) && op.vcpu != 0) {
            return Err(Errno::EINVAL);
        }
        self.vcpu_exists(me, op.vcpu)?;
        let (vcpu, virq) = (op.vcpu as usize, op.virq.0 as usize);
        if self.dom(me).vcpus[vcpu].virq_ports[virq] != 0 {
            return Err(Errno::EEXIST);
        }
        let port = self.allocate_port(me, Bound::Virq(op.virq))?;
        let domain = self.dom_mut(me);
        domain.events.ports[port as usize].vcpu = op.vcpu;
        domain.vcpus[vcpu].virq_ports[virq] = port;
        Ok(port)
    }

    pub(crate) fn send(&mut self, me: DomId, port: u32) -> Result<(), Errno> {
        let bound = self.dom(me).events.get(port)?.bound;
        let (domain, target) = match bound {
            Bound::Interdomain { remote, port } => (remote, port),
            Bound::Ipi => (me, port),
            Bound::Unbound { .. } => return Ok(()),
            Bound::Free | Bound::Virq(_) => return Err(Errno::EINVAL),
        };
        self.dom_mut(me).counters.notifications += 1;
        self.trace.record(self.now, Some(me), || {
            format!("port {port} notifies port {target} of domain {domain}")
        });
        self.set_pending(domain, target);
        Ok(())
    }

    fn status(&self, me: DomId, op: &mut EvtchnStatus) -> Result<(), Errno> {
        let domain = self.find_controlled(me, op.dom)?;
        let chan = self.dom(domain).events.get(op.port.0)?;
        op.vcpu = chan.vcpu;
        (op.status, op.u) = match chan.bound {
            Bound::Free => (EvtchnStat::CLOSED, [0, 0]),
            Bound::Unbound { remote } => (EvtchnStat::UNBOUND, [u32::from(remote.0), 0]),
            Bound::Interdomain { remote, port } => {
                (EvtchnStat::INTERDOMAIN, [u32::from(remote.0), port])
            }
            Bound::Virq(virq) => (EvtchnStat::VIRQ, [virq.0, 0]),
            Bound::Ipi => (EvtchnStat::IPI, [0, 0]),
        };
        Ok(())
    }

    fn bind_vcpu(&mut self, me: DomId, op: &EvtchnBindVcpu) -> Result<(), Errno> {
        self.vcpu_exists(me, op.vcpu)?;
        match self.dom(me).events.get(op.port.0)?.bound {
            Bound::Unbound { .. } | Bound::Interdomain { .. } => {}
            Bound::Virq(virq) if is_global(virq) => {}
            _ => return Err(Errno::EINVAL),
        }
        self.dom_mut(me).events.ports[op.port.0 as usize].vcpu = op.vcpu;
        Ok(())
    }
}
