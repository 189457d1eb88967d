//! A frontend with several queues and a control ring, which writes its rings directly.

use super::fixture::Fixture;
use xen_back::net::{NetBack, Packet};
use xen_evtchn::Channel;
use xen_grant::{Granted, ReadWrite};
use xen_hypercall::Pages;
use xen_ring::FrontRing;
use xen_sim::Domain;
use xen_sys::io::netif::{
    NetTxFlags, NetifRxRequest, NetifRxResponse, NetifTxRequest, NetifTxResponse,
    XenNetifCtrlRequest, XenNetifCtrlResponse,
};

type Page = Granted<Domain, ReadWrite>;

pub(crate) struct Queue {
    pub(crate) tx: FrontRing<Page, NetifTxRequest, NetifTxResponse>,
    pub(crate) rx: FrontRing<Page, NetifRxRequest, NetifRxResponse>,
    #[expect(dead_code, reason = "open as long as the frontend is")]
    channels: Vec<Channel<Domain>>,
}

/// The shape of a frontend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) queues: usize,
    pub(crate) split: bool,
    pub(crate) control: bool,
}

pub(crate) struct Multi<'a> {
    pub(crate) fixture: &'a Fixture,
    pub(crate) queues: Vec<Queue>,
    pub(crate) control:
        Option<(FrontRing<Page, XenNetifCtrlRequest, XenNetifCtrlResponse>, Channel<Domain>)>,
    pub(crate) data: Page,
}

impl<'a> Multi<'a> {
    /// Publishes the nodes; `change` changes or removes one of them before the state is written.
    pub(crate) fn publish(
        fixture: &'a Fixture,
        back: &mut NetBack<Domain>,
        shape: Shape,
        keys: &[(&str, Option<&str>)],
    ) -> Self {
        fixture.settle(back, &mut |_: Packet<'_>| {}).unwrap();
        let guest = &fixture.guests[0];
        let share = |pages| {
            let pages = Pages::alloc(guest.domain.clone(), pages).unwrap();
            guest.grants.grant_writable(pages, fixture.driver.id()).unwrap()
        };
        let (store, path) = (guest.domain.store(), guest.device.frontend_path());
        let write = |key: String, value: u32| store.write(format!("{path}/{key}"), value).unwrap();
        let channel = || Channel::alloc_unbound(guest.domain.clone(), fixture.driver.id()).unwrap();
        let mut queues = Vec::new();
        for index in 0..shape.queues {
            let node = |key: &str| {
                if shape.queues > 1 { format!("queue-{index}/{key}") } else { key.to_owned() }
            };
            let (tx, rx) = (share(1), share(1));
            write(node("tx-ring-ref"), tx.refs()[0].0);
            write(node("rx-ring-ref"), rx.refs()[0].0);
            let names: &[&str] = if shape.split {
                &["event-channel-tx", "event-channel-rx"]
            } else {
                &["event-channel"]
            };
            let channels = names.iter().map(|name| {
                let channel = channel();
                write(node(name), channel.port().0);
                channel
            });
            let channels = channels.collect();
            let (tx, rx) = (FrontRing::new(tx).unwrap(), FrontRing::new(rx).unwrap());
            queues.push(Queue { tx, rx, channels });
        }
        let control = shape.control.then(|| {
            let (ring, channel) = (share(1), channel());
            write("ctrl-ring-ref".into(), ring.refs()[0].0);
            write("event-channel-ctrl".into(), channel.port().0);
            (FrontRing::new(ring).unwrap(), channel)
        });
        write("multi-queue-num-queues".into(), shape.queues as u32);
        for key in ["request-rx-copy", "feature-rx-notify", "feature-sg"] {
            write(key.into(), 1);
        }
        for (key, value) in keys {
            match value {
                Some(value) => store.write(format!("{path}/{key}"), value).unwrap(),
                None => store.remove(format!("{path}/{key}")).unwrap(),
            }
        }
        store.write(format!("{path}/state"), 4).unwrap();
        Self { fixture, queues, control, data: share(8) }
    }

    pub(crate) fn connect(
        fixture: &'a Fixture,
        back: &mut NetBack<Domain>,
        shape: Shape,
        keys: &[(&str, Option<&str>)],
    ) -> Self {
        let multi = Self::publish(fixture, back, shape, keys);
        fixture.settle(back, &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!((fixture.states(), back.queues()), ((4, 4), shape.queues));
        multi
    }

    /// Returns a slot of `size` bytes of page `id`.
    pub(crate) fn slot(&self, id: u16, size: u16, flags: NetTxFlags) -> NetifTxRequest {
        NetifTxRequest { gref: self.data.refs()[usize::from(id) % 8], offset: 0, flags, id, size }
    }

    /// Posts receive buffers of these ids to a queue.
    pub(crate) fn post(&mut self, queue: usize, ids: impl IntoIterator<Item = u16>) {
        for id in ids {
            let gref = self.data.refs()[usize::from(id) % 8];
            self.queues[queue].rx.push(&NetifRxRequest { id, pad: 0, gref }).unwrap();
        }
        let _ = self.queues[queue].rx.publish();
    }

    /// Sends slots on a queue.
    pub(crate) fn send(&mut self, queue: usize, slots: &[NetifTxRequest]) {
        let tx = &mut self.queues[queue].tx;
        slots.iter().for_each(|slot| tx.push(slot).unwrap());
        let _ = tx.publish();
    }

    /// Takes all receive responses of a queue.
    pub(crate) fn received(&mut self, queue: usize) -> Vec<NetifRxResponse> {
        core::iter::from_fn(|| self.queues[queue].rx.pop().unwrap()).collect()
    }

    /// Closes, and takes the memory back.
    pub(crate) fn close(self, back: &mut NetBack<Domain>) {
        let guest = &self.fixture.guests[0];
        let (store, path) = (guest.domain.store(), guest.device.frontend_path());
        for state in [5, 6] {
            store.write(format!("{path}/state"), state).unwrap();
            let _ = self.fixture.settle(back, &mut |_: Packet<'_>| {});
        }
        assert_eq!((self.fixture.states(), back.queues()), ((6, 6), 0));
        self.end_access();
    }

    pub(crate) fn end_access(self) {
        let Self { queues, control, data, .. } = self;
        for Queue { tx, rx, .. } in queues {
            tx.into_memory().end_access().unwrap();
            rx.into_memory().end_access().unwrap();
        }
        control.into_iter().for_each(|(ring, _)| drop(ring.into_memory().end_access().unwrap()));
        data.end_access().unwrap();
    }
}
