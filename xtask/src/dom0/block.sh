#!/bin/sh
# Debian's own hotplug script needs udev and locking; a disk of the testbed is always an existing block device.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
[ "$1" = add ] || exit 0
device=$(xenstore-read "$XENBUS_PATH/params")
xenstore-write "$XENBUS_PATH/physical-device" "$(stat -L -c '%t:%T' "$device")" \
  "$XENBUS_PATH/physical-device-path" "$device" "$XENBUS_PATH/hotplug-status" connected
