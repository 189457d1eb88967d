//! Vchan: a stream of bytes in each direction between any two domains, of which one grants all
//! memory.

use crate::stream::{Cursor, Data, Direction};
use crate::{Corrupt, Notify};
use core::mem::offset_of;
use thiserror::Error;
use xen_hypercall::sync::Ordering;
use xen_hypercall::{GrantRef, PAGE_SIZE, SharedMem, SharedU8};
use xen_sys::io::libxenvchan::{RingShared, VCHAN_NOTIFY_READ, VCHAN_NOTIFY_WRITE, VchanInterface};

const LEFT: usize = offset_of!(VchanInterface, left);
const RIGHT: usize = offset_of!(VchanInterface, right);
const CONS: usize = offset_of!(RingShared, cons);
const PROD: usize = offset_of!(RingShared, prod);
const LEFT_ORDER: usize = offset_of!(VchanInterface, left_order);
const RIGHT_ORDER: usize = offset_of!(VchanInterface, right_order);
const CLI_LIVE: usize = offset_of!(VchanInterface, cli_live);
const SRV_LIVE: usize = offset_of!(VchanInterface, srv_live);
const CLI_NOTIFY: usize = offset_of!(VchanInterface, cli_notify);
const SRV_NOTIFY: usize = offset_of!(VchanInterface, srv_notify);
const GRANTS: usize = size_of::<VchanInterface>();

/// Orders of the rings within the first page: 1024 bytes from 1024 on, 2048 from 2048 on.
const IN_PAGE: core::ops::RangeInclusive<u16> = 10..=11;
/// Maximum order: a ring of 256 pages.
#[doc(alias = "MAX_RING_SHIFT")]
const MAX_ORDER: u16 = 20;
/// Value of `cli_live` before the first client.
const AWAITED: u8 = 2;

/// Error of a vchan that cannot be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VchanError {
    /// A ring has an invalid order.
    #[error("vchan ring: found order {found}, expected 10 to {MAX_ORDER}")]
    Order {
        /// Order that was found.
        found: u16,
    },
    /// Both rings would have the same bytes of the first page.
    #[error("vchan: found order {order} for both rings, expected it for one")]
    SamePlace {
        /// Order of both rings.
        order: u16,
    },
    /// The memory of a ring does not have the size of its order, or the ring needs none.
    #[error("vchan ring: found {found} bytes of data, expected {expected}")]
    Data {
        /// Size in bytes; 0 if there is none.
        found: usize,
        /// Size of the order; 0 if the ring is in the first page.
        expected: usize,
    },
    /// The parts of a ring's memory do not all have the same size, a power of two.
    #[error("vchan ring: found a part of {found} bytes, expected one size, a power of two")]
    Parts {
        /// Size in bytes of the first wrong part.
        found: usize,
    },
    /// The first page has no room for the references beside its rings.
    #[error("vchan: found {found} references, expected at most {limit} in the first page")]
    Refs {
        /// Number of references.
        found: usize,
        /// Maximum number of references.
        limit: usize,
    },
    /// The server has shut down.
    #[error("vchan: the server has shut down")]
    ServerGone,
}

/// Sizes of a vchan's rings, as binary logarithms of their bytes. At most one ring each of orders
/// 10 and 11 is in the first page; larger ones up to 20 have pages of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VchanOrders {
    left: u16,
    right: u16,
}

impl VchanOrders {
    /// Checks the orders of the ring that the client writes (`left`) and of the one that the server
    /// writes (`right`).
    ///
    /// # Errors
    ///
    /// [`VchanError::Order`], [`VchanError::SamePlace`], [`VchanError::Refs`].
    pub fn new(left: u16, right: u16) -> Result<Self, VchanError> {
        for found in [left, right] {
            if !(*IN_PAGE.start()..=MAX_ORDER).contains(&found) {
                return Err(VchanError::Order { found });
            }
        }
        if left == right && IN_PAGE.contains(&left) {
            return Err(VchanError::SamePlace { order: left });
        }
        let orders = Self { left, right };
        let in_page = [left, right].into_iter().filter(|order| IN_PAGE.contains(order)).min();
        // A ring in the first page starts at its size.
        let end = in_page.map_or(PAGE_SIZE, |order| 1 << order);
        let (found, limit) =
            (orders.left_pages() + orders.right_pages(), (end - GRANTS) / size_of::<GrantRef>());
        if found > limit { Err(VchanError::Refs { found, limit }) } else { Ok(orders) }
    }

    /// Reads the offer of a server from its first page, each word once.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new); [`VchanError::ServerGone`].
    pub fn offered(page: &SharedMem) -> Result<Self, VchanError> {
        if page.u8::<SRV_LIVE>().load(Ordering::Acquire) != 1 {
            return Err(VchanError::ServerGone);
        }
        let (left, right) = (page.u16::<LEFT_ORDER>(), page.u16::<RIGHT_ORDER>());
        Self::new(left.load(Ordering::Relaxed), right.load(Ordering::Relaxed))
    }

    /// Withdraws the offer in a first page that both domains have from their start: an earlier
    /// server may have left it. The caller must notify the server, so that it makes its own offer
    /// anew ([`Vchan::is_offered`]).
    pub fn withdraw(page: &SharedMem) {
        page.u8::<SRV_LIVE>().store(0, Ordering::Release);
    }

    /// Returns the number of own pages of the left ring.
    pub fn left_pages(self) -> usize {
        data_bytes(self.left) / PAGE_SIZE
    }

    /// Returns the number of own pages of the right ring.
    pub fn right_pages(self) -> usize {
        data_bytes(self.right) / PAGE_SIZE
    }

    /// Reads the references of the rings' own pages for a client to map, once each, those of the
    /// left ring first.
    pub fn refs(self, page: &SharedMem) -> impl ExactSizeIterator<Item = GrantRef> {
        let one =
            |index: usize| page.read(GRANTS + index * size_of::<GrantRef>()).unwrap_or_default();
        (0..self.left_pages() + self.right_pages()).map(one)
    }
}

/// State of the remote end, as published by that end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VchanPeer {
    /// No client has connected yet.
    Awaited,
    /// The end is connected.
    Live,
    /// The end has shut down.
    Gone,
}

/// Returns the size of a ring's memory outside the first page.
fn data_bytes(order: u16) -> usize {
    if IN_PAGE.contains(&order) { 0 } else { 1 << order }
}

/// One end of a vchan: its first page in memory `I`, and the rings' own pages in `D`. A ring's own
/// pages are an array of `I`: one or several parts of the same size, or none for a ring in the
/// first page.
///
/// Reads and writes return whether the peer requested a notification. No value that the peer can
/// write is relied on: the own indices and all sizes are private.
///
/// Source: `io/libxenvchan.h`.
#[doc(alias = "libxenvchan")]
#[derive(Debug)]
pub struct Vchan<I, D> {
    page: I,
    orders: VchanOrders,
    left: D,
    right: D,
    is_server: bool,
    reader: Cursor,
    writer: Cursor,
}

impl<I: AsRef<SharedMem>, D: AsRef<[I]>> Vchan<I, D> {
    /// Initializes a vchan in a new first page, and in own pages for the larger rings, granted as
    /// `refs`: the left ring's first. Afterwards a client may get access.
    ///
    /// # Errors
    ///
    /// [`VchanError::Data`], [`VchanError::Parts`], [`VchanError::Refs`].
    pub fn server(
        page: I,
        orders: VchanOrders,
        left: D,
        right: D,
        refs: impl IntoIterator<Item = GrantRef>,
    ) -> Result<Self, VchanError> {
        check_data(orders, left.as_ref(), right.as_ref())?;
        let mem = page.as_ref();
        mem.zero();
        let limit = orders.left_pages() + orders.right_pages();
        let mut found = 0;
        for reference in refs {
            if found < limit {
                // Below the rings, by the orders.
                let _ = mem.write(GRANTS + found * size_of::<GrantRef>(), &reference);
            }
            found += 1;
        }
        if found != limit {
            return Err(VchanError::Refs { found, limit });
        }
        mem.u16::<LEFT_ORDER>().store(orders.left, Ordering::Relaxed);
        mem.u16::<RIGHT_ORDER>().store(orders.right, Ordering::Relaxed);
        mem.u8::<CLI_LIVE>().store(AWAITED, Ordering::Relaxed);
        // The client must notify when it has connected.
        mem.u8::<CLI_NOTIFY>().store(VCHAN_NOTIFY_WRITE, Ordering::Relaxed);
        mem.u8::<SRV_LIVE>().store(1, Ordering::Release);
        Ok(Self::attached(page, orders, left, right, true))
    }

    /// Connects to the offer that [`VchanOrders::offered`] has read; the caller must notify the
    /// server. The pages are mappings of [`VchanOrders::refs`].
    ///
    /// # Errors
    ///
    /// [`VchanError::Data`], [`VchanError::Parts`].
    pub fn client(page: I, orders: VchanOrders, left: D, right: D) -> Result<Self, VchanError> {
        check_data(orders, left.as_ref(), right.as_ref())?;
        let this = Self::attached(page, orders, left, right, false);
        let mem = this.page.as_ref();
        // As in the server: request a notification of written bytes.
        mem.u8::<SRV_NOTIFY>().store(VCHAN_NOTIFY_WRITE, Ordering::Relaxed);
        mem.u8::<CLI_LIVE>().store(1, Ordering::Relaxed);
        Ok(this)
    }

    fn attached(page: I, orders: VchanOrders, left: D, right: D, is_server: bool) -> Self {
        let (read, write) = directions(&page, orders, left.as_ref(), right.as_ref(), is_server);
        let (reader, writer) = (Cursor::reader(&read), Cursor::writer(&write));
        Self { page, orders, left, right, is_server, reader, writer }
    }

    /// Returns the number of bytes that can be read.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the peer's index is behind the own one or too far ahead, now or at any time
    /// before.
    pub fn available(&mut self) -> Result<usize, Corrupt> {
        let Self { page, orders, left, right, is_server, reader, .. } = self;
        reader.available(&directions(page, *orders, left.as_ref(), right.as_ref(), *is_server).0)
    }

    /// Returns the number of bytes that can be written.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the peer's index is ahead of the own one or too far behind, now or at any
    /// time before.
    pub fn free(&mut self) -> Result<usize, Corrupt> {
        let Self { page, orders, left, right, is_server, writer, .. } = self;
        writer.free(&directions(page, *orders, left.as_ref(), right.as_ref(), *is_server).1)
    }

    /// Takes bytes as far as there are any and `buffer` has room. Returns their number, and whether
    /// the peer must be notified.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`available`](Self::available); nothing is taken.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<(usize, Notify), Corrupt> {
        let Self { page, orders, left, right, is_server, reader, .. } = self;
        let (read, _) = directions(page, *orders, left.as_ref(), right.as_ref(), *is_server);
        let count = reader.read(&read, buffer)?;
        Ok((count, self.take_request(VCHAN_NOTIFY_READ, count)))
    }

    /// Writes `bytes` as far as there is room. Returns their number, and whether the peer must be
    /// notified.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`free`](Self::free); nothing is written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(usize, Notify), Corrupt> {
        let Self { page, orders, left, right, is_server, writer, .. } = self;
        let (_, write) = directions(page, *orders, left.as_ref(), right.as_ref(), *is_server);
        let count = writer.write(&write, bytes)?;
        Ok((count, self.take_request(VCHAN_NOTIFY_WRITE, count)))
    }

    /// Requests a notification of the next written byte, then checks: `true` means that there is
    /// one, so that the caller must not wait.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`available`](Self::available).
    pub fn final_check_readable(&mut self) -> Result<bool, Corrupt> {
        // See `take_request`.
        self.own_requests().fetch_or(VCHAN_NOTIFY_WRITE);
        Ok(self.available()? != 0)
    }

    /// Requests a notification of the next read byte, then checks: `true` means that there is room
    /// for `len` bytes, so that the caller must not wait. A `len` above the ring's size means all
    /// of it, that is, an empty ring.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`free`](Self::free).
    pub fn final_check_writable(&mut self, len: usize) -> Result<bool, Corrupt> {
        // See `take_request`.
        self.own_requests().fetch_or(VCHAN_NOTIFY_READ);
        let size = 1 << if self.is_server { self.orders.right } else { self.orders.left };
        Ok(self.free()? >= len.min(size))
    }

    /// Returns the state of the remote end. Bytes that it wrote before its shutdown can still be
    /// read.
    #[doc(alias = "libxenvchan_is_open")]
    pub fn peer(&self) -> VchanPeer {
        let mem = self.page.as_ref();
        let said = if self.is_server { mem.u8::<CLI_LIVE>() } else { mem.u8::<SRV_LIVE>() };
        match said.load(Ordering::Acquire) {
            1 => VchanPeer::Live,
            AWAITED if self.is_server => VchanPeer::Awaited,
            _ => VchanPeer::Gone,
        }
    }

    /// Returns whether the offer of this server stands: no client has
    /// [withdrawn](VchanOrders::withdraw) it.
    pub fn is_offered(&self) -> bool {
        self.page.as_ref().u8::<SRV_LIVE>().load(Ordering::Acquire) == 1
    }

    /// Publishes that this end shuts down; the caller must notify the peer.
    #[doc(alias = "libxenvchan_close")]
    pub fn shutdown(&mut self) {
        let mem = self.page.as_ref();
        let own = if self.is_server { mem.u8::<SRV_LIVE>() } else { mem.u8::<CLI_LIVE>() };
        own.store(0, Ordering::Release);
    }

    /// Returns the word of this end's requests for notifications by the peer.
    fn own_requests(&self) -> SharedU8<'_> {
        let mem = self.page.as_ref();
        if self.is_server { mem.u8::<CLI_NOTIFY>() } else { mem.u8::<SRV_NOTIFY>() }
    }

    /// Clears the peer's request for a notification of `what`, and returns whether there was one.
    fn take_request(&self, what: u8, count: usize) -> Notify {
        if count == 0 {
            return Notify::Skip;
        }
        let mem = self.page.as_ref();
        let requests = if self.is_server { mem.u8::<SRV_NOTIFY>() } else { mem.u8::<CLI_NOTIFY>() };
        // The request is an atomic step on this word too, and one of the two precedes the other:
        // either this end sees the request, or the peer, which reads the index after its request,
        // sees the new index.
        if requests.fetch_and(!what) & what != 0 { Notify::Send } else { Notify::Skip }
    }
}

fn check_data<I: AsRef<SharedMem>>(
    orders: VchanOrders,
    left: &[I],
    right: &[I],
) -> Result<(), VchanError> {
    for (parts, order) in [(left, orders.left), (right, orders.right)] {
        let len = |part: &I| part.as_ref().len();
        let (found, expected) = (parts.iter().map(len).sum(), data_bytes(order));
        if found != expected {
            return Err(VchanError::Data { found, expected });
        }
        let size = parts.first().map_or(0, len);
        let odd = |part: &usize| *part != size || !part.is_power_of_two();
        if let Some(found) = parts.iter().map(len).find(odd) {
            return Err(VchanError::Parts { found });
        }
    }
    Ok(())
}

/// Returns the read and the written direction of this end.
fn directions<'m, I: AsRef<SharedMem>>(
    page: &'m I,
    orders: VchanOrders,
    left: &'m [I],
    right: &'m [I],
    is_server: bool,
) -> (Direction<'m, I>, Direction<'m, I>) {
    let mem = page.as_ref();
    let place = |parts: &'m [I], order: u16| match parts.first() {
        Some(part) => {
            Data::Parts { parts, order: part.as_ref().len().checked_ilog2().unwrap_or(0) }
        }
        // A ring in the first page starts at its size.
        None => Data::Whole(mem, 1 << order),
    };
    let (cons, prod) = (mem.u32::<{ LEFT + CONS }>(), mem.u32::<{ LEFT + PROD }>());
    let left = Direction { cons, prod, data: place(left, orders.left), size: 1 << orders.left };
    let (cons, prod) = (mem.u32::<{ RIGHT + CONS }>(), mem.u32::<{ RIGHT + PROD }>());
    let right = Direction { cons, prod, data: place(right, orders.right), size: 1 << orders.right };
    if is_server { (left, right) } else { (right, left) }
}

#[cfg(all(test, not(loom)))]
mod tests;
