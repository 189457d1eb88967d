//! The backend: it checks the guest's packets, and sends others.

use super::model::{Direction, Model};
use super::rng::Rng;
use super::serving::{self, Progress, Turn};
use xen_back::net::{NetBack, NetBackConfig, NetBackError, NetBackEvent, Packet};
use xen_back::{QueueError, QueuesError};
use xen_example_sim_shell::Xen;
use xen_hypercall::Instant;
use xen_store::XenStore;
use xenbus::{DeviceId, Removal, XenbusError};

pub(crate) type Control = serving::Control<Backend>;
pub(crate) type Server = serving::Server<Backend>;

/// Features of the next backend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features {
    pub(crate) config: NetBackConfig,
    /// One packet in so many is large; 0 for none.
    pub(crate) large: usize,
    /// The most packets that are sent for one of the guest.
    pub(crate) burst: usize,
}

pub(crate) struct Backend(NetBack<Xen>);

impl serving::Backend for Backend {
    const KIND: &'static str = "vif";

    type Model = Model;
    type Features = Features;

    fn new(
        store: &XenStore<Xen>,
        id: DeviceId,
        _: &Model,
        features: Features,
    ) -> Result<Self, XenbusError> {
        NetBack::with_config(store, id, features.config).map(Self)
    }

    fn id(&self) -> DeviceId {
        self.0.id()
    }

    fn turn(
        &mut self,
        now: Instant,
        control: &Control,
        rng: &mut Rng,
        turn: &mut Turn,
    ) -> Result<Progress, String> {
        let polled = self.poll(now, control, rng);
        turn.by(self.0.poll_timeout(now));
        match polled {
            Ok(NetBackEvent::Idle) => Ok(Progress::Idle),
            Ok(NetBackEvent::Busy) => Ok(Progress::Busy),
            Ok(NetBackEvent::Removed) => Ok(Progress::Removed),
            Err(
                error @ (NetBackError::Queues(QueuesError::Queue {
                    error: QueueError::Corrupt(_),
                    ..
                })
                | NetBackError::Control(_)
                | NetBackError::Tx { .. }),
            ) => panic!("the frontend has broken the protocol: {error}"),
            Err(error) => Err(error.to_string()),
        }
    }

    fn begin_removal(self) -> Removal<Xen> {
        self.0.begin_removal()
    }
}

impl Backend {
    /// Checks the packets of the guest, and sends it some for each.
    fn poll(
        &mut self,
        now: Instant,
        control: &Control,
        rng: &mut Rng,
    ) -> Result<NetBackEvent, NetBackError> {
        let mut found = 0;
        let event = self.0.poll(now, &mut |packet: Packet<'_>| {
            let mut packets = control.model.packets();
            packets.arrive(Direction::FromGuest, packet.bytes, packet.meta);
            found += 1;
        })?;
        let Features { large, burst, .. } = *control.features();
        for _ in 0..found {
            for _ in 0..rng.below(burst + 1) {
                let large = large > 0 && rng.one_in(large);
                let (bytes, meta) = control.model.packets().make(Direction::ToGuest, large, rng);
                self.0.send(Packet::new(&bytes, meta));
            }
        }
        self.0.flush()?;
        Ok(event)
    }
}
