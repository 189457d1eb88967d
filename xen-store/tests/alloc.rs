//! The conveniences of feature `alloc`.
#![cfg(feature = "alloc")]

mod double;

use double::with_store;
use xen_store::{ErrorKind, XsOps};

#[test]
fn long_values_and_lists_are_returned() {
    with_store(|_, store| {
        let name = "n".repeat(1000);
        store.write(format_args!("data/{name}"), "text").unwrap();
        assert_eq!(store.list("data").unwrap(), std::slice::from_ref(&name));
        assert_eq!(store.read_text(format_args!("data/{name}")).unwrap(), "text");
        store.write("data/raw", [0xff; 4000]).unwrap();
        assert_eq!(store.read_vec("data/raw").unwrap(), [0xff; 4000]);
        assert_eq!(store.read_text("data/raw").unwrap_err().kind, ErrorKind::NotText);
    });
}
