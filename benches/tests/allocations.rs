//! The code of every request allocates nothing.

#[test]
fn no_path_allocates_after_construction() {
    for case in xen_bench::cases() {
        let outcome = (case.run)(20);
        assert!(outcome.units > 0, "{}", case.name);
        assert_eq!(outcome.allocations, 0, "{}", case.name);
    }
}
