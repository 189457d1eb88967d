//! The driver domain's test: our kernel serves disk and network to Debian's Linux, all comparisons by `payload/driver.sh`.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::lab::{self, Archive, Boot, Ending, Event, XenVersion};
use crate::payload::{self, Line};
use crate::{host, kernels, ui};

const SCRIPT: &str = include_str!("../payload/driver.sh");
const GUEST: &str = include_str!("../payload/linux-guest.sh");

/// Options of `driver-domain`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long, value_enum, default_value = "4.20")]
    xen: XenVersion,
    /// MiB that the guests write to the disk, and send and receive
    #[arg(long, default_value_t = 64)]
    mib: u32,
    /// How the driver domain reaches its guests' pages: copy or map
    #[arg(long, default_value = "copy", value_parser = ["copy", "map"])]
    grants: String,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    run(args.xen, args.mib, &args.grants)?;
    Ok(0)
}

/// Runs the test on one version of Xen, with transfers of `mib` MiB.
pub(crate) fn run(xen: XenVersion, mib: u32, grants: &str) -> Result<()> {
    lab::prepare(&[xen])?;
    let linux = lab::LinuxGuest::get(xen)?;
    let mut archive = Archive::default();
    archive.file("payload/run", 0o755, SCRIPT);
    archive.file("payload/lib.sh", 0o644, payload::LIB);
    archive.file("payload/size", 0o644, format!("MIB={mib} GRANTS={grants}\n"));
    archive.copy("payload/driver-domain", &kernels::driver_domain()?)?;
    archive.copy("payload/linux", &linux.kernel)?;
    archive.file("payload/linux.cpio", 0o644, linux.initramfs(GUEST, &payload::peer()?)?);
    let mut boot = Boot::new(xen, host::results()?.join(format!("driver-domain-{xen}.log")));
    boot.timeout = Duration::from_secs(1800);
    boot.append = "QUIET=1".to_owned();

    let progress = ui::spinner(&format!("Xen {xen}: booting"));
    let (mut passed, mut failed, mut complete) = (0, 0, false);
    let outcome = boot.run(&archive, None, &mut |event| {
        let Event::Payload(line) = event else { return };
        match payload::parse(line) {
            Line::Step(step) => progress.set_prefix(format!("Xen {xen}: {step}")),
            Line::Check(check) => {
                ui::line(format!("xen {xen}  {}", check.describe()));
                if check.ok {
                    passed += 1;
                } else {
                    failed += 1;
                }
            }
            Line::Figure(name, value) => ui::line(ui::dim(&format!("xen {xen}        {name} {value} s"))),
            Line::Show(text) => ui::line(ui::dim(&format!("xen {xen}        | {text}"))),
            Line::Other("END") => complete = true,
            _ => {}
        }
    })?;
    progress.finish_and_clear();
    ui::line(format!(
        "xen {xen}  driver domain: {passed} of {} checks hold; log {}",
        passed + failed,
        boot.log.display()
    ));
    if failed > 0 || !complete || outcome.ending != Ending::Exit(0) {
        bail!("the driver domain's test on Xen {xen}: {failed} checks failed; {}", outcome.describe());
    }
    Ok(())
}
