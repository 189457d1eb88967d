//! The cases.

use super::client::{Check, Client, Shown, differs, text};
use super::list::{Case, cases};
use core::fmt::Write;
use xen_store::Runtime;
use xen_store::connection::Transport;
use xen_store::wire::{MessageType as M, parse_number};

type C<'c, 'h, H, T> = &'c mut Client<'h, H, T>;

cases! { Nodes;
    any "a value is read as it was written",
        |c| { c.ok(M::WRITE, b"$/a\0value")?; c.is(M::READ, b"$/a\0", b"value") };
    any "a value can be empty", |c| { c.ok(M::WRITE, b"$/a\0")?; c.is(M::READ, b"$/a\0", b"") };
    any "a value can be any bytes",
        |c| { c.ok(M::WRITE, b"$/a\0\0\x01\xff\n\0")?; c.is(M::READ, b"$/a\0", b"\0\x01\xff\n\0") };
    any "a value of 1500 bytes is kept", |c| {
        let value = [b'v'; 1500];
        c.done(M::WRITE, &[b"$/a\0", &value])?;
        c.is(M::READ, b"$/a\0", &value)
    };
    any "a shorter value takes the place of a longer one", |c| {
        c.ok(M::WRITE, b"$/a\0longer")?;
        c.ok(M::WRITE, b"$/a\0s")?;
        c.is(M::READ, b"$/a\0", b"s")
    };
    any "what is missing is not read", |c| c.err(M::READ, b"$/none\0", "ENOENT");
    any "what is missing below what is missing is not read",
        |c| c.err(M::READ, b"$/none/none\0", "ENOENT");
    any "writing makes the nodes above, which are empty", |c| {
        c.ok(M::WRITE, b"$/a/b/c\0x")?;
        c.is(M::READ, b"$/a/b\0", b"")?;
        c.is(M::READ, b"$/a\0", b"")
    };
    any "a node can have a value and children", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.ok(M::WRITE, b"$/a/b\0y")?;
        c.is(M::READ, b"$/a\0", b"x")?;
        c.lists(b"$/a\0", &["b"])
    };
    any "a directory lists the children and no more", |c| {
        c.ok(M::WRITE, b"$/a/b\0x")?;
        c.ok(M::WRITE, b"$/a/c/d\0x")?;
        c.ok(M::WRITE, b"$/ab\0x")?;
        c.lists(b"$/a\0", &["b", "c"])
    };
    any "a directory without children is empty",
        |c| { c.ok(M::MKDIR, b"$/a\0")?; c.is(M::DIRECTORY, b"$/a\0", b"") };
    any "a missing directory is not listed", |c| c.err(M::DIRECTORY, b"$/none\0", "ENOENT");
    any "mkdir makes an empty node",
        |c| { c.ok(M::MKDIR, b"$/a\0")?; c.is(M::READ, b"$/a\0", b"") };
    any "mkdir makes the nodes above",
        |c| { c.ok(M::MKDIR, b"$/a/b\0")?; c.lists(b"$/a\0", &["b"]) };
    any "mkdir leaves what is there as it is", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.ok(M::MKDIR, b"$/a\0")?;
        c.is(M::READ, b"$/a\0", b"x")
    };
    any "rm removes a node", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.ok(M::RM, b"$/a\0")?;
        c.err(M::READ, b"$/a\0", "ENOENT")?;
        c.lists(b"$\0", &[])
    };
    any "rm removes all below a node", |c| {
        c.ok(M::WRITE, b"$/a/b/c\0x")?;
        c.ok(M::RM, b"$/a\0")?;
        c.err(M::READ, b"$/a/b/c\0", "ENOENT")?;
        c.ok(M::MKDIR, b"$/a\0")?;
        c.lists(b"$/a\0", &[])
    };
    any "rm leaves what is beside a node", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.ok(M::WRITE, b"$/ab\0y")?;
        c.ok(M::RM, b"$/a\0")?;
        c.is(M::READ, b"$/ab\0", b"y")
    };
    any "rm of a missing node in a directory is done", |c| c.ok(M::RM, b"$/none\0");
    any "rm of a missing node in a missing directory is refused",
        |c| c.err(M::RM, b"$/none/none\0", "ENOENT");
    any "a removed node can be written again", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.ok(M::RM, b"$/a\0")?;
        c.ok(M::WRITE, b"$/a\0y")?;
        c.is(M::READ, b"$/a\0", b"y")
    };
    control "the root is not removed", |c| c.err(M::RM, b"/\0", "EINVAL");
    any "a relative path begins at the domain's home", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.is(M::READ, b"~/$/a\0", b"x")?;
        c.ok(M::WRITE, b"~/$/b\0y")?;
        c.is(M::READ, b"$/b\0", b"y")
    };
    any "names have letters, digits and -_@", |c| {
        c.ok(M::WRITE, b"$/aZ09-_@x\0x")?;
        c.lists(b"$\0", &["aZ09-_@x"])
    };
    any "upper and lower case are different", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.err(M::READ, b"$/A\0", "ENOENT")
    };
    any "a path of 2048 bytes is taken", |c| {
        // Names of 63 bytes: a list of names counts for the size of the node above.
        let mut names = [b'n'; 2048];
        names.iter_mut().step_by(64).for_each(|byte| *byte = b'/');
        let len = 2048 - c.base.len();
        // The last name is not to be empty.
        let cut = if len % 64 == 1 { len - 1 } else { len };
        let names = names.get(..cut).unwrap_or_default();
        c.done(M::WRITE, &[b"$", names, b"\0x"])
    };
}

cases! { Refusals;
    any "an empty path is refused", |c| c.err(M::READ, b"\0", "EINVAL");
    any "an empty name is refused", |c| c.err(M::READ, b"$//a\0", "EINVAL");
    any "a path that ends in a slash is refused", |c| c.err(M::READ, b"$/\0", "EINVAL");
    any "a path of slashes is refused", |c| c.err(M::READ, b"//\0", "EINVAL");
    any "writing to a path that ends in a slash is refused",
        |c| c.err(M::WRITE, b"$/a/\0x", "EINVAL");
    any "a blank in a path is refused", |c| c.err(M::WRITE, b"$/a b\0x", "EINVAL");
    any "a dot in a path is refused", |c| c.err(M::WRITE, b"$/a.b\0x", "EINVAL");
    any "a colon in a path is refused", |c| c.err(M::WRITE, b"$/a:b\0x", "EINVAL");
    any "a byte that is not ASCII in a path is refused",
        |c| c.err(M::WRITE, b"$/a\xe4\0x", "EINVAL");
    any "a control character in a path is refused", |c| c.err(M::WRITE, b"$/a\n\0x", "EINVAL");
    any "a relative path of 2049 bytes is refused", |c| {
        let name = [b'n'; 2049];
        c.refused(M::WRITE, &[&name, b"\0x"], "EINVAL")
    };
    any "an absolute path of 3073 bytes is refused", |c| {
        let name = [b'n'; 3072];
        c.refused(M::READ, &[b"/", &name, b"\0"], "EINVAL")
    };
    any "a special name is no node to read", |c| c.err(M::READ, b"@releaseDomain\0", "EINVAL");
    any "a path without its NUL is refused", |c| c.err(M::READ, b"$", "EINVAL");
    any "a write without a path's NUL is refused", |c| c.err(M::WRITE, b"$", "EINVAL");
    any "two paths to read are refused", |c| c.err(M::READ, b"$\0$\0", "EINVAL");
    any "two paths to list are refused", |c| c.err(M::DIRECTORY, b"$\0$\0", "EINVAL");
    any "two paths to remove are refused", |c| c.err(M::RM, b"$/a\0$/b\0", "EINVAL");
    any "a watch without a token is refused", |c| c.err(M::WATCH, b"$\0", "EINVAL");
    any "an unwatch without a token is refused", |c| c.err(M::UNWATCH, b"$\0", "EINVAL");
    any "a request that was withdrawn is not known", |c| c.err(M(20), b"5\0", "ENOSYS");
    any "a request that there never was is not known", |c| c.err(M(999), b"\0", "ENOSYS");
}

cases! { Permissions;
    any "a new node belongs to its maker", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        belongs_to_own(c, b"$/a\0")
    };
    any "permissions are read in order", |c| {
        c.ok(M::MKDIR, b"$/a\0")?;
        c.ok(M::SET_PERMS, b"$/a\0r#\0b7\0n9\0w8\0")?;
        c.is(M::GET_PERMS, b"$/a\0", c.own("r#\0b7\0n9\0w8\0").as_bytes())
    };
    any "a child inherits permissions", |c| {
        c.ok(M::MKDIR, b"$/a\0")?;
        c.ok(M::SET_PERMS, b"$/a\0n#\0r7\0")?;
        c.ok(M::WRITE, b"$/a/b\0x")?;
        c.is(M::GET_PERMS, b"$/a/b\0", c.own("n#\0r7\0").as_bytes())
    };
    any "a child that was there keeps its permissions", |c| {
        c.ok(M::MKDIR, b"$/a/b\0")?;
        c.ok(M::SET_PERMS, b"$/a\0n#\0r7\0")?;
        belongs_to_own(c, b"$/a/b\0")
    };
    any "setting permissions leaves value and children", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.ok(M::MKDIR, b"$/a/b\0")?;
        c.ok(M::SET_PERMS, b"$/a\0n#\0")?;
        c.is(M::READ, b"$/a\0", b"x")?;
        c.lists(b"$/a\0", &["b"])
    };
    any "permissions of a missing node are not read",
        |c| c.err(M::GET_PERMS, b"$/none\0", "ENOENT");
    any "permissions of a missing node are not set", |c| {
        c.err(M::SET_PERMS, b"$/none\0n#\0", "ENOENT")
    };
    any "an unknown letter is refused", |c| c.err(M::SET_PERMS, b"$\0x5\0", "EINVAL");
    any "a permission without a domain is refused", |c| c.err(M::SET_PERMS, b"$\0r\0", "EINVAL");
    any "no permission at all is refused", |c| c.err(M::SET_PERMS, b"$\0", "EINVAL");
    control "the control domain gives nodes away, and may still do all", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.ok(M::SET_PERMS, b"$/a\0n7\0")?;
        c.is(M::GET_PERMS, b"$/a\0", b"n7\0")?;
        c.is(M::READ, b"$/a\0", b"x")?;
        c.ok(M::WRITE, b"$/a\0y")
    };
    control "a node in a directory that was given away belongs to whom the rest does", |c| {
        c.ok(M::MKDIR, b"$/a\0")?;
        c.ok(M::SET_PERMS, b"$/a\0n7\0")?;
        c.ok(M::WRITE, b"$/a/b\0x")?;
        c.is(M::GET_PERMS, b"$/a/b\0", b"n7\0")
    };
    guest "a guest gives no node away",
        |c| { c.ok(M::MKDIR, b"$/a\0")?; c.err(M::SET_PERMS, b"$/a\0n0\0", "EPERM") };
    guest "a guest writes no other domain's nodes",
        |c| c.err(M::WRITE, b"/local/domain/0/c\0x", "EACCES");
    guest "a guest makes no nodes at the root", |c| c.err(M::MKDIR, b"/conformance\0", "EACCES");
    guest "a guest does not remove its own home", |c| c.err(M::RM, b"~\0", "EACCES");
    guest "a guest does not write what the toolstack made for it to read",
        |c| c.err(M::WRITE, b"domid\0x", "EACCES");
    guest "a guest cannot detect nodes in a directory that it may not read", |c| {
        c.err(M::READ, b"/local/domain/0/none\0", "EACCES")
    };
    guest "a guest introduces no domain", |c| c.err(M::INTRODUCE, b"77\x0077\x001\0", "EACCES");
    guest "a guest releases no domain", |c| c.err(M::RELEASE, b"77\0", "EACCES");
    guest "a guest resumes no domain", |c| c.err(M::RESUME, b"77\0", "EACCES");
    guest "a guest gets no target", |c| c.err(M::SET_TARGET, b"77\x000\0", "EACCES");
    guest "a guest does not control the server", |c| c.err(M::CONTROL, b"help\0", "EACCES");
}

cases! { Transactions;
    any "what a transaction writes is seen in it and not outside", |c| {
        c.ok(M::WRITE, b"$/a\0old")?;
        let tx = c.begin()?;
        c.ok(M::WRITE, b"$/a\0new")?;
        c.is(M::READ, b"$/a\0", b"new")?;
        c.tx = 0;
        c.is(M::READ, b"$/a\0", b"old")?;
        c.tx = tx;
        c.commit()?;
        c.is(M::READ, b"$/a\0", b"new")
    };
    any "what a transaction made is gone when it is aborted", |c| {
        c.begin()?;
        c.ok(M::WRITE, b"$/a/b\0x")?;
        c.abort()?;
        c.err(M::READ, b"$/a\0", "ENOENT")
    };
    any "a transaction sees the store as it was when it began", |c| {
        c.ok(M::WRITE, b"$/a\0old")?;
        c.begin()?;
        c.is(M::READ, b"$/a\0", b"old")?;
        c.outside(M::WRITE, b"$/a\0new")?;
        c.is(M::READ, b"$/a\0", b"old")?;
        c.abort()
    };
    any "a write to what was read is a conflict", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.begin()?;
        c.is(M::READ, b"$/a\0", b"x")?;
        c.ok(M::WRITE, b"$/b\0x")?;
        c.outside(M::WRITE, b"$/a\0y")?;
        c.conflict()?;
        c.err(M::READ, b"$/b\0", "ENOENT")
    };
    any "a write to what was written is a conflict", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.begin()?;
        c.ok(M::WRITE, b"$/a\0y")?;
        c.outside(M::WRITE, b"$/a\0z")?;
        c.conflict()?;
        c.is(M::READ, b"$/a\0", b"z")
    };
    any "a write of the same value is a conflict", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.begin()?;
        c.ok(M::WRITE, b"$/a\0y")?;
        c.outside(M::WRITE, b"$/a\0x")?;
        c.conflict()
    };
    any "the removal of what was read is a conflict", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.begin()?;
        c.is(M::READ, b"$/a\0", b"x")?;
        c.ok(M::WRITE, b"$/b\0x")?;
        c.outside(M::RM, b"$/a\0")?;
        c.conflict()
    };
    any "what was missing and is there now is a conflict", |c| {
        c.begin()?;
        c.err(M::READ, b"$/a\0", "ENOENT")?;
        c.ok(M::WRITE, b"$/b/c\0x")?;
        c.outside(M::WRITE, b"$/a\0x")?;
        c.conflict()
    };
    any "two transactions that write the same node are in conflict", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        let first = c.begin()?;
        let second = c.begin()?;
        c.ok(M::WRITE, b"$/a\0second")?;
        c.tx = first;
        c.ok(M::WRITE, b"$/a\0first")?;
        c.commit()?;
        c.tx = second;
        c.conflict()?;
        c.is(M::READ, b"$/a\0", b"first")
    };
    any "writes to other nodes are no conflict", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.ok(M::WRITE, b"$/b\0x")?;
        c.begin()?;
        c.ok(M::WRITE, b"$/a\0y")?;
        c.outside(M::WRITE, b"$/b\0y")?;
        c.commit()?;
        c.is(M::READ, b"$/a\0", b"y")?;
        c.is(M::READ, b"$/b\0", b"y")
    };
    any "two new nodes in one directory are in conflict", |c| {
        c.begin()?;
        c.ok(M::WRITE, b"$/a\0x")?;
        c.outside(M::WRITE, b"$/b\0x")?;
        c.conflict()
    };
    any "a transaction that only reads is in conflict too", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.begin()?;
        c.is(M::READ, b"$/a\0", b"x")?;
        c.outside(M::WRITE, b"$/a\0y")?;
        c.conflict()
    };
    any "a transaction that does nothing is committed", |c| { c.begin()?; c.commit() };
    any "a transaction that only reads is committed", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        c.begin()?;
        c.is(M::READ, b"$/a\0", b"x")?;
        c.commit()
    };
    any "a removal is part of a transaction", |c| {
        c.ok(M::WRITE, b"$/a/b\0x")?;
        let tx = c.begin()?;
        c.ok(M::RM, b"$/a\0")?;
        c.err(M::READ, b"$/a/b\0", "ENOENT")?;
        c.tx = 0;
        c.is(M::READ, b"$/a/b\0", b"x")?;
        c.tx = tx;
        c.commit()?;
        c.err(M::READ, b"$/a\0", "ENOENT")
    };
    any "what was removed can be made again in a transaction", |c| {
        c.ok(M::WRITE, b"$/a/b\0x")?;
        c.begin()?;
        c.ok(M::RM, b"$/a\0")?;
        c.ok(M::WRITE, b"$/a/c\0y")?;
        c.lists(b"$/a\0", &["c"])?;
        c.commit()?;
        c.lists(b"$/a\0", &["c"])
    };
    any "mkdir is part of a transaction", |c| {
        let tx = c.begin()?;
        c.ok(M::MKDIR, b"$/a\0")?;
        c.lists(b"$\0", &["a"])?;
        c.tx = 0;
        c.lists(b"$\0", &[])?;
        c.tx = tx;
        c.commit()?;
        c.lists(b"$\0", &["a"])
    };
    any "permissions are part of a transaction", |c| {
        c.ok(M::MKDIR, b"$/a\0")?;
        c.begin()?;
        c.ok(M::SET_PERMS, b"$/a\0n#\0r7\0")?;
        c.is(M::GET_PERMS, b"$/a\0", c.own("n#\0r7\0").as_bytes())?;
        c.commit()?;
        c.is(M::GET_PERMS, b"$/a\0", c.own("n#\0r7\0").as_bytes())
    };
    any "the removal below what a transaction removes is a conflict", |c| {
        c.ok(M::WRITE, b"$/a/b/c\0x")?;
        c.begin()?;
        c.ok(M::RM, b"$/a\0")?;
        c.outside(M::WRITE, b"$/a/b/c\0y")?;
        c.conflict()
    };
    any "after its end a transaction is not known", |c| {
        let tx = c.begin()?;
        c.commit()?;
        c.tx = tx;
        c.err(M::READ, b"$\0", "ENOENT")?;
        c.err(M::TRANSACTION_END, b"T\0", "ENOENT")
    };
    any "after a conflict a transaction is not known", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        let tx = c.begin()?;
        c.ok(M::WRITE, b"$/a\0y")?;
        c.outside(M::WRITE, b"$/a\0z")?;
        c.conflict()?;
        c.tx = tx;
        c.err(M::READ, b"$\0", "ENOENT")
    };
    any "a transaction that there is not is refused", |c| {
        c.tx = 0x7fff_fff7;
        c.err(M::WRITE, b"$/a\0x", "ENOENT")?;
        c.err(M::TRANSACTION_END, b"F\0", "ENOENT")
    };
    any "the end of no transaction is refused", |c| c.err(M::TRANSACTION_END, b"T\0", "ENOENT");
    any "an end that is neither is refused", |c| {
        let tx = c.begin()?;
        c.err(M::TRANSACTION_END, b"X\0", "EINVAL")?;
        c.tx = tx;
        let _ = c.ask(M::TRANSACTION_END, &[b"F\0"])?;
        Ok(())
    };
    any "a transaction in a transaction is refused", |c| {
        c.begin()?;
        c.err(M::TRANSACTION_START, b"\0", "EBUSY")?;
        c.abort()
    };
    any "transactions have numbers of their own", |c| {
        let (first, second) = (c.begin()?, c.begin()?);
        c.abort()?;
        c.tx = first;
        c.abort()?;
        if first == second { Err(differs("two numbers", first)) } else { Ok(()) }
    };
}

cases! { Watches;
    any "a watch fires when it is set", |c| { c.ok(M::WATCH, b"$\0t\0")?; c.fired(&["$ t"]) };
    any "a watch of a missing node fires when it is set",
        |c| { c.ok(M::WATCH, b"$/none\0t\0")?; c.fired(&["$/none t"]) };
    any "a watch fires for its node", |c| {
        watch(c)?;
        c.ok(M::WRITE, b"$/a\0x")?;
        c.fired(&["$/a t"])
    };
    any "a watch fires for what is below, by its path", |c| {
        watch(c)?;
        c.ok(M::WRITE, b"$/a/b/c\0x")?;
        c.fired(&["$/a/b/c t"])
    };
    any "a watch with an absolute path fires with one", |c| {
        c.ok(M::WATCH, b"~/$/a\0t\0")?;
        c.fired(&["~/$/a t"])?;
        c.ok(M::WRITE, b"$/a/b\0x")?;
        c.fired(&["~/$/a/b t"])
    };
    any "a watch does not fire for a node that only begins with its name", |c| {
        watch(c)?;
        c.ok(M::WRITE, b"$/ab\0x")?;
        c.fired(&[])
    };
    any "a watch does not fire for what is above", |c| {
        watch(c)?;
        c.ok(M::WRITE, b"$\0x")?;
        c.fired(&[])
    };
    any "a watch does not fire for reading", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        watch(c)?;
        c.is(M::READ, b"$/a\0", b"x")?;
        c.lists(b"$/a\0", &[])?;
        c.fired(&[])
    };
    any "a watch fires for mkdir",
        |c| { watch(c)?; c.ok(M::MKDIR, b"$/a\0")?; c.fired(&["$/a t"]) };
    any "a watch does not fire for a mkdir that makes nothing", |c| {
        c.ok(M::MKDIR, b"$/a\0")?;
        watch(c)?;
        c.ok(M::MKDIR, b"$/a\0")?;
        c.fired(&[])
    };
    any "a watch fires for the same value again", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        watch(c)?;
        c.ok(M::WRITE, b"$/a\0x")?;
        c.fired(&["$/a t"])
    };
    any "a watch fires for the removal of its node", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        watch(c)?;
        c.ok(M::RM, b"$/a\0")?;
        c.fired(&["$/a t"])
    };
    any "a watch fires once for the removal of a tree below", |c| {
        c.ok(M::WRITE, b"$/a/b/c\0x")?;
        watch(c)?;
        c.ok(M::RM, b"$/a/b\0")?;
        c.fired(&["$/a/b t"])
    };
    any "a watch fires with its own path when what is above is removed", |c| {
        c.ok(M::WRITE, b"$/x/a/b\0x")?;
        c.ok(M::WATCH, b"$/x/a\0t\0")?;
        c.fired(&["$/x/a t"])?;
        c.ok(M::RM, b"$/x\0")?;
        c.fired(&["$/x/a t"])
    };
    any "a removal fires for what is below first", |c| {
        c.ok(M::WRITE, b"$/x/a/b\0x")?;
        c.ok(M::WATCH, b"$/x\0t\0")?;
        c.ok(M::WATCH, b"$/x/a\0u\0")?;
        c.ok(M::WATCH, b"$/x/a/b\0v\0")?;
        c.fired(&["$/x t", "$/x/a u", "$/x/a/b v"])?;
        c.ok(M::RM, b"$/x\0")?;
        c.fired_in_order(&["$/x/a/b v", "$/x/a u", "$/x t"])
    };
    any "a removal in a transaction fires for what is above first", |c| {
        c.ok(M::WRITE, b"$/x/a\0x")?;
        c.ok(M::WATCH, b"$/x\0t\0")?;
        c.ok(M::WATCH, b"$/x/a\0u\0")?;
        c.fired(&["$/x t", "$/x/a u"])?;
        c.begin()?;
        c.ok(M::RM, b"$/x\0")?;
        c.commit()?;
        c.fired_in_order(&["$/x t", "$/x/a u"])
    };
    any "a watch of a missing node does not fire when what is above is removed", |c| {
        c.ok(M::MKDIR, b"$/x\0")?;
        c.ok(M::WATCH, b"$/x/none\0t\0")?;
        c.fired(&["$/x/none t"])?;
        c.ok(M::RM, b"$/x\0")?;
        c.fired(&[])
    };
    any "a watch does not fire for the removal of what is missing", |c| {
        watch(c)?;
        c.ok(M::RM, b"$/a\0")?;
        c.fired(&[])
    };
    any "a watch fires for permissions", |c| {
        c.ok(M::MKDIR, b"$/a\0")?;
        watch(c)?;
        c.ok(M::SET_PERMS, b"$/a\0r#\0")?;
        c.fired(&["$/a t"])
    };
    any "watches with different tokens all fire", |c| {
        c.ok(M::WATCH, b"$/a\0t\0")?;
        c.ok(M::WATCH, b"$/a\0u\0")?;
        c.fired(&["$/a t", "$/a u"])?;
        c.ok(M::WRITE, b"$/a\0x")?;
        c.fired(&["$/a t", "$/a u"])
    };
    any "watches of a node and of what is above both fire", |c| {
        c.ok(M::WATCH, b"$/a\0t\0")?;
        c.ok(M::WATCH, b"$\0u\0")?;
        c.fired(&["$/a t", "$ u"])?;
        c.ok(M::WRITE, b"$/a\0x")?;
        c.fired(&["$/a t", "$/a u"])
    };
    any "a watch is not set twice", |c| { watch(c)?; c.err(M::WATCH, b"$/a\0t\0", "EEXIST") };
    any "a watch that was ended does not fire", |c| {
        watch(c)?;
        c.ok(M::UNWATCH, b"$/a\0t\0")?;
        c.ok(M::WRITE, b"$/a\0x")?;
        c.fired(&[])
    };
    any "a watch that was ended can be set again", |c| {
        watch(c)?;
        c.ok(M::UNWATCH, b"$/a\0t\0")?;
        watch(c)
    };
    any "the end of one watch leaves the other", |c| {
        watch(c)?;
        c.ok(M::WATCH, b"$/a\0u\0")?;
        c.fired(&["$/a u"])?;
        c.ok(M::UNWATCH, b"$/a\0t\0")?;
        c.ok(M::WRITE, b"$/a\0x")?;
        c.fired(&["$/a u"])
    };
    any "the end of a watch that there is not is refused",
        |c| c.err(M::UNWATCH, b"$/a\0t\0", "ENOENT");
    any "the end of a watch by another token is refused",
        |c| { watch(c)?; c.err(M::UNWATCH, b"$/a\0u\0", "ENOENT") };
    any "a token can be any text", |c| {
        c.ok(M::WATCH, b"$/a\0a b/c:.*\0")?;
        c.fired(&["$/a a b/c:.*"])
    };
    any "a token can be empty", |c| { c.ok(M::WATCH, b"$/a\0\0")?; c.fired(&["$/a "]) };
    any "a watch of a path that is none is refused", |c| c.err(M::WATCH, b"$//a\0t\0", "EINVAL");
    any "a special watch fires when it is set", |c| {
        c.ok(M::WATCH, b"@releaseDomain\0t\0")?;
        c.fired(&["@releaseDomain t"])?;
        c.ok(M::UNWATCH, b"@releaseDomain\0t\0")
    };
    any "a special name that nothing happens to can be watched", |c| {
        c.ok(M::WATCH, b"@nonsense\0t\0")?;
        c.fired(&["@nonsense t"])?;
        c.ok(M::UNWATCH, b"@nonsense\0t\0")
    };
    any "a transaction fires when it is committed", |c| {
        watch(c)?;
        c.begin()?;
        c.ok(M::WRITE, b"$/a/b\0x")?;
        c.fired(&[])?;
        c.commit()?;
        c.fired(&["$/a/b t"])
    };
    any "a transaction that is aborted fires nothing", |c| {
        watch(c)?;
        c.begin()?;
        c.ok(M::WRITE, b"$/a\0x")?;
        c.abort()?;
        c.fired(&[])
    };
    any "a transaction in conflict fires nothing", |c| {
        c.ok(M::WRITE, b"$/b\0x")?;
        watch(c)?;
        c.begin()?;
        c.is(M::READ, b"$/b\0", b"x")?;
        c.ok(M::WRITE, b"$/a\0x")?;
        c.outside(M::WRITE, b"$/b\0y")?;
        c.conflict()?;
        c.fired(&[])
    };
    any "a reset ends watches", |c| {
        watch(c)?;
        c.ok(M::RESET_WATCHES, b"\0")?;
        c.ok(M::WRITE, b"$/a\0x")?;
        c.fired(&[])?;
        c.err(M::UNWATCH, b"$/a\0t\0", "ENOENT")
    };
    any "a reset ends transactions", |c| {
        let tx = c.begin()?;
        c.tx = 0;
        c.ok(M::RESET_WATCHES, b"\0")?;
        c.tx = tx;
        c.err(M::READ, b"$\0", "ENOENT")
    };
    any "a watch of depth 0 fires for its node only", |c| {
        c.ok(M::WATCH, b"$/a\0t\x000\0")?;
        c.fired(&["$/a t"])?;
        c.ok(M::WRITE, b"$/a/b\0x")?;
        c.ok(M::WRITE, b"$/a\0x")?;
        c.fired(&["$/a t"])
    };
}

cases! { Server;
    any "a domain's home has its number",
        |c| c.is(M::GET_DOMAIN_PATH, b"0\0", b"/local/domain/0\0");
    any "a domain that there is not has a home",
        |c| c.is(M::GET_DOMAIN_PATH, b"12345\0", b"/local/domain/12345\0");
    any "a home of no number is refused", |c| c.err(M::GET_DOMAIN_PATH, b"x\0", "EINVAL");
    control "a domain that there is not is not introduced",
        |c| c.is(M::IS_DOMAIN_INTRODUCED, b"32000\0", b"F\0");
    control "the own domain is introduced", |c| c.is(M::IS_DOMAIN_INTRODUCED, b"#\0", b"T\0");
    control "a domain that there is not is not released",
        |c| c.err(M::RELEASE, b"32000\0", "ENOENT");
    control "a domain that there is not is not resumed", |c| c.err(M::RESUME, b"32000\0", "ENOENT");
    control "a domain that there is not gets no target",
        |c| c.err(M::SET_TARGET, b"32000\x0032001\0", "ENOENT");
    control "the server lists its commands", |c| c.done(M::CONTROL, &[b"help\0"]);
    control "an order that there is not is refused", |c| c.err(M::CONTROL, b"nonsense\0", "EINVAL");
    any "a small directory comes in one part, which an empty name ends", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        match part(c, 0)? {
            (_, b"a\0\0") => Ok(()),
            (_, list) => Err(differs("a and an empty name", Shown(list))),
        }
    };
    any "a part behind the end is an empty name", |c| {
        match part(c, 900)? {
            (_, b"\0") => Ok(()),
            (_, list) => Err(differs("an empty name", Shown(list))),
        }
    };
    any "a part of a missing directory is refused",
        |c| c.err(M::DIRECTORY_PART, b"$/none\x000\0", "ENOENT");
    any "the generation changes with the children", |c| {
        let (first, same) = (part(c, 0)?.0, part(c, 0)?.0);
        c.ok(M::MKDIR, b"$/a\0")?;
        let changed = part(c, 0)?.0;
        if first != same {
            return Err(differs(first, same));
        }
        if first == changed { Err(differs("another generation", changed)) } else { Ok(()) }
    };
    any "many requests in flight are all answered", |c| {
        c.ok(M::WRITE, b"$/a\0x")?;
        let mut first = None;
        for _ in 0..16 {
            let id = c.send(M::READ, &[b"$/a\0"]).map_err(|broken| differs("a request", broken))?;
            first.get_or_insert(id);
        }
        let mut seen = 0u32;
        for _ in 0..16 {
            let (header, len) = c.receive().map_err(|broken| differs("a reply", broken))?;
            let index = header.req_id.wrapping_sub(first.unwrap_or_default());
            if index >= 16 || c.body(len) != b"x" {
                return Err(differs("one of 16 replies", format_args!("request {index}")));
            }
            seen |= 1 << index;
        }
        if seen == 0xffff {
            return Ok(());
        }
        Err(differs("all 16 replies", format_args!("{seen:#x}")))
    };
    control "a request and a reply have up to 4096 bytes", |c| {
        let value = [b'v'; 4096];
        let len = 4096 - c.base.len() - 3;
        let value = value.get(..len).unwrap_or_default();
        c.done(M::WRITE, &[b"$/a\0", value])?;
        c.is(M::READ, b"$/a\0", value)
    };
    guest "a guest's node has no more than its quota", |c| {
        let value = [b'v'; 3000];
        c.refused(M::WRITE, &[b"$/a\0", &value], "ENOSPC")
    };
    guest "a guest has no more transactions than its quota", |c| {
        for _ in 0..64 {
            c.tx = 0;
            match c.ask(M::TRANSACTION_START, &[b"\0"])? {
                Ok(_) => {}
                Err("ENOSPC") => return c.ok(M::RESET_WATCHES, b"\0"),
                Err(name) => return Err(differs("ENOSPC", name)),
            }
        }
        Err(differs("ENOSPC", "64 transactions"))
    };
    guest "a guest has no more watches than its quota", |c| {
        let mut name = heapless::String::<32>::new();
        for number in 0..1024 {
            name.clear();
            let _ = write!(name, "$/a\0{number}\0");
            match c.ask(M::WATCH, &[name.as_bytes()])? {
                Ok(_) => {}
                Err("E2BIG") => return c.ok(M::RESET_WATCHES, b"\0"),
                Err(name) => return Err(differs("E2BIG", name)),
            }
        }
        Err(differs("E2BIG", "1024 watches"))
    };
}

cases! { Last;
    any "a request of nothing is refused", |c| c.err(M::READ, b"", "EINVAL");
    any "a change of nothing is refused", |c| c.err(M::WRITE, b"", "EINVAL");
    any "the server says which features it has", |c| {
        let found = c.ask(M::GET_FEATURE, &[])?.map_err(|name| differs("a number", name))?;
        let number = parse_number::<u32>(found.strip_suffix(b"\0").unwrap_or_default());
        number.map(drop).map_err(|_| differs("a number", Shown(found)))
    };
    control "the server says which quotas it has", |c| {
        let found = c.ask(M::GET_QUOTA, &[])?.map_err(|name| differs("a list", name))?;
        let words = found.split(|&byte| matches!(byte, 0 | b' '));
        let has = |name: &[u8]| words.clone().any(|word| word == name);
        if has(b"nodes") && has(b"watches") && has(b"transactions") {
            Ok(())
        } else {
            Err(differs("nodes, watches, transactions", Shown(found)))
        }
    };
    control "a large directory is refused in one and whole in parts", |c| {
        let mut name = heapless::String::<128>::new();
        for number in 0..80 {
            name.clear();
            let _ = write!(name, "$/{number:0>56}\0");
            c.ok(M::MKDIR, name.as_bytes())?;
        }
        c.err(M::DIRECTORY, b"$\0", "E2BIG")?;
        let (mut offset, mut names) = (0, 0);
        loop {
            let (_, list) = part(c, offset)?;
            names += list.split(|&byte| byte == 0).filter(|name| name.len() == 56).count();
            offset += list.len();
            if list.is_empty() || list.ends_with(b"\0\0") {
                return if names == 80 { Ok(()) } else { Err(differs(80, names)) };
            }
        }
    };
}

/// Sets a watch on `$/a` and takes its first event.
#[track_caller]
fn watch<H: Runtime, T: Transport>(c: C<'_, '_, H, T>) -> Check {
    c.ok(M::WATCH, b"$/a\0t\0")?;
    c.fired(&["$/a t"])
}

/// Makes a node whose first permission is the own domain's.
#[track_caller]
fn belongs_to_own<H: Runtime, T: Transport>(c: C<'_, '_, H, T>, payload: &[u8]) -> Check {
    let expected = c.own("n#\0");
    match c.ask(M::GET_PERMS, &[payload])? {
        Ok(found) if found.starts_with(expected.as_bytes()) => Ok(()),
        Ok(found) => Err(differs(Shown(expected.as_bytes()), Shown(found))),
        Err(name) => Err(differs(Shown(expected.as_bytes()), name)),
    }
}

/// Returns the list of the case's directory from `offset` on, and its generation.
#[track_caller]
fn part<'c, H: Runtime, T: Transport>(c: C<'c, '_, H, T>, offset: usize) -> Check<(u64, &'c [u8])> {
    let request = text(format_args!("$\0{offset}\0"));
    let found =
        c.ask(M::DIRECTORY_PART, &[request.as_bytes()])?.map_err(|name| differs("a part", name))?;
    let end = found.iter().position(|&byte| byte == 0).unwrap_or(found.len());
    let generation = parse_number(found.get(..end).unwrap_or_default())
        .map_err(|_| differs("a generation", Shown(found)))?;
    Ok((generation, found.get(end + 1..).unwrap_or_default()))
}
