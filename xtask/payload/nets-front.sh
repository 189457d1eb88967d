#!/bin/sh
# Our kernel exchanges data over eight connections on four queues of Linux's netback, each way at once: with the usual and with large packets, by
# IPv4 and IPv6, and while it is moved, which Arm cannot do.
. /payload/lib.sh
. /payload/size
echo 4 >/sys/module/xen_netback/parameters/max_queues
echo 0 >/proc/sys/net/ipv6/conf/br0/accept_dad
ip -6 addr add fd00::1/64 dev br0
/payload/testbed-peer serve 10.0.0.1:7000 &
/payload/testbed-peer serve '[fd00::1]:7000' &

# begin NAME MTU MIB WORDS: starts the kernel.
begin() {
  cat >"/tmp/$1.cfg" <<C
name="$1"
type="pvh"
kernel="/payload/net-test"
cmdline="queues=4 connections=8 mib=$3 $4"
memory=64
vcpus=1
$EARLY
vif=["mac=00:16:3e:00:00:02,$VIF,mtu=$2"]
on_poweroff="destroy"
on_crash="destroy"
C
  ID=$((ID + 1)) NAME=$1
  step "network of $1, domain $ID"
  xl dmesg -c >/dev/null
  xl create -q "/tmp/$1.cfg" || check "$1: created" failed created
  carry "$2"
}
# carry MTU: has dom0's end of the guest's interface carry packets of that size.
carry() { ip link set "vif$ID.0" mtu "$1" && ip link set br0 mtu "$1"; }
# logged PATTERN: what the kernel said last that fits.
logged() { early "$NAME" | grep -o 'net-test: .*' | grep -- "$1" | tail -n 1; }
ended() { [ -n "$(logged 'end: \|error: ')" ]; }
packets() { cat "/sys/class/net/vif$ID.0/statistics/rx_packets" 2>/dev/null || echo 0; }
busy() { [ "$(packets)" -gt 500 ]; }
# verified NAME MTU MIB RESUMES CONNECTIONS LARGE: checks what the kernel found in the end.
verified() {
  within 3000 ended || net_state $ID | sed "s/^/SHOW|$1: /"
  bytes=$(($3 * MIB))
  check "$1: queues" "$(logged ' queues, mtu ')" "net-test: 4 queues, mtu $2"
  check "$1: what came back is what was sent" "$(logged 'tcp-echo ')" "net-test: tcp-echo sent=$bytes received=$bytes mismatches=0, resumed $4 times, $5 connections"
  for way in tx rx; do
    used=$(logged "queues $way" | tr ' ' '\n' | grep -c '^[1-9]')
    check "$1: queues with data, $way" "$([ "$used" -gt 1 ] && echo several || logged "queues $way")" several
  done
  matches "$1: segments of several packets, sent and received" "$(logged 'large ')" "net-test: large tx=$6 rx=[1-9]*, dropped 0, tx errors 0"
  check "$1: the kernel came to its end" "$(logged 'end: \|error: ')" "net-test: end: ok"
  within 20 gone $ID
}

if x86; then
  begin moved 1500 "$AMOUNT" "address=10.0.0.2/24 peer=10.0.0.1"
  within 60 busy
  toolstack "moved: moved" xl migrate -s "" moved "xl migrate-receive"
  ID=$((ID + 1))
  carry 1500
  check "moved: moved before its end" "$(logged 'tcp-echo ')" ""
  verified moved 1500 "$AMOUNT" 1 2 "[1-9]*"
else
  begin usual 1500 "$AMOUNT" "address=10.0.0.2/24 peer=10.0.0.1"
  verified usual 1500 "$AMOUNT" 0 1 "[1-9]*"
fi

# rebind: the backend's driver is removed from the interface and added again, as if it was loaded anew; then what the hotplug script does is done.
rebind() {
  device=/local/domain/0/backend/vif/$ID/0
  echo "vif-$ID-0" >/sys/bus/xen-backend/drivers/vif/unbind && usleep 500000 &&
    echo "vif-$ID-0" >/sys/bus/xen-backend/drivers/vif/bind && within 10 [ -e "/sys/class/net/vif$ID.0" ] &&
    ip link set "vif$ID.0" master br0 && ip link set "vif$ID.0" up && xenstore-write "$device/hotplug-status" connected &&
    within 60 connected
}
connected() { [ "$(xenstore-read "/local/domain/0/backend/vif/$ID/0/state")$(xenstore-read "/local/domain/$ID/device/vif/0/state")" = 44 ]; }
begin restarted 1500 $((AMOUNT / 4)) "address=10.0.0.2/24 peer=10.0.0.1"
within 60 busy
toolstack "restarted: backend restarted" rebind
check "restarted: restarted before its end" "$(logged 'tcp-echo ')" ""
verified restarted 1500 $((AMOUNT / 4)) 0 2 "[1-9]*"

begin large 9000 "$AMOUNT" "address=10.0.0.2/24 peer=10.0.0.1"
verified large 9000 "$AMOUNT" 0 1 "[1-9]*"

begin ipv6 1500 $((AMOUNT / 4)) "address=fd00::2/64 peer=fd00::1"
# The kernel's stack segments TCP of IPv6 itself.
verified ipv6 1500 $((AMOUNT / 4)) 0 1 0
echo "END"
exit 0
