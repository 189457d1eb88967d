#!/bin/sh
# Two Linux guests exchange data over four connections on four queues of our netback, each way at once: with the usual and with large packets, by
# IPv4 and IPv6, and while one of them is moved, which Arm cannot do.
. /payload/lib.sh
. /payload/size
cat >/tmp/dd.cfg <<C
name="dd"
type="pvh"
kernel="/payload/driver-domain"
memory=128
vcpus=1
cmdline="grants=$GRANTS"
$EARLY
driver_domain=1
on_poweroff="destroy"
on_crash="preserve"
C

# guest NAME HOST MTU: starts a Linux guest with the addresses 10.1.0.HOST and fd01::HOST, and with 10.2.0.HOST on an interface with that MTU. Sets
# ID.
guest() {
  step "Linux guest: $1"
  cat >"/tmp/$1.cfg" <<C
name="$1"
type="pvh"
kernel="/payload/linux"
ramdisk="/payload/linux.cpio"
memory=192
vcpus=1
tsc_mode="native"
cmdline="console=hvc0 quiet $PATIENT xen_netfront.max_queues=4 job=$1 host=$2 amount=$AMOUNT"
vif=["mac=00:16:3e:00:01:0$2,backend=dd,script=vif-bridge,mtu=9000","mac=00:16:3e:00:02:0$2,backend=dd,script=vif-bridge,mtu=$3"]
on_poweroff="destroy"
on_crash="destroy"
C
  ID=$((ID + 1))
  /payload/testbed-peer follow "$LOGS/guest-$1.log" "CONSOLE|$1: " &
  xl create -q "/tmp/$1.cfg" || check "$1: created" failed created
}
has_said() { [ -n "$(said_by "$1" "$2")" ]; }
# verified NAME MIB MTU: checks what the client found.
verified() {
  within 3000 has_said client "$1" || for name in client client--incoming; do console "$name" | tail -n 8 | sed "s/^/SHOW|$name: /"; done
  bytes=$(($2 * MIB / 4))
  check "$1: what came back is what was sent, on each connection" "$(said_by client "$1")" "sent=$bytes received=$bytes mismatches=0 mtu=$3"
}

step "driver domain"
xl create -q /tmp/dd.cfg || exit 1
ID=1
serving() { [ -n "$(logged serving)" ]; }
within 60 serving
guest server 2 1400
within 600 has_said server ready
guest client 3 9000
within 600 has_said client ready
for host in 2 3; do
  check "domain $host: queues" "$(xenstore-read "/local/domain/$host/device/vif/0/multi-queue-num-queues")" 4
done
if x86; then
  usleep 2000000
  toolstack "moved: moved" xl migrate -s "" client "xl migrate-receive"
  ID=$((ID + 1))
  check "moved: moved before its end" "$(said_by client usual)" ""
  check "moved: queues" "$(xenstore-read "/local/domain/$ID/device/vif/0/multi-queue-num-queues")" 4
fi
verified usual "$AMOUNT" 1500
verified large "$AMOUNT" 9000
verified ipv6 $((AMOUNT / 4)) 1500
within 60 has_said client small
check "small: a packet within the MTU, and a packet beyond the MTU" "$(said_by client small)" "2 0"
within 60 gone $ID
xl destroy server
within 30 all_removed
check "all devices are removed" "$(served)" 0
for host in 2 $ID; do
  from=$(logged "vif/$host/0: removed" | sed -n 's/.*TxStatistics { \([^}]*\).*/\1/p')
  matches "domain $host: it sends segments of several packets" "$from" "packets: [1-9]*, segmented: [1-9]*, refused: 0, failed: 0, *"
  to=$(logged "vif/$host/0: delivered" | sed -n 's/.*RxStatistics { \([^}]*\).*/\1/p')
  # A packet that is not cut has more bytes than the interface sends in one.
  check "domain $host: it receives segments of several packets" "$(echo "$to" | awk -F'[ ,]+' '{ print ($4 > 2000 * $2 ? "whole" : $0) }')" whole
done
xl destroy dd
echo "END"
exit 0
