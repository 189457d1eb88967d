//! Replacement of driver domains.

use super::Device;
use crate::machine::DomainConfig;
use crate::{Domain, World};
use xen_hypercall::DomId;

impl World {
    /// Destroys a driver domain at any point of its work, and creates another one for its devices.
    ///
    /// The toolstack creates both ends of each device again. For their guests the old devices are
    /// removed and new ones of the same names appear. The test spawns their backends in the new
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
