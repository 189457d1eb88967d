//! Data from a loader for a kernel, and from a kernel for a loader: start_info and ELF notes,
//! of any bytes.

use crate::input::head;
use xen_hypercall::elfnote::Notes;
use xen_hypercall::start_info::StartInfo;
use xen_sys::arch_x86::hvm::start_info::XEN_HVM_START_MAGIC_VALUE;
use xen_sys::elfnote::XEN_ELFNOTE_PHYS32_ENTRY;

/// Runs the target.
pub fn run(mut data: &[u8]) {
    let [kind, address] = head(&mut data);
    if kind % 2 == 0 { start_info(data, address.into()) } else { notes(data) }
}

/// Reads `memory`, which starts at address 256.
fn start_info(memory: &[u8], address: u64) {
    let address = 256 + address;
    let read = |address: u64, buffer: &mut [u8]| {
        let at = usize::try_from(address.checked_sub(256)?).ok()?;
        buffer.copy_from_slice(memory.get(at..)?.get(..buffer.len())?);
        Some(())
    };
    let Ok(start) = StartInfo::read(read, address) else { return };
    assert_eq!(start.raw().magic, XEN_HVM_START_MAGIC_VALUE);
    assert_eq!(start.rsdp().unwrap_or(0), start.raw().rsdp_paddr);
    let mut buffer = [0; 100];
    assert!(!start.command_line(&mut buffer).contains('\0'));
    assert!(start.memory_map().count() <= memory.len() / 24);
    assert!(start.modules().count() <= memory.len() / 32);
    for module in start.modules() {
        assert!(!start.module_command_line(&module, &mut buffer).contains('\0'));
    }
}

fn notes(image: &[u8]) {
    let mut len = 0;
    for note in Notes::new(image) {
        assert!(!note.name.ends_with(&[0]));
        len += 12 + note.name.len() + note.value.len();
    }
    assert!(len <= image.len());
    if let Some(entry) = Notes::new(image).of_xen(XEN_ELFNOTE_PHYS32_ENTRY) {
        assert_eq!(entry.number().is_some(), matches!(entry.value.len(), 1 | 2 | 4 | 8));
    }
}
