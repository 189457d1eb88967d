#!/bin/sh
# Stands in for Debian's script, which needs udev. Whatever fails fails the device: a guest whose interface is up, but in no bridge, gets no
# answer to anything.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
fail() { xenstore-write "$XENBUS_PATH/hotplug-error" "vif-bridge: $*" "$XENBUS_PATH/hotplug-status" error; exit 1; }
try() { said=$("$@" 2>&1) || fail "$*: $said"; }
case $1 in online | add)
  # A backend may offer its device before the interface is there.
  tries=100
  until [ -e "/sys/class/net/$vif" ]; do
    [ $((tries -= 1)) -gt 0 ] || fail "there is no $vif"
    usleep 50000
  done
  try ip link set dev "$vif" master br0
  try ip link set dev "$vif" up
  [ -e "/sys/class/net/br0/brif/$vif" ] || fail "$vif is not in br0"
  try xenstore-write "$XENBUS_PATH/hotplug-status" connected ;;
esac
exit 0
