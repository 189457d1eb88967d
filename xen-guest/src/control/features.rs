//! Features of the toolstack and the hypervisor, in `control/platform-feature-*`.

use xen_hypercall::Platform;
use xen_store::{ErrorKind, StoreError, XenStore, XsOps};

/// Features that the toolstack offers to this domain. Source: `xenstore-paths.pandoc`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlatformFeatures {
    /// The toolstack saves a domain with several vCPUs that are up.
    #[doc(alias = "platform-feature-multiprocessor-suspend")]
    pub multiprocessor_suspend: bool,
    /// xenstored supports the reset of all watches of a connection (`XS_RESET_WATCHES`).
    #[doc(alias = "platform-feature-xs_reset_watches")]
    pub xs_reset_watches: bool,
}

impl PlatformFeatures {
    /// Reads the nodes. A node that is missing, or not a number, is a feature that is not offered.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn read<P: Platform>(store: &XenStore<P>) -> Result<Self, StoreError> {
        let feature = |name: &str| {
            let path = format_args!("control/platform-feature-{name}");
            match store.read_string::<4>(path) {
                Ok(value) => Ok(value == "1"),
                Err(StoreError {
                    kind: ErrorKind::BufferTooSmall { .. } | ErrorKind::NotText,
                    ..
                }) => Ok(false),
                Err(error) if error.is_not_found() => Ok(false),
                Err(error) => Err(error),
            }
        };
        Ok(Self {
            multiprocessor_suspend: feature("multiprocessor-suspend")?,
            xs_reset_watches: feature("xs_reset_watches")?,
        })
    }
}
