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

/// A server and its client, with both rings in the first page.
fn pair(mem: &SharedMem) -> (End<'_>, End<'_>) {
    let server = End::server(mem, in_page(), &[], &[], []).unwrap();
    let offered = VchanOrders::offered(mem).unwrap();
    assert_eq!(offered, in_page());
    (server, End::client(mem, offered, &[], &[]).unwrap())
}

#[test]
fn the_first_page_is_as_the_header_says() {
    let mut page = page();
    page[0].0.fill(0xaa);
    let mem = SharedMem::from_pages(&mut page);
    let (mut server, mut client) = pair(mem);
    let found: VchanInterface = mem.read(0).unwrap();
    let orders = (found.left_order, found.right_order);
    assert_eq!((orders, found.cli_live, found.srv_live), ((10, 11), 1, 1));
    // Left is what the client writes, from 1024 on; right is what the server writes, from 2048 on.
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
fn orders_that_there_are_not_are_refused() {
    for order in [0, 9, 21, 64, u16::MAX] {
        assert_eq!(VchanOrders::new(order, 12), Err(VchanError::Order { found: order }));
        assert_eq!(VchanOrders::new(11, order), Err(VchanError::Order { found: order }));
    }
    for order in [10, 11] {
        assert_eq!(VchanOrders::new(order, order), Err(VchanError::SamePlace { order }));
    }
    // Beside a ring at 1024 there is room for 250 references, for 506 beside one at 2048, for 1018
    // beside none.
    assert_eq!(VchanOrders::new(10, 20), Err(VchanError::Refs { found: 256, limit: 250 }));
    assert!(VchanOrders::new(10, 19).is_ok());
    assert!(VchanOrders::new(11, 20).is_ok());
    assert_eq!(
        VchanOrders::new(20, 20).map(|orders| orders.left_pages() + orders.right_pages()),
        Ok(512)
    );
}

#[test]
fn a_client_finds_the_servers_own_pages_and_no_others() {
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
fn a_ring_in_parts_is_the_same_stream_as_in_one() {
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
    // Miri looks at the accesses, of which there are few kinds.
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
fn a_notification_is_sent_when_it_was_asked_for_and_once() {
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
fn an_end_that_leaves_is_missed_and_its_last_words_are_read() {
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

#[test]
fn d_r11_sizes_and_own_indices_that_the_peer_overwrites_are_not_used() {
    let mut page = page();
    let mem = SharedMem::from_pages(&mut page);
    let (mut server, mut client) = pair(mem);
    let _ = (server.write(b"one").unwrap(), client.write(b"two").unwrap());
    mem.u16::<LEFT_ORDER>().store(20, Relaxed);
    mem.u16::<RIGHT_ORDER>().store(u16::MAX, Relaxed);
    // The server's own two.
    mem.u32::<{ LEFT + CONS }>().store(999, Relaxed);
    mem.u32::<{ RIGHT + PROD }>().store(999, Relaxed);
    let mut out = [0; 8];
    assert_eq!((server.read(&mut out).map(|done| done.0), &out[..3]), (Ok(3), &b"two"[..]));
    assert_eq!(server.write(b"!").map(|done| done.0), Ok(1));
    assert_eq!((client.read(&mut out).map(|done| done.0), &out[..4]), (Ok(4), &b"one!"[..]));
}

proptest! {
    /// XSA-86: for all indices, what can be read or written is within the ring's size, or the
    /// connection has failed.
    #[test]
    fn d_r11_no_index_leads_out_of_the_ring(own: u32, peer: u32) {
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
        // Nothing was written outside of the server's own ring and the words that are its own.
        prop_assert_eq!(mem.read::<[u8; 1000]>(24), Some([0; 1000]));
        prop_assert_eq!(mem.read::<[u8; 1024]>(1024), Some([0; 1024]));
    }

    #[test]
    fn a_stream_arrives_whole_and_nobody_sleeps_through(start: u32, steps in proptest::collection::vec((any::<bool>(), 0usize..3000), 1..if cfg!(miri) { 12 } else { 80 })) {
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
                prop_assert!(done == 0 || !writer_sleeps, "there was room and nobody woke the writer");
                sent += done;
                reader_sleeps &= notify == Notify::Skip;
                writer_sleeps = done < count && !server.final_check_writable(1).unwrap();
            } else {
                let (done, notify) = client.read(&mut bytes).unwrap();
                prop_assert!(done == 0 || !reader_sleeps, "bytes came and nobody woke the reader");
                prop_assert!(bytes[..done].iter().enumerate().all(|(i, byte)| *byte == ((got + i) * 13) as u8));
                got += done;
                writer_sleeps &= notify == Notify::Skip;
                reader_sleeps = done < count && !client.final_check_readable().unwrap();
            }
        }
    }
}
