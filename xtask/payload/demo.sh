#!/bin/sh
# The demonstration: one guest, a disk, a network, xenstore; dom0 compares.
. /payload/lib.sh
modprobe brd rd_nr=1 rd_size=16384
dd if=/dev/urandom of=/dev/ram0 bs=1M conv=fsync 2>/dev/null
before=$(sha256sum </dev/ram0 | cut -d' ' -f1)
/payload/testbed-peer serve 10.0.0.1:7000 &
disk='disk=["phy:/dev/ram0,xvda,w"]
vif=["mac=00:16:3e:00:00:02,bridge=br0,script=vif-bridge"]'

if [ -n "$INTERACTIVE" ]; then
  prepare shell "" "$disk"
  step "starting the guest"
  xl create -q /tmp/shell.cfg || exit 1
  printf '\036TESTBED terminal\n'
  xl console shell
  exit 0
fi

echo "SAY|dom0 made a disk of random content: sha256 $before"
/payload/testbed-peer follow $LOGS/guest-shell.log 'CONSOLE|' &
start shell "info; xs ls -r device; xs write data/greeting hello; blk list; blk sha256 xvda; blk fill xvda 4096 65536 165; blk flush xvda; net up eth0 10.0.0.2/24; ping 10.0.0.1 5; tcp-echo 10.0.0.1 7000 1048576; sleep 1000" "$disk"
within 20 said shell '^\$ sleep'
greeting=$(xenstore-read /local/domain/$ID/data/greeting)
within 60 said shell '^done '
within 10 gone $ID
usleep 300000
echo 3 >/proc/sys/vm/drop_caches
head -c 65536 /dev/zero | tr '\0' '\245' >/tmp/expected
echo "SAY|dom0 compares"
check "the disk's digest is dom0's" "$(answer shell "blk sha256 xvda" | cut -d' ' -f5)" "$before"
check "what the guest wrote is on the disk" "$(dd if=/dev/ram0 bs=4096 skip=1 count=16 2>/dev/null | sha256sum)" "$(sha256sum </tmp/expected)"
check "its xenstore node was readable in dom0" "$greeting" hello
matches "ping" "$(answer shell "ping 10.0.0.1 5")" "*received=5 / ok"
matches "1 MiB over TCP and back" "$(answer shell "tcp-echo 10.0.0.1 7000 1048576")" "*mismatches=0 / ok"
check "all commands succeeded" "$(console shell | grep '^done ')" "done OK=11 FAILED=0"
exit 0
