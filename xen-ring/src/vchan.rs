//! Vchan: a stream of bytes each way between any two domains, of which one grants all memory.

use crate::stream::{Cursor, Data, Direction};
use crate::{Corrupt, Notify};
use core::fmt;
use core::mem::offset_of;
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

/// The rings that lie within the first page, by their order: 1024 bytes from 1024 on, 2048 from
/// 2048 on.
const IN_PAGE: core::ops::RangeInclusive<u16> = 10..=11;
/// The largest order: a ring of 256 pages.
#[doc(alias = "MAX_RING_SHIFT")]
const MAX_ORDER: u16 = 20;
/// What `cli_live` says before there is a client.
const AWAITED: u8 = 2;

/// Why there can't be a vchan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VchanError {
    /// A ring of an order that there is not.
    Order {
        /// The order that was found.
        found: u16,
    },
    /// Both rings would lie in the same place of the first page.
    SamePlace {
        /// The order of both.
        order: u16,
    },
    /// Further memory was given for a ring that needs none, or not of the size that its order says.
    Data {
        /// Its size in bytes; 0 if there was none.
        found: usize,
        /// The size that the order says; 0 if the ring lies in the first page.
        expected: usize,
    },
    /// The parts that the memory of a ring was given in are not all of one size, a power of two.
    Parts {
        /// The size in bytes of the first that is not as it should be.
        found: usize,
    },
    /// The first page has no room for so many references beside its rings.
    Refs {
        /// How many there are.
        found: usize,
        /// How many there is room for.
        limit: usize,
    },
    /// The server has left.
    ServerGone,
}

impl fmt::Display for VchanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order { found } => {
                write!(f, "vchan ring: found order {found}, expected 10 to {MAX_ORDER}")
            }
            Self::SamePlace { order } => {
                write!(f, "vchan: found order {order} for both rings, expected one of them")
            }
            Self::Data { found, expected } => {
                write!(f, "vchan ring: found {found} bytes of data, expected {expected}")
            }
            Self::Parts { found } => {
                write!(
                    f,
                    "vchan ring: found a part of {found} bytes, expected all of one size, a power of two"
                )
            }
            Self::Refs { found, limit } => {
                write!(
                    f,
                    "vchan: found {found} references, expected {limit} at most, as many as the page has room for"
                )
            }
            Self::ServerGone => f.write_str("vchan: the server has left"),
        }
    }
}

impl core::error::Error for VchanError {}

/// The sizes of a vchan's rings, as binary logarithms of their bytes: 10 and 11 lie in the first
/// page, at most one ring each; larger ones up to 20 have pages of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VchanOrders {
    left: u16,
    right: u16,
}

impl VchanOrders {
    /// Checks the orders of the ring that the client writes (`left`) and of that which the server
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
        // A ring of the first page begins at its size.
        let end = in_page.map_or(PAGE_SIZE, |order| 1 << order);
        let (found, limit) =
            (orders.left_pages() + orders.right_pages(), (end - GRANTS) / size_of::<GrantRef>());
        if found > limit { Err(VchanError::Refs { found, limit }) } else { Ok(orders) }
    }

    /// Reads what a server has offered in its first page, each word once.
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

    /// Returns how many pages of its own the left ring has.
    pub fn left_pages(self) -> usize {
        data_bytes(self.left) / PAGE_SIZE
    }

    /// Returns how many pages of its own the right ring has.
    pub fn right_pages(self) -> usize {
        data_bytes(self.right) / PAGE_SIZE
    }

    /// Reads the references of the rings' own pages for a client to map, those of the left ring
    /// first; each is read once.
    pub fn refs(self, page: &SharedMem) -> impl ExactSizeIterator<Item = GrantRef> {
        let one =
            |index: usize| page.read(GRANTS + index * size_of::<GrantRef>()).unwrap_or_default();
        (0..self.left_pages() + self.right_pages()).map(one)
    }
}

/// What the other end of a vchan says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VchanPeer {
    /// No client has been there yet.
    Awaited,
    /// It is there.
    Live,
    /// It has left.
    Gone,
}

/// Returns the size of the memory that a ring has beside the first page.
fn data_bytes(order: u16) -> usize {
    if IN_PAGE.contains(&order) { 0 } else { 1 << order }
}

/// One end of a vchan: its first page in memory `I`, and the pages of its rings' own in `D`, each
/// ring's as one part or several of one size: an array of `I`, empty for a ring that lies in the
/// first page.
///
/// Whoever reads or writes is told whether the peer asked to be notified of that. Nothing that the
/// peer can write is relied on: the own indices and all sizes are kept here.
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
    /// Starts a vchan in a fresh first page, and in own pages for the rings that have such, granted
    /// as `refs`: the left ring's first. A client may know of it then.
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
        // The client is to tell when it has connected.
        mem.u8::<CLI_NOTIFY>().store(VCHAN_NOTIFY_WRITE, Ordering::Relaxed);
        mem.u8::<SRV_LIVE>().store(1, Ordering::Release);
        Ok(Self::attached(page, orders, left, right, true))
    }

    /// Connects to what [`VchanOrders::offered`] has read; the server is to be notified. Its pages
    /// are mapped from [`VchanOrders::refs`].
    ///
    /// # Errors
    ///
    /// [`VchanError::Data`], [`VchanError::Parts`].
    pub fn client(page: I, orders: VchanOrders, left: D, right: D) -> Result<Self, VchanError> {
        check_data(orders, left.as_ref(), right.as_ref())?;
        let this = Self::attached(page, orders, left, right, false);
        let mem = this.page.as_ref();
        // As the server does it: tell us when something was written.
        mem.u8::<SRV_NOTIFY>().store(VCHAN_NOTIFY_WRITE, Ordering::Relaxed);
        mem.u8::<CLI_LIVE>().store(1, Ordering::Relaxed);
        Ok(this)
    }

    fn attached(page: I, orders: VchanOrders, left: D, right: D, is_server: bool) -> Self {
        let (read, write) = directions(&page, orders, left.as_ref(), right.as_ref(), is_server);
        let (reader, writer) = (Cursor::reader(&read), Cursor::writer(&write));
        Self { page, orders, left, right, is_server, reader, writer }
    }

    /// Returns how many bytes there are to read.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the peer's index is behind ours or too far ahead, now or at any time before.
    pub fn available(&mut self) -> Result<usize, Corrupt> {
        let Self { page, orders, left, right, is_server, reader, .. } = self;
        reader.available(&directions(page, *orders, left.as_ref(), right.as_ref(), *is_server).0)
    }

    /// Returns how many bytes there is room for.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the peer's index is ahead of ours or too far behind, now or at any time
    /// before.
    pub fn free(&mut self) -> Result<usize, Corrupt> {
        let Self { page, orders, left, right, is_server, writer, .. } = self;
        writer.free(&directions(page, *orders, left.as_ref(), right.as_ref(), *is_server).1)
    }

    /// Takes as many bytes as there are and `buffer` holds; returns how many, and whether the peer
    /// waits for that.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`available`](Self::available); nothing is taken.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<(usize, Notify), Corrupt> {
        let Self { page, orders, left, right, is_server, reader, .. } = self;
        let (read, _) = directions(page, *orders, left.as_ref(), right.as_ref(), *is_server);
        let count = reader.read(&read, buffer)?;
        Ok((count, self.told(VCHAN_NOTIFY_READ, count)))
    }

    /// Writes as many of `bytes` as there is room for; returns how many, and whether the peer waits
    /// for that.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`free`](Self::free); nothing is written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(usize, Notify), Corrupt> {
        let Self { page, orders, left, right, is_server, writer, .. } = self;
        let (_, write) = directions(page, *orders, left.as_ref(), right.as_ref(), *is_server);
        let count = writer.write(&write, bytes)?;
        Ok((count, self.told(VCHAN_NOTIFY_WRITE, count)))
    }

    /// Asks to be notified of the next byte written, then looks: `true` means that there is one,
    /// don't wait.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`available`](Self::available).
    pub fn final_check_readable(&mut self) -> Result<bool, Corrupt> {
        // See `told`.
        self.asked_of_peer().fetch_or(VCHAN_NOTIFY_WRITE);
        Ok(self.available()? != 0)
    }

    /// Asks to be notified of the next byte read, then looks: `true` means that there is room for
    /// `len` bytes, don't wait. More than the ring's size stands for all of it: that everything
    /// was read.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`free`](Self::free).
    pub fn final_check_writable(&mut self, len: usize) -> Result<bool, Corrupt> {
        // See `told`.
        self.asked_of_peer().fetch_or(VCHAN_NOTIFY_READ);
        let size = 1 << if self.is_server { self.orders.right } else { self.orders.left };
        Ok(self.free()? >= len.min(size))
    }

    /// Tells what the peer says of itself. What it wrote before it left can still be read.
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

    /// Tells the peer, which is to be notified, that this end leaves.
    #[doc(alias = "libxenvchan_close")]
    pub fn shutdown(&mut self) {
        let mem = self.page.as_ref();
        let own = if self.is_server { mem.u8::<SRV_LIVE>() } else { mem.u8::<CLI_LIVE>() };
        own.store(0, Ordering::Release);
    }

    /// What we want to be told of by the peer.
    fn asked_of_peer(&self) -> SharedU8<'_> {
        let mem = self.page.as_ref();
        if self.is_server { mem.u8::<CLI_NOTIFY>() } else { mem.u8::<SRV_NOTIFY>() }
    }

    /// Tells whether the peer has asked to be told of what was just done, and takes the wish back.
    fn told(&self, what: u8, count: usize) -> Notify {
        if count == 0 {
            return Notify::Skip;
        }
        let mem = self.page.as_ref();
        let asked = if self.is_server { mem.u8::<SRV_NOTIFY>() } else { mem.u8::<CLI_NOTIFY>() };
        // Asking is an atomic step on this word too, and one of the two comes first: either we see
        // the wish, or the peer, which looks at our index after asking, sees what we did.
        if asked.fetch_and(!what) & what != 0 { Notify::Send } else { Notify::Skip }
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

/// Returns what this end reads and what it writes.
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
        // A ring of the first page begins at its size.
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
