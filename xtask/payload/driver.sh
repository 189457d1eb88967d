#!/bin/sh
# Our driver domain serves a disk and a network to Linux guests; dom0 only starts them.
. /payload/lib.sh
. /payload/size
bytes=$((MIB * 1048576)) MIB_BYTES=1048576
cat >/tmp/dd.cfg <<C
name="dd"
type="pvh"
kernel="/payload/driver-domain"
memory=384
vcpus=1
cmdline="disk=data:96 disk=scratch:32 source=2 grants=$GRANTS static=256 xdp=on"
$(x86 || echo 'vuart="sbsa_uart"')
driver_domain=1
on_poweroff="destroy"
on_crash="preserve"
C
disk() { echo "\"format=raw,vdev=$2,access=rw,backendtype=phy,backend=dd,target=$1\""; }
VIF='vif=["mac=00:16:3e:00:00:02,backend=dd,script=vif-bridge"]'
# A TSC that Xen traps is slow: on a busy host the timer interrupts of a guest with several processors then leave no time for anything else
# ("soft lockup").

# guest JOB VCPUS CONFIG-LINES: starts a Linux guest. Sets ID.
guest() {
  step "Linux guest: $1"
  cat >"/tmp/$1.cfg" <<C
name="$1"
type="pvh"
kernel="/payload/linux"
ramdisk="/payload/linux.cpio"
memory=256
vcpus=$2
cmdline="console=hvc0 quiet $QUICK job=$1 mib=$MIB net_mib=$NET_MIB"
tsc_mode="native"
on_poweroff="destroy"
on_crash="destroy"
$3
C
  ID=$((ID + 1))
  /payload/testbed-peer follow "$LOGS/guest-$1.log" "CONSOLE|$1: " &
  follower=$!
  xl create -q "/tmp/$1.cfg" >/dev/null || check "$1: created" failed created
}

# failed GUEST: shows the state of a guest that is late, and ends: what would follow waits for it in vain.
failed() {
  check "$1: in time" late "in time"
  console "$1" | tail -n 12 | sed "s/^/SHOW|$1: /"
  words | tail -n 6 | sed "s/^/SHOW|/"
  xl vcpu-list | sed "s/^/SHOW|/"
  echo "END"
  exit 0
}

# took GUEST WHAT: how long, as a figure.
took() { figure "$1: $2" "$(console "$1" | sed -n "s/^GUEST time $2 //p" | grep . || echo 0)"; }
# took_at_least GUEST WHAT SECONDS: whether it did.
took_at_least() { console "$1" | awk -v what="$2" -v least="$3" '$1 == "GUEST" && $2 == "time" && $3 == what { print ($4 >= least ? "yes" : $4 " s") }'; }

step "driver domain"
xl create -q /tmp/dd.cfg || exit 1
ID=1
serving() { [ -n "$(logged serving)" ]; }
within 30 serving

guest first 2 "disk=[$(disk data xvda),$(disk scratch xvdb)]
$VIF"
scratch() { said first '^GUEST scratch'; }
within 600 scratch || failed first
toolstack_size() { xenstore-write "/local/domain/1/data/disk/$1" "$2"; }
toolstack_size data text
toolstack_size scratch 48
busy() { said first '^GUEST busy'; }
within 600 busy || failed first
if [ "$GRANTS" = persistent ]; then
  check "disk: Linux uses persistent grants" "$(xenstore-read /local/domain/$ID/device/vbd/51712/feature-persistent)" 1
fi
check "disk: its size" "$(said_by first sectors)" 196608
check "disk: ext4 was made and mounted" "$(said_by first mounted)" again
wrote=$(said_by first wrote)
matches "disk: $MIB MiB written" "$wrote" "bytes=$bytes sum=?*"
check "disk: they read back after a remount" "$(said_by first read)" "$wrote mismatches=0"
check "disk: the file system is clean" "$(said_by first fsck)" 0
took first write; took first read_back
check "disk: a queue for each of two processors" "$(said_by first queues)" 2
check "disk: parts written by a queue and read by another" "$(console first | grep -c '^GUEST part . same')" 2
check "net: a queue for each of two processors" "$(xenstore-read /local/domain/$ID/device/vif/0/multi-queue-num-queues)" 2
matches "net: each queue has two event channels" "$(logged "vif/$ID/0: connected")" "*connected with 2 queues, 4 event channels"
check "disk: its size before it has grown" "$(console first | sed -n 's/^GUEST scratch //p' | head -n 1)" 65536
check "disk: its size after it has grown" "$(said_by first scratch)" 98304
matches "disk: a size that is no number" "$(logged 'data/disk/data')" "*found 'text'*"
# Now it writes to the other disk, and sends, until it is destroyed.
usleep 500000
xl destroy first
kill $follower
within 20 all_removed
check "destroyed in mid-transfer: its devices are removed" "$(served)" 0
matches "destroyed in mid-transfer: it was writing" "$(logged 'vbd/2/51728: removed')" "* reads, [1-9]* writes*"
gone_for_good() { ! xl list | grep -q '(null)'; }
within 20 gone_for_good
check "destroyed in mid-transfer: no zombie is left" "$(gone_for_good && echo none || xl list | tail -n 1)" none

guest next 1 "disk=[$(disk data xvda),$(disk scratch xvdb)]
${VIF%]},\"mac=00:16:3e:00:00:03,backend=dd,script=vif-bridge,rate=2Mb/s\"]"
within 600 gone $ID || failed next
kill $follower
check "the next guest came to its end" "$(said next '^GUEST done' && echo done)" done
matches "destroyed in mid-transfer: it was sending" "$(logged 'Discard cut off')" "*cut off: [1-9]* bytes*"
check "disk: another guest reads what the first has written" "$(said_by next read)" "$wrote mismatches=0"
check "destroyed in mid-write: a file written before is whole" "$(said_by next kept)" "$(said_by first kept) mismatches=0"
check "destroyed in mid-write: the file system is clean" "$(said_by next fsck)" 0
check "net: ping" "$(said_by next ping)" "20 transmitted, 20 received"
sent=$((NET_MIB * 1048576))
check "net: $NET_MIB MiB over TCP and back" "$(said_by next echo)" "sent=$sent received=$sent mismatches=0"
took next echo_back
# What may be sent at once is without delay.
check "net: 512 KiB at 2 Mb/s take their time" "$(took_at_least next send_limited 1.5)" yes
matches "net: what was sent came as it was" "$(logged 'Discard done: 2097152 bytes')" "*sha256 $(said_by next sent)"
matches "net: what came is what was sent" "$(logged 'Source done')" "*sha256 $(said_by next received)"

within 10 all_removed
check "all devices are removed" "$(served)" 0
next=$ID

# Our own frontend, with what Linux's does not use.
start own "" 'vif=["mac=00:16:3e:00:00:09,backend=dd,script=vif-bridge"]'
check "own: net up with four queues and free bytes" "$(ask own "net up eth0 10.1.0.9/24 4 256")" "eth0 address 10.1.0.9/24, mac 00:16:3e:00:00:09, mtu 1500, 4 queues / ok"
check "own: free bytes of the backend" "$(xenstore-read "/local/domain/1/backend/vif/$ID/0/feature-xdp-headroom" "/local/domain/$ID/device/vif/0/xdp-headroom" | tr '\n' ' ')" "1 256 "
check "own: tcp-echo of 1 MiB over 2 connections" "$(ask own "tcp-echo 10.1.0.1 7 $MIB_BYTES 2")" "tcp-echo sent=$MIB_BYTES received=$MIB_BYTES mismatches=0 / ok"
for queue in 3 1; do
  check "own: hash to queue $queue" "$(ask own "net hash eth0 $queue")" "eth0 hash active / ok"
  hashed own "own: hash to queue $queue" $queue 10.1.0.1 7
done
multicast own "backend=dd,script=vif-bridge"
matches "own: static grants" "$(ask own "net static eth0 on")" "eth0 static grants [1-9]* / ok"
check "own: tcp-echo by static grants" "$(ask own "tcp-echo 10.1.0.1 7 $MIB_BYTES")" "tcp-echo sent=$MIB_BYTES received=$MIB_BYTES mismatches=0 / ok"
matches "own: no packet was dropped" "$(ask own "net stat")" "eth0 rx=* rx-dropped=0 tx=* tx-errors=0 / *"
xl shutdown own
within 20 gone $ID
matches "own: packets were copied to static grants" "$(logged "vif/$ID/0: static")" "*[1-9]* parts received, [1-9]* sent"
within 10 all_removed
ID=$next
from_guest=$(logged "vif/$ID/0: removed" | sed -n 's/.*TxStatistics { \(.*\)/\1/p')
matches "net: a guest sends segments in one packet" "$from_guest" "packets: [1-9]*, segmented: [1-9]*, refused: 0, failed: 0, *"
echo "SHOW|net: from the guest: $from_guest"
merged=$(logged "vbd/.*: removed; .* [1-9][0-9]* merged" | sed 's/.* \([0-9]*\) merged.*/\1/')
check "disk: adjacent requests become one of the storage" "$([ "${merged:-0}" -gt 0 ] && echo merged || echo "${merged:-none}")" merged
# A request without indirect descriptors has at most 11 pages.
reads=$(logged "vbd/$ID/51712: removed" | sed 's/.*removed; \([0-9]*\) reads.*/\1/')
check "disk: indirect descriptors are used" "$([ "${reads:-0}" -gt 0 ] && [ "$reads" -lt $((bytes / 11 / 4096)) ] && echo used || echo "$reads reads")" used
# Linux allocates the pages of a request from a pool: few of them are new.
if [ "$GRANTS" = persistent ]; then
  persistent=$(logged "vbd/$ID/51712: persistent" | sed -n 's/.*persistent grants: \([0-9]*\) hits, \([0-9]*\) misses, \([0-9]*\) ev.*/\1 \2 \3/p')
  # shellcheck disable=SC2086 # three numbers
  set -- ${persistent:-0 0 0}
  check "disk: its pages stay mapped" "$([ "$1" -gt $((10 * $2)) ] && [ "$2" -gt 0 ] && echo mapped || echo "$1 hits, $2 misses, $3 evictions")" mapped
  echo "SHOW|disk: persistent grants: $1 hits, $2 misses, $3 evictions"
fi
check "the driver domain still serves" "$(xl list | awk '$1 == "dd" { print $2 }')" 1
xl debug-keys g
# Entries 0 and 1 are the console's and xenstore's, which dom0's daemons hold.
used=$(xl dmesg | sed -n '/gnttab_usage_print_all \[/,$p' | grep -o '\[0x[0-9a-f]*\]' | grep -v '\[0x00[01]\]' | sort -u | tr -d '\n')
check "no grant is in use" "${used:-none}" none
xl destroy dd
echo "END"
exit 0
