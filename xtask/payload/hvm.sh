#!/bin/sh
# HVM guests: firmware, a kernel that QEMU has, emulated devices that the kernel unplugs, and then all that `xl` does to a PVH guest.
. /payload/lib.sh
. /payload/size
DISK=$((16 * MIB))
# The firmware would run the code of the emulated interface for a boot by network, which takes a minute here.
MODEL='"-trace","xen_platform_log","-global","rtl8139.romfile="'
hvm_with() {
  KIND="type=\"hvm\"
vga=\"none\"
serial=\"none\"
device_model_args=[$1]"
}
hvm_with "$MODEL"

random_disk

# emulated NAME: the interfaces, disks of IDE and disks of NVMe that QEMU emulates for the guest.
emulated() {
  xl qemu-monitor-command "$1" "info pci" >/tmp/pci
  xl qemu-monitor-command "$1" "info block" >/tmp/block
  echo "$(grep -c 'Ethernet controller' /tmp/pci) $(grep -c '^ide0-hd0' /tmp/block) $(grep -c 8086:5845 /tmp/pci)"
}
# boots NAME DISKS: starts a guest with a disk, an interface and emulated ones, and checks that those are gone.
boots() {
  prepare "$1" "" "ms_vm_genid=\"generate\"
disk=[\"phy:/dev/ram0,xvda,w\"]
vif=[\"mac=00:16:3e:00:00:04,model=rtl8139,$VIF\"]
on_reboot=\"restart\""
  sed -i '/^on_reboot="destroy"/d' "/tmp/$1.cfg"
  ID=$((ID + 1))
  step "guest $1, domain $ID"
  xl create -q -p "/tmp/$1.cfg"
  check "$1: emulated devices before" "$(emulated "$1")" "1 1 $2"
  xl unpause "$1"
  unplugged "$1"
}
# unplugged NAME: checks the devices of a guest that starts.
unplugged() {
  within 90 said "$1" "^'help'"
  check "$1: emulated devices unplugged" "$(emulated "$1")" "0 0 0"
  matches "$1: unplug in Xen's log" "$(xl dmesg | grep "(d$ID) .*unplug: " | tail -n 1)" "*unplug: UnplugDevices(DISKS | NICS | NVME_DISKS) unplugged, protocol version 1*"
  logged "$1"
}
# logged NAME: checks the line of the kernel in the log of its device model, which is a new one after each start.
logged() { check "$1: line in QEMU's log" "$(grep -c '^xen_platform_log xen platform: xen-kernel-rt: emulated devices unplugged' "$LOGS/qemu-dm-$1.log")" 1; }

boots hvm 0
matches "hvm: info" "$(ask hvm info)" "*/ domain $ID, HVM guest / *rsdp 0x00000f*"
# The toolstack's number, of two halves in decimal.
genid=$(xenstore-read "/local/domain/$ID/platform/generation-id")
check "hvm: VM generation id" "$(ask hvm info | grep -o 'generation id [0-9a-f]*')" "generation id $(printf '%016x%016x' "${genid#*:}" "${genid%:*}")"
check "hvm: digest of the whole disk" "$(ask hvm "blk sha256 xvda")" "sha256 xvda 0 $DISK $before / ok"
check "hvm: net up" "$(ask hvm "net up eth0 10.0.0.4/24")" "eth0 address 10.0.0.4/24, mac 00:16:3e:00:00:04, mtu 1500 / ok"
works hvm "hvm: before it is saved" 65
toolstack "hvm: saved, and continued" xl save -c hvm /tmp/saved
within 20 said hvm '^suspended, and resumed as the same domain'
works hvm "hvm: saved, and continued" 66
toolstack "hvm: saved" xl save hvm /tmp/saved
toolstack "hvm: restored" xl restore /tmp/saved
rm /tmp/saved
ID=$((ID + 1))
within 20 said hvm '^suspended, and resumed as another domain'
works hvm "hvm: restored" 68
check "hvm: restored: emulated devices" "$(emulated hvm)" "0 0 0"
logged hvm
toolstack "hvm: moved" xl migrate -s "" hvm "xl migrate-receive"
ID=$((ID + 1))
within 20 said hvm--incoming '^suspended, and resumed as another domain'
works hvm--incoming "hvm: moved" 69
check "hvm: moved: emulated devices" "$(emulated hvm)" "0 0 0"
logged hvm--incoming
xl shutdown hvm
wait_gone $ID hvm

# --- the platform device: its interrupt, and its memory
cat >/tmp/platform.cfg <<C
name="platform"
$KIND
kernel="/payload/platform-test"
memory=64
on_poweroff="destroy"
on_crash="destroy"
C
ID=$((ID + 1))
step "guest platform, domain $ID"
xl create -q /tmp/platform.cfg
reported() { xl dmesg | grep -q "^(d$ID) platform-test: $1"; }
within 90 reported end
for part in "events by the interrupt" "shared info in its memory" "grant table in its memory"; do
  check "platform: $part" "$(xl dmesg | sed -n "s/^(d$ID) platform-test: $part: //p")" ok
done
wait_gone $ID platform

# --- a guest that supports to put the machine to sleep, for which libxl has nodes
sed 's/platform-test/suspend-test/; s/"platform"/"suspend-test"/; s/^memory=.*/memory=64\nvcpus=2/' /tmp/platform.cfg >/tmp/suspend-test.cfg
ID=$((ID + 1))
step "guest suspend-test, domain $ID"
xl create -q /tmp/suspend-test.cfg
advertised() { xl dmesg | grep -q "^(d$ID) suspend-test: at the start: domain"; }
within 90 advertised
for request in s3 s4; do
  check "sleep: feature-$request" "$(xenstore-read "/local/domain/$ID/control/feature-$request")" 1
done
xl shutdown suspend-test
wait_gone $ID suspend-test
[ -z "$QUICK" ] || { echo "END"; exit 0; }

# --- reboot; QEMU 7.2, of Xen 4.17, aborts when a disk of NVMe is unplugged
nvme=0
case $(xl info xen_version) in
  4.17*) ;;
  *) nvme=1; hvm_with "$MODEL,\"-drive\",\"if=none,id=nvme,format=raw,file=/dev/ram1\",\"-device\",\"nvme,drive=nvme,serial=1\"" ;;
esac
boots reboot $nvme
hvm_with "$MODEL"
mv $LOGS/guest-reboot.log $LOGS/first-reboot.log
toolstack "reboot" xl reboot reboot
wait_gone $ID reboot
ID=$((ID + 1))
again() { [ "$(xl domid reboot 2>/dev/null)" = $ID ]; }
within 30 again
check "reboot: the next domain" "$(xl domid reboot)" $ID
unplugged reboot
toolstack "reboot: shutdown -w" xl shutdown -w reboot
wait_gone $ID reboot

. /payload/manage.sh
. /payload/memory.sh
echo "MISDEEDS"
. /payload/misdeeds.sh

# --- soft reset: the same domain gets new event channels, grants and devices
boots reset 0
xenstore-write "/local/domain/$ID/data/kept" yes
check "reset: digest before" "$(ask reset "blk sha256 xvda 0 $MIB" | cut -d' ' -f1-4)" "sha256 xvda 0 $MIB"
printf '%s\r' soft-reset >"$(xenstore-read "/local/domain/$ID/console/tty")"
within 60 said reset '^reset softly, and resumed as another domain'
check "soft reset: the reason" "$(grep -c 'has shut down, reason code 5' $LOGS/xl-reset.log)" 1
check "soft reset: net up" "$(ask reset "net up eth0 10.0.0.4/24")" "eth0 address 10.0.0.4/24, mac 00:16:3e:00:00:04, mtu 1500 / ok"
works reset "soft reset" 70
xl shutdown -w reset
wait_gone $ID reset
check "xl list: only dom0 is left" "$(xl list | awk 'NR > 1 { printf "%s ", $1 }')" "Domain-0 "
echo "END"
exit 0
