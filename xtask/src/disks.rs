//! The disks' test, in boots of their own: our kernel with four vCPUs on the backends of Linux and
//! of QEMU, and Linux with four vCPUs on ours; all comparisons by `payload/disks-*.sh`.

use std::time::Duration;

use anyhow::Result;

use crate::boots::{End, Job};
use crate::testbed::{self, Arch, Archive, Boot, LinuxGuest, XenVersion};
use crate::{boots, host, kernels, payload};

const FRONT: &str = include_str!("../payload/disks-front.sh");
const BACK: &str = include_str!("../payload/disks-back.sh");
const GUEST: &str = include_str!("../payload/fio-guest.sh");

/// Options of `disk-test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// On this version only (default: on both)
    #[arg(long, value_enum)]
    xen: Option<XenVersion>,
    /// Architecture
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
    /// One end only (default: both)
    #[arg(long, value_enum)]
    end: Option<End>,
    /// Verified requests of our frontend
    #[arg(long, default_value_t = 100_000)]
    count: u32,
    /// Virtual processors of the Linux guest on our backend
    #[arg(long, default_value_t = 4)]
    vcpus: u32,
    /// Shows the Linux guests' consoles
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let versions = args.xen.map_or(XenVersion::ALL.to_vec(), |xen| vec![xen]);
    let arch = args.arch;
    boots::of_ends("disks", arch, args.end, &versions, args.verbose, |end, xen| match end {
        End::Front => front(arch, xen, args.count),
        End::Back => back(arch, xen, args.vcpus),
    })
}

/// Returns the boot of our frontend.
fn front(arch: Arch, xen: XenVersion, count: u32) -> Result<Job> {
    let mut archive = Archive::default();
    archive.file("payload/size", 0o644, format!("IOS={count}\n"));
    archive.copy("payload/disk-test", &kernels::disk_test(arch)?)?;
    if arch == Arch::X86_64 {
        testbed::add_device_model(&mut archive, xen)?;
    }
    job(arch, xen, "front", FRONT, archive)
}

/// Returns the boot of our backend.
fn back(arch: Arch, xen: XenVersion, vcpus: u32) -> Result<Job> {
    let (linux, peer) = (LinuxGuest::with_all(arch, xen)?, payload::peer(arch)?);
    let mut archive = Archive::default();
    archive.file(
        "payload/size",
        0o644,
        format!("MIB={} VCPUS={vcpus} GRANTS=persistent\n", 32 / vcpus),
    );
    archive.copy("payload/driver-domain", &kernels::driver_domain(arch)?)?;
    archive.copy("payload/linux", &linux.kernel)?;
    archive.file("payload/linux.cpio", 0o644, linux.full_initramfs(GUEST, &peer)?);
    archive.copy("payload/testbed-peer", &peer)?;
    job(arch, xen, "back", BACK, archive)
}

fn job(arch: Arch, xen: XenVersion, end: &str, script: &str, mut archive: Archive) -> Result<Job> {
    archive.file("payload/run", 0o755, script);
    archive.file("payload/lib.sh", 0o644, payload::LIB);
    let log = host::results()?.join(format!("disk-test-{end}-{xen}-{arch}.log"));
    let mut boot = boots::serving(Boot { arch, ..Boot::new(xen, log) });
    boot.timeout = Duration::from_secs(2400);
    boot.append = "QUIET=1".to_owned();
    // On a busy machine the timers of four vCPUs leave a guest no time; timers of this one count
    // instructions.
    boot.icount = true;
    Ok(Job { name: format!("xen {xen} {arch} {end}"), boot, archive })
}
