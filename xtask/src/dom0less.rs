//! `cargo xtask dom0less`: kernels of ours that Xen for Arm starts itself, without dom0 and beside
//! it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::boots::{self, Job};
use crate::testbed::{
    self, Arch, Archive, Boot, Ending, Enhanced, Event, Progress, SharedRegion, StaticChannel,
    StaticDomain, XenVersion,
};
use crate::{host, kernels, payload, selftest, ui};

const SCRIPT: &str = include_str!("../payload/dom0less.sh");

/// Number of bytes that go through the vchan and back.
const BYTES: u32 = 1_000_000;

/// Options of `dom0less`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// On this version only (default: on both)
    #[arg(long, value_enum)]
    xen: Option<XenVersion>,
    /// A Xen of that version built with CONFIG_STATIC_SHM, which Debian's lacks: the kernels then
    /// use static shared memory instead of granted pages
    #[arg(long, value_name = "FILE", requires = "xen")]
    xen_image: Option<PathBuf>,
    /// Shows all lines
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let versions = args.xen.map_or(XenVersion::ALL.to_vec(), |xen| vec![xen]);
    match run(&versions, args.xen_image.as_deref(), args.verbose) {
        Ok(()) => Ok(0),
        Err(error) => {
            ui::line(format!("{} {error:#}", ui::red("FAIL")));
            Ok(1)
        }
    }
}

/// Boots two kernels without dom0 on each version, then two others beside a Linux dom0.
pub(crate) fn run(
    versions: &[XenVersion],
    xen_image: Option<&Path>,
    is_verbose: bool,
) -> Result<()> {
    testbed::prepare(Arch::Arm64, versions)?;
    let (kernel, shell) = (kernels::dom0less()?, kernels::shell(Arch::Arm64)?);
    let mut failures = Vec::new();
    for &xen in versions {
        match pair(xen, &kernel, xen_image, is_verbose) {
            Ok(took) => ui::line(format!(
                "xen {xen} arm64  {}  two kernels without dom0: {BYTES} bytes through {} and back; \
                 {:.1} s",
                ui::green("ok  "),
                memory(xen_image),
                took.as_secs_f32()
            )),
            Err(error) => failures.push(format!("xen {xen}, without dom0: {error:#}")),
        }
    }
    let jobs = versions.iter().map(|&xen| beside(xen, &kernel, &shell, xen_image));
    let jobs = jobs.collect::<Result<Vec<_>>>()?;
    if let Err(error) = boots::side_by_side("late xenstore", &jobs, is_verbose) {
        failures.push(format!("{error:#}"));
    }
    if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("\n")) }
}

/// Returns the kind of memory that two domains have.
fn memory(xen_image: Option<&Path>) -> &'static str {
    if xen_image.is_some() { "static shared memory" } else { "granted pages" }
}

/// Returns a boot of arm64 with this version of the interrupt controller.
fn boot(xen: XenVersion, name: &str, gic: u32, xen_image: Option<&Path>) -> Result<Boot> {
    let log = host::results()?.join(format!("dom0less-{name}-{xen}.log"));
    let mut boot = Boot { arch: Arch::Arm64, gic, ..Boot::new(xen, log) };
    boot.timeout = Duration::from_secs(300);
    boot.xen_image = xen_image.map(Path::to_owned);
    Ok(boot)
}

/// Returns a domain with 64 MiB and one vCPU.
fn domain(kernel: &Path, line: String, enhanced: Enhanced) -> StaticDomain {
    let kernel = kernel.to_owned();
    let (has_uart, shared) = (false, Vec::new());
    StaticDomain { kernel, line, vcpus: 1, mem: 64, enhanced, has_uart, shared }
}

/// Boots three kernels without dom0: two exchange bytes, the third has no event channel. Returns
/// the time.
fn pair(
    xen: XenVersion,
    kernel: &Path,
    xen_image: Option<&Path>,
    is_verbose: bool,
) -> Result<Duration> {
    // Beside dom0 it is the other one.
    let gic = if selftest::gic(xen) == 2 { 3 } else { 2 };
    let mut boot = boot(xen, "pair", gic, xen_image)?;
    // The references of a new grant table start at 8.
    let (own, others) = match xen_image {
        Some(_) => ("shared link", "shared link"),
        None => ("granted 2 8", "granted 1 8"),
    };
    let line = |line: String| domain(kernel, line, Enhanced::NoXenstore);
    let mut domains = [
        line(format!("echo 10 {own}")),
        line(format!("fifo send 11 {others} {BYTES}")),
        line(format!("echo 12 {own}")),
    ];
    domains[1].has_uart = true;
    if xen_image.is_none() {
        // The default policy connects two guests by the static event channel, and lets neither map
        // pages of the other.
        boot = boots::serving(boot);
    } else {
        let (id, address, size) = ("link".to_owned(), 0x9000_0000, 0x10_0000);
        boot.domains.shared = vec![SharedRegion { id, address, size }];
        for (domain, address) in domains.iter_mut().zip([0x5000_0000, 0x6000_0000, 0x5000_0000]) {
            domain.shared.push((0, address));
        }
    }
    boot.domains.domains = domains.into();
    boot.domains.channels = vec![StaticChannel([(0, 10), (1, 11)])];
    let mut lines = Lines::new([
        (1, format!("dom0less: {BYTES} bytes came back")),
        (2, format!("dom0less: {BYTES} bytes as sent")),
        (3, "dom0less: FAILED port 12: EINVAL (22): A wrong argument".to_owned()),
    ]);
    let outcome = boot.without_dom0(&mut |event| {
        let Event::Xen(line) = event else { return Progress::Continues };
        if is_verbose {
            ui::line(ui::dim(line));
        }
        lines.take(line)
    })?;
    let result = if outcome.ending == Ending::Exit(0) {
        lines.verdict()
    } else {
        Err(anyhow!("{}, before {:?}", outcome.describe(), lines.missing))
    };
    result.with_context(|| format!("log {}", boot.log.display()))?;
    Ok(outcome.elapsed)
}

/// Expected lines of domains, and failures that are not expected.
struct Lines {
    missing: Vec<(u32, String)>,
    failures: Vec<String>,
}

impl Lines {
    fn new<const N: usize>(expected: [(u32, String); N]) -> Self {
        Self { missing: expected.into(), failures: Vec::new() }
    }

    /// Takes a line of Xen's log.
    fn take(&mut self, line: &str) -> Progress {
        if let Some((domain, text)) = of_domain(line) {
            let expected =
                self.missing.iter().position(|(of, line)| (*of, &**line) == (domain, text));
            if let Some(index) = expected {
                self.missing.swap_remove(index);
            } else if text.contains("FAILED") || text.contains("panicked") {
                self.failures.push(format!("domain {domain}: {text}"));
            }
        }
        let is_complete = self.missing.is_empty() || !self.failures.is_empty();
        if is_complete { Progress::Complete } else { Progress::Continues }
    }

    fn verdict(&self) -> Result<()> {
        ensure!(self.failures.is_empty(), "{}", self.failures.join("\n"));
        ensure!(self.missing.is_empty(), "missing {:?}", self.missing);
        Ok(())
    }
}

/// Returns the number of a domain and its text: written to Xen's console, or to the UART that Xen
/// emulates.
fn of_domain(line: &str) -> Option<(u32, &str)> {
    let (_, rest) = line.split_once("(d").or_else(|| line.split_once("(XEN) DOM"))?;
    let (domain, text) = rest.split_once(") ").or_else(|| rest.split_once(": "))?;
    Some((domain.parse().ok()?, text.trim_end()))
}

/// Returns a boot of Linux as dom0 beside the example and the shell.
fn beside(xen: XenVersion, kernel: &Path, shell: &Path, xen_image: Option<&Path>) -> Result<Job> {
    let mut boot = boot(xen, "late", selftest::gic(xen), xen_image)?;
    boot.append = "QUIET=1".to_owned();
    let domain = |kernel, line: &str| domain(kernel, line.to_owned(), Enhanced::Enabled);
    boot.domains.domains = vec![domain(kernel, "store"), domain(shell, "")];
    let mut archive = Archive::default();
    archive.file("payload/run", 0o755, SCRIPT);
    archive.file("payload/lib.sh", 0o644, payload::LIB);
    let helper = format!("usr/lib/xen-{xen}/bin/init-dom0less");
    archive.copy("payload/init-dom0less", &testbed::tools(Arch::Arm64, xen)?.find(helper)?)?;
    Ok(Job { name: format!("xen {xen} arm64"), boot, archive })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Lines {
        Lines::new([(1, "one".to_owned()), (2, "FAILED as expected".to_owned())])
    }

    #[test]
    fn lines_of_all_domains_complete() {
        let mut lines = lines();
        assert_eq!(lines.take("(XEN) DOM2: FAILED as expected"), Progress::Continues);
        assert!(lines.verdict().is_err());
        // Xen's own line, another domain's, and one that is longer.
        for line in ["(XEN) one", "(d2) one", "(d1) one more", "(d1x) one"] {
            assert_eq!(lines.take(line), Progress::Continues, "{line}");
        }
        assert_eq!(lines.take("(d1) one"), Progress::Complete);
        assert!(lines.verdict().is_ok());
    }

    #[test]
    fn unexpected_failure_is_reported() {
        let mut lines = lines();
        assert_eq!(lines.take("(d1) FAILED as expected"), Progress::Complete);
        assert!(lines.verdict().unwrap_err().to_string().contains("domain 1"));
    }
}
