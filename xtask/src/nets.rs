//! The networks' test, in boots of their own: our kernel on Linux's netback, and Linux guests on
//! ours; all comparisons by `payload/nets-*.sh`.

use std::time::Duration;

use anyhow::Result;

use crate::boots::{End, Job};
use crate::testbed::{Arch, Archive, Boot, LinuxGuest, XenVersion};
use crate::{boots, host, kernels, payload};

const FRONT: &str = include_str!("../payload/nets-front.sh");
const BACK: &str = include_str!("../payload/nets-back.sh");
const GUEST: &str = include_str!("../payload/net-guest.sh");

/// Options of `net-test`.
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
    /// MiB that are exchanged each way: as many with large packets, a quarter by IPv6; with less,
    /// the first exchange can end before the guest is moved
    #[arg(long, default_value_t = 1024)]
    mib: u32,
    /// Shows the Linux guests' consoles
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let versions = args.xen.map_or(XenVersion::ALL.to_vec(), |xen| vec![xen]);
    let arch = args.arch;
    boots::of_ends("networks", arch, args.end, &versions, args.verbose, |end, xen| match end {
        End::Front => front(arch, xen, args.mib),
        End::Back => back(arch, xen, args.mib),
    })
}

/// Returns the boot of our frontend.
fn front(arch: Arch, xen: XenVersion, mib: u32) -> Result<Job> {
    let mut archive = Archive::default();
    archive.file("payload/size", 0o644, format!("AMOUNT={mib}\n"));
    archive.copy("payload/net-test", &kernels::net_test(arch)?)?;
    archive.copy("payload/testbed-peer", &payload::peer(arch)?)?;
    job(arch, xen, "front", FRONT, archive)
}

/// Returns the boot of our backend.
fn back(arch: Arch, xen: XenVersion, mib: u32) -> Result<Job> {
    let (linux, peer) = (LinuxGuest::get(arch, xen)?, payload::peer(arch)?);
    let mut archive = Archive::default();
    archive.file("payload/size", 0o644, format!("AMOUNT={mib} GRANTS=copy\n"));
    archive.copy("payload/driver-domain", &kernels::driver_domain(arch)?)?;
    archive.copy("payload/linux", &linux.kernel)?;
    archive.file("payload/linux.cpio", 0o644, linux.initramfs(GUEST, &peer)?);
    archive.copy("payload/testbed-peer", &peer)?;
    job(arch, xen, "back", BACK, archive)
}

fn job(arch: Arch, xen: XenVersion, end: &str, script: &str, mut archive: Archive) -> Result<Job> {
    archive.file("payload/run", 0o755, script);
    archive.file("payload/lib.sh", 0o644, payload::LIB);
    let log = host::results()?.join(format!("net-test-{end}-{xen}-{arch}.log"));
    let mut boot = boots::serving(Boot { arch, ..Boot::new(xen, log) });
    boot.timeout = Duration::from_secs(6000);
    boot.append = "QUIET=1".to_owned();
    Ok(Job { name: format!("xen {xen} {arch} {end}"), boot, archive })
}
