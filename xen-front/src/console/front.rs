//! A secondary console: a device of xenbus.

use super::{Console, ConsoleError, Newline};
use crate::connection;
use core::fmt;
use core::time::Duration;
use heapless::Vec;
use xen_evtchn::Channel;
use xen_grant::{GrantTable, Granted, ReadWrite};
use xen_hypercall::{Instant, PageBox, Platform, Port};
use xen_store::{StoreError, XenStore, XsOps};
use xenbus::{Cause, DeviceState, FrontendDevice, FrontendDriver, KeyList, NodeWriter, Peer};

/// A secondary console, `device/console/NUMBER`: a further console of the domain, or a *channel* to
/// a program in the backend's domain.
///
/// It connects, closes and resumes as any device. [`console`](Self::console) is its ring while it
/// is connected; bytes that the other end has not read when the connection ends are lost.
///
/// Close it with [`close`](Self::close) or [`close_and_wait`](Self::close_and_wait). If it is
/// dropped, a page that the backend still uses goes to the grant table's deferred list.
///
/// Source: `docs/misc/console.txt` and `docs/misc/channel.txt` of Xen.
pub struct ConsoleFront<P: Platform> {
    device: FrontendDevice<P, PageBox<P, ConsoleDriver<P>>>,
    number: u32,
}

/// The protocol of a secondary console.
struct ConsoleDriver<P: Platform> {
    grants: GrantTable<P>,
    newline: Newline,
    text_timeout: Duration,
    console: Option<Console<P, Granted<P, ReadWrite>>>,
    /// The backend still used the ring when the last connection ended.
    in_use: bool,
}

/// Returns the numbers of this domain's secondary consoles, lowest first, at most `N`.
///
/// # Errors
///
/// Those of [`xenbus::devices`].
pub fn list<const N: usize>(store: &impl XsOps) -> Result<Vec<u32, N>, StoreError> {
    let mut numbers = xenbus::devices::<N>(store, "console")?;
    numbers.retain(|number| *number != 0);
    Ok(numbers)
}

impl<P: Platform> ConsoleFront<P> {
    /// Creates console `number`; [`poll`](Self::poll) connects it.
    ///
    /// # Errors
    ///
    /// [`ConsoleError::Primary`] if `number` is zero; [`ConsoleError::Memory`],
    /// [`ConsoleError::Xenbus`].
    pub fn new(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        number: u32,
    ) -> Result<Self, ConsoleError> {
        if number == 0 {
            return Err(ConsoleError::Primary);
        }
        let driver = ConsoleDriver {
            grants: grants.clone(),
            newline: Newline::default(),
            text_timeout: super::ring::TEXT_TIMEOUT,
            console: None,
            in_use: false,
        };
        let driver = PageBox::new(store.platform().clone(), driver)?;
        Ok(Self { device: FrontendDevice::new(store, number, driver)?, number })
    }

    /// Creates console `number` and waits until it is connected, at most until `deadline`.
    ///
    /// # Errors
    ///
    /// [`ConsoleError`]; the device is being closed then.
    pub fn connect(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        number: u32,
        deadline: Instant,
    ) -> Result<Self, ConsoleError> {
        let mut console = Self::new(store, grants, number)?;
        console.device.connect_and_wait(deadline)?;
        Ok(console)
    }

    /// Returns the number of the console.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns the state as of the last [`poll`](Self::poll).
    pub fn state(&self) -> DeviceState {
        self.device.state()
    }

    /// Returns the console's ring while it is connected.
    pub fn console(&mut self) -> Option<&mut Console<P, Granted<P, ReadWrite>>> {
        match self.device.state() {
            DeviceState::Connected => self.device.driver_mut().console.as_mut(),
            _ => None,
        }
    }

    /// Returns the port whose events announce input or room; `None` while there is no connection.
    pub fn port(&self) -> Option<Port> {
        self.device.driver().console.as_ref().map(Console::port)
    }

    /// Sets the time that the backend has for each step. The default is 30 seconds.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.device.set_timeout(timeout);
    }

    /// Connects the device, and follows the backend when it closes. Never waits.
    ///
    /// Call it on an event of the store's port, and at [`poll_timeout`](Self::poll_timeout). A
    /// device with an impossible ring index begins to close; the error is returned once, then
    /// polling continues to [`DeviceState::Closed`].
    ///
    /// # Errors
    ///
    /// [`ConsoleError`]; the device can be polled on, and closed.
    pub fn poll(&mut self, now: Instant) -> Result<DeviceState, ConsoleError> {
        self.device.poll(now)
    }

    /// Returns when to poll again if no event comes before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.device.poll_timeout(now)
    }

    /// Waits for an event of the console's or the store's port, at most until `deadline`.
    pub fn wait(&mut self, deadline: Option<Instant>) {
        let store = self.device.store();
        let timeout = self.poll_timeout(store.platform().now());
        connection::wait(store, self.port(), [deadline, timeout]);
    }

    /// Begins to connect the device again: after it was closed, or removed and attached again.
    pub fn reopen(&mut self) {
        self.device.reopen();
    }

    /// Begins to connect the device again after the domain was resumed elsewhere. The store and the
    /// grant table are resumed first.
    pub fn resume(&mut self) {
        self.device.resume();
    }

    /// Begins to close the device. [`poll`](Self::poll) until the state is [`DeviceState::Closed`].
    pub fn close(&mut self) {
        self.device.close();
    }

    /// Closes the device, waits until the backend has released it, at most until `deadline`, and
    /// releases the memory.
    ///
    /// # Errors
    ///
    /// [`ConsoleError::Xenbus`] if the backend did not follow in time, [`ConsoleError::InUse`] if
    /// it keeps the ring mapped. The device is closed at this end then too, and the ring is in the
    /// grant table's deferred list.
    pub fn close_and_wait(mut self, deadline: Instant) -> Result<(), ConsoleError> {
        self.device.close_and_wait(deadline)?;
        if self.device.driver().in_use { Err(ConsoleError::InUse) } else { Ok(()) }
    }
}

impl<P: Platform> FrontendDriver for ConsoleDriver<P> {
    const KIND: &'static str = "console";

    type Error = ConsoleError;

    fn setup_keys(&self, _: &mut KeyList<'_>) {}

    fn setup(&mut self, peer: &Peer<'_>) -> Result<(), ConsoleError> {
        let platform = self.grants.platform().clone();
        let page = connection::grant_page::<P, ConsoleError>(&self.grants, peer.id)?;
        let channel = Channel::alloc_unbound(platform.clone(), peer.id);
        let mut console = Console::new(platform, page, channel.map_err(ConsoleError::Port)?);
        console.set_newline(self.newline);
        console.set_text_timeout(self.text_timeout);
        self.console = Some(console);
        Ok(())
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        let Some(console) = &self.console else { return };
        nodes.write("ring-ref", console.memory().reference().0);
        nodes.write("port", console.port().0);
    }

    fn connect(&mut self, _: &Peer<'_>) -> Result<(), ConsoleError> {
        Ok(())
    }

    fn run(&mut self, _: Instant) -> Result<(), ConsoleError> {
        let Some(console) = &mut self.console else { return Ok(()) };
        // A device with an impossible index in either ring closes.
        console.available()?;
        console.room()?;
        Ok(())
    }

    fn disconnect(&mut self, _: Cause) {
        let Some(console) = self.console.take() else { return };
        (self.newline, self.text_timeout) = console.text_settings();
        self.in_use = console.into_memory().end_access().is_err();
    }
}

impl<P: Platform + fmt::Debug> fmt::Debug for ConsoleFront<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleFront").field("number", &self.number).finish_non_exhaustive()
    }
}
