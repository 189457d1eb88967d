//! Directories of devices that are being removed.

use alloc::vec::Vec;
use log::warn;
use xen_hypercall::{Instant, Platform};
use xenbus::{DeviceId, Removal};

use crate::service::Turn;

/// The removals of directories of one kind of device.
pub(crate) struct Removals<P: Platform> {
    list: Vec<Removal<P>>,
}

impl<P: Platform> Removals<P> {
    pub(crate) fn new() -> Self {
        Self { list: Vec::new() }
    }

    pub(crate) fn add(&mut self, removal: Removal<P>) {
        self.list.push(removal);
    }

    /// Does what can be done now. Returns a device whose removal has ended, also by an error.
    pub(crate) fn turn(&mut self, now: Instant, turn: &mut Turn) -> Option<DeviceId> {
        for index in 0..self.list.len() {
            let removal = &mut self.list[index];
            match removal.poll() {
                Ok(false) => {
                    turn.by(removal.poll_timeout(now));
                    continue;
                }
                Ok(true) => {}
                Err(error) => warn!("{error}"),
            }
            turn.busy = true;
            return Some(self.list.swap_remove(index).id());
        }
        None
    }
}
