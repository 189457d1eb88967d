use super::*;
use std::string::ToString;

fn event<'a>(path: &'a str, token: &'a str) -> EventText<'a> {
    EventText { path, token: token.as_bytes() }
}

#[test]
fn equal_events_are_merged_in_order() {
    let mut bytes = [0; 2 * WATCH_BYTES];
    let mut watches = Watches::<std::vec::Vec<u8>>::new(2, 9);
    assert_eq!(watches.add(&mut bytes, &"other", None), Ok(0));
    let watch = watches.add(&mut bytes, &"device", None).unwrap();
    let token = watches.token(&mut bytes, watch).unwrap();
    assert_eq!((watch, token), (1, 11 << INDEX_BITS | 1));
    for path in ["device", "device/vbd", "device", "device/vbd", "device/vif"] {
        watches.push(&mut bytes, &event(path, &token.to_string()));
    }
    for path in ["device", "device/vbd", "device/vif"] {
        let event = watches.pop(&mut bytes, watch).unwrap();
        assert_eq!((event.path(), event.is_overflow()), (path, false));
    }
    assert_eq!((watches.pop(&mut bytes, watch), watches.pop(&mut bytes, 0)), (None, None));
}

#[test]
fn overflow_follows_the_kept_events() {
    let mut bytes = [0; WATCH_BYTES];
    let mut watches = Watches::<std::vec::Vec<u8>>::new(1, 0);
    let watch = watches.add(&mut bytes, &"/", None).unwrap();
    let token = watches.token(&mut bytes, watch).unwrap().to_string();
    for number in 0..1000 {
        watches.push(&mut bytes, &event(&std::format!("/name{number}"), &token));
    }
    let mut plain = 0;
    while let Some(event) = watches.pop(&mut bytes, watch) {
        if event.is_overflow() {
            assert_eq!(event.to_string(), "/ (and others)");
            assert_eq!(watches.pop(&mut bytes, watch), None);
            assert!(plain > 20);
            return;
        }
        assert_eq!(event.path(), std::format!("/name{plain}"));
        plain += 1;
    }
    panic!("the overflow was lost");
}

#[test]
fn events_of_unknown_watches_are_dropped() {
    let mut bytes = [0; WATCH_BYTES];
    let mut watches = Watches::<std::vec::Vec<u8>>::new(1, 0);
    let watch = watches.add(&mut bytes, &"a", None).unwrap();
    let token = watches.token(&mut bytes, watch).unwrap();
    let live = token.to_string();
    let next = (token + (1 << INDEX_BITS)).to_string();
    for token in ["", &next, "1", "-1", "x", "99999999999"] {
        watches.push(&mut bytes, &event("a", token));
    }
    assert_eq!(watches.pop(&mut bytes, watch), None);
    watches.push(&mut bytes, &event("b", &live));
    assert!(watches.pop(&mut bytes, watch).unwrap().is_overflow());
    watches.push(&mut bytes, &event("a", &live));
    watches.drop_later(&mut bytes, watch);
    assert_eq!(
        (watches.pop(&mut bytes, watch), watches.next_change(&mut bytes)),
        (None, Some((0, token, Change::End)))
    );
    assert_eq!(watches.add(&mut bytes, &"b", None), Err(ErrorKind::TooManyWatches));
    watches.free(&mut bytes, watch);
    assert_eq!(watches.add(&mut bytes, &"b", None), Ok(0));
    assert_eq!(watches.token(&mut bytes, 0), Some(token + (1 << INDEX_BITS)));
}

#[test]
fn chunks_double_table_up_to_limit() {
    let mut bytes = [0; 2 * WATCH_BYTES];
    let mut watches = Watches::<std::vec::Vec<u8>>::new(2, 0);
    watches.set_limit(100);
    let mut count = 0;
    loop {
        if let Some(len) = watches.wanted_memory(&mut bytes) {
            assert_eq!(watches.add_memory(&mut bytes, std::vec![1; len]), None);
            assert_eq!(watches.add_memory(&mut bytes, std::vec![0; len]), Some(std::vec![0; len]));
        }
        match watches.add(&mut bytes, &std::format!("n{count}"), None) {
            Ok(index) => {
                assert_eq!(watches.path(&mut bytes, index).unwrap(), std::format!("n{count}"));
            }
            Err(kind) => break assert_eq!(kind, ErrorKind::TooManyWatches),
        }
        count += 1;
    }
    assert_eq!((count, watches.more.len()), (100, 5));
    for index in 0..100 {
        let token = watches.token(&mut bytes, index).unwrap().to_string();
        watches.push(&mut bytes, &event(&std::format!("n{index}/x"), &token));
        assert_eq!(watches.pop(&mut bytes, index).unwrap().path(), std::format!("n{index}/x"));
    }
}

#[test]
fn event_reaches_members_it_concerns() {
    let mut bytes = [0; 8 * WATCH_BYTES];
    let mut watches = Watches::<std::vec::Vec<u8>>::new(8, 0);
    let (one, group) = watches.add_member(&mut bytes, "/b", "/b/1/state").unwrap();
    let (two, same) = watches.add_member(&mut bytes, "/b", "/b/12/state").unwrap();
    let token = group.set.unwrap().to_string();
    assert_eq!(same, Group { set: None, ..group });
    for member in [one, two] {
        assert!(watches.clear(&mut bytes, member), "a new watch has an event");
    }
    for (path, events) in [
        ("/b/1/state", [true, false]),
        ("/b/12/state/x", [false, true]),
        ("/b/1", [true, false]),
        ("/b/13", [false, false]),
        ("/b/1/stat", [false, false]),
        ("/b", [true, true]),
    ] {
        watches.push(&mut bytes, &event(path, &token));
        assert_eq!([one, two].map(|member| watches.clear(&mut bytes, member)), events, "{path}");
    }
    // The sentinel is set on a member's parent. Its first event is not news.
    let (sentinel, token, change) = watches.next_change(&mut bytes).unwrap();
    assert_eq!((watches.path(&mut bytes, sentinel), change), (Some("/b/1"), Change::Set));
    watches.told(&mut bytes, sentinel, change);
    let token = token.to_string();
    for (path, events) in [
        ("/b/1", [false, false]),
        ("/b/1/state", [false, false]),
        ("/b/1", [true, true]),
        ("/", [false, false]),
    ] {
        watches.push(&mut bytes, &event(path, &token));
        assert_eq!([one, two].map(|member| watches.clear(&mut bytes, member)), events, "{path}");
    }
    // It follows the members, and is set anew before it ends.
    watches.drop_later(&mut bytes, one);
    let (moved, _, change) = watches.next_change(&mut bytes).unwrap();
    assert_eq!((watches.path(&mut bytes, moved), change), (Some("/b/12"), Change::Set));
    watches.told(&mut bytes, moved, change);
    assert_eq!(watches.next_change(&mut bytes).map(|(index, ..)| index), Some(sentinel));
    watches.told(&mut bytes, sentinel, Change::End);
    watches.drop_later(&mut bytes, two);
    let mut ended = std::vec![];
    while let Some((index, _, change)) = watches.next_change(&mut bytes) {
        ended.push((index, change));
        watches.told(&mut bytes, index, change);
    }
    assert!(ended.len() == 2 && ended.contains(&(group.index, Change::End)));
    assert!(ended.contains(&(moved, Change::End)));
    assert_eq!(watches.count(&mut bytes, |_| true), 0);
}

#[test]
fn long_path_is_not_watched() {
    let mut bytes = [0; WATCH_BYTES];
    let mut watches = Watches::<std::vec::Vec<u8>>::new(1, 0);
    assert_eq!(
        watches.add(&mut bytes, &"a".repeat(256), None),
        Err(ErrorKind::TooLong { limit: 255 })
    );
    assert_eq!(watches.add(&mut bytes, &"a".repeat(255), None), Ok(0));
}

#[test]
fn memory_is_wanted_below_three_free() {
    let mut bytes = [0; 4 * WATCH_BYTES];
    let mut watches = Watches::<std::vec::Vec<u8>>::new(4, 0);
    watches.set_limit(3);
    // A shared watch takes up to three places.
    for (path, wanted) in [("a", None), ("b", None), ("c", Some(8 * WATCH_BYTES))] {
        assert_eq!(watches.wanted_memory(&mut bytes), wanted, "before {path}");
        watches.add(&mut bytes, &path, None).unwrap();
    }
    assert_eq!(watches.wanted_memory(&mut bytes), None, "callers have reached the limit");
}

#[test]
fn limit_counts_members_only() {
    let mut bytes = [0; 5 * WATCH_BYTES];
    let mut watches = Watches::<std::vec::Vec<u8>>::new(5, 0);
    watches.set_limit(2);
    watches.add_member(&mut bytes, "/b", "/b/1/state").unwrap();
    watches.add_member(&mut bytes, "/b", "/b/2/state").unwrap();
    assert_eq!(watches.count(&mut bytes, |_| true), 4);
    assert_eq!(watches.wanted_memory(&mut bytes), None);
    assert_eq!(watches.add(&mut bytes, &"a", None), Err(ErrorKind::TooManyWatches));
    watches.set_limit(3);
    assert_eq!(watches.wanted_memory(&mut bytes), Some(8 * WATCH_BYTES));
    assert_eq!(watches.add(&mut bytes, &"a", None), Ok(4));
}

#[test]
fn sentinel_stays_while_member_is_below() {
    let mut bytes = [0; 8 * WATCH_BYTES];
    let mut watches = Watches::<std::vec::Vec<u8>>::new(8, 0);
    let (one, _) = watches.add_member(&mut bytes, "/b", "/b/1/state").unwrap();
    let (sentinel, token, change) = watches.next_change(&mut bytes).unwrap();
    watches.told(&mut bytes, sentinel, change);
    let (two, _) = watches.add_member(&mut bytes, "/b", "/b/2/state").unwrap();
    assert_eq!((watches.next_change(&mut bytes), watches.is_changed()), (None, false));
    // Once the end was sent to the server, events that are still on the way are of no watch.
    watches.drop_later(&mut bytes, one);
    while let Some((index, _, change)) = watches.next_change(&mut bytes) {
        watches.told(&mut bytes, index, change);
    }
    assert!(watches.clear(&mut bytes, two), "a new watch has an event");
    for _ in 0..2 {
        watches.push(&mut bytes, &event("/b/1", &token.to_string()));
    }
    assert_eq!(watches.pop(&mut bytes, two), None);
}

#[test]
fn member_without_group_takes_no_place() {
    let mut bytes = [0; WATCH_BYTES];
    let mut watches = Watches::<std::vec::Vec<u8>>::new(1, 0);
    assert_eq!(watches.add_member(&mut bytes, "/b", "/b/1"), Err(ErrorKind::TooManyWatches));
    assert_eq!(watches.add(&mut bytes, &"a", None), Ok(0));
}
