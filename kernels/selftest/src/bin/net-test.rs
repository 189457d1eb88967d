//! A kernel that sends noise to an echo server over several connections and queues, and compares
//! what comes back, while the toolstack saves, restores and moves the domain, and the backend is
//! restarted.
//!
//! The command line has `address=10.0.0.2/24`, `peer=10.0.0.1`, `port=7000`, `mib=1024`,
//! `connections=8` and `queues=4`.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::Display;
use core::net::IpAddr;
use core::str::FromStr;
use core::time::Duration;
use xen_example_shell::args::Args;
use xen_example_shell::net::{Nic, Stack, tcp_echo};
use xen_front::net::{
    DeviceState, NetFront, NetFrontConfig, NetFrontStatistics, PacketMeta, Phy, list,
};
use xen_grant::GrantTable;
use xen_guest::{ShutdownRequest, ShutdownWatcher};
use xen_hypercall::ops::sched::SuspendOutcome;
use xen_hypercall::{Instant, Platform, boot};
use xen_kernel_rt::{Rt, early_println};
use xen_store::XenStore;

xen_kernel_rt::entry!(main);

/// Time for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

fn main(xen: Rt) {
    match run(xen) {
        Ok(()) => early_println!("net-test: end: ok"),
        Err(error) => early_println!("net-test: error: {error}"),
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// Returns the value of a word of the command line.
fn word<T: FromStr>(xen: Rt, name: &str) -> Option<T> {
    let mut words = xen.command_line().split_whitespace();
    words.find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

fn run(xen: Rt) -> Result<(), String> {
    xen.use_fifo_events().map_err(text)?;
    let store = XenStore::new(xen, boot::xenstore_ring(xen).map_err(text)?).map_err(text)?;
    let grants = GrantTable::new(xen).map_err(text)?;
    let vif = list::<1>(&store).map_err(text)?.first().copied();
    let vif = vif.ok_or("found no interface, expected one")?;
    let queues = word(xen, "queues").unwrap_or(4);
    let config = NetFrontConfig::default().with_queues(queues).with_timeout(CONNECT_TIMEOUT);
    let mut net = NetFront::connect(&store, &grants, vif, config).map_err(text)?;
    let watcher = ShutdownWatcher::new(&store, &[ShutdownRequest::Suspend]).map_err(text)?;
    let words = [word(xen, "address").ok_or("found no address=ADDRESS/BITS")?];
    let cidr = Args::new(&words).cidr("address").map_err(text)?;
    let peer: IpAddr = word(xen, "peer").ok_or("found no peer=ADDRESS")?;
    let mib: u64 = word(xen, "mib").unwrap_or(1024);
    let (port, connections) =
        (word(xen, "port").unwrap_or(7000), word(xen, "connections").unwrap_or(8));
    early_println!("net-test: {} queues, mtu {}", net.queues(), net.mtu());
    let mac = net.mac().0;
    send_flows(&mut net, mac)?;
    let card = Card {
        xen,
        net,
        grants,
        watcher,
        state: DeviceState::Closed,
        connections: 0,
        resumes: 0,
        error: None,
    };
    let mut stack = Stack::new(card, mac, cidr);
    let (echoed, result) = tcp_echo(&mut stack, peer, port, mib << 20, connections);
    let Card { net, connections, resumes, error, .. } = stack.into_nic();
    let packets = net.statistics();
    early_println!("net-test: {echoed}, resumed {resumes} times, {connections} connections");
    early_println!("net-test: queues tx{}", of_queues(&net, |queue| queue.tx_bytes));
    early_println!("net-test: queues rx{}", of_queues(&net, |queue| queue.rx_bytes));
    early_println!(
        "net-test: large tx={} rx={}, dropped {}, tx errors {}",
        packets.tx_segmented,
        packets.rx_segmented,
        packets.rx_dropped(),
        packets.tx_errors
    );
    error.map_or(Ok(()), Err)?;
    result.map_err(text)?;
    net.close_and_wait().map_err(text)
}

/// Returns a counter of each queue.
fn of_queues(net: &NetFront<Rt>, count: fn(&NetFrontStatistics) -> u64) -> String {
    let counts = (0..net.queues()).filter_map(|index| net.queue_statistics(index));
    counts.map(|queue| format!(" {}", count(&queue))).collect()
}

/// Sends a datagram from each of 64 ports, to the discard port of an address of documentation
/// (RFC 5737).
fn send_flows(net: &mut NetFront<Rt>, mac: [u8; 6]) -> Result<(), String> {
    let mut frame = [0; 60];
    frame[..6].fill(0xff);
    frame[6..12].copy_from_slice(&mac);
    // IPv4, UDP: 46 bytes with both headers.
    frame[12..24].copy_from_slice(&[8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17]);
    frame[26..34].copy_from_slice(&[192, 0, 2, 1, 192, 0, 2, 2]);
    frame[36..40].copy_from_slice(&[0, 9, 0, 26]);
    for port in 50_000_u16..50_064 {
        frame[34..36].copy_from_slice(&port.to_be_bytes());
        net.transmit(&frame, PacketMeta::default()).map_err(text)?;
    }
    net.flush().map_err(text)
}

/// The interface, which serves the requests of the toolstack before each poll of the stack.
struct Card {
    xen: Rt,
    net: NetFront<Rt>,
    grants: GrantTable<Rt>,
    watcher: ShutdownWatcher<Rt>,
    state: DeviceState,
    /// The number of connections so far.
    connections: u32,
    /// The number of times that the domain was resumed elsewhere.
    resumes: u32,
    /// The first error, after which the connections make no progress.
    error: Option<String>,
}

impl Card {
    fn step(&mut self) -> Result<(), String> {
        let state = self.net.poll(self.xen.now()).map_err(text)?;
        self.connections += u32::from(state == DeviceState::Connected && self.state != state);
        self.state = state;
        if state == DeviceState::Closed {
            // The backend was restarted.
            self.net.reopen();
        }
        match self.watcher.poll().map_err(text)? {
            Some(ShutdownRequest::Suspend) => self.suspend(),
            Some(request) => Err(format!("found the request {request:?}, expected a suspend")),
            None => Ok(()),
        }
    }

    /// Suspends the domain with packets in flight.
    fn suspend(&mut self) -> Result<(), String> {
        let xen = self.xen;
        if self.watcher.suspend(|| xen.suspend()).map_err(text)? == SuspendOutcome::Resumed {
            self.watcher.resume(&self.grants).map_err(text)?;
            self.net.resume();
            self.resumes += 1;
            early_println!("net-test: resumed {} times", self.resumes);
        }
        Ok(())
    }
}

impl Nic for Card {
    type Device<'d> = Phy<'d, Rt>;

    fn device(&mut self) -> Phy<'_, Rt> {
        // The stack does not wait while there are packets.
        if let Err(error) = self.step() {
            self.error.get_or_insert(error);
        }
        self.net.phy()
    }

    fn now(&self) -> Instant {
        self.xen.now()
    }

    fn wait(&mut self, deadline: Instant) {
        self.net.wait(Some(deadline));
    }
}
