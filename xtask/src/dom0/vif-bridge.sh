#!/bin/sh
# Stands in for Debian's script, which needs udev.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
case $1 in online | add)
  ip link set dev "$vif" master br0; ip link set dev "$vif" up; xenstore-write "$XENBUS_PATH/hotplug-status" connected ;;
esac
exit 0
