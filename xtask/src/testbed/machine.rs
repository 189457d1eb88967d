//! The emulated machines: how Xen, dom0 and the payload's line reach them.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail, ensure};

use super::dom0less::{self, INITRAMFS, KERNEL};
use super::qemu::{Boot, Dom0, Emulator, path};
use super::{Arch, Dom0Kind};

/// Adds the options of the machine, and those by which Xen finds `dom0` and other domains. Files
/// for the machine are made in the folder `scratch`.
pub(super) fn describe(
    command: &mut Command,
    boot: &Boot,
    dom0: Option<&Dom0>,
    scratch: &Path,
) -> Result<()> {
    match (boot.arch, dom0) {
        (Arch::X86_64, Some(dom0)) => pc(command, boot, dom0),
        (Arch::X86_64, None) => bail!("Xen starts no domains but dom0 on x86"),
        (Arch::Arm64, _) => virt(command, boot, dom0, scratch),
    }
}

/// Returns Xen's command line.
fn xen_line(boot: &Boot, console: &str) -> String {
    let mut line = format!("{console} dom0_mem={}M loglvl=all guest_loglvl=all", boot.dom0_mem);
    if !boot.xen_args.is_empty() {
        line = line + " " + &boot.xen_args;
    }
    line
}

/// Describes a PC: modules by multiboot, the payload's line on the second serial port.
fn pc(command: &mut Command, boot: &Boot, dom0: &Dom0) -> Result<()> {
    let pvh = dom0.kind == Dom0Kind::Pvh;
    let mut line = xen_line(boot, "console=com1 com1=115200,8n1");
    // With more features (-cpu max) a PV dom0 crashes early: SMEP, SMAP, LA57 and PKU must be off.
    let mut cpu = "qemu64,+svm,+npt".to_owned();
    if pvh {
        line += " dom0=pvh";
    }
    if boot.stable_tsc {
        // TCG supports it, as its processors share a counter, but does not offer it. It has no
        // x2APIC, which would be offered too.
        cpu += ",+invtsc,x-force-features=on";
        line += " clocksource=tsc";
    } else if pvh {
        cpu += ",+x2apic";
    }
    let mut modules = vec![format!("{} {}", path(&dom0.kernel)?, dom0.line)];
    if let Some(initramfs) = &dom0.initramfs {
        modules.push(path(initramfs)?);
    }
    // A comma divides modules; QEMU reads two as one.
    let modules: Vec<_> = modules.iter().map(|m| m.trim().replace(',', ",,")).collect();
    command.args(["-cpu", &cpu]).args(["-serial", "chardev:payload"]).args([
        "-initrd",
        &modules.join(","),
        "-append",
        &line,
    ]);
    if pvh {
        // A PVH dom0 needs an IOMMU.
        command.args(["-M", "q35,kernel-irqchip=split", "-device", "amd-iommu,intremap=on"]);
    }
    Ok(())
}

/// Describes QEMU's machine `virt`: modules by its guest loader, which names them in the device
/// tree; the payload's line on a virtio console, which Xen leaves to dom0.
fn virt(command: &mut Command, boot: &Boot, dom0: Option<&Dom0>, scratch: &Path) -> Result<()> {
    let gic = boot.gic;
    // Randomness in the device tree would change each run.
    let machine = format!("virt,virtualization=true,gic-version={gic},dtb-randomness=off");
    let line = xen_line(boot, "console=dtuart");
    let (mem, cpus) = (boot.mem.to_string(), boot.cpus.to_string());
    let size = ["-cpu", "cortex-a57", "-m", &mem, "-smp", &cpus];
    command.args(["-M", &machine, "-cpu", "cortex-a57"]);
    if boot.icount {
        command.args(["-rtc", "base=2026-01-01,clock=vm"]);
    }
    if dom0.is_some_and(|dom0| dom0.initramfs.is_some()) {
        command.args(["-device", "virtio-serial-device", "-device", "virtconsole,chardev=payload"]);
    }
    let domains = &boot.domains;
    if !domains.domains.is_empty() {
        ensure!(!boot.icount, "no counted instructions with domains that Xen starts");
        let mut same = Emulator::get(Arch::Arm64)?.command()?;
        same.args(size);
        let tree = dom0less::dump(same, &machine, scratch)?;
        return domains.describe(command, dom0, &tree, &line, scratch);
    }
    let Some(dom0) = dom0 else { bail!("no domain to boot") };
    command.args(["-append", &line]);
    // With an empty line of dom0, Xen would take its own for that.
    let line = format!("{} ", dom0.line.trim().replace(',', ",,"));
    let kernel = path(&dom0.kernel)?.replace(',', ",,");
    command.args([
        "-device",
        &format!("guest-loader,addr={KERNEL:#x},kernel={kernel},bootargs={line}"),
    ]);
    if let Some(initramfs) = &dom0.initramfs {
        let initramfs = path(initramfs)?.replace(',', ",,");
        command.args(["-device", &format!("guest-loader,addr={INITRAMFS:#x},initrd={initramfs}")]);
    }
    Ok(())
}
