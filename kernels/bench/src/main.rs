//! The kernel: does the first read and the cases of the command line, and prints their times.

#![no_std]
#![no_main]

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use xen_evtchn::Eoi;
use xen_front::DmaBuffer;
use xen_front::block::BlkFront;
use xen_front::net::NetFront;
use xen_grant::GrantTable;
use xen_guest::Balloon;
use xen_hypercall::{Instant, Platform, Port, boot};
use xen_kernel_bench::block::{self, Buffer, Buffers, Job};
use xen_kernel_bench::case::{Case, Memory, Traffic, Transfers, Wait};
use xen_kernel_bench::net::{DOM0, Link, OURS};
use xen_kernel_rt::{Rt, early_println};
use xen_store::XenStore;

mod services;

extern crate alloc;

use alloc::boxed::Box;
use core::error::Error;
use core::time::Duration;
use services::Guest;

xen_kernel_rt::entry!(main);

/// An event has come since the last wait.
static EVENT: AtomicBool = AtomicBool::new(false);

fn main(xen: Rt) {
    // A character of the log is an exit.
    log::set_max_level(log::LevelFilter::Warn);
    let begin = xen.now();
    match run(xen, begin) {
        Ok(()) => early_println!("bench: end"),
        Err(error) => early_println!("bench: error {error}"),
    }
}

fn run(xen: Rt, begin: Instant) -> Result<(), Box<dyn Error>> {
    let store = XenStore::new(xen, boot::xenstore_ring(xen)?)?;
    let grants = GrantTable::new(xen)?;
    if xen.command_line().split_whitespace().any(|word| word == "serve") {
        return serve(xen, Link::connect(&store, &grants, DOM0)?);
    }
    let mut dma: BlkFront<Rt, DmaBuffer<Rt>> = block::connect(&store, &grants)?;
    block::read_first(&mut dma, |port| xen.wait(&[port], None))?;
    mark_end();
    report("first-read", 1, xen.now().saturating_duration_since(begin));
    xen.on_event(|_, _| {
        EVENT.store(true, Relaxed);
        Some(Eoi::Handled)
    });
    let (mut disk, mut link, mut balloon) = (Disk::Dma(dma), None, None);
    for (index, case) in Case::all(xen.command_line()).enumerate() {
        match case? {
            Case::Block(transfers) => {
                disk = disk.with_memory(transfers.memory, &store, &grants)?;
                match &mut disk {
                    Disk::Dma(disk) => measure(xen, disk, index, &transfers)?,
                    Disk::Private(disk) => measure(xen, disk, index, &transfers)?,
                }
            }
            Case::Net(traffic, count) => {
                let connected = match link.take() {
                    Some(link) => link,
                    None => Link::connect(&store, &grants, OURS)?,
                };
                measure_net(xen, link.insert(connected), index, traffic, count)?;
            }
            Case::Guest(service, count) => {
                disk = disk.with_memory(Memory::Dma, &store, &grants)?;
                let Disk::Dma(disk) = &mut disk else { continue };
                let connected = match link.take() {
                    Some(link) => link,
                    None => Link::connect(&store, &grants, OURS)?,
                };
                let created: Balloon<Rt> = match balloon.take() {
                    Some(balloon) => balloon,
                    None => services::balloon(xen, &store)?,
                };
                let (store, grants) = (&store, &grants);
                let (link, balloon) = (link.insert(connected), balloon.insert(created));
                let mut guest = Guest { xen, store, grants, disk, link, balloon };
                guest.measure(index, service, count)?;
            }
        }
    }
    link.map_or(Ok(()), Link::close)?;
    disk.close()
}

/// Serves the guest beside this one.
fn serve(xen: Rt, mut link: Link<Rt>) -> Result<(), Box<dyn Error>> {
    xen.on_event(|_, _| {
        EVENT.store(true, Relaxed);
        Some(Eoi::Handled)
    });
    for port in link.net.ports() {
        xen.dispatcher().bind(xen.events(), port)?;
    }
    early_println!("bench: serving");
    link.serve(|net, until| {
        if net.final_check() == Ok(false) {
            sleep(xen, Some(until));
        }
    })?;
    Ok(link.close()?)
}

/// The disk, connected for one kind of memory.
enum Disk {
    Dma(BlkFront<Rt, DmaBuffer<Rt>>),
    Private(BlkFront<Rt>),
}

impl Disk {
    /// Connects the disk anew if its requests have other memory.
    fn with_memory(
        self,
        memory: Memory,
        store: &XenStore<Rt>,
        grants: &GrantTable<Rt>,
    ) -> Result<Self, Box<dyn Error>> {
        Ok(match (self, memory) {
            (disk @ Self::Dma(_), Memory::Dma) | (disk @ Self::Private(_), Memory::Private) => disk,
            (disk, memory) => {
                disk.close()?;
                match memory {
                    Memory::Dma => Self::Dma(block::connect(store, grants)?),
                    Memory::Private => Self::Private(block::connect(store, grants)?),
                }
            }
        })
    }

    fn close(self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Dma(disk) => block::close(disk)?,
            Self::Private(disk) => block::close(disk)?,
        }
        Ok(())
    }
}

/// Measures a case.
fn measure<B: Buffer<Platform = Rt>>(
    xen: Rt,
    disk: &mut BlkFront<Rt, B>,
    index: usize,
    case: &Transfers,
) -> Result<(), Box<dyn Error>> {
    match case.wait {
        Wait::Poll => measure_with(xen, disk, index, case, |port| xen.wait(&[port], None)),
        Wait::Upcall => {
            let port = disk.port().ok_or("the disk has no port")?;
            xen.dispatcher().bind(xen.events(), port)?;
            let wait = |_| sleep(xen, None);
            let measured = measure_with(xen, disk, index, case, wait);
            xen.dispatcher().unbind(xen.events(), port);
            measured
        }
    }
}

/// Measures a case, after a warm-up.
fn measure_with<B: Buffer<Platform = Rt>>(
    xen: Rt,
    disk: &mut BlkFront<Rt, B>,
    index: usize,
    case: &Transfers,
    wait: impl Fn(Port),
) -> Result<(), Box<dyn Error>> {
    let job = Job::of(case);
    let mut buffers = Buffers::new(disk, &job)?;
    block::run(disk, &job.with_count(4 * case.depth as u64), &mut buffers, &wait)?;
    let begin = xen.now();
    mark_begin();
    block::run(disk, &job, &mut buffers, &wait)?;
    mark_end();
    report(index, case.count, xen.now().saturating_duration_since(begin));
    Ok(())
}

/// Measures traffic, after a warm-up.
fn measure_net(
    xen: Rt,
    link: &mut Link<Rt>,
    index: usize,
    traffic: Traffic,
    count: u64,
) -> Result<(), Box<dyn Error>> {
    let ports = link.net.ports();
    for &port in &ports {
        xen.dispatcher().bind(xen.events(), port)?;
    }
    let wait = |net: &mut NetFront<Rt>| {
        // The next call returns an error.
        if net.final_check() == Ok(false) {
            sleep(xen, None);
        }
    };
    link.run(traffic, 200, || (), wait)?;
    let mut begun = xen.now();
    let begin = || {
        begun = xen.now();
        mark_begin();
    };
    let done = link.run(traffic, count, begin, wait);
    mark_end();
    for &port in &ports {
        xen.dispatcher().unbind(xen.events(), port);
    }
    report(index, done?, xen.now().saturating_duration_since(begun));
    Ok(())
}

/// Sleeps until an event, unless one has come since the last sleep. The caller polls its device
/// next, so that the event which ends a sleep does not end the next one, too.
fn sleep(xen: Rt, until: Option<Instant>) {
    xen.sleep_unless(until, || EVENT.load(Relaxed));
    EVENT.store(false, Relaxed);
}

fn report(what: impl core::fmt::Display, count: u64, took: Duration) {
    early_println!("bench: {what} count={count} ns={}", took.as_nanos());
}

/// Begins a phase of the counts of `benches/xen/counts.c`.
fn mark_begin() {
    // SAFETY: a `nop` with a long operand.
    unsafe { asm!(".byte 0x0f, 0x1f, 0x80, 0, 0x58, 0x45, 0x4e") };
}

/// Ends a phase.
fn mark_end() {
    // SAFETY: as above.
    unsafe { asm!(".byte 0x0f, 0x1f, 0x80, 1, 0x58, 0x45, 0x4e") };
}

/// Marks the handler of a timer.
fn mark_handler() {
    // SAFETY: as above.
    unsafe { asm!(".byte 0x0f, 0x1f, 0x80, 3, 0x58, 0x45, 0x4e") };
}
