//! Errors of a device.

use crate::XenbusState;
use core::time::Duration;
use thiserror::Error;
use xen_hypercall::OutOfMemory;
use xen_store::{PathText, StoreError};

/// An error of a device that connects or closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum XenbusError {
    /// A xenstore operation failed.
    #[error("{0}")]
    Store(StoreError),
    /// The platform has no memory for the nodes of the device.
    #[error("{0}")]
    Memory(OutOfMemory),
    /// The backend did not change its state in time.
    #[error(
        "{path}: found state {found}, expected {awaited} within {} ms; own state is {own}",
        .waited.as_millis()
    )]
    Timeout {
        /// The backend's state node.
        path: PathText,
        /// The awaited state.
        awaited: XenbusState,
        /// The state that was found.
        found: XenbusState,
        /// Our own state meanwhile.
        own: XenbusState,
        /// Duration of the wait.
        waited: Duration,
    },
    /// The backend closed the device while it was to be connected.
    #[error("{path}: the backend refused, found state {found}; own state is {own}")]
    Refused {
        /// The backend's state node.
        path: PathText,
        /// The state that was found.
        found: XenbusState,
        /// Our own state meanwhile.
        own: XenbusState,
    },
    /// The device was removed.
    #[error("{path}: the device was removed")]
    Unplugged {
        /// The node that is missing.
        path: PathText,
    },
}

impl From<StoreError> for XenbusError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn timeout_error_has_path_and_states() {
        let error = XenbusError::Timeout {
            path: PathText::new(&"/local/domain/0/backend/vbd/5/51712/state"),
            awaited: XenbusState::CONNECTED,
            found: XenbusState::INIT_WAIT,
            own: XenbusState::INITIALISED,
            waited: Duration::from_secs(30),
        };
        assert_eq!(
            error.to_string(),
            "/local/domain/0/backend/vbd/5/51712/state: found state INIT_WAIT (2), \
             expected CONNECTED (4) within 30000 ms; own state is INITIALISED (3)"
        );
        assert!(size_of::<XenbusError>() <= 120);
    }
}
