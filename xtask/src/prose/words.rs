//! Word list: words for a mind, vague actors and the private terms of earlier versions.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Mark in a text that no phrase spans.
pub(super) const BREAK: char = '\u{1}';

/// Forms of a word and the words to use instead.
type Entry = (&'static [&'static str], &'static str);

/// Verbs for a mind: software does not have one.
const MIND: [Entry; 17] = [
    (&["tell", "tells", "told", "telling"], "notifies, returns, reports, writes"),
    (&["hear", "hears", "heard", "hearing"], "receives, reads"),
    (&["know", "knows", "knew"], "has, supports, records"),
    (&["want", "wants", "wanted"], "requests, needs, expects"),
    (&["wish", "wishes", "wished"], "requests"),
    (&["heed", "heeds", "heeded"], "supports, handles"),
    (&["look", "looks", "looked", "looking"], "reads, checks, polls, searches"),
    (&["learn", "learns", "learned", "learnt"], "reads, receives"),
    (&["believe", "believes", "believed"], "uses, accepts"),
    (&["think", "thinks", "thought"], "expects, computes"),
    (&["remember", "remembers", "remembered"], "records, stores"),
    (&["go on", "goes on", "went on", "going on", "gone on"], "continues"),
    (&["let go", "lets go", "letting go"], "releases, unmaps"),
    (&["give up", "gives up", "gave up", "giving up", "given up"], "fails, stops, disconnects"),
    (&["die", "dies", "died", "dying"], "is destroyed, ends"),
    (&["lead astray", "leads astray", "led astray"], "misleads"),
    (&["lie to", "lies to", "lied to"], "sends wrong values to"),
];

/// Actors without a name.
const ACTORS: [Entry; 8] = [
    (&["whoever", "whomever"], "the caller, the driver, the peer"),
    (&["nobody", "no one"], "no driver, no caller, no peer"),
    (&["somebody", "someone"], "a driver, a caller, a peer"),
    (&["everybody", "everyone"], "every driver, every peer"),
    (&["anybody", "anyone"], "any driver, any caller"),
    (&["he", "him", "his"], "the caller, the driver, the user"),
    (&["she", "her", "hers"], "the caller, the driver, the user"),
    (&["they"], "the noun"),
];

/// Private terms in prose that the field has another word for.
const TERMS: [Entry; 15] = [
    (&["seam", "seams"], "platform interface"),
    (&["start of day"], "boot"),
    (&["taken back", "take back", "takes back", "took back", "taking back"], "end access"),
    (&["kept back", "keep back", "keeps back", "keeping back"], "deferred"),
    (&["pass on", "passes on", "passed on", "passing on"], "transitive grant; forwards"),
    (&["part of a page", "parts of pages", "parts of a page"], "sub-page"),
    (&["quarantine", "quarantined"], "deferred"),
    (&["on loan", "lent", "lend", "lends"], "in flight"),
    (&["whim", "whims"], "choice"),
    (&["farewell"], "shutdown notification"),
    (&["seat", "seats"], "domain handle"),
    (&["life of", "lives of", "random lives"], "run, scenario"),
    (&["middle of the runs"], "median"),
    (&["hot plug", "hot-plug", "plugged in"], "hotplug, added"),
    (&["hand on", "hands on", "handed on"], "forwards"),
];

/// Names of definitions and their targets, with the folders in which the name has that meaning.
const NAMES: [(&str, &str, &str); 78] = [
    ("", "StartRing", "BootRing"),
    ("", "in_place_of_ram", "map_over_ram"),
    ("xen-", "Fixed", "StableSharedMem"),
    ("xen-grant", "Shared", "Granted"),
    ("xen-grant", "share_part", "grant_sub_page"),
    ("xen-grant", "pass_on", "grant_transitive"),
    ("xen-grant", "PassedOn", "TransitiveGrant"),
    ("xen-grant", "exchange", "swap_grant_ref"),
    ("xen-grant/src", "reclaim", "end_access"),
    ("xen-grant", "Window", "GrantMapArea"),
    ("xen-grant", "Mapping", "GrantMapping"),
    ("xen-grant", "Pool", "PersistentGrants"),
    ("xen-evtchn", "Lines", "EventDispatcher"),
    ("xen-evtchn", "Line", "PortState"),
    ("xen-evtchn", "start_over", "reset"),
    ("xen-", "of_start_of_day", "from_toolstack"),
    ("xen-", "abandon", "forget"),
    ("xen-", "Resumed", "SuspendOutcome"),
    ("xen-store/src", "Nodes", "XsOps"),
    ("xen-store/src", "Host", "Runtime"),
    ("xen-store/src", "Reason", "ErrorKind"),
    ("xen-store", "Ticket", "RequestId"),
    ("xen-store", "resume_elsewhere", "resume"),
    ("xen-store", "announce_driver", "publish_driver"),
    ("xen-store", "announce_hotplug", "publish_hotplug"),
    ("xen-", "Plugged", "Added, Removed"),
    ("xen-", "HotPlug", "DeviceWatcher"),
    ("xen-store", "Ends", "DeviceNodes"),
    ("xen-store", "End", "Role"),
    ("xen-store", "Lookup", "WatchedNode"),
    ("xen-", "front_takes_over", "initial_frontend_state"),
    ("", "heeded", "supported"),
    ("xen-front/src/block", "Block", "BlkFront"),
    ("xen-front/src/block", "Disk", "BlockingDisk"),
    ("xen-", "open_deep", "config"),
    ("xen-front/src/block", "room", "free_slots"),
    ("xen-front/src/block", "DeviceNumber", "VbdNumber"),
    ("xen-front", "Unanswered", "RequeueList"),
    ("xen-front", "TakenBack", "Requeued"),
    ("xen-front", "Loan", "RequestPages"),
    ("xen-front", "Lent", "InFlight"),
    ("xen-front", "Order", "WireRequest"),
    ("xen-front/src/block", "Done", "Completed"),
    ("xen-front", "Answer", "Completed"),
    ("xen-front", "judge", "complete_request"),
    ("xen-front", "break_off", "mark_broken"),
    ("xen-front", "take_up", "on_connected"),
    ("xen-back", "Refusal", "RequestError"),
    ("xen-back", "Broken", "ProtocolError"),
    ("xen-back", "Storage", "BlockDevice"),
    ("xen-back", "Piece", "IoBuffer"),
    ("xen-back", "Plan", "ValidatedRequest"),
    ("xen-back/src", "round", "process_ring"),
    ("xen-back", "give_up", "disconnect"),
    ("xen-back", "DiskSpec", "VbdConfig"),
    ("xen-front/src/net", "Net", "NetFront"),
    ("xen-front/src/net", "Link", "DeviceState"),
    ("xen-", "find_again", "rediscover"),
    ("xen-", "Abilities", "FrontendFeatures"),
    ("xen-back", "Port", "PacketSink"),
    ("xen-front/src/net", "Checksum", "ChecksumState"),
    ("xen-back/src/net", "Checksum", "ChecksumState"),
    ("xen-", "CutShort", "Truncated"),
    ("xen-", "Farewell", "NotifyOnDrop"),
    ("xen-front/src/vchan", "leave", "shutdown"),
    ("xen-", "PeerLeft", "Disconnected"),
    ("xen-front", "Control", "ShutdownWatcher"),
    ("xtask", "lab", "testbed"),
    ("", "seat", "domain_handle"),
    ("examples", "Life", "RunState, Scenario"),
    ("examples", "Stage", "Testbed"),
    ("", "Whims", "ChoiceSource"),
    ("", "Manners", "Misbehaviour"),
    ("xtask", "seeds", "stress"),
    ("xtask", "rest", "suspend_test"),
    ("xtask", "spoken", "guest_log"),
    ("xtask", "pulse", "hang_detector"),
    ("", "PATIENCE", "TIMEOUT"),
];

/// Word or phrase of the list, found in a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) line: usize,
    pub(super) found: String,
    pub(super) expected: &'static str,
}

/// All phrases of the list by their first word.
static BY_FIRST: LazyLock<HashMap<&str, Vec<(&str, &str)>>> = LazyLock::new(|| {
    let mut phrases = HashMap::<_, Vec<_>>::new();
    for (forms, expected) in MIND.iter().chain(&ACTORS).chain(&TERMS) {
        for form in *forms {
            let first = form.split(' ').next().unwrap_or(form);
            phrases.entry(first).or_default().push((*form, *expected));
        }
    }
    phrases
});

/// Returns the listed words of a text that begins at a line. Code in backticks is left out.
pub(super) fn find(text: &str, first_line: usize) -> Vec<Hit> {
    let words = split(text, first_line);
    let mut hits = Vec::new();
    for (start, (first, line)) in words.iter().enumerate() {
        let Some(phrases) = BY_FIRST.get(first.as_str()) else { continue };
        let is_here = |phrase: &str| {
            phrase
                .split(' ')
                .enumerate()
                .all(|(at, part)| words.get(start + at).is_some_and(|(word, _)| word == part))
        };
        let next = words.get(start + 1).map_or("", |(word, _)| word.as_str());
        // A lookup of a name is the usual term.
        if first.starts_with("look") && next == "up" {
            continue;
        }
        for (phrase, expected) in phrases.iter().filter(|(phrase, _)| is_here(phrase)) {
            hits.push(Hit { line: *line, found: (*phrase).to_owned(), expected });
        }
    }
    hits
}

/// Returns the target of a definition's name, if the name is a private term there.
pub(super) fn target(file: &str, name: &str) -> Option<&'static str> {
    NAMES
        .iter()
        .find(|(folder, term, _)| file.starts_with(folder) && *term == name)
        .map(|(.., target)| *target)
}

/// Splits a text into lower-case words with their lines; code in backticks is an unlisted word.
fn split(text: &str, first_line: usize) -> Vec<(String, usize)> {
    let mut words = Vec::new();
    let (mut word, mut line, mut in_code) = (String::new(), first_line, false);
    let mut before = ' ';
    for letter in text.chars().chain(['\n']) {
        if letter == '`' {
            in_code = !in_code;
            word.clear();
            if !in_code {
                words.push(("`".to_owned(), line));
            }
        } else if !in_code && (letter.is_alphanumeric() || "-_'".contains(letter)) {
            word.extend(letter.to_lowercase());
        } else if !word.is_empty() {
            // A part of a path is no prose.
            if before == '/' || letter == '/' {
                word = "/".to_owned();
            }
            words.push((std::mem::take(&mut word), line));
        }
        if word.is_empty() {
            before = letter;
        }
        if ".;:!?".contains(letter) || letter == BREAK {
            words.push((".".to_owned(), line));
        }
        if letter == '\n' {
            line += 1;
        }
        // A lone backtick must not hide the rest of the text.
        if letter == BREAK {
            in_code = false;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        find(text, 1).into_iter().map(|hit| hit.found).collect()
    }

    #[test]
    fn listed_words_are_found() {
        assert_eq!(found("It tells whoever waits."), ["tells", "whoever"]);
        assert_eq!(found("Polling goes\non as before."), ["goes on"]);
    }

    #[test]
    fn code_in_backticks_is_skipped() {
        assert_eq!(found("Calls `tells()` and\n[`wants`] of the driver."), Vec::<String>::new());
        assert_eq!(found("Everything goes `x` on."), Vec::<String>::new());
        assert_eq!(found("See [he/tells] and knows/x."), Vec::<String>::new());
    }

    #[test]
    fn phrase_ends_at_full_stop() {
        assert_eq!(found("The poll goes. On a retry it fails."), Vec::<String>::new());
    }

    #[test]
    fn lookup_of_a_name_is_allowed() {
        assert_eq!(found("It looks up the name and looks at it."), ["looks"]);
    }

    #[test]
    fn hit_has_line_of_its_word() {
        assert_eq!(find("one\ntwo\nhe died", 10).last().map(|hit| hit.line), Some(12));
    }

    #[test]
    fn terms_depend_on_their_folder() {
        assert_eq!(target("xen-grant/src/granted.rs", "Shared"), Some("Granted"));
        assert_eq!(target("xen-hypercall/src/lib.rs", "Shared"), None);
    }
}
