//! Refusals of Xen on Arm, and what it sets up there.

use super::Caller;
use crate::guest::Guest;
use crate::machine::{DomainState, Machine};
use xen_hypercall::Errno;
use xen_sys::grant_table::{GNTTABOP_SET_VERSION, GnttabSetVersion};
use xen_sys::hvm::hvm_op::*;
use xen_sys::hvm::params::{
    HVM_PARAM_CALLBACK_IRQ, HVM_PARAM_CALLBACK_TYPE_PPI, HVM_PARAM_CALLBACK_TYPE_PPI_FLAG_LOW_LEVEL,
};
use xen_sys::memory::{XENMEM_MACHINE_MEMORY_MAP, XENMEM_MEMORY_MAP};
use xen_sys::vcpu::{VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA, VCPUOP_REGISTER_VCPU_INFO};
use xen_sys::xen::*;

/// Private interrupt of the upcall, as in a guest of libxl.
const PPI: u64 = 31;

impl DomainState {
    /// Sets the upcall of a domain on Arm, which the domain cannot change.
    pub(crate) fn set_ppi(&mut self) {
        let flag = HVM_PARAM_CALLBACK_TYPE_PPI_FLAG_LOW_LEVEL << 8;
        self.params[HVM_PARAM_CALLBACK_IRQ as usize] =
            HVM_PARAM_CALLBACK_TYPE_PPI << 56 | flag | PPI;
        self.callback = true;
    }
}

impl Machine {
    /// Returns the error of an operation that Xen has on x86 alone; `None` if Arm has it, too.
    pub(super) fn refusal_on_arm(
        &self,
        caller: Caller,
        op: usize,
        [command, second, ..]: [usize; 5],
        arg: Guest,
    ) -> Option<Errno> {
        let command = command as u32;
        match op {
            HYPERVISOR_SET_TIMER_OP => Some(Errno::ENOSYS),
            HYPERVISOR_VCPU_OP => match command {
                VCPUOP_REGISTER_VCPU_INFO | VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA => None,
                _ if second >= self.dom(caller.domain).vcpus.len() => None,
                _ => Some(Errno::EINVAL),
            },
            HYPERVISOR_MEMORY_OP => {
                matches!(command, XENMEM_MEMORY_MAP | XENMEM_MACHINE_MEMORY_MAP)
                    .then_some(Errno::ENOSYS)
            }
            HYPERVISOR_HVM_OP => match command {
                HVMOP_SET_EVTCHN_UPCALL_VECTOR | HVMOP_GET_TIME | HVMOP_FLUSH_TLBS => {
                    Some(Errno::ENOSYS)
                }
                HVMOP_SET_PARAM => {
                    let op = arg.read::<XenHvmParam>().ok()?;
                    (op.index == HVM_PARAM_CALLBACK_IRQ).then_some(Errno::EPERM)
                }
                _ => None,
            },
            HYPERVISOR_GRANT_TABLE_OP if command == GNTTABOP_SET_VERSION => {
                let op = arg.read::<GnttabSetVersion>().ok()?;
                (op.version != 1).then_some(Errno::ENOSYS)
            }
            _ => None,
        }
    }
}
