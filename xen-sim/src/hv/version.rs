//! `xen_version`.

use super::{Answer, Caller};
use crate::guest::Guest;
use crate::machine::Machine;
use xen_hypercall::{Errno, PAGE_SIZE};
use xen_sys::features::*;
use xen_sys::version::*;

impl Machine {
    pub(crate) fn xen_version(&mut self, caller: Caller, command: u32, arg: Guest) -> Answer {
        let (major, minor) = self.version;
        match command {
            XENVER_VERSION => return Ok(usize::from(major) << 16 | usize::from(minor)),
            XENVER_EXTRAVERSION => arg.write(text::<XEN_EXTRAVERSION_LEN>(".0-sim"))?,
            XENVER_CAPABILITIES => {
                let kinds = format!("xen-3.0-x86_64 hvm-3.0-x86_64 xen-{major}.{minor}-x86_64");
                arg.write(text::<XEN_CAPABILITIES_INFO_LEN>(&kinds))?;
            }
            XENVER_CHANGESET => arg.write(text::<XEN_CHANGESET_INFO_LEN>("xen-sim"))?,
            XENVER_COMPILE_INFO => arg.write(XenCompileInfo {
                compiler: text("rustc"),
                compile_by: text("xen-sim"),
                compile_domain: text(""),
                compile_date: text(""),
            })?,
            XENVER_GET_FEATURES => {
                let mut op: XenFeatureInfo = arg.read()?;
                if op.submap_idx >= XENFEAT_NR_SUBMAPS {
                    return Err(Errno::EINVAL);
                }
                let mut features = 1 << XENFEAT_AUTO_TRANSLATED_PHYSMAP
                    | 1 << XENFEAT_WRITABLE_PAGE_TABLES
                    | 1 << XENFEAT_SUPERVISOR_MODE_KERNEL
                    | 1 << XENFEAT_HVM_CALLBACK_VECTOR
                    | 1 << XENFEAT_HVM_SAFE_PVCLOCK
                    | 1 << XENFEAT_MEMORY_OP_VNODE_SUPPORTED
                    | 1 << XENFEAT_NOT_DIRECT_MAPPED;
                if self.dom(caller.domain).config.is_arm {
                    features &= !(1 << XENFEAT_HVM_CALLBACK_VECTOR | 1 << XENFEAT_HVM_SAFE_PVCLOCK);
                }
                if self.dom(caller.domain).config.privileged {
                    features |= 1 << XENFEAT_DOM0;
                }
                op.submap = features;
                arg.write(op)?;
            }
            XENVER_PAGESIZE => return Ok(PAGE_SIZE),
            XENVER_GUEST_HANDLE => {
                let mut handle = [0u8; 16];
                handle[14..].copy_from_slice(&caller.domain.0.to_be_bytes());
                arg.write(handle)?;
            }
            XENVER_COMMANDLINE | XENVER_BUILD_ID => return Err(Errno::EPERM),
            _ => return Err(Errno::ENOSYS),
        }
        Ok(0)
    }
}

fn text<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes
}
