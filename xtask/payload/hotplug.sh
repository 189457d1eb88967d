# A read-only disk and disks with sectors of 1024 to 4096 bytes; then devices that dom0 attaches to the guest at its prompt, and detaches.
modprobe null_blk nr_devices=1 gb=1 bs=4096 memory_backed=1
mount -t configfs configfs /sys/kernel/config
# sectored NAME BYTES: a disk of 16 MiB with such sectors.
sectored() {
  disk=/sys/kernel/config/nullb/$1
  mkdir "$disk"
  echo "$2" >"$disk/blocksize"
  echo 16 >"$disk/size"
  echo 1 >"$disk/memory_backed"
  echo 1 >"$disk/power"
}
sectored half 2048
sectored quarter 1024
truncate -s $((4 * MIB)) /tmp/image
losetup /dev/loop0 /tmp/image
start hotplug "" 'disk=["phy:/dev/ram0,xvda,r","phy:/dev/nullb0,xvdb,w","phy:/dev/half,xvdc,w","phy:/dev/quarter,xvdd,w"]'

listed=$(ask hotplug "blk list")
matches "hotplug: blk list of a read-only disk" "$listed" "*xvda $DISK bytes, sectors of 512 (physical 4096), read-only*"
matches "hotplug: a write to a read-only disk" "$(ask hotplug "blk fill xvda 0 512 1")" "error: ?*"
check "hotplug: the read-only disk is unchanged" "$(sha256sum </dev/ram0)" "$(sha256sum </tmp/expected)"

matches "hotplug: blk list of large sectors" "$listed" "*xvdb 1073741824 bytes, sectors of 4096, writable*"
# large NAME DEVICE BYTES: checks transfers of a disk with sectors of so many bytes.
large() {
  matches "hotplug: blk list of sectors of $3" "$listed" "*$1 * bytes, sectors of $3, writable*"
  matches "hotplug: a write of half a sector of $3" "$(ask hotplug "blk fill $1 0 $(($3 / 2)) 1")" "error: ?*"
  check "hotplug: a write of sectors of $3" "$(ask hotplug "blk fill $1 $3 $((3 * $3)) 90")" ok
  { head -c "$3" /dev/zero; head -c $((3 * $3)) /dev/zero | tr '\0' 'Z'; head -c "$3" /dev/zero; } >/tmp/piece
  check "hotplug: sectors of $3, seen from dom0" "$(dd if="$2" bs="$3" count=5 2>/dev/null | sha256sum)" "$(sha256sum </tmp/piece)"
  piece=$(sha256sum </tmp/piece | cut -d' ' -f1)
  check "hotplug: sectors of $3, seen from the guest" "$(ask hotplug "blk sha256 $1 0 $((5 * $3))")" "sha256 $1 0 $((5 * $3)) $piece / ok"
}
large xvdb /dev/nullb0 4096
large xvdc /dev/half 2048
large xvdd /dev/quarter 1024

grants_before=$(grants_left $ID)
toolstack "disk attached" xl block-attach hotplug phy:/dev/loop0,xvdaa,w
matches "disk attached: blk list" "$(ask hotplug "blk list")" "*xvdaa $((4 * MIB)) bytes*"
truncate -s $((8 * MIB)) /tmp/image
losetup -c /dev/loop0
# blkback reads the size when it has a request.
grown() {
  ask hotplug "blk sha256 xvdaa 0 4096" >/dev/null
  case $(ask hotplug "blk list") in *"xvdaa $((8 * MIB)) bytes"*) ;; *) return 1 ;; esac
}
within 20 grown
check "disk grown: blk list" "$(ask hotplug "blk list" | grep -o 'xvdaa [0-9]* bytes')" "xvdaa $((8 * MIB)) bytes"
check "disk grown: a write of the last sector" "$(ask hotplug "blk fill xvdaa $((8 * MIB - 512)) 512 90")" ok
vbd=/local/domain/0/backend/vbd/$ID/268442112
check "discard: blkback offers it" "$(xenstore-read "$vbd/feature-discard")" 1
matches "discard: blk list" "$(ask hotplug "blk list")" "*xvdaa*, discard*"
check "discard: data before" "$(ask hotplug "blk fill xvdaa $MIB $((2 * MIB)) 90")" ok
check "discard: the middle of the data" "$(ask hotplug "blk discard xvdaa $((MIB + 4096)) $MIB")" ok
echo 3 >/proc/sys/vm/drop_caches
check "discard: bytes of the image that are left" "$(tr -d '\0' </tmp/image | wc -c)" $((MIB + 512))
toolstack "disk detached" xl block-detach hotplug xvdaa
check "disk detached: blk list" "$(ask hotplug "blk list" | grep -c xvdaa)" 0
check "disk detached: the backend's directory" "$(xenstore-exists "/local/domain/0/backend/vbd/$ID/268442112" && echo "still there" || echo removed)" removed
losetup -d /dev/loop0
check "disk detached: the image has the guest's write" "$(tail -c 512 /tmp/image | tr -d Z | wc -c)" 0

for round in first second; do
  toolstack "interface attached, $round time" xl network-attach hotplug mac=00:16:3e:00:00:05 bridge=br0 script=vif-bridge mtu=1400
  check "interface attached, $round time: net up" "$(ask hotplug "net up eth0 10.0.0.5/24")" "eth0 address 10.0.0.5/24, mac 00:16:3e:00:00:05, mtu 1400 / ok"
  check "interface attached, $round time: ping" "$(ask hotplug "ping 10.0.0.1 3")" "ping 10.0.0.1 sent=3 received=3 / ok"
  toolstack "interface detached, $round time" xl network-detach hotplug 0
  check "interface detached, $round time: the backend's directory" "$(xenstore-exists "/local/domain/0/backend/vif/$ID/0" && echo "still there" || echo removed)" removed
  matches "interface detached, $round time: ping" "$(ask hotplug "ping 10.0.0.1 1")" "error: ?*"
done
check "hotplug: grants that are left mapped" "$(grants_left $ID)" "$grants_before"
xl reboot hotplug
within 15 said hotplug '^asked for: '
check "hotplug: the request of a reboot" "$(console hotplug | grep '^asked for: ')" "asked for: reboot"
wait_gone $ID hotplug
check "hotplug: the reason of a reboot" "$(grep -c 'has shut down, reason code 1' $LOGS/xl-hotplug.log)" 1
rm /tmp/image
