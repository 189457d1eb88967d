//! One boot: a guest on a dom0 of its own, under the counting emulator.

use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;

use super::Job;
use super::cases::{self, Case, Guest, Variant};
use super::figures::{self, Figures, Printed};
use super::services::{self, Service};
use crate::guest_log::GuestLog;
use crate::payload::{self, Line};
use crate::testbed::{self, Arch, Archive, Boot, Ending, Event, LinuxGuest, XenVersion};
use crate::{host, kernels, ui};

const SCRIPT: &str = include_str!("../../../payload/bench.sh");
const SERVICES_SCRIPT: &str = include_str!("../../../payload/bench-services.sh");
const LINUX_INIT: &str = include_str!("../../../payload/bench-guest.sh");
const SERVICES_INIT: &str = include_str!("../../../payload/bench-services-guest.sh");
const LINUX_BACKEND_INIT: &str = include_str!("../../../payload/bench-backend.sh");
const LINUX_PEER_INIT: &str = include_str!("../../../payload/bench-peer.sh");

/// Configuration of any domain.
const DOMAIN: &str = "type=\"pvh\"\nvcpus=1\non_poweroff=\"destroy\"\non_crash=\"destroy\"\n";

/// Configuration of the measured domain, and of its devices.
const GUEST: &str = "name=\"guest\"\nkernel=\"/payload/kernel\"\n";
const DEVICES: &str = "disk=[\"phy:/dev/ram0,xvda,w\"]\n\
                       vif=[\"mac=00:16:3e:00:00:02,bridge=br0,script=vif-bridge\"]\n";

/// Devices of a guest of a pair: the disk of the first read, and an interface of the driver domain.
const PAIR_DEVICES: &str = "disk=[\"phy:/dev/ram0,xvda,w\"]\n\
                            vif=[\"mac=00:16:3e:00:00:02,backend=dd,script=vif-bridge\"]\n";

/// Time for one boot.
const TIMEOUT: Duration = Duration::from_secs(1800);

/// Options of the compiler for the plugin.
const PLUGIN: &[&str] = &["-shared", "-fPIC", "-fvisibility=hidden"];

/// Options of the compiler for programs of dom0 and of the guest, which have other C libraries.
const STATIC: [&str; 1] = ["-static"];

/// Programs that boots need.
pub(super) struct Programs {
    arch: Arch,
    xen: XenVersion,
    kernel: PathBuf,
    linux: LinuxGuest,
    plugin: PathBuf,
    mark: PathBuf,
    net: PathBuf,
    guest: Option<PathBuf>,
    folder: PathBuf,
}

impl Programs {
    /// Builds and fetches them.
    pub(super) fn get(arch: Arch, xen: XenVersion) -> Result<Programs> {
        host::require(&[("gcc", "gcc"), ("/usr/include/stdio.h", "libc6-dev")])?;
        let folder = super::super::folder()?.join(format!("xen-{arch}"));
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let plugin = compile("gcc", "counts.c", PLUGIN, &folder, "counts.so")?;
        let mut options: Vec<String> = STATIC.map(str::to_owned).to_vec();
        let compiler = match arch {
            Arch::X86_64 => "gcc",
            Arch::Arm64 => {
                host::require(&[("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu")])?;
                let library = testbed::c_library(arch, xen)?;
                options.push(format!("--sysroot={}", library.path().display()));
                "aarch64-linux-gnu-gcc"
            }
        };
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let mark = compile(compiler, "mark.c", &options, &folder, "mark")?;
        let net = compile(compiler, "net.c", &options, &folder, "net")?;
        // It calls the vDSO of x86.
        let guest = match arch {
            Arch::X86_64 => Some(compile(compiler, "guest.c", &options, &folder, "guest")?),
            Arch::Arm64 => None,
        };
        let linux = LinuxGuest::with_fio(arch, xen)?;
        let kernel = kernels::bench(arch)?;
        Ok(Programs { arch, xen, kernel, linux, plugin, mark, net, guest, folder })
    }

    /// Makes what every boot has: the programs of dom0 and its script.
    fn archive(&self, script: &str) -> Result<Archive> {
        let mut archive = Archive::default();
        archive.file("payload/run", 0o755, script);
        archive.file("payload/lib.sh", 0o644, payload::LIB);
        archive.copy("payload/mark", &self.mark)?;
        archive.copy("payload/net", &self.net)?;
        if let Some(guest) = &self.guest {
            archive.copy("payload/guest", guest)?;
        }
        Ok(archive)
    }

    fn services(&self, is_ours: bool, services: &[&Service]) -> Result<Archive> {
        let mut archive = self.archive(SERVICES_SCRIPT)?;
        let words = services::words(services).join(" ");
        let settings = format!("OURS={}\nCASES=\"{words}\"\n", u8::from(is_ours));
        archive.file("payload/settings", 0o644, settings);
        let mut config = format!("{DOMAIN}{GUEST}{DEVICES}memory=192\ntsc_mode=\"native\"\n");
        if is_ours {
            archive.copy("payload/kernel", &self.kernel)?;
            config += &format!("cmdline=\"{}\"\n", services::command_line(services));
        } else {
            archive.copy("payload/kernel", &self.linux.kernel)?;
            let jobs = self.folder.join("services");
            fs::write(&jobs, words).with_context(|| format!("writing {}", jobs.display()))?;
            let guest = self.guest.as_ref().context("no program measures the services")?;
            let files = [("bin/mark", self.mark.as_path()), ("bin/guest", guest), ("jobs", &jobs)];
            let initramfs = self.linux.small_initramfs(SERVICES_INIT, &files)?;
            archive.file("payload/initramfs", 0o644, initramfs);
            config += "ramdisk=\"/payload/initramfs\"\ncmdline=\"console=hvc0 quiet\"\n";
        }
        archive.file("payload/guest.cfg", 0o644, config);
        Ok(archive)
    }

    fn devices(&self, guest: Guest, cases: &[&Case], quick: bool) -> Result<Archive> {
        let mut archive = self.archive(SCRIPT)?;
        let mut config = format!("{DOMAIN}{GUEST}");
        if let Some(is_ours) = guest.has_our_backend() {
            self.add_driver_domain(&mut archive, is_ours)?;
        }
        config += if Guest::PAIRS.contains(&guest) {
            self.add_peer(&mut archive, guest)?;
            PAIR_DEVICES
        } else if Guest::BACK.contains(&guest) {
            "disk=[\"format=raw,vdev=xvda,access=rw,backendtype=phy,backend=dd,target=data\"]\n"
        } else {
            DEVICES
        };
        if guest.is_ours() {
            archive.copy("payload/kernel", &self.kernel)?;
            let line = cases::command_line(cases, quick);
            config += &format!("memory=128\ncmdline=\"{line}\"\n");
        } else {
            archive.copy("payload/kernel", &self.linux.kernel)?;
            let jobs = self.folder.join(format!("{}.fio", guest.name()));
            fs::write(&jobs, cases::fio_jobs(cases, guest, quick))
                .with_context(|| format!("writing {}", jobs.display()))?;
            let words = self.folder.join(format!("{}.net", guest.name()));
            fs::write(&words, cases::net_jobs(cases, guest, quick))
                .with_context(|| format!("writing {}", words.display()))?;
            let files = [
                ("bin/mark", self.mark.as_path()),
                ("bin/net", &self.net),
                ("bench.fio", &jobs),
                ("bench.net", &words),
            ];
            let initramfs = self.linux.fio_initramfs(LINUX_INIT, &files)?;
            archive.file("payload/initramfs", 0o644, initramfs);
            config +=
                "memory=384\nramdisk=\"/payload/initramfs\"\ncmdline=\"console=hvc0 quiet\"\n";
        }
        match (self.arch, guest) {
            (Arch::Arm64, Guest::Ours) => config += "vuart=\"sbsa_uart\"\n",
            (Arch::Arm64, _) | (_, Guest::Ours | Guest::Linux) => {}
            _ => config += "tsc_mode=\"native\"\n",
        }
        archive.file("payload/guest.cfg", 0o644, config);
        Ok(archive)
    }

    /// Adds the other guest of a pair.
    fn add_peer(&self, archive: &mut Archive, guest: Guest) -> Result<()> {
        let mut config = format!(
            "{DOMAIN}name=\"peer\"\nkernel=\"/payload/kernel\"\ntsc_mode=\"native\"\n\
             vif=[\"mac=00:16:3e:00:00:01,backend=dd,script=vif-bridge\"]\n"
        );
        if guest.is_ours() {
            config += "memory=128\ncmdline=\"callback serve\"\n";
        } else {
            let files = [("bin/net", self.net.as_path())];
            let initramfs = self.linux.small_initramfs(LINUX_PEER_INIT, &files)?;
            archive.file("payload/peer.initramfs", 0o644, initramfs);
            config += "memory=160\nramdisk=\"/payload/peer.initramfs\"\n\
                       cmdline=\"console=hvc0 quiet\"\n";
        }
        archive.file("payload/peer.cfg", 0o644, config);
        Ok(())
    }

    /// Adds the driver domain that serves a disk, of as many MiB as dom0's, and a network.
    fn add_driver_domain(&self, archive: &mut Archive, is_ours: bool) -> Result<()> {
        let mut config = format!(
            "{DOMAIN}name=\"dd\"\nkernel=\"/payload/driver-domain\"\nmemory=256\n\
             driver_domain=1\ntsc_mode=\"native\"\n"
        );
        if is_ours {
            archive.copy("payload/driver-domain", &kernels::driver_domain(Arch::X86_64)?)?;
            config += "cmdline=\"disk=data:64 grants=persistent\"\n";
        } else {
            archive.copy("payload/driver-domain", &self.linux.kernel)?;
            let initramfs = self.linux.backend_initramfs(LINUX_BACKEND_INIT)?;
            archive.file("payload/dd.initramfs", 0o644, initramfs);
            config += "ramdisk=\"/payload/dd.initramfs\"\ncmdline=\"console=hvc0 quiet\"\n";
        }
        archive.file("payload/dd.cfg", 0o644, config);
        Ok(())
    }

    /// Boots a guest that does a job; our kernel does each case of a device in each variant.
    pub(super) fn run(&self, job: &Job<'_>, quick: bool) -> Result<Figures> {
        let title = format!("Xen {} {}, {}", self.xen, self.arch, job.title());
        let name = format!("{}-{}", self.xen, job.name());
        let spinner = ui::spinner(&title);
        let log = self.folder.join(format!("{name}.log"));
        let counts = self.folder.join(format!("{name}.counts"));
        let result = self.boot(job, quick, &log, &counts, &spinner);
        spinner.finish_and_clear();
        result.with_context(|| format!("{title}; the whole log is {}", log.display()))
    }

    fn boot(
        &self,
        job: &Job<'_>,
        quick: bool,
        log: &Path,
        counts: &Path,
        spinner: &ProgressBar,
    ) -> Result<Figures> {
        let names = names(job);
        let mut boot = Boot { arch: self.arch, ..Boot::new(self.xen, log.to_owned()) };
        boot.icount = true;
        boot.timeout = TIMEOUT;
        boot.append = "QUIET=1".to_owned();
        boot.plugin = Some((self.plugin.clone(), counts.to_owned()));
        let (mut printed, mut guest_log, mut symbol) =
            (Printed::default(), GuestLog::default(), None);
        let payload = match *job {
            Job::Devices { guest, cases } => self.devices(guest, cases, quick)?,
            Job::Services { is_ours, services } => {
                boot.stable_tsc = true;
                self.services(is_ours, services)?
            }
        };
        let progress = Progress { file: counts, names: &names, spinner };
        let outcome = progress.during(|| {
            boot.run(&payload, None, &mut |event| match event {
                Event::Xen(line) => {
                    if let Some(line) = guest_log.push_line(line) {
                        printed.push_line(&line);
                    }
                }
                Event::Payload(line) => match payload::parse(line) {
                    Line::Console(text) => printed.push_line(text),
                    Line::Other(text) => {
                        if let Some(address) = text.strip_prefix("SYMBOL|") {
                            symbol = u64::from_str_radix(address, 16).ok();
                        }
                    }
                    _ => {}
                },
                Event::Mark(_) => {}
            })
        })?;
        if outcome.ending != Ending::Exit(0) || outcome.emulator_fault {
            bail!("{}", outcome.describe());
        }
        // Xen names its symbols to dom0 on x86 only.
        if self.arch == Arch::X86_64 {
            symbol.context("Xen has no symbol evtchn_send")?;
        }
        let file = File::open(counts).with_context(|| format!("no {}", counts.display()))?;
        let counts = figures::counts(BufReader::new(file), symbol)?;
        printed.join(&names, &counts)
    }
}

impl Job<'_> {
    /// Returns the title of its guest.
    fn title(&self) -> &'static str {
        match self {
            Job::Devices { guest, .. } => guest.title(),
            Job::Services { is_ours: true, .. } => "services of ours",
            Job::Services { is_ours: false, .. } => "services of Linux",
        }
    }

    /// Returns the name of its files.
    fn name(&self) -> &'static str {
        match self {
            Job::Devices { guest, .. } => guest.name(),
            Job::Services { is_ours: true, .. } => "services-ours",
            Job::Services { is_ours: false, .. } => "services-linux",
        }
    }
}

/// Returns the names of the measurements of a guest, in their order.
fn names(job: &Job<'_>) -> Vec<String> {
    match job {
        Job::Devices { guest: Guest::Ours, cases } => {
            let measurements = cases::measurements(cases).into_iter();
            let name = |(index, variant): (usize, Variant)| {
                format!("{}, {}", cases[index].name, variant.title())
            };
            measurements.map(name).collect()
        }
        Job::Devices { cases, .. } => cases.iter().map(|case| case.name.to_owned()).collect(),
        Job::Services { services, .. } => {
            services.iter().map(|service| service.name.to_owned()).collect()
        }
    }
}

/// Compiles a program of `benches/xen` into `folder`.
fn compile(
    compiler: &str,
    source: &str,
    options: &[&str],
    folder: &Path,
    name: &str,
) -> Result<PathBuf> {
    let program = folder.join(name);
    let mut gcc = Command::new(compiler);
    gcc.args(["-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror"]).args(options);
    gcc.arg("-o").arg(&program).arg(host::root().join("benches/xen").join(source));
    host::run(&mut gcc)?;
    Ok(program)
}

/// Progress of a boot, as the plugin's file shows it: reports by the guest would cost
/// instructions.
struct Progress<'a> {
    file: &'a Path,
    names: &'a [String],
    spinner: &'a ProgressBar,
}

impl Progress<'_> {
    fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let (ended, end) = std::sync::mpsc::channel::<()>();
        // The file of an earlier boot.
        let _ = fs::remove_file(self.file);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let (mut offset, mut phases) = (0, 0);
                self.spinner.set_message("boots");
                while end.recv_timeout(Duration::from_secs(1))
                    == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
                {
                    let found = self.ended_phases(&mut offset).unwrap_or(0);
                    if found > 0 {
                        phases += found;
                        let done = phases - 1;
                        let next = self.names.get(done).map_or("ends", String::as_str);
                        self.spinner.set_message(format!("{next}, {done} of {}", self.names.len()));
                    }
                }
            });
            let result = work();
            drop(ended);
            result
        })
    }

    /// Counts the phases that the plugin has added since `offset`.
    fn ended_phases(&self, offset: &mut u64) -> std::io::Result<usize> {
        let mut file = File::open(self.file)?;
        file.seek(SeekFrom::Start(*offset))?;
        let mut added = String::new();
        file.read_to_string(&mut added)?;
        let whole = added.rfind('\n').map_or(0, |end| end + 1);
        *offset += whole as u64;
        Ok(added[..whole].lines().filter(|line| line.starts_with("phase 1 ")).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_variants_then_cases() {
        let cases = cases::chosen(&cases::CASES, Some("128k"));
        let names = |guest| names(&Job::Devices { guest, cases: &cases });
        assert_eq!(names(Guest::Linux), ["block/read-128k", "block/write-128k"]);
        let ours = names(Guest::Ours);
        assert_eq!(ours.len(), 3 * cases.len());
        assert_eq!(ours[1], "block/write-128k, zero-copy, upcall");
        assert_eq!(ours[2], "block/read-128k, zero-copy, poll");
    }

    #[test]
    fn programs_compile() {
        let folder = tempfile::tempdir().unwrap();
        let programs = ["mark.c", "net.c", "guest.c"].map(|source| (source, &STATIC[..]));
        for (source, options) in [("counts.c", PLUGIN)].into_iter().chain(programs) {
            let program = compile("gcc", source, options, folder.path(), "program").unwrap();
            assert!(program.is_file());
        }
    }

    #[test]
    fn progress_counts_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("counts");
        let progress = Progress { file: &file, names: &[], spinner: &ProgressBar::hidden() };
        let mut offset = 0;
        fs::write(&file, "phase 2 1\nphase 1 2\nblock 1\npha").unwrap();
        assert_eq!(progress.ended_phases(&mut offset).unwrap(), 1);
        fs::write(&file, "phase 2 1\nphase 1 2\nblock 1\nphase 0 1\nphase 1 1\n").unwrap();
        assert_eq!(progress.ended_phases(&mut offset).unwrap(), 1);
        assert_eq!(progress.ended_phases(&mut offset).unwrap(), 0);
    }
}
