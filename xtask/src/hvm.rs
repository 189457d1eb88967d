//! The test of HVM guests, in boots of their own: the shell with firmware and QEMU's device model;
//! all comparisons by `payload/hvm.sh`.

use std::time::Duration;

use anyhow::Result;

use crate::boots::Job;
use crate::testbed::{self, Arch, Boot, XenVersion};
use crate::{boots, host, kernels, payload};

const SCRIPT: &str = include_str!("../payload/hvm.sh");
const REPEATED: &str = include_str!("../payload/xl-list.sh");
/// Time for a boot, or for each turn of the repeated part.
const TIMEOUT: Duration = Duration::from_secs(1200);
/// Parts of the script that PVH guests have too.
const PARTS: [(&str, &str); 3] = [
    ("manage.sh", include_str!("../payload/manage.sh")),
    ("memory.sh", include_str!("../payload/memory.sh")),
    ("misdeeds.sh", include_str!("../payload/misdeeds.sh")),
];

/// Options of `hvm-test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// On this version only (default: on both)
    #[arg(long, value_enum)]
    xen: Option<XenVersion>,
    /// The first guest alone: unplug, disk, interface, save, restore and migration
    #[arg(long)]
    quick: bool,
    /// In place of the rest: all that xl does to a guest, to PVH and HVM guests, so many times
    #[arg(long, value_name = "TIMES", conflicts_with = "quick")]
    repeat: Option<u32>,
    /// Shows the guests' consoles
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let versions = args.xen.map_or(XenVersion::ALL.to_vec(), |xen| vec![xen]);
    testbed::prepare(Arch::X86_64, &versions)?;
    let Some(times) = args.repeat else {
        run(&versions, args.quick, args.verbose)?;
        return Ok(0);
    };
    let jobs = versions.iter().map(|&xen| repeated(xen, times)).collect::<Result<Vec<_>>>()?;
    boots::side_by_side("all that xl does to a guest", &jobs, args.verbose)?;
    Ok(0)
}

/// Runs the test on `versions` at once, a core for each.
pub(crate) fn run(versions: &[XenVersion], quick: bool, verbose: bool) -> Result<()> {
    let jobs = versions.iter().map(|&xen| job(xen, quick)).collect::<Result<Vec<_>>>()?;
    boots::side_by_side("HVM guests", &jobs, verbose)
}

fn job(xen: XenVersion, quick: bool) -> Result<Job> {
    let size = format!("QUICK={}\n", if quick { "1" } else { "" });
    boot(xen, "hvm", SCRIPT, size, TIMEOUT)
}

/// Makes the boot whose guests are PVH and HVM ones, `times` times.
fn repeated(xen: XenVersion, times: u32) -> Result<Job> {
    boot(xen, "xl", REPEATED, format!("TURNS={times}\n"), TIMEOUT * times)
}

fn boot(xen: XenVersion, name: &str, script: &str, size: String, timeout: Duration) -> Result<Job> {
    let mut archive = payload::archive(Arch::X86_64, script, &kernels::shell(Arch::X86_64)?)?;
    archive.file("payload/size", 0o644, size);
    archive.copy("payload/platform-test", &kernels::platform_test()?)?;
    archive.copy("payload/suspend-test", &kernels::suspend_test()?)?;
    for (name, text) in PARTS {
        archive.file(&format!("payload/{name}"), 0o644, text);
    }
    testbed::add_hvm(&mut archive, xen)?;
    let log = host::results()?.join(format!("{name}-test-{xen}.log"));
    let mut boot = Boot::new(xen, log);
    boot.timeout = timeout;
    boot.append = "QUIET=1".to_owned();
    Ok(Job { name: format!("xen {xen} {name}"), boot, archive })
}
