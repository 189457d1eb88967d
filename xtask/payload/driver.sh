#!/bin/sh
# Our driver domain serves a disk and a network to Linux guests; dom0 only starts them.
. /payload/lib.sh
. /payload/size
cat >/tmp/dd.cfg <<C
name="dd"
type="pvh"
kernel="/payload/driver-domain"
memory=384
vcpus=1
cmdline="disk=data:96 disk=scratch:32 source=2 grants=$GRANTS"
driver_domain=1
on_poweroff="destroy"
on_crash="preserve"
C
disk_of() { echo "disk=[\"format=raw,vdev=xvda,access=rw,backendtype=phy,backend=dd,target=$1\"]"; }
VIF='vif=["mac=00:16:3e:00:00:02,backend=dd,script=vif-bridge"]'

# guest JOB CONFIG-LINES: starts a Linux guest. Sets ID.
guest() {
  step "Linux guest: $1"
  cat >"/tmp/$1.cfg" <<C
name="$1"
type="pvh"
kernel="/payload/linux"
ramdisk="/payload/linux.cpio"
memory=256
vcpus=1
cmdline="console=hvc0 quiet job=$1 mib=$MIB"
on_poweroff="destroy"
on_crash="destroy"
$2
C
  ID=$((ID + 1))
  xl create -q "/tmp/$1.cfg" || check "$1: created" failed created
}

# said_by GUEST WHAT: the value that it printed.
said_by() { console "$1" | sed -n "s/^GUEST $2 //p" | tail -n 1; }
# done_by GUEST SECONDS: waits for the guest's end.
done_by() {
  within "$2" gone $ID || { console "$1" | tail -n 12 | sed "s/^/SHOW|$1: /"; xl destroy "$1"; }
  check "$1: came to its end" "$(said "$1" '^GUEST done' && echo done)" done
}
# logged PATTERN: what the driver domain said last that fits.
logged() { xl dmesg | grep "^(d1) .*$1" | tail -n 1; }
# A device's directory is the driver domain's to remove.
served() { xenstore-ls -f /local/domain/1/backend | grep -c /frontend-id; }
all_removed() { [ "$(served)" = 0 ]; }

step "driver domain"
xl create -q /tmp/dd.cfg || exit 1
ID=1
within 20 logged serving >/dev/null
serving() { [ -n "$(logged serving)" ]; }
within 20 serving

guest disk "$(disk_of data)"
done_by disk 400
check "disk: its size" "$(said_by disk sectors)" 196608
check "disk: ext4 was made and mounted" "$(said_by disk mounted)" again
wrote=$(said_by disk wrote)
check "disk: $MIB MiB read back after a remount" "$(said_by disk read)" "${wrote:-nothing written}"
check "disk: the file system is clean" "$(said_by disk fsck)" 0
for what in write read_back; do
  seconds=$(console disk | sed -n "s/^GUEST time $what //p")
  figure "driver.disk.$what" "${seconds:-0}"
done

guest busy "$(disk_of scratch)
$VIF"
busy() { said busy '^GUEST busy'; }
within 120 busy
# In mid-transfer, both ways.
usleep 500000
xl destroy busy
within 20 all_removed
check "destroyed in mid-transfer: its devices are removed" "$(served)" 0
gone_for_good() { ! xl list | grep -q '(null)'; }
within 20 gone_for_good
check "destroyed in mid-transfer: no zombie is left" "$(gone_for_good && echo none || xl list | tail -n 1)" none

guest net "$VIF"
done_by net 600
check "net: ping" "$(said_by net ping)" "20 transmitted, 20 received"
bytes=$((MIB * 1048576))
check "net: $MIB MiB over TCP and back" "$(said_by net echo)" "sent=$bytes received=$bytes mismatches=0"
matches "net: what was sent came as it was" "$(logged 'Discard done')" "*sha256 $(said_by net sent)"
matches "net: what came is what was sent" "$(logged 'Source done')" "*sha256 $(said_by net received)"

guest reader "$(disk_of data)"
done_by reader 200
check "another guest reads what the first has written" "$(said_by reader read)" "${wrote:-nothing written}"

within 10 all_removed
check "all devices are removed" "$(served)" 0
check "the driver domain still serves" "$(xl list | awk '$1 == "dd" { print $2 }')" 1
xl debug-keys g
# Entries 0 and 1 are the console's and xenstore's.
matches "Xen has nothing to say" "$(xl dmesg | grep -c 'Xen BUG\|Assertion\|(XEN) mm.c')" 0
xl destroy dd
echo "END"
exit 0
