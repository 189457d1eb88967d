//! Tasks with wakers: a disk, a network interface and a timer share one thread. An upcall wakes the
//! task that awaits the port.
//!
//! A driver is polled as ever; its task awaits the next event of its port where a thread would
//! wait, and ends the event after the poll.

mod executor;

use crate::{Setup, SharedDisk, Testbed, Xen};
use core::fmt;
use core::time::Duration;
use executor::Executor;
use std::sync::Arc;
use xen_evtchn::{Channel, Eoi, Event, EventChannels, EventDispatcher, set_upcall_vector};
use xen_front::block::{self, BlkFront, Request, SECTORS_PER_PAGE};
use xen_front::net::{NetFront, NetFrontConfig, PacketMeta, Vif};
use xen_grant::GrantTable;
use xen_hypercall::ops::set_timer::set_timer;
use xen_hypercall::{Errno, Mapped, Pages, Platform, Port, boot};
use xen_store::XenStore;
use xen_sys::xen::Virq;

/// Pages that the disk's task reads.
const PAGES: usize = 256;
/// Requests of the disk's task in flight.
const IN_FLIGHT: usize = 8;
/// Packets that the network's task sends, each answered.
const ROUNDS: u32 = 20;
/// Events of the timer, and the time between them.
const TICKS: u32 = 10;
const TICK: Duration = Duration::from_micros(200);
/// Time for a device to connect.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Results of the tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Pages that were read and have the disk's content.
    pub pages: usize,
    /// Answers to ARP requests.
    pub answers: u32,
    /// Events of the timer.
    pub ticks: u32,
    /// Calls of a task's `poll`.
    pub polls: u32,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pages, answers, ticks, polls } = self;
        write!(f, "pages={pages} answers={answers} ticks={ticks} polls={polls}")
    }
}

/// The domain's ports: what the upcall and the tasks share.
struct Ports {
    xen: Xen,
    events: EventChannels<Xen, Mapped<Xen>>,
    dispatcher: EventDispatcher<4>,
}

impl Ports {
    /// Binds a port to the task that awaits its events. In a kernel, `Platform::port_opened` makes
    /// the first call.
    fn bind(&self, port: Port) -> Result<(), Errno> {
        self.events.opened(port, 0)?;
        self.dispatcher.bind(&self.events, port)
    }

    /// Waits for the next event of a bound port.
    async fn event(&self, port: Port) -> Result<Event, String> {
        let event = self.dispatcher.event(port).ok_or("found a port beyond the dispatcher")?;
        event.await.ok_or_else(|| format!("port {} was closed", port.0))
    }

    /// Ends an event with the finding of its task; a flooded port is delayed.
    fn eoi(&self, event: Event, found_work: bool) {
        let work = if found_work { Eoi::Handled } else { Eoi::Spurious };
        // A port that was closed has nothing to unmask.
        let _ = self.dispatcher.eoi(&self.events, event, work, self.xen.now());
    }
}

/// Connects a disk and a network interface in a new world, and runs the tasks to their end.
///
/// # Errors
///
/// The first failure, in words.
pub fn run(seed: u64) -> Result<Report, String> {
    let disk = SharedDisk::noise(seed, PAGES * xen_hypercall::PAGE_SIZE);
    let testbed = Testbed::new(Setup::new(seed, disk.clone()))?;
    let xen = testbed.guest.clone();
    let shared_info = boot::shared_info(xen.clone()).map_err(text)?;
    let ports = Arc::new(Ports {
        xen: xen.clone(),
        events: EventChannels::new(xen.clone(), shared_info),
        dispatcher: EventDispatcher::new(),
    });
    let upcall = ports.clone();
    xen.inner().set_upcall_handler(move |_, vcpu| {
        upcall.dispatcher.wake_on_upcall(&upcall.events, vcpu);
    });
    set_upcall_vector(&xen, 0, 0xf3).map_err(text)?;

    let ring = boot::xenstore_ring(xen.clone()).map_err(text)?;
    let store = XenStore::new(xen.clone(), ring).map_err(text)?;
    let grants = GrantTable::new(xen.clone()).map_err(text)?;
    let deadline = xen.now() + TIMEOUT;
    let id = block::list::<1>(&store).map_err(text)?.first().ok_or("no disk")?.id;
    let mut front = BlkFront::connect(&store, &grants, id, deadline).map_err(text)?;
    let mut net =
        NetFront::connect(&store, &grants, Vif(0), NetFrontConfig::default()).map_err(text)?;

    let mut report = Report::default();
    let (mut pages, mut answers, mut ticks) = (0, 0, 0);
    let mut executor = Executor::default();
    executor.spawn(async {
        pages = read_disk(&ports, &mut front, &disk).await?;
        Ok(())
    });
    executor.spawn(async {
        answers = ask_address(&ports, &mut net).await?;
        Ok(())
    });
    executor.spawn(async {
        ticks = count_ticks(&ports).await?;
        Ok(())
    });
    report.polls = executor.run(|| {
        // The vCPU sleeps until an upcall, or until a delayed port is to be unmasked.
        let until = ports.dispatcher.expire(&ports.events, xen.now());
        let tick = xen.now() + TICK;
        xen.wait(&[], Some(until.map_or(tick, |until| until.min(tick))));
    })?;
    (report.pages, report.answers, report.ticks) = (pages, answers, ticks);

    front.close();
    net.close_and_wait().map_err(text)?;
    while front.poll(xen.now()).map_err(text)? != block::DeviceState::Closed {
        store.wait(xen.now() + TIMEOUT);
    }
    Ok(report)
}

/// Reads the whole disk, a page at a time; returns the number of pages with the right content.
async fn read_disk(
    ports: &Ports,
    front: &mut BlkFront<Xen>,
    disk: &SharedDisk,
) -> Result<usize, String> {
    let port = front.port().ok_or("the disk is not connected")?;
    ports.bind(port).map_err(text)?;
    let content = disk.look(<[u8]>::to_vec);
    let mut buffers = Vec::new();
    for _ in 0..IN_FLIGHT {
        buffers.push(Pages::alloc(ports.xen.clone(), 1).map_err(text)?);
    }
    let (mut next, mut right, mut requests) = (0, 0, Vec::new());
    let mut event = None;
    loop {
        while next < PAGES
            && let Some(buffer) = buffers.pop()
        {
            let sector = (next * SECTORS_PER_PAGE) as u64;
            let request = Request::Read { sector, sectors: SECTORS_PER_PAGE, buffer };
            requests.push((front.submit(request).map_err(text)?, next));
            next += 1;
        }
        front.kick();
        let mut found_work = false;
        while let Some(completion) = front.complete() {
            found_work = true;
            completion.outcome.map_err(text)?;
            let buffer = completion.buffer.ok_or("the backend kept a page")?;
            let at = requests.iter().position(|&(token, _)| token == completion.token);
            let (_, page) = requests.swap_remove(at.ok_or("found an unknown token")?);
            let start = page * xen_hypercall::PAGE_SIZE;
            right += usize::from(content[start..].starts_with(buffer.as_slice()));
            buffers.push(buffer);
        }
        if let Some(event) = event.take() {
            ports.eoi(event, found_work);
        }
        if next == PAGES && requests.is_empty() {
            return Ok(right);
        }
        if !found_work {
            event = Some(ports.event(port).await?);
        }
    }
}

/// Asks for the driver domain's address, again and again; returns the number of answers.
async fn ask_address(ports: &Ports, net: &mut NetFront<Xen>) -> Result<u32, String> {
    // The last port of a queue announces packets.
    let port = net.ports().last().copied().ok_or("the network interface is not connected")?;
    ports.bind(port).map_err(text)?;
    let mut answers = 0;
    let mut event = None;
    loop {
        net.poll(ports.xen.now()).map_err(text)?;
        let request = arp_request(net.mac().0);
        net.transmit(&request, PacketMeta::default()).map_err(text)?;
        net.flush().map_err(text)?;
        let before = answers;
        while answers == before {
            let mut found_work = false;
            while let Some(is_answer) =
                net.receive_with(|packet, _| is_arp_answer(packet)).map_err(text)?
            {
                found_work = true;
                answers += u32::from(is_answer);
            }
            if let Some(event) = event.take() {
                ports.eoi(event, found_work);
            }
            if answers == before && !net.final_check().map_err(text)? {
                event = Some(ports.event(port).await?);
            }
        }
        if answers >= ROUNDS {
            return Ok(answers);
        }
    }
}

/// Returns the request for the hardware address of 10.0.0.1, from 10.0.0.2.
fn arp_request(mac: [u8; 6]) -> [u8; 60] {
    let mut packet = [0; 60];
    let header = [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1];
    let parts: [&[u8]; 7] =
        [&[0xff; 6], &mac, &header, &mac, &[10, 0, 0, 2], &[0; 6], &[10, 0, 0, 1]];
    let mut at = 0;
    for part in parts {
        packet[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    packet
}

fn is_arp_answer(packet: &[u8]) -> bool {
    packet.get(12..14) == Some(&[0x08, 0x06]) && packet.get(20..22) == Some(&[0, 2])
}

/// Sets the vCPU's timer after each event; returns the number of events.
async fn count_ticks(ports: &Ports) -> Result<u32, String> {
    let timer = Channel::bind_virq(ports.xen.clone(), Virq::TIMER, 0).map_err(text)?;
    ports.bind(timer.port()).map_err(text)?;
    for _ in 0..TICKS {
        let at = ports.xen.now() + TICK;
        set_timer(&ports.xen, Some(at)).map_err(text)?;
        let event = ports.event(timer.port()).await?;
        ports.eoi(event, ports.xen.now() >= at);
    }
    ports.dispatcher.unbind(&ports.events, timer.port());
    Ok(TICKS)
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_share_one_thread() {
        let report = run(1).unwrap();
        assert_eq!((report.pages, report.answers, report.ticks), (PAGES, ROUNDS, TICKS));
        // Each poll follows an event; a task that is polled in a loop has far more.
        let events = PAGES as u32 + ROUNDS + TICKS;
        assert!(report.polls <= events + 3, "{report}");
    }
}
