#!/bin/sh
# One guest of the benchmarks of a guest's services, /payload/guest.cfg: dom0 changes the memory of our kernel, whose driver follows no other target, and
# saves and restores the guest. It sleeps in between, until a datagram of the guest comes. /payload/settings has OURS, and CASES as INDEX:KIND:COUNT.
. /payload/lib.sh
. /payload/settings
echo "SYMBOL|$(awk '$3 == "evtchn_send" { print $1; exit }' /proc/xen/xensyms)"
modprobe brd rd_nr=1 rd_size=65536
dd if=/dev/zero of=/dev/ram0 bs=1M 2>/dev/null
step "guest"
/payload/mark entry
# In the background, and what comes next sleeps by the time that the guest starts.
xl create -q -F /payload/guest.cfg &
ID=1
# target KIB: changes the target by as much, when the guest awaits it.
target() {
  node=/local/domain/$ID/memory/target
  /payload/guest await
  now=$(xenstore-read $node)
  xenstore-write $node $((now + $1))
}
# resume INDEX: prints the time from the end of the domain's pause to its datagram; the first one of Linux may be older.
resume() {
  /payload/guest await
  xl save guest /tmp/saved >/tmp/toolstack 2>&1 && xl restore -p /tmp/saved >>/tmp/toolstack 2>&1 || sed 's/^/SHOW|/' /tmp/toolstack
  ID=$((ID + 1))
  /payload/guest unpause $ID "$1" $((OURS ? 1 : 2)) | sed 's/^/CONSOLE|/'
}
for case in $CASES; do
  index=${case%%:*} kind=${case#*:} count=${case##*:}
  case ${kind%:*} in
    balloon-down) [ $OURS = 0 ] || target $((-1024 * count)) ;;
    balloon-up) [ $OURS = 0 ] || target $((1024 * count)) ;;
    resume) resume "$index" ;;
  esac
done
within 60 gone $ID
sed 's/^/CONSOLE|/' "$LOGS"/guest-guest*.log 2>/dev/null
echo "END"
exit 0
