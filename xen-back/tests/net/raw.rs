//! A frontend that writes its rings directly.

use super::fixture::Fixture;
use xen_back::net::{NetBack, NetBackError, NetBackEvent, Packet};
use xen_evtchn::Channel;
use xen_grant::{Granted, ReadWrite};
use xen_hypercall::Pages;
use xen_ring::FrontRing;
use xen_sim::Domain;
use xen_sys::io::netif::{
    NetTxFlags, NetifRxRequest, NetifRxResponse, NetifTxRequest, NetifTxResponse,
};

/// A frontend that writes its rings directly.
pub(crate) struct Raw<'a> {
    pub(crate) fixture: &'a Fixture,
    pub(crate) tx: FrontRing<Granted<Domain, ReadWrite>, NetifTxRequest, NetifTxResponse>,
    pub(crate) rx: FrontRing<Granted<Domain, ReadWrite>, NetifRxRequest, NetifRxResponse>,
    pub(crate) data: Granted<Domain, ReadWrite>,
    #[expect(dead_code, reason = "open as long as the frontend is")]
    channel: Channel<Domain>,
}

impl<'a> Raw<'a> {
    pub(crate) fn publish(
        fixture: &'a Fixture,
        back: &mut NetBack<Domain>,
        keys: &[(&str, &str)],
    ) -> Self {
        fixture.settle(back, &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!((fixture.states().1, back.ports().count()), (2, 0));
        let guest = &fixture.guests[0];
        let share = |pages| {
            let pages = Pages::alloc(guest.domain.clone(), pages).unwrap();
            guest.grants.grant_writable(pages, fixture.driver.id()).unwrap()
        };
        let (tx, rx) = (share(1), share(1));
        let channel = Channel::alloc_unbound(guest.domain.clone(), fixture.driver.id()).unwrap();
        let (store, path) = (guest.domain.store(), guest.device.frontend_path());
        store.write(format!("{path}/tx-ring-ref"), tx.refs()[0]).unwrap();
        store.write(format!("{path}/rx-ring-ref"), rx.refs()[0]).unwrap();
        store.write(format!("{path}/event-channel"), channel.port()).unwrap();
        for (key, value) in
            [("request-rx-copy", "1"), ("feature-rx-notify", "1"), ("feature-sg", "1")]
                .iter()
                .chain(keys)
        {
            store.write(format!("{path}/{key}"), value).unwrap();
        }
        store.write(format!("{path}/state"), 4).unwrap();
        Self {
            fixture,
            tx: FrontRing::new(tx).unwrap(),
            rx: FrontRing::new(rx).unwrap(),
            data: share(8),
            channel,
        }
    }

    pub(crate) fn connect(
        fixture: &'a Fixture,
        back: &mut NetBack<Domain>,
        keys: &[(&str, &str)],
    ) -> Self {
        let raw = Self::publish(fixture, back, keys);
        fixture.settle(back, &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!(fixture.states(), (4, 4));
        assert!(back.ports().count() > 0 && back.ports().all(|port| port.0 != 0));
        raw
    }

    pub(crate) fn slot(&self, id: u16, size: u16, flags: NetTxFlags) -> NetifTxRequest {
        NetifTxRequest { gref: self.data.refs()[usize::from(id) % 8], offset: 0, flags, id, size }
    }

    /// Posts receive buffers of these ids.
    pub(crate) fn post(&mut self, ids: impl IntoIterator<Item = u16>) {
        for id in ids {
            let gref = self.data.refs()[usize::from(id) % 8];
            self.rx.push(&NetifRxRequest { id, pad: 0, gref }).unwrap();
        }
        let _ = self.rx.publish();
    }

    /// Returns the first `len` bytes of the buffer with this id.
    pub(crate) fn buffer(&self, id: u16, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.data.as_ref().copy_to(usize::from(id) % 8 * 4096, &mut bytes).unwrap();
        bytes
    }

    /// Takes all receive responses.
    pub(crate) fn received(&mut self) -> Vec<NetifRxResponse> {
        core::iter::from_fn(|| self.rx.pop().unwrap()).collect()
    }

    /// Transmits the slots; returns what the backend made of them, and the answers.
    pub(crate) fn transmit(
        &mut self,
        back: &mut NetBack<Domain>,
        slots: &[NetifTxRequest],
    ) -> (Result<NetBackEvent, NetBackError>, Vec<Vec<u8>>, Vec<NetifTxResponse>) {
        slots.iter().for_each(|slot| self.tx.push(slot).unwrap());
        let _ = self.tx.publish();
        let mut packets = Vec::new();
        let result = self
            .fixture
            .settle(back, &mut |packet: Packet<'_>| packets.push(packet.bytes.to_vec()));
        let responses = core::iter::from_fn(|| self.tx.pop().unwrap()).collect();
        (result, packets, responses)
    }

    pub(crate) fn close(self, back: &mut NetBack<Domain>) {
        let guest = &self.fixture.guests[0];
        let (store, path) = (guest.domain.store(), guest.device.frontend_path());
        for state in [5, 6] {
            store.write(format!("{path}/state"), state).unwrap();
            let _ = self.fixture.settle(back, &mut |_: Packet<'_>| {});
        }
        assert_eq!(self.fixture.states(), (6, 6));
        self.end_access();
    }

    /// Takes the memory back, which the backend does not use any more.
    pub(crate) fn end_access(self) {
        for shared in [self.tx.into_memory(), self.rx.into_memory(), self.data] {
            shared.end_access().unwrap();
        }
    }
}

pub(crate) const MORE: NetTxFlags = NetTxFlags::MORE_DATA;

pub(crate) const LAST: NetTxFlags = NetTxFlags::empty();
