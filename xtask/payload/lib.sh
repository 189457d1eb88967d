# What the payloads share. Lines for the harness are `KIND|field|...`; see src/payload.rs.
LOGS=/var/log/xen
ID=0
MIB=1048576
VIF='bridge=br0,script=vif-bridge'
# The kind of guest that `prepare` writes.
KIND='type="pvh"'

# Xen suspends no domain on Arm, and knows no APIC, TSC or ACPI of a guest.
ARCH=$(uname -m)
x86() { [ "$ARCH" = x86_64 ]; }

step() { echo "STEP|$1"; }
figure() { echo "FIGURE|$1|$2"; }

# check NAME FOUND EXPECTED: equal?
check() {
  if [ "$2" = "$3" ]; then echo "CHECK|$1|ok|$2|$3"; else echo "CHECK|$1|FAIL|$2|$3"; fi
}

# matches NAME FOUND PATTERN: does the shell pattern fit?
matches() {
  # shellcheck disable=SC2254
  case $2 in
    $3) echo "CHECK|$1|ok|$2|$3" ;;
    *) echo "CHECK|$1|FAIL|$2|$3" ;;
  esac
}

# within SECONDS COMMAND...: waits until the command succeeds. A long wait looks less often: each look takes time of the processor that the guests
# share with dom0.
within() {
  end=$(($(date +%s) + $1)); pause=$(($1 < 60 ? 100000 : 1000000)); shift
  until "$@"; do
    [ "$(date +%s)" -lt "$end" ] || return 1
    usleep $pause
  done
}

# prepare NAME COMMANDS [CONFIG-LINES]: writes the config of a guest that executes the commands (none: it prompts).
prepare() {
  cmdline=
  [ -z "$2" ] || cmdline="cmdline='run=\"$2\"'"
  cat >"/tmp/$1.cfg" <<C
name="$1"
$KIND
kernel="/payload/shell"
memory=64
vcpus=1
$cmdline
on_poweroff="destroy"
on_reboot="destroy"
on_crash="destroy"
$3
C
}

# start NAME COMMANDS [CONFIG-LINES]: creates the guest, returns after its first console line, without commands at its prompt. Sets ID.
start() {
  prepare "$@"
  create "$1"
  [ -n "$2" ] || within 60 said "$1" "^'help'"
}

# create NAME [MARKER]: as start, of a prepared guest; sets TIMES.
create() {
  ID=$((ID + 1))
  step "guest $1, domain $ID"
  if ! TIMES=$(/payload/testbed-peer create "/tmp/$1.cfg" "$LOGS/guest-$1.log" ${2:+"$2"}); then
    check "$1: starts" "$TIMES" "a line on its console"
    return 1
  fi
}

# time_of KEY: a figure out of TIMES.
time_of() { echo " $TIMES" | sed "s/.* $1=\([0-9.]*\).*/\1/"; }

# to_its_end KERNEL SECONDS [COMMAND LINE]: runs a kernel of ours as a guest until it ends by itself. What it says goes to Xen's log, for the
# harness to judge.
to_its_end() {
  lasts "$1" "$2" "type=\"pvh\"
kernel=\"/payload/$1\"
extra=\"${3:-}\""
}

# hvm_to_its_end KERNEL SECONDS: the same as an HVM guest. The kernel is in the place of the firmware, so it starts as a PVH guest does, but gets no
# command line. Xen itself emulates all that it needs; the device model only says that it runs.
hvm_to_its_end() {
  cat >/tmp/device-model <<'C'
#!/bin/sh
while [ "$1" != -d ]; do shift; done
xenstore-write "/local/domain/0/device-model/$2/state" running
exec sleep 10000
C
  chmod 755 /tmp/device-model
  lasts "$1" "$2" "type=\"hvm\"
firmware_override=\"/payload/$1\"
device_model_version=\"qemu-xen-traditional\"
device_model_override=\"/tmp/device-model\"
hvm_pirq=1"
}

# lasts NAME SECONDS CONFIG-LINES: runs a guest until it ends by itself.
lasts() {
  cat >"/tmp/$1.cfg" <<C
name="$1"
$3
memory=64
vcpus=2
max_event_channels=131071
on_poweroff="destroy"
on_crash="destroy"
C
  ID=$((ID + 1))
  step "$1, domain $ID"
  xl create -q "/tmp/$1.cfg" && within "$2" gone $ID
  check "$1: the guest ended by itself" "$(gone $ID && echo ended || echo "still there")" ended
}

console() { cat "$LOGS/guest-$1.log" 2>/dev/null | tr -d '\r'; }
said() { console "$1" | grep -q -- "$2"; }
gone() { ! xenstore-exists "/local/domain/$1"; }

# answer NAME COMMAND: what the guest printed for the command, its lines joined by ` / `.
answer() {
  console "$1" | awk -v c="\$ $2" '$0 == c && !on { on = 1; next } on && (/^\$ / || /^done /) { exit } on { printf "%s%s", sep, $0; sep = " / " }'
}

# ask NAME COMMAND: types a command at the prompt of the guest, the last one that was started, and prints its answer as `answer` does.
ask() {
  typed=$(console "$1" | wc -l)
  answered() { console "$1" | tail -n +$((typed + 2)) | grep -q '^ok$\|^error: '; }
  printf '%s\r' "$2" >"$(xenstore-read "/local/domain/$ID/console/tty")"
  within 30 answered "$1"
  console "$1" | tail -n +$((typed + 2)) | awk '{ printf "%s%s", sep, $0; sep = " / " } /^ok$|^error: / { exit }'
}

# ended NAME SECONDS EXPECTED-DONE-LINE: waits for the end of the commands and checks the tally.
ended() {
  within "$2" said "$1" '^done ' || console "$1" | tail -n 12 | sed "s/^/SHOW|$1: /"
  check "$1: all commands ran" "$(console "$1" | grep '^done ')" "$3"
}

# grants_left DOMAIN: the entries of its grant table that are in force, `none` if there are none. Entries 0 and 1 are the console's and xenstore's,
# which the toolstack makes and dom0's daemons hold.
grants_left() {
  xl debug-keys g
  left=$(xl dmesg | sed -n "/grant-table for remote d$1 /,/-------- active\|gnttab_usage_print_all \]/p" | grep -o '\[0x[0-9a-f]*\]' | grep -v '\[0x00[01]\]' | sort -u | tr -d '\n')
  echo "${left:-none}"
}

# net_state DOMAIN: what dom0 knows of a guest's first interface, for a run in which it carries nothing; the states of event channels go to Xen's
# log.
net_state() {
  echo "NET of domain $1:"
  for counter in rx_packets tx_packets rx_dropped tx_dropped; do echo "$counter $(cat "/sys/class/net/vif$1.0/statistics/$counter")"; done 2>&1
  cat "/sys/class/net/vif$1.0/brport/state" "/sys/class/net/vif$1.0/carrier" 2>&1
  ip neigh show dev br0
  grep "vif$1\." /proc/interrupts
  xenstore-ls "/local/domain/0/backend/vif/$1/0" 2>&1; xenstore-ls "/local/domain/$1/device/vif/0" 2>&1
  mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
  cat "/sys/kernel/debug/xen-netback/vif$1.0/"io_ring_q* 2>&1
  xl debug-keys e
}

# carries NAME DOMAIN FOUND EXPECTED: check, of packets through the guest's interface.
carries() {
  check "$1" "$3" "$4"
  [ "$3" = "$4" ] || net_state "$2" | sed "s/^/SHOW|/"
}

# wait_gone DOMAIN NAME: check, of the end of a domain.
wait_gone() { within 15 gone "$1"; check "$2: the domain is gone" "$(gone "$1" && echo gone || echo "still there")" gone; }

# toolstack WHEN COMMAND...: dom0 does something with the guest.
toolstack() {
  when=$1; shift
  step "$when"
  "$@" >/tmp/toolstack 2>&1; rc=$?
  [ $rc = 0 ] || tail -n 12 /tmp/toolstack | sed "s/^/SHOW|$1: /"
  check "$when: exit code" $rc 0
}

# random_disk: fills /dev/ram0 of two RAM disks of 16 MiB, and starts dom0's server. Sets before, its digest; /tmp/expected is a copy.
random_disk() {
  step "random disk"
  modprobe brd rd_nr=2 rd_size=16384
  dd if=/dev/urandom of=/dev/ram0 bs=1M conv=fsync 2>/dev/null
  cp /dev/ram0 /tmp/expected
  before=$(sha256sum </tmp/expected | cut -d' ' -f1)
  /payload/testbed-peer serve 10.0.0.1:7000 &
}

# works GUEST WHEN BYTE: what the guest had before it has still.
works() {
  check "$2: xenstore knows it as" "$(ask "$1" "xs read domid")" "$ID / ok"
  ask "$1" "xs write data/now $3" >/dev/null
  check "$2: dom0 reads what it writes" "$(xenstore-read "/local/domain/$ID/data/now")" "$3"
  check "$2: the supported requests" "$(for request in poweroff reboot suspend; do xenstore-read "/local/domain/$ID/control/feature-$request"; done | tr -d '\n')" "$(x86 && echo 111 || echo 11)"
  part=$(dd if=/tmp/expected bs=1M count=1 2>/dev/null | sha256sum | cut -d' ' -f1)
  check "$2: the disk's digest" "$(ask "$1" "blk sha256 xvda 0 $MIB")" "sha256 xvda 0 $MIB $part / ok"
  ask "$1" "blk fill xvda 0 65536 $3" >/dev/null
  head -c 65536 /dev/zero | tr '\0' "\\$(printf %o "$3")" | dd of=/tmp/expected conv=notrunc 2>/dev/null
  echo 3 >/proc/sys/vm/drop_caches
  check "$2: the disk is changed as asked" "$(sha256sum </dev/ram0)" "$(sha256sum </tmp/expected)"
  carries "$2: ping" "$ID" "$(ask "$1" "ping 10.0.0.1 3")" "ping 10.0.0.1 sent=3 received=3 / ok"
  check "$2: tcp-echo of 256 KiB" "$(ask "$1" "tcp-echo 10.0.0.1 7000 262144")" "tcp-echo sent=262144 received=262144 mismatches=0 / ok"
  check "$2: time goes on" "$(ask "$1" "sleep 100")" ok
}

# of_queues GUEST WHAT: a counter of each queue of its interface.
of_queues() { ask "$1" "net stat" | grep -o "queue [0-9] rx=[0-9]* tx=[0-9]*" | sed "s/.* $2=\([0-9]*\).*/\1/" | tr '\n' ' '; }
# hashed GUEST WHEN QUEUE ADDRESS PORT: all that the guest receives comes by one queue, after it has sent the mapping.
hashed() {
  was=$(of_queues "$1" rx)
  check "$2: ping" "$(ask "$1" "ping $4 5")" "ping $4 sent=5 received=5 / ok"
  check "$2: tcp-echo of 256 KiB" "$(ask "$1" "tcp-echo $4 $5 262144")" "tcp-echo sent=262144 received=262144 mismatches=0 / ok"
  check "$2: queues with new packets" "$(echo "$was $(of_queues "$1" rx)" | awk '{ for (i = 1; i <= 4; i++) if ($(i + 4) != $i) printf "%d ", i - 1 }')" "$3 "
}

# multicast GUEST VIF: the guest, which is domain $ID, changes the filter of its backend while another one on VIF solicits a neighbour that does not
# exist. The next domain is $ID + 2.
multicast() {
  receiver=$ID
  start sender "" "vif=[\"mac=00:16:3e:00:00:0a,$2\"]"
  sender=$ID
  matches "$1: net up of another guest" "$(ask sender "net up eth0 fd00::9/64")" "eth0 address fd00::9/64*/ ok"
  received() { ID=$receiver ask "$1" "net stat" | sed 's/^eth0 rx=\([0-9]*\).*/\1/'; }
  for filter in filtered all filtered; do
    ID=$receiver
    check "$1: multicast $filter" "$(ask "$1" "net multicast eth0 $filter")" "eth0 multicast $filter / ok"
    was=$(received "$1")
    ID=$sender
    ask sender "ping fd00::77 2" >/dev/null
    check "$1: packets to a multicast group, $filter" "$([ "$(received "$1")" -gt "$was" ] && echo some || echo none)" "$([ $filter = all ] && echo some || echo none)"
  done
  xl destroy sender
  ID=$receiver
}

# --- Linux guests, and the driver domain that serves them as domain 1

# What this emulated machine is slow at and Xen's devices don't need: a PCI bus, zeroed pages, the kernel's tests of itself.
QUICK="pci=noearly init_on_alloc=0 cryptomgr.notests apparmor=0 mitigations=off nokaslr"
# Without the watchdogs too, which count the time of other vCPUs.
# shellcheck disable=SC2034 # not all payloads use it
PATIENT="$QUICK nowatchdog nosoftlockup rcupdate.rcu_cpu_stall_suppress=1"
# said_by GUEST WHAT: the value that it printed, perhaps after it was moved.
said_by() { cat "$LOGS/guest-$1.log" "$LOGS/guest-$1--incoming.log" 2>/dev/null | tr -d '\r' | sed -n "s/^GUEST $2 //p" | tail -n 1; }
# logged PATTERN: what the driver domain said last that fits.
# What it says goes to Xen's log, on Arm to its UART.
words() { if x86; then xl dmesg | grep '^(d1) '; else tr -d '\r' <$LOGS/guest-dd-vuart0.log | sed 's/^/(d1) /'; fi; }
logged() { words | grep "^(d1) .*$1" | tail -n 1; }
# A device's directory is the driver domain's to remove.
served() { xenstore-ls -f /local/domain/1/backend | grep -c /frontend-id; }
all_removed() { [ "$(served)" = 0 ]; }
