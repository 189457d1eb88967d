//! Hypervisor: the implementation of each hypercall.

mod area;
mod arm;
pub(crate) mod event;
pub(crate) mod grant;
mod hvm;
mod memory;
pub(crate) mod sched;
mod time;
mod vcpu;
mod version;

pub(crate) use area::Area;
pub(crate) use time::WALL_CLOCK;

use crate::guest::Guest;
use crate::machine::Machine;
use xen_hypercall::{DomId, Errno};
use xen_sys::xen::*;

/// vCPU that issues a hypercall.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) domain: DomId,
    pub(crate) vcpu: u32,
}

/// Result of a hypercall before its encoding.
pub(crate) type Answer = Result<usize, Errno>;

/// Returns the name of a hypercall, for traces.
pub(crate) fn name(op: usize) -> &'static str {
    match op {
        HYPERVISOR_EVENT_CHANNEL_OP => "event_channel_op",
        HYPERVISOR_GRANT_TABLE_OP => "grant_table_op",
        HYPERVISOR_MEMORY_OP => "memory_op",
        HYPERVISOR_HVM_OP => "hvm_op",
        HYPERVISOR_VCPU_OP => "vcpu_op",
        HYPERVISOR_SCHED_OP => "sched_op",
        HYPERVISOR_XEN_VERSION => "xen_version",
        HYPERVISOR_SET_TIMER_OP => "set_timer_op",
        HYPERVISOR_VM_ASSIST => "vm_assist",
        HYPERVISOR_CONSOLE_IO => "console_io",
        HYPERVISOR_PLATFORM_OP => "platform_op",
        _ => "unknown",
    }
}

impl Machine {
    /// Executes a hypercall that does not wait.
    ///
    /// # Safety
    ///
    /// That of [`xen_hypercall::Hypercall::hypercall`].
    pub(crate) unsafe fn hypercall(
        &mut self,
        caller: Caller,
        op: usize,
        args: [usize; 5],
    ) -> Answer {
        let [command, second, third, ..] = args;
        // SAFETY: the caller guarantees that every pointer of the operation is valid. The operation
        // defines which argument is a pointer, as in Xen.
        let arg = unsafe { Guest::new(second) };
        if self.dom(caller.domain).config.is_arm
            && let Some(errno) = self.refusal_on_arm(caller, op, args, arg)
        {
            return Err(errno);
        }
        match op {
            HYPERVISOR_EVENT_CHANNEL_OP => self.event_channel_op(caller, command as u32, arg),
            HYPERVISOR_GRANT_TABLE_OP => {
                self.grant_table_op(caller, command as u32, arg, third as u32)
            }
            HYPERVISOR_MEMORY_OP => self.memory_op(caller, command as u32, arg),
            HYPERVISOR_HVM_OP => self.hvm_op(caller, command as u32, arg),
            HYPERVISOR_VCPU_OP => {
                // SAFETY: as above.
                let arg = unsafe { Guest::new(third) };
                self.vcpu_op(caller, command as u32, second as u32, arg)
            }
            HYPERVISOR_SCHED_OP => self.sched_op(caller, command as u32, arg),
            HYPERVISOR_XEN_VERSION => self.xen_version(caller, command as u32, arg),
            HYPERVISOR_SET_TIMER_OP => self.set_timer_op(caller, command as u64),
            HYPERVISOR_PLATFORM_OP => {
                // SAFETY: as above.
                let arg = unsafe { Guest::new(command) };
                self.platform_op(caller, arg)
            }
            HYPERVISOR_VM_ASSIST => self.vm_assist(caller, command as u32, second as u32),
            HYPERVISOR_CONSOLE_IO => {
                // SAFETY: as above.
                let buffer = unsafe { Guest::new(third) };
                self.console_io(caller, command as u32, second, buffer)
            }
            _ => Err(Errno::ENOSYS),
        }
    }

    fn vm_assist(&mut self, caller: Caller, command: u32, kind: u32) -> Answer {
        let known = matches!(command, VMASST_CMD_ENABLE | VMASST_CMD_DISABLE);
        if !known || kind != VMASST_TYPE_RUNSTATE_UPDATE_FLAG {
            return Err(Errno::EINVAL);
        }
        self.dom_mut(caller.domain).runstate_update_flag = command == VMASST_CMD_ENABLE;
        Ok(0)
    }

    /// Executes `console_io`. Unlike in a debug build of Xen, not every domain may write.
    fn console_io(&mut self, caller: Caller, command: u32, len: usize, buffer: Guest) -> Answer {
        if !self.dom(caller.domain).config.privileged {
            return Err(Errno::EPERM);
        }
        match command {
            CONSOLEIO_WRITE => {
                let text = buffer.bytes(len)?;
                self.dom_mut(caller.domain).console.extend(text);
                Ok(0)
            }
            CONSOLEIO_READ => {
                let input = &mut self.dom_mut(caller.domain).console_input;
                let count = len.min(input.len());
                for (index, byte) in input.drain(..count).enumerate() {
                    buffer.write_at(index, byte)?;
                }
                Ok(count)
            }
            _ => Err(Errno::ENOSYS),
        }
    }
}
