//! xenstore at a shell of Linux, with the same client that kernels have: `xs ls PATH`, `xs check`.
//! Without `--device` or `--socket` it uses the socket of this host's server, and then the
//! kernel's device.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;
use xen_store::wire::{Access, Permission};
use xen_store::{Watch, XsOps};
use xenstored::user::{self, ProcessRuntime, Stream, UserStore};

const USAGE: &str = "usage: xs [--device PATH | --socket PATH] \
    ls PATH | read PATH | write PATH VALUE | rm PATH | watch PATH [DEPTH] | check";

type Done<T = ()> = Result<T, Box<dyn Error>>;
type Open<'a> = &'a dyn Fn() -> std::io::Result<UserStore>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (open, command): (Box<dyn Fn() -> _>, _) = match words.as_slice() {
        ["--device", path, rest @ ..] => (Box::new(move || user::open_device(path)), rest),
        ["--socket", path, rest @ ..] => (Box::new(move || user::connect(path)), rest),
        rest => (Box::new(user::open), rest),
    };
    match run(&*open, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xs: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(open: Open<'_>, command: &[&str]) -> Done {
    match *command {
        ["ls", path] => open()?.list(path)?.iter().for_each(|name| println!("{name}")),
        ["read", path] => println!("{}", open()?.read_text(path)?),
        ["write", path, value] => open()?.write(path, value)?,
        ["rm", path] => open()?.remove(path)?,
        ["watch", path] => {
            let store = open()?;
            print_events(&store, &store.watch(path)?)?;
        }
        ["watch", path, depth] => {
            let store = open()?;
            print_events(&store, &store.watch_to_depth(path, depth.parse()?)?)?;
        }
        ["check"] => return check(open),
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

/// Prints the path of each event, without an end.
fn print_events(store: &UserStore, watch: &Watch<ProcessRuntime, Stream>) -> Done {
    loop {
        let deadline = store.platform().deadline_after(Duration::from_secs(3600));
        if let Some(event) = watch.wait_next(deadline)? {
            println!("{}", event.path());
        }
    }
}

/// Directory of `xs check`, which removes it at the end.
const HOME: &str = "data/xs-check";

/// One thing to try, and what it is called.
type Case<'a> = (&'a str, &'a dyn Fn(&UserStore) -> Done);

fn check(open: Open<'_>) -> Done {
    let store = open()?;
    let cases: [Case<'_>; 8] = [
        ("a value is written, read and removed", &values),
        ("permissions are set and read", &permissions),
        ("a list longer than a message is read in parts", &long_list),
        ("requests under way at once are each answered", &many_at_once),
        ("a transaction takes effect as a whole, or not", &transactions),
        ("a transaction in conflict is tried again", &conflict),
        ("a watch fires for what is below its node", &watch),
        ("a second client leaves the watches of the first alone", &|store| {
            second_client(store, open)
        }),
    ];
    let mut passed = 0;
    for (name, case) in cases {
        let _ = store.remove(HOME);
        match case(&store) {
            Ok(()) => {
                passed += 1;
                println!("ok      {name}");
            }
            Err(error) => println!("DIFFERS {name}: {error}"),
        }
    }
    let _ = store.remove(HOME);
    println!("{passed} of {} cases passed", cases.len());
    if passed == cases.len() { Ok(()) } else { Err("this is not xenstore as it should be".into()) }
}

/// Says what was found where something else was expected.
fn is<T: PartialEq + std::fmt::Debug + ?Sized>(found: &T, expected: &T) -> Done {
    if found == expected {
        Ok(())
    } else {
        Err(format!("found {found:?}, expected {expected:?}").into())
    }
}

fn values(store: &UserStore) -> Done {
    let node = format!("{HOME}/a");
    store.write(&node, "one")?;
    is(store.read_text(&node)?.as_str(), "one")?;
    is(&store.list(HOME)?, &vec!["a".to_owned()])?;
    store.remove(&node)?;
    is(&store.exists(&node)?, &false)
}

fn permissions(store: &UserStore) -> Done {
    store.mkdir(HOME)?;
    let domain = store.permissions::<4>(HOME)?.first().ok_or("no owner")?.domain;
    let wanted = [Permission { access: Access::Read, domain }];
    store.set_permissions(HOME, &wanted)?;
    is(store.permissions::<4>(HOME)?.as_slice(), &wanted)
}

fn long_list(store: &UserStore) -> Done {
    const NAMES: usize = 600;
    store.transaction(|transaction| -> Done {
        (0..NAMES)
            .try_for_each(|number| transaction.mkdir(format_args!("{HOME}/node-{number}")))?;
        Ok(())
    })?;
    is(&store.list(HOME)?.len(), &NAMES)
}

fn many_at_once(store: &UserStore) -> Done {
    let node = |number| format!("{HOME}/{number}");
    for number in 0..3 {
        store.write_fmt(node(number), number)?;
    }
    for _ in 0..100 {
        let pending =
            (0..3).map(|number| store.begin_read(node(number))).collect::<Result<Vec<_>, _>>()?;
        for (number, pending) in pending.iter().enumerate().rev() {
            let mut value = [0; 4];
            let len = pending.finish(&mut value)?;
            is(&value[..len], number.to_string().as_bytes())?;
        }
    }
    Ok(())
}

fn transactions(store: &UserStore) -> Done {
    let [one, two] = ["a", "b"].map(|name| format!("{HOME}/{name}"));
    store.transaction(|transaction| -> Done {
        transaction.write(&one, "1")?;
        is(&store.exists(&one)?, &false)?;
        Ok(transaction.write(&two, "2")?)
    })?;
    is(store.read_text(&one)?.as_str(), "1")?;
    is(store.read_text(&two)?.as_str(), "2")?;
    let given_up: Done = store.transaction(|transaction| {
        transaction.remove(&one)?;
        Err("on second thoughts".into())
    });
    is(&given_up.is_err(), &true)?;
    is(&store.exists(&one)?, &true)
}

fn conflict(store: &UserStore) -> Done {
    let node = format!("{HOME}/count");
    store.write(&node, "0")?;
    let mut tries = 0;
    store.transaction(|transaction| -> Done {
        let count = transaction.read_number::<u32>(&node)?;
        tries += 1;
        if tries == 1 {
            store.write(&node, "10")?;
        }
        Ok(transaction.write_fmt(&node, count + 1)?)
    })?;
    is(&(tries, store.read_number::<u32>(&node)?), &(2, 11))
}

fn watch(store: &UserStore) -> Done {
    store.mkdir(HOME)?;
    let watch = store.watch(HOME)?;
    is(next(store, &watch)?.as_str(), HOME)?;
    store.write(format_args!("{HOME}/a/b"), "x")?;
    is(&next(store, &watch)?, &format!("{HOME}/a/b"))
}

fn second_client(store: &UserStore, open: Open<'_>) -> Done {
    store.mkdir(HOME)?;
    let watch = store.watch(HOME)?;
    is(next(store, &watch)?.as_str(), HOME)?;
    let other = open()?;
    let others = other.watch(HOME)?;
    is(next(&other, &others)?.as_str(), HOME)?;
    other.write(format_args!("{HOME}/a"), "x")?;
    is(&next(&other, &others)?, &format!("{HOME}/a"))?;
    drop(others);
    drop(other);
    is(&next(store, &watch)?, &format!("{HOME}/a"))?;
    store.write(format_args!("{HOME}/b"), "x")?;
    is(&next(store, &watch)?, &format!("{HOME}/b"))
}

/// Waits for a watch to fire; returns the path of the event.
fn next(store: &UserStore, watch: &Watch<ProcessRuntime, Stream>) -> Done<String> {
    let event = watch.wait_next(store.platform().deadline_after(Duration::from_secs(5)))?;
    Ok(event.ok_or("no event in five seconds")?.path().to_owned())
}
