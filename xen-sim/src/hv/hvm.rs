//! `hvm_op`.

use super::{Answer, Caller};
use crate::guest::Guest;
use crate::machine::Machine;
use xen_hypercall::Errno;
use xen_sys::hvm::hvm_op::*;
use xen_sys::hvm::params::*;

impl Machine {
    pub(crate) fn hvm_op(&mut self, caller: Caller, command: u32, arg: Guest) -> Answer {
        match command {
            HVMOP_GET_PARAM => {
                let mut op: XenHvmParam = arg.read()?;
                let domain = self.param_domain(caller, &op)?;
                if domain == caller.domain && !readable(op.index) {
                    return Err(Errno::EPERM);
                }
                op.value = self.dom(domain).params[op.index as usize];
                arg.write(op)?;
            }
            HVMOP_SET_PARAM => {
                let op: XenHvmParam = arg.read()?;
                let domain = self.param_domain(caller, &op)?;
                if domain == caller.domain && !writable(op.index) {
                    return Err(Errno::EPERM);
                }
                self.dom_mut(domain).params[op.index as usize] = op.value;
                if op.index == HVM_PARAM_CALLBACK_IRQ {
                    self.dom_mut(domain).callback |=
                        op.value >> 56 == HVM_PARAM_CALLBACK_TYPE_VECTOR;
                    // The wall clock is written from here on.
                    self.update_clocks();
                    self.reassert(caller.domain);
                }
            }
            HVMOP_SET_EVTCHN_UPCALL_VECTOR => {
                let op: XenHvmEvtchnUpcallVector = arg.read()?;
                if op.vector < 16 {
                    return Err(Errno::EINVAL);
                }
                let domain = self.dom_mut(caller.domain);
                let vcpu = domain.vcpus.get_mut(op.vcpu as usize).ok_or(Errno::ENOENT)?;
                vcpu.upcall_vector = op.vector;
                self.reassert(caller.domain);
            }
            HVMOP_GET_TIME => arg.write(XenHvmGetTime { now: self.now })?,
            HVMOP_FLUSH_TLBS => {}
            _ => return Err(Errno::ENOSYS),
        }
        Ok(0)
    }

    fn param_domain(
        &self,
        caller: Caller,
        op: &XenHvmParam,
    ) -> Result<xen_hypercall::DomId, Errno> {
        if op.index >= HVM_NR_PARAMS {
            return Err(Errno::EINVAL);
        }
        self.find_controlled(caller.domain, op.domid)
    }

    /// Interrupts the vCPUs whose events became pending before the domain had a vector.
    fn reassert(&mut self, id: xen_hypercall::DomId) {
        let flags: Vec<bool> = self
            .dom(id)
            .vcpus
            .iter()
            .map(|vcpu| {
                let flag = vcpu.info.and_then(|(mfn, offset)| self.page(mfn).u8_at(offset));
                flag.is_some_and(|flag| flag.load(core::sync::atomic::Ordering::SeqCst) != 0)
            })
            .collect();
        for (vcpu, pending) in self.dom_mut(id).vcpus.iter_mut().zip(flags) {
            vcpu.interrupt |= pending;
        }
    }
}

fn writable(index: u32) -> bool {
    matches!(
        index,
        HVM_PARAM_CALLBACK_IRQ
            | HVM_PARAM_STORE_EVTCHN
            | HVM_PARAM_CONSOLE_EVTCHN
            | HVM_PARAM_VM86_TSS
            | HVM_PARAM_VM86_TSS_SIZED
            | HVM_PARAM_ACPI_S_STATE
            | HVM_PARAM_VM_GENERATION_ID_ADDR
            | HVM_PARAM_X87_FIP_WIDTH
    )
}

fn readable(index: u32) -> bool {
    writable(index)
        || matches!(index, HVM_PARAM_STORE_PFN | HVM_PARAM_CONSOLE_PFN | HVM_PARAM_ALTP2M)
}
