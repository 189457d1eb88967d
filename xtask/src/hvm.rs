//! The test of HVM guests, in boots of their own: the shell with firmware and QEMU's device model;
//! all comparisons by `payload/hvm.sh`.

use std::time::Duration;

use anyhow::Result;

use crate::boots::Job;
use crate::testbed::{self, Arch, Boot, XenVersion};
use crate::{boots, host, kernels, payload};

const SCRIPT: &str = include_str!("../payload/hvm.sh");
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
    /// Shows the guests' consoles
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let versions = args.xen.map_or(XenVersion::ALL.to_vec(), |xen| vec![xen]);
    testbed::prepare(Arch::X86_64, &versions)?;
    run(&versions, args.quick, args.verbose)?;
    Ok(0)
}

/// Runs the test on `versions` at once, a core for each.
pub(crate) fn run(versions: &[XenVersion], quick: bool, verbose: bool) -> Result<()> {
    let jobs = versions.iter().map(|&xen| job(xen, quick)).collect::<Result<Vec<_>>>()?;
    boots::side_by_side("HVM guests", &jobs, verbose)
}

fn job(xen: XenVersion, quick: bool) -> Result<Job> {
    let mut archive = payload::archive(Arch::X86_64, SCRIPT, &kernels::shell(Arch::X86_64)?)?;
    archive.file("payload/size", 0o644, format!("QUICK={}\n", if quick { "1" } else { "" }));
    for (name, text) in PARTS {
        archive.file(&format!("payload/{name}"), 0o644, text);
    }
    testbed::add_hvm(&mut archive, xen)?;
    let log = host::results()?.join(format!("hvm-test-{xen}.log"));
    let mut boot = Boot::new(xen, log);
    boot.timeout = Duration::from_secs(1200);
    boot.append = "QUIET=1".to_owned();
    Ok(Job { name: format!("xen {xen} hvm"), boot, archive })
}
