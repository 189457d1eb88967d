//! Everything that reads bytes of a xenstore server: headers, lists, events, errors, permissions.

use crate::input::head;
use xen_store::wire::{
    HEADER_LEN, Names, Part, Permission, ServerError, XENSTORE_PAYLOAD_MAX, build, check_path,
    decode, encode, parse_event,
};

/// Runs the target.
pub fn run(mut body: &[u8]) {
    let header: [u8; HEADER_LEN] = head(&mut body);
    match decode(&header) {
        Ok(message) => {
            assert!(message.len as usize <= XENSTORE_PAYLOAD_MAX);
            assert_eq!(encode(&message), header);
        }
        Err(oversized) => assert!(oversized.len as usize > XENSTORE_PAYLOAD_MAX),
    }
    let mut bytes = 0;
    for name in Names::new(body) {
        assert!(!name.is_empty() && !name.contains('\0') && name.is_ascii());
        bytes += name.len();
        if let Some(permission) = Permission::parse(name) {
            assert_eq!(Permission::parse(&permission.to_string()), Some(permission));
        }
    }
    assert!(bytes <= body.len());
    if let Some(event) = parse_event(body) {
        assert!(event.path.len() + event.token.len() + 2 <= body.len());
    }
    let error = ServerError::parse(body);
    assert!(
        error.name().len() <= 15
            && error.to_string().bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
    );
    if let Ok(path) = core::str::from_utf8(body) {
        let mut payload = [0; XENSTORE_PAYLOAD_MAX];
        let built = build(&mut payload, &[Part::Path(format_args!("{path}"))]);
        assert_eq!(built.is_ok(), check_path(body).is_ok());
        assert!(built.is_err() || payload.starts_with(body));
    }
}
