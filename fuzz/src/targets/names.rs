//! Names and numbers that people and peers write: disks, addresses, interfaces, numbers in nodes.

use crate::input::head;
use xen_front::block::VbdNumber;
use xen_front::net::{MacAddress, Vif};
use xen_store::wire::parse_number;
use xen_store::{PathText, wire::check_path};

/// Runs the target.
pub fn run(mut bytes: &[u8]) {
    let number = VbdNumber(u32::from_le_bytes(head(&mut bytes)));
    if let Some(place) = number.name() {
        assert_eq!(place.number().and_then(|number| number.name()), Some(place));
        let name = number.to_string();
        assert_eq!(
            name.parse::<VbdNumber>().map(|number| number.name()),
            Ok(Some(place)),
            "{name}"
        );
    }
    if let Ok(mac) = MacAddress::parse(bytes) {
        assert_eq!(MacAddress::parse(mac.to_string().as_bytes()), Ok(mac));
    }
    let text = core::str::from_utf8(bytes).ok();
    let strict = text.filter(|text| !text.starts_with('+'));
    assert_eq!(parse_number::<i64>(bytes).ok(), strict.and_then(|text| text.parse().ok()));
    assert_eq!(parse_number::<u32>(bytes).ok(), strict.and_then(|text| text.parse().ok()));
    if let Some(text) = text {
        if let Ok(number) = text.parse::<VbdNumber>() {
            let again = number.to_string().parse::<VbdNumber>();
            assert_eq!(again.map(|number| number.name()), Ok(number.name()));
        }
        if let Some(vif) = Vif::parse(text) {
            assert_eq!(Vif::parse(&vif.to_string()), Some(vif));
        }
        let path = PathText::new(&text);
        assert!(path.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(check_path(bytes).is_err() || text.ends_with(path.as_str()));
    }
}
