//! `info`: what is known without any device.

use crate::error::Error;
use crate::system::{GuestKind, System};
use core::fmt::Write;
use core::ops::Range;
use xen_guest::control::PlatformFeatures;
use xen_hypercall::{DomId, Platform, ops::version};
use xen_store::XsOps;
use xen_sys::features::*;

const FEATURES: [(u32, &str); 17] = [
    (XENFEAT_WRITABLE_PAGE_TABLES, "writable_page_tables"),
    (XENFEAT_WRITABLE_DESCRIPTOR_TABLES, "writable_descriptor_tables"),
    (XENFEAT_AUTO_TRANSLATED_PHYSMAP, "auto_translated_physmap"),
    (XENFEAT_SUPERVISOR_MODE_KERNEL, "supervisor_mode_kernel"),
    (XENFEAT_PAE_PGDIR_ABOVE_4GB, "pae_pgdir_above_4gb"),
    (XENFEAT_MMU_PT_UPDATE_PRESERVE_AD, "mmu_pt_update_preserve_ad"),
    (XENFEAT_HIGHMEM_ASSIST, "highmem_assist"),
    (XENFEAT_GNTTAB_MAP_AVAIL_BITS, "gnttab_map_avail_bits"),
    (XENFEAT_HVM_CALLBACK_VECTOR, "hvm_callback_vector"),
    (XENFEAT_HVM_SAFE_PVCLOCK, "hvm_safe_pvclock"),
    (XENFEAT_HVM_PIRQS, "hvm_pirqs"),
    (XENFEAT_DOM0, "dom0"),
    (XENFEAT_MEMORY_OP_VNODE_SUPPORTED, "memory_op_vnode_supported"),
    (XENFEAT_ARM_SMCCC_SUPPORTED, "ARM_SMCCC_supported"),
    (XENFEAT_LINUX_RSDP_UNRESTRICTED, "linux_rsdp_unrestricted"),
    (XENFEAT_NOT_DIRECT_MAPPED, "not_direct_mapped"),
    (XENFEAT_DIRECT_MAPPED, "direct_mapped"),
];

pub(crate) fn info<P: Platform>(system: &System<'_, P>, out: &mut dyn Write) -> Result<(), Error> {
    let xen = &system.platform;
    if system.machine.kind == GuestKind::NoXen {
        writeln!(out, "{}", system.machine.kind)?;
        return loader(system, out);
    }
    let hypercall = |errno| Error::Xen { call: "xen_version", errno };
    let extra = version::extra_version(xen).map_err(hypercall)?;
    writeln!(out, "Xen {}{}", version::version(xen).map_err(hypercall)?, text(&extra))?;
    match domain(system) {
        Some(DomId(id)) => writeln!(out, "domain {id}, {}", system.machine.kind)?,
        None => writeln!(out, "domain unknown, {}", system.machine.kind)?,
    }
    writeln!(
        out,
        "guest kinds {}",
        text(&version::capabilities(xen).map_err(hypercall)?).trim_end()
    )?;

    let features = version::features(xen, 0).map_err(hypercall)?;
    write!(out, "features {features:#x}")?;
    for (_, name) in FEATURES.iter().filter(|(bit, _)| features & (1 << bit) != 0) {
        write!(out, " {name}")?;
    }
    writeln!(out)?;

    loader(system, out)?;
    if let Some(id) = (system.kernel.generation_id)(xen) {
        writeln!(out, "generation id {id:032x}")?;
    }
    if let Some(store) = &system.store {
        let PlatformFeatures { multiprocessor_suspend, xs_reset_watches, .. } =
            PlatformFeatures::read(store)?;
        writeln!(
            out,
            "toolstack multiprocessor-suspend {multiprocessor_suspend} xs_reset_watches \
             {xs_reset_watches}"
        )?;
    }
    let now = xen.now().as_nanos();
    writeln!(out, "clock {}.{:09} s since Xen started", now / 1_000_000_000, now % 1_000_000_000)?;
    Ok(())
}

/// Prints what the loader left.
fn loader<P: Platform>(system: &System<'_, P>, out: &mut dyn Write) -> Result<(), Error> {
    for region in system.machine.memory_map {
        let end = region.addr.saturating_add(region.size);
        writeln!(
            out,
            "memory {:#012x}-{end:#012x} {}",
            region.addr,
            region.type_.name().unwrap_or("unknown")
        )?;
    }
    for module in system.machine.modules {
        let Range { start, end } = &module.range;
        writeln!(out, "module {start:#012x}-{end:#012x} '{}'", module.command_line)?;
    }
    if let Some(address) = system.machine.rsdp {
        writeln!(out, "rsdp {address:#012x}")?;
    }
    Ok(())
}

fn domain<P: Platform>(system: &System<'_, P>) -> Option<DomId> {
    (system.machine.domain)()
        .or_else(|| system.store.as_ref()?.read_number::<u16>("domid").ok().map(DomId))
}

/// Returns the text before the first zero byte.
fn text(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    core::str::from_utf8(&bytes[..end]).unwrap_or("?")
}
