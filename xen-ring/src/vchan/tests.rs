use super::*;
use proptest::prelude::*;
use std::boxed::Box;
use std::vec::Vec;
use xen_hypercall::Page;
use xen_hypercall::sync::Ordering::Relaxed;

type End<'m> = Vchan<&'m SharedMem, &'m [&'m SharedMem]>;

fn page() -> Box<[Page; 1]> {
    Box::new([Page::ZERO])
}

fn in_page() -> VchanOrders {
    VchanOrders::new(10, 11).unwrap()
}

/// Returns a server and its client, with both rings in the first page.
fn pair(mem: &SharedMem) -> (End<'_>, End<'_>) {
    let server = End::server(mem, in_page(), &[], &[], []).unwrap();
    let offered = VchanOrders::offered(mem).unwrap();
    assert_eq!(offered, in_page());
    (server, End::client(mem, offered, &[], &[]).unwrap())
}

#[test]
fn first_page_matches_header() {
    let mut page = page();
    page[0].0.fill(0xaa);
    let mem = SharedMem::from_pages(&mut page);
    let (mut server, mut client) = pair(mem);
    let found: VchanInterface = mem.read(0).unwrap();
    let orders = (found.left_order, found.right_order);
    assert_eq!((orders, found.cli_live, found.srv_live), ((10, 11), 1, 1));
    // The client writes left, from 1024 on; the server writes right, from 2048 on.
    assert_eq!(client.write(b"left"), Ok((4, Notify::Send)));
    assert_eq!(server.write(b"right"), Ok((5, Notify::Send)));
    assert_eq!(
        (mem.read::<[u8; 4]>(1024), mem.read::<[u8; 5]>(2048)),
        (Some(*b"left"), Some(*b"right"))
    );
    let found: VchanInterface = mem.read(0).unwrap();
    assert_eq!(
        (found.left, found.right),
        (RingShared { cons: 0, prod: 4 }, RingShared { cons: 0, prod: 5 })
    );
}

#[test]
fn invalid_order_is_refused() {
    for order in [0, 9, 21, 64, u16::MAX] {
        assert_eq!(VchanOrders::new(order, 12), Err(VchanError::Order { found: order }));
        assert_eq!(VchanOrders::new(11, order), Err(VchanError::Order { found: order }));
    }
    for order in [10, 11] {
        assert_eq!(VchanOrders::new(order, order), Err(VchanError::SamePlace { order }));
    }
    // Beside a ring at 1024 there is room for 250 references, beside one at 2048 for 506, without a
    // ring for 1018.
    assert_eq!(VchanOrders::new(10, 20), Err(VchanError::Refs { found: 256, limit: 250 }));
    assert!(VchanOrders::new(10, 19).is_ok());
    assert!(VchanOrders::new(11, 20).is_ok());
    assert_eq!(
        VchanOrders::new(20, 20).map(|orders| orders.left_pages() + orders.right_pages()),
        Ok(512)
    );
}

#[test]
fn client_maps_offered_pages() {
    let (mut first, mut left, mut right) =
        (page(), Box::new([Page::ZERO; 2]), Box::new([Page::ZERO; 1]));
    let (mem, left) = (SharedMem::from_pages(&mut first), SharedMem::from_pages(&mut left));
    let right = SharedMem::from_pages(&mut right);
    let orders = VchanOrders::new(13, 12).unwrap();
    let refs = [GrantRef(5), GrantRef(6), GrantRef(7)];
    let missing = End::server(mem, orders, &[left], &[], refs).unwrap_err();
    assert_eq!(missing, VchanError::Data { found: 0, expected: 4096 });
    let swapped = End::server(mem, orders, &[right], &[left], refs).unwrap_err();
    assert_eq!(swapped, VchanError::Data { found: 4096, expected: 8192 });
    let few = End::server(mem, orders, &[left], &[right], refs[1..].iter().copied()).unwrap_err();
    assert_eq!(few, VchanError::Refs { found: 2, limit: 3 });
    let many = End::server(mem, orders, &[left], &[right], core::iter::repeat_n(GrantRef(1), 1200))
        .unwrap_err();
    assert_eq!(many, VchanError::Refs { found: 1200, limit: 3 });
    let needless = End::server(mem, in_page(), &[right], &[], []).unwrap_err();
    assert_eq!(needless, VchanError::Data { found: 4096, expected: 0 });

    let (left, right) = ([left], [right]);
    let mut server = End::server(mem, orders, &left, &right, refs).unwrap();
    let offered = VchanOrders::offered(mem).unwrap();
    assert_eq!((offered.left_pages(), offered.right_pages()), (2, 1));
    assert_eq!(offered.refs(mem).collect::<Vec<_>>(), refs);
    let mut client = End::client(mem, offered, &left, &right).unwrap();
    assert_eq!(client.write(&[7; 9000]).map(|done| done.0), Ok(8192));
    assert_eq!((server.available(), client.free()), (Ok(8192), Ok(0)));
    assert_eq!(server.write(&[8; 9000]).map(|done| done.0), Ok(4096));
    let mut out = [0; 9000];
    assert_eq!(server.read(&mut out).map(|done| done.0), Ok(8192));
    assert_eq!(out[..8192], [7; 8192]);
}

#[test]
fn ring_in_parts_is_one_stream() {
    let mut first = page();
    let mem = SharedMem::from_pages(&mut first);
    let mut halves = [[Page::ZERO; 2]; 2];
    let left = halves.each_mut().map(SharedMem::from_pages);
    let (mut one, mut three) = (page(), Box::new([Page::ZERO; 3]));
    let (one, three) = (SharedMem::from_pages(&mut one), SharedMem::from_pages(&mut three));
    let orders = VchanOrders::new(13, 14).unwrap();
    for uneven in [[one, three], [three, one]] {
        let uneven = End::client(mem, orders, &left[..1], &uneven).unwrap_err();
        assert_eq!(uneven, VchanError::Parts { found: 3 * PAGE_SIZE });
    }
    let orders = VchanOrders::new(14, 14).unwrap();
    let mut quarters = [[Page::ZERO; 1]; 4];
    let quarters = quarters.each_mut().map(SharedMem::from_pages);
    let mut server = End::server(mem, orders, &left, &quarters, [GrantRef(1); 8]).unwrap();
    let mut client = End::client(mem, orders, &left, &quarters).unwrap();
    let mut sent = 0usize;
    let all = [1, 4095, 4097, 16384, 8191, 12289, 16384, 5, 16383];
    // For Miri, a few kinds of accesses are enough.
    for len in all.into_iter().filter(|len| !cfg!(miri) || *len < 5000) {
        let bytes: Vec<u8> = (sent..sent + len).map(|i| (i * 13 + i / 4096) as u8).collect();
        assert_eq!(client.write(&bytes).map(|done| done.0), Ok(len));
        assert_eq!(server.write(&bytes).map(|done| done.0), Ok(len));
        sent += len;
        let mut out = std::vec![0; len];
        assert_eq!(server.read(&mut out).map(|done| done.0), Ok(len));
        assert_eq!(out, bytes);
        out.fill(0);
        assert_eq!(client.read(&mut out).map(|done| done.0), Ok(len));
        assert_eq!(out, bytes);
    }
}

#[test]
fn requested_notification_is_sent_once() {
    let mut page = page();
    let (mut server, mut client) = pair(SharedMem::from_pages(&mut page));
    let mut out = [0; 2048];
    assert_eq!(client.write(b"x"), Ok((1, Notify::Send)), "a new server waits for its client");
    assert_eq!(client.write(b"x"), Ok((1, Notify::Skip)));
    assert_eq!(server.final_check_readable(), Ok(true));
    assert_eq!(server.read(&mut out), Ok((2, Notify::Skip)));
    assert_eq!(server.final_check_readable(), Ok(false));
    assert_eq!(client.write(b"y"), Ok((1, Notify::Send)));
    assert_eq!(client.write(&[0; 4096]), Ok((1023, Notify::Skip)));
    assert_eq!(client.write(b"z"), Ok((0, Notify::Skip)));
    assert_eq!(client.final_check_writable(1), Ok(false));
    assert_eq!(server.read(&mut out[..24]), Ok((24, Notify::Send)));
    for (len, room) in [(24, true), (25, false), (1024, false), (usize::MAX, false)] {
        assert_eq!(client.final_check_writable(len), Ok(room));
    }
    assert_eq!(server.read(&mut out), Ok((1000, Notify::Send)));
    assert_eq!(server.read(&mut out), Ok((0, Notify::Skip)));
    for len in [1, 1024, usize::MAX] {
        assert_eq!(client.final_check_writable(len), Ok(true));
    }
}

#[test]
fn shutdown_end_is_gone_after_bytes() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let mut server = End::server(mem, in_page(), &[], &[], []).unwrap();
    assert_eq!(server.peer(), VchanPeer::Awaited);
    let mut client = End::client(mem, in_page(), &[], &[]).unwrap();
    assert_eq!((server.peer(), client.peer()), (VchanPeer::Live, VchanPeer::Live));
    let _ = client.write(b"bye").unwrap();
    client.shutdown();
    assert_eq!(server.peer(), VchanPeer::Gone);
    let mut out = [0; 8];
    assert_eq!((server.read(&mut out).map(|done| done.0), &out[..3]), (Ok(3), &b"bye"[..]));
    server.shutdown();
    assert_eq!(client.peer(), VchanPeer::Gone);
    // Only a client can be awaited.
    mem.u8::<SRV_LIVE>().store(AWAITED, Relaxed);
    assert_eq!(client.peer(), VchanPeer::Gone);
    server.shutdown();
    assert_eq!(VchanOrders::offered(mem), Err(VchanError::ServerGone));
}

/// D-R11.
#[test]
fn overwritten_own_values_are_not_used() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut server, mut client) = pair(mem);
    let _ = (server.write(b"one").unwrap(), client.write(b"two").unwrap());
    mem.u16::<LEFT_ORDER>().store(20, Relaxed);
    mem.u16::<RIGHT_ORDER>().store(u16::MAX, Relaxed);
    // The server's own two indices.
    mem.u32::<{ LEFT + CONS }>().store(999, Relaxed);
    mem.u32::<{ RIGHT + PROD }>().store(999, Relaxed);
    let mut out = [0; 8];
    assert_eq!((server.read(&mut out).map(|done| done.0), &out[..3]), (Ok(3), &b"two"[..]));
    assert_eq!(server.write(b"!").map(|done| done.0), Ok(1));
    assert_eq!((client.read(&mut out).map(|done| done.0), &out[..4]), (Ok(4), &b"one!"[..]));
}

proptest! {
    /// XSA-86: for all indices, the bytes to read or write are within the ring's size, or the
    /// connection has failed.
    #[test]
    fn any_index_stays_within_ring(own: u32, peer: u32) {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let (mut server, _) = pair(mem);
        mem.u32::<{ LEFT + CONS }>().store(own, Relaxed);
        mem.u32::<{ RIGHT + PROD }>().store(own, Relaxed);
        server = End::attached(mem, server.orders, &[], &[], true);
        mem.u32::<{ LEFT + PROD }>().store(peer, Relaxed);
        mem.u32::<{ RIGHT + CONS }>().store(peer, Relaxed);
        let mut out = [0; 4096];
        let ahead = peer.wrapping_sub(own) as usize;
        match server.read(&mut out) {
            Ok((count, _)) => prop_assert!(count == ahead && count <= 1024),
            Err(corrupt) => prop_assert!(ahead > 1024 && server.available() == Err(corrupt)),
        }
        let used = own.wrapping_sub(peer) as usize;
        match server.write(&out) {
            Ok((count, _)) => prop_assert!(used <= 2048 && count == 2048 - used),
            Err(corrupt) => prop_assert!(used > 2048 && server.free() == Err(corrupt)),
        }
        // Nothing was written outside of the server's own ring and its own words.
        prop_assert_eq!(mem.read::<[u8; 1000]>(24), Some([0; 1000]));
        prop_assert_eq!(mem.read::<[u8; 1024]>(1024), Some([0; 1024]));
    }

    #[test]
   fn stream_wakes_both_ends(
        start: u32,
        steps in proptest::collection::vec(
            (any::<bool>(), 0usize..3000),
            1..if cfg!(miri) { 12 } else { 80 },
        ),
    ) {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let (server, client) = pair(mem);
        mem.write(RIGHT, &[start; 2]).unwrap();
        let mut server = End::attached(mem, server.orders, &[], &[], true);
        let mut client = End::attached(mem, client.orders, &[], &[], false);
        let (mut sent, mut got) = (0usize, 0usize);
        let (mut reader_sleeps, mut writer_sleeps) = (false, false);
        for (write, count) in steps {
            let mut bytes = std::vec![0; count];
            if write {
                bytes.iter_mut().enumerate().for_each(|(i, byte)| *byte = ((sent + i) * 13) as u8);
                let (done, notify) = server.write(&bytes).unwrap();
                prop_assert!(done == 0 || !writer_sleeps, "the writer was not notified");
                sent += done;
                reader_sleeps &= notify == Notify::Skip;
                writer_sleeps = done < count && !server.final_check_writable(1).unwrap();
            } else {
                let (done, notify) = client.read(&mut bytes).unwrap();
                prop_assert!(done == 0 || !reader_sleeps, "the reader was not notified");
               let expected = |i| ((got + i) * 13) as u8;
                let is_expected = |(i, byte): (usize, &u8)| *byte == expected(i);
                prop_assert!(bytes[..done].iter().enumerate().all(is_expected));
                got += done;
                writer_sleeps &= notify == Notify::Skip;
                reader_sleeps = done < count && !client.final_check_readable().unwrap();
            }
        }
    }
}

#[test]
fn withdrawn_offer_is_not_taken() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let server = End::server(mem, in_page(), &[], &[], []).unwrap();
    assert!(server.is_offered());
    VchanOrders::withdraw(mem);
    assert!(!server.is_offered());
    assert_eq!(VchanOrders::offered(mem), Err(VchanError::ServerGone));
    let mut server = End::server(mem, in_page(), &[], &[], []).unwrap();
    assert!(server.is_offered() && VchanOrders::offered(mem).is_ok());
    server.shutdown();
    assert!(!server.is_offered());
}
