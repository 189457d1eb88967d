//! The backend.

use crate::{KIND, ORDER, PAGES, RotError, SHIFT};
use xen_evtchn::Channel;
use xen_grant::{Access, GrantMapArea, GrantMapping, ReadOnly, ReadWrite};
use xen_hypercall::{DomId, ForeignFrames, GrantRef, Instant, Port};
use xen_ring::{FlexRing, flex_refs};
use xenbus::{BackendDriver, KeyList, NodeWriter, Peer};

/// The largest shift of 26 letters.
const MAX_SHIFT: u32 = 25;

/// Mapped memory and port of one connection.
struct Connection<P: ForeignFrames> {
    ring: FlexRing<GrantMapping<P, ReadWrite>, GrantMapping<P, ReadWrite>>,
    config: GrantMapping<P, ReadOnly>,
    channel: Channel<P>,
}

/// Driver of the backend.
pub struct RotBack<P: ForeignFrames> {
    platform: P,
    max_shift: u32,
    connection: Option<Connection<P>>,
}

impl<P: ForeignFrames> RotBack<P> {
    /// Creates a driver.
    pub fn new(platform: P) -> Self {
        Self { platform, max_shift: MAX_SHIFT, connection: None }
    }

    /// Returns the port to wait for, while a frontend is connected.
    pub fn port(&self) -> Option<Port> {
        self.connection.as_ref().map(|connection| connection.channel.port())
    }

    fn map<A: Access>(
        &self,
        guest: DomId,
        refs: &[GrantRef],
    ) -> Result<GrantMapping<P, A>, RotError> {
        let area = GrantMapArea::reserve(self.platform.clone(), refs.len())?;
        Ok(area.map(guest, refs).map_err(|failed| failed.error)?)
    }
}

impl<P: ForeignFrames> Connection<P> {
    /// Returns the bytes of the frontend that there is room for, rotated.
    fn rotate(&mut self, limit: u32) -> Result<(), RotError> {
        let found = self.config.as_ref().read(SHIFT).unwrap_or_default();
        if found > limit {
            return Err(RotError::Shift { found, limit });
        }
        let total = self.ring.available()?.min(self.ring.free()?);
        let mut buffer = [0; 256];
        // Bounded by the ring, however often the frontend changes its indices.
        for start in (0..total).step_by(buffer.len()) {
            let len = (total - start).min(buffer.len());
            let count = self.ring.read(buffer.get_mut(..len).unwrap_or_default())?;
            let bytes = buffer.get_mut(..count).unwrap_or_default();
            bytes.iter_mut().for_each(|byte| *byte = rotate(*byte, found as u8));
            self.ring.write(bytes)?;
        }
        if total > 0 {
            self.channel.notify()?;
        }
        Ok(())
    }
}

fn rotate(byte: u8, shift: u8) -> u8 {
    match byte {
        b'a'..=b'z' => (byte - b'a' + shift) % 26 + b'a',
        b'A'..=b'Z' => (byte - b'A' + shift) % 26 + b'A',
        _ => byte,
    }
}

impl<P: ForeignFrames> BackendDriver for RotBack<P> {
    const KIND: &'static str = KIND;

    type Error = RotError;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        keys.own("limit");
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<bool, RotError> {
        self.max_shift = peer.nodes.own_number("limit")?.unwrap_or(MAX_SHIFT).min(MAX_SHIFT);
        Ok(true)
    }

    fn write_offer(&self, nodes: &mut NodeWriter<'_>) {
        nodes.write("max-shift", self.max_shift);
    }

    fn connect_keys(&self, keys: &mut KeyList<'_>) {
        keys.peers(&["ring-ref", "config-ref", "event-channel"]);
    }

    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), RotError> {
        let Peer { id, nodes } = peer;
        let indices = self.map(*id, &[GrantRef(nodes.number("ring-ref")?)])?;
        let mut refs = heapless::Vec::<GrantRef, PAGES>::new();
        refs.extend(flex_refs(indices.as_ref(), ORDER)?.take(PAGES));
        let ring = FlexRing::back(indices, self.map(*id, &refs)?)?;
        let config = self.map(*id, &[GrantRef(nodes.number("config-ref")?)])?;
        let remote = Port(nodes.number("event-channel")?);
        let channel = Channel::bind_interdomain(self.platform.clone(), *id, remote)?;
        self.connection = Some(Connection { ring, config, channel });
        Ok(())
    }

    fn run(&mut self, _: Instant) -> Result<(), RotError> {
        let limit = self.max_shift;
        self.connection.as_mut().map_or(Ok(()), |connection| connection.rotate(limit))
    }

    fn disconnect(&mut self) {
        self.connection = None;
    }
}
