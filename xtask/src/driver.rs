//! The driver domain's test: our kernel serves disk and network to Debian's Linux, all comparisons
//! by `payload/driver.sh`.

use std::time::Duration;

use anyhow::Result;

use crate::boots::Job;
use crate::testbed::{self, Arch, Archive, Boot, LinuxGuest, XenVersion};
use crate::{boots, host, kernels, payload, ui};

const SCRIPT: &str = include_str!("../payload/driver.sh");
const GUEST: &str = include_str!("../payload/linux-guest.sh");

/// Options of `driver-domain`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// On this version only (default: on both)
    #[arg(long, value_enum)]
    xen: Option<XenVersion>,
    /// Architecture
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
    /// MiB that a guest writes to the disk
    #[arg(long, default_value_t = 64)]
    mib: u32,
    /// MiB that a guest sends, and has sent back
    #[arg(long, default_value_t = 64)]
    net_mib: u32,
    /// How the driver domain reaches its guests' pages (default: one after the other)
    #[arg(long, value_enum)]
    grants: Option<Grants>,
    /// Shows the guests' consoles
    #[arg(long, short)]
    verbose: bool,
}

/// Access of the driver domain to its guests' pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Grants {
    /// Xen copies
    Copy,
    /// Pages are mapped during a request
    Map,
    /// Pages stay mapped
    Persistent,
}

impl Grants {
    const ALL: [Self; 3] = [Self::Copy, Self::Map, Self::Persistent];

    fn name(self) -> &'static str {
        match self {
            Grants::Copy => "copy",
            Grants::Map => "map",
            Grants::Persistent => "persistent",
        }
    }
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let versions = args.xen.map_or(XenVersion::ALL.to_vec(), |xen| vec![xen]);
    let mut code = 0;
    for grants in args.grants.map_or(Grants::ALL.to_vec(), |grants| vec![grants]) {
        let runs: Vec<_> = versions.iter().map(|&xen| (xen, grants)).collect();
        if let Err(error) = side_by_side(args.arch, &runs, (args.mib, args.net_mib), args.verbose) {
            ui::line(format!("{} {error:#}", ui::red("FAIL")));
            code = 1;
        }
    }
    Ok(code)
}

/// Runs each version and each access once, with less traffic, for continuous integration.
pub(crate) fn both(arch: Arch) -> Result<()> {
    side_by_side(
        arch,
        &[(XenVersion::V4_17, Grants::Copy), (XenVersion::V4_20, Grants::Persistent)],
        (32, 8),
        false,
    )
}

/// Runs the test on versions of Xen at the same time, a core for each, with so many MiB on the disk
/// and over the network.
fn side_by_side(
    arch: Arch,
    runs: &[(XenVersion, Grants)],
    (disk, net): (u32, u32),
    verbose: bool,
) -> Result<()> {
    let versions: Vec<_> = runs.iter().map(|&(xen, _)| xen).collect();
    testbed::prepare(arch, &versions)?;
    let (kernel, shell) = (kernels::driver_domain(arch)?, kernels::shell(arch)?);
    let peer = payload::peer(arch)?;
    let mut jobs = Vec::new();
    for &(xen, grants) in runs {
        let linux = LinuxGuest::get(arch, xen)?;
        let mut archive = Archive::default();
        archive.file("payload/run", 0o755, SCRIPT);
        archive.file("payload/lib.sh", 0o644, payload::LIB);
        archive.file(
            "payload/size",
            0o644,
            format!("MIB={disk} NET_MIB={net} GRANTS={}\n", grants.name()),
        );
        archive.copy("payload/driver-domain", &kernel)?;
        archive.copy("payload/shell", &shell)?;
        archive.copy("payload/linux", &linux.kernel)?;
        archive.file("payload/linux.cpio", 0o644, linux.initramfs(GUEST, &peer)?);
        archive.copy("payload/testbed-peer", &peer)?;
        let name = format!("xen {xen} {arch} {}", grants.name());
        let log = format!("driver-domain-{xen}-{arch}-{}.log", grants.name());
        let mut boot = boots::serving(Boot { arch, ..Boot::new(xen, host::results()?.join(log)) });
        boot.timeout = Duration::from_secs(1500);
        boot.append = "QUIET=1".to_owned();
        jobs.push(Job { name, boot, archive });
    }
    boots::side_by_side("driver domain", &jobs, verbose)
}
