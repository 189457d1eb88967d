#!/bin/sh
# Starts /payload/guest as a PVH guest with a 16 MiB disk and a network interface. Shows its console, or connects
# the terminal to it (INTERACTIVE), and reports how it ended: the reason code of its shutdown, or a word.
ended() { printf '\036TESTBED ended %s\n' "$1"; exit 0; }

modprobe brd rd_nr=1 rd_size=16384
cat >/tmp/guest.cfg <<C
name="guest"
type="pvh"
kernel="/payload/guest"
memory=64
vcpus=$(cat /payload/vcpus)
max_event_channels=131071
cmdline='$(cat /payload/cmdline)'
on_poweroff="destroy"
on_reboot="destroy"
on_crash="destroy"
on_soft_reset="destroy"
disk=["phy:/dev/ram0,xvda,w"]
vif=["bridge=br0,mac=00:16:3e:00:00:02,script=vif-bridge"]
C
# The toolstack's process for the guest writes what becomes of it.
log=/var/log/xen/xl-guest.log
code() { sed -n 's/.* has shut down, reason code \([0-9]*\).*/\1/p' $log 2>/dev/null | tail -n 1; }
destroyed() { grep -q 'has been destroyed' $log 2>/dev/null; }

[ -n "$INTERACTIVE" ] || /payload/testbed-peer follow /var/log/xen/guest-guest.log "" &
xl create -q /tmp/guest.cfg || ended not-created
printf '\036TESTBED created\n'
if [ -n "$INTERACTIVE" ]; then
  printf '\036TESTBED terminal\n'
  xl console guest
fi
until [ -n "$(code)" ] || destroyed; do usleep 100000; done
# The last lines of its console are on their way.
usleep 300000
reason=$(code)
ended "${reason:-destroyed}"
