//! The guest's network interface and its stack.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use xen_example_shell::args::Cidr;
use xen_example_shell::net::{NetError, Nic, Stack, ping, tcp_echo};
use xen_example_sim_shell::{ADDRESS, ECHO_PORT, Xen};
use xen_front::net::{DeviceState, NetFront, NetFrontConfig, NetFrontError, Phy, Vif};
use xen_grant::GrantTable;
use xen_hypercall::{Instant, Platform};
use xen_store::XenStore;

const OURS: Cidr = Cidr { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), prefix: 24 };

/// Maximum time of an interface to come up.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Time after which the echo server ends a connection whose client is gone, and some more.
const SERVER_TIMEOUT: Duration = Duration::from_secs(31);

pub(crate) struct Card {
    net: NetFront<Xen>,
    xen: Xen,
}

impl Nic for Card {
    type Device<'d>
        = Phy<'d, Xen>
    where
        Self: 'd;

    fn device(&mut self) -> Phy<'_, Xen> {
        self.net.phy()
    }

    fn now(&self) -> Instant {
        self.xen.now()
    }

    fn wait(&mut self, deadline: Instant) {
        self.net.wait(Some(deadline));
        // A backend that goes away shows in what does not come.
        let _ = self.net.poll(self.xen.now());
    }
}

pub(crate) struct Network<'a> {
    store: &'a XenStore<Xen>,
    grants: &'a GrantTable<Xen>,
    stack: Option<Stack<Card>>,
    shaken: bool,
    /// The backend is loaded anew: a connection that begins meanwhile may fail, once.
    reset: bool,
    /// The backend was lost: packets in its ring may not have reached the echo server.
    lossy: bool,
}

impl<'a> Network<'a> {
    pub(crate) fn new(store: &'a XenStore<Xen>, grants: &'a GrantTable<Xen>) -> Self {
        Self { store, grants, stack: None, shaken: false, reset: false, lossy: false }
    }

    fn connect(&self, xen: &Xen) -> Result<Stack<Card>, NetFrontError> {
        let config = NetFrontConfig::default()
            .with_rx_slots(24)
            .with_tx_slots(20)
            .with_timeout(Duration::from_secs(10));
        let net = NetFront::connect(self.store, self.grants, Vif(0), config)?;
        let mac = net.mac().0;
        Ok(Stack::new(Card { net, xen: xen.clone() }, mac, OURS))
    }

    fn up(&mut self, xen: &Xen) -> &mut Stack<Card> {
        if core::mem::take(&mut self.shaken) {
            self.give_up();
        }
        if self.stack.is_none() {
            let mut connected = self.connect(xen);
            if core::mem::take(&mut self.reset) && connected.is_err() {
                connected = self.connect(xen);
            }
            let stack =
                connected.unwrap_or_else(|error| panic!("connecting the interface: {error}"));
            self.stack = Some(stack);
        }
        self.stack.as_mut().unwrap()
    }

    pub(crate) fn ping(&mut self, xen: &Xen, count: u32) {
        let pinged = ping(self.up(xen), ADDRESS.into(), count);
        assert_eq!(pinged.received, count, "{pinged}");
    }

    pub(crate) fn try_ping(&mut self, xen: &Xen) {
        if self.stack.is_none() {
            self.stack = self.connect(xen).ok();
        }
        if let Some(stack) = &mut self.stack {
            ping(stack, ADDRESS.into(), 1);
        }
    }

    pub(crate) fn echo(&mut self, xen: &Xen, bytes: u64) {
        let (mut echoed, mut result) = tcp_echo(self.up(xen), ADDRESS.into(), ECHO_PORT, bytes, 1);
        // The server has two sockets. Either may still wait for the acknowledgement that ends an
        // earlier connection.
        if matches!(result, Err(NetError::Refused { .. })) && core::mem::take(&mut self.lossy) {
            let until = xen.now() + SERVER_TIMEOUT;
            while xen.now() < until {
                xen.wait(&[], Some(until));
            }
            (echoed, result) = tcp_echo(self.up(xen), ADDRESS.into(), ECHO_PORT, bytes, 1);
        }
        result.unwrap_or_else(|error| panic!("{echoed}: {error}"));
    }

    pub(crate) fn shake(&mut self) {
        (self.shaken, self.lossy) = (true, true);
    }

    /// Expects the backend to be loaded anew.
    pub(crate) fn reset(&mut self) {
        self.reset = true;
    }

    /// Takes the interface up again where its backend is another one now.
    pub(crate) fn reopen(&mut self, xen: &Xen) {
        if let Some(stack) = &mut self.stack {
            stack.nic().net.reopen();
        }
        self.wait_until_up(xen, false);
    }

    /// Takes the interface up again where the guest was resumed elsewhere; the first try may fail.
    pub(crate) fn resume(&mut self, xen: &Xen, faulty: bool) {
        if let Some(stack) = &mut self.stack {
            stack.nic().net.resume();
            self.lossy = true;
        }
        self.wait_until_up(xen, faulty);
    }

    fn wait_until_up(&mut self, xen: &Xen, mut faulty: bool) {
        self.shaken = false;
        faulty |= core::mem::take(&mut self.reset);
        let Some(stack) = self.stack.take() else { return };
        let mut card = stack.into_nic();
        let net = &mut card.net;
        let deadline = xen.now() + TIMEOUT;
        loop {
            match net.poll(xen.now()) {
                Ok(DeviceState::Connected) => break,
                Ok(DeviceState::Connecting) if xen.now() < deadline => net.wait(Some(deadline)),
                // A setup that failed closes the device.
                Ok(DeviceState::Closing) if faulty && xen.now() < deadline => {
                    net.wait(Some(deadline));
                }
                Ok(DeviceState::Closed) if core::mem::take(&mut faulty) => net.reopen(),
                // What goes wrong once is tried again.
                Err(_) if xen.now() < deadline => {
                    xen.wait(&[], Some(xen.now() + Duration::from_millis(1)));
                }
                other => panic!("the interface does not come up: {other:?}"),
            }
        }
        // Its present network has no entry for it, so it has to resolve its neighbours again.
        let mac = card.net.mac().0;
        self.stack = Some(Stack::new(card, mac, OURS));
    }

    /// Closes the interface in order.
    pub(crate) fn close(&mut self) {
        let shaken = core::mem::take(&mut self.shaken);
        if let Some(stack) = self.stack.take() {
            let closed = stack.into_nic().net.close_and_wait();
            assert!(shaken || closed.is_ok(), "closing the interface: {closed:?}");
        }
    }

    /// Closes the interface as far as that is possible.
    pub(crate) fn give_up(&mut self) {
        self.shaken = false;
        if let Some(stack) = self.stack.take() {
            let _ = stack.into_nic().net.close_and_wait();
        }
    }
}
