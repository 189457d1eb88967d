//! What is known of a packet's checksum, and what is to become of it.

/// What is known of a received packet's TCP or UDP checksum.
///
/// Source: `NETRXF_csum_blank` and `NETRXF_data_validated` in `io/netif.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RxChecksum {
    /// The field has the pseudo-header's sum only: the packet never was on a wire. The data is as good as memory is;
    /// [`fill`](super::checksum::fill) completes the field for somebody who looks at it.
    Blank,
    /// The field is right; somebody checked.
    Valid,
    /// Nobody checked: [`verify`](super::checksum::verify) does.
    Unknown,
}

/// What is to become of a TCP or UDP checksum on the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxChecksum {
    /// The packet goes out as it is: the field is right, or there is none.
    Complete,
    /// The field is to be filled in, whatever it has: by whoever puts the packet on a wire if the backend can leave it to
    /// them, by the driver if not. A packet that is not whole TCP or UDP goes out as it is.
    Fill,
}
