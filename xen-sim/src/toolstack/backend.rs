//! Driver domains that die, and those that take their place.

use super::Device;
use crate::machine::DomainConfig;
use crate::{Domain, World};
use xen_hypercall::DomId;

impl World {
    /// Destroys a domain that serves devices, in the midst of whatever it does, and makes another
    /// one to serve them.
    ///
    /// The toolstack makes both ends of each device anew. For their guests the old devices are gone
    /// and new ones of the same names are there; who serves them has to be spawned in the new
    /// domain.
    pub fn restart_backend(&self, old: DomId, config: DomainConfig) -> (Domain, Vec<Device>) {
        let alive = |device: &Device| self.is_alive(device.frontend);
        let devices = self.take_devices(|device| device.backend == old && alive(device));
        let plugged = |device: &Device| self.devices_of(device.frontend).contains(device);
        let devices: Vec<_> = devices.into_iter().filter(|nodes| plugged(&nodes.device)).collect();
        self.destroy(old);
        let new = self.create_guest(config);
        let made = devices.into_iter().flat_map(|nodes| {
            let frontend = nodes.device.frontend;
            self.attach_again(vec![nodes], frontend, new.id())
        });
        let made = made.collect();
        (new, made)
    }
}
