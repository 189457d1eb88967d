//! The example's output.

#[test]
fn example_reports_each_step() {
    let mut out = Vec::new();
    xen_example_grants::run(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let expected = [
        "owner: grants 13 bytes at 256 as grant 8",
        "broker: forwards it as grant 8",
        "reader: copies \"granted bytes\"",
        "reader: can't copy the next byte: grant 8 refused",
        "reader: can't copy after the owner's end of access: grant 8 refused",
        "owner: swaps two pages; the reader finds \"new\" by grant 8",
        "reader: serves 6 requests with 2 mappings",
        "owner: ends its grants; 2 are deferred, because the reader maps them",
        "reader: unmaps the pages; 0 are deferred now",
        "all: no grant is left, no page is lost",
    ];
    assert_eq!(text.lines().count(), expected.len(), "{text}");
    for (line, expected) in text.lines().zip(expected) {
        assert!(line.starts_with(expected), "found {line}, expected {expected}");
    }
}
