#!/bin/sh
# All that `xl` does to a guest, to a PVH guest and to an HVM guest, TIMES times. The parts are those of test.sh and hvm.sh.
. /payload/lib.sh
. /payload/size
random_disk
echo "MISDEEDS"

# kind WORD: sets the kind of the guests that follow; their logs begin anew, as some parts count lines.
kind() {
  case $1 in
    pvh) KIND='type="pvh"' ;;
    # The firmware would run the code of the emulated interface for a boot by network.
    hvm) KIND='type="hvm"
vga="none"
serial="none"
device_model_args=["-global","rtl8139.romfile="]' ;;
  esac
  rm -f $LOGS/guest-*.log $LOGS/xl-*.log
}

# reboots WHEN: `xl reboot`, and the next domain comes to its prompt.
reboots() {
  prepare reboot "" ""
  sed -i 's/^on_reboot=.*/on_reboot="restart"/' /tmp/reboot.cfg
  create reboot
  within 90 said reboot "^'help'"
  mv $LOGS/guest-reboot.log $LOGS/first-reboot.log
  toolstack "$1: reboot" xl reboot reboot
  wait_gone $ID "$1: reboot"
  ID=$((ID + 1))
  within 90 said reboot "^'help'"
  check "$1: the next domain" "$(xl domid reboot)" $ID
  toolstack "$1: shutdown -w" xl shutdown -w reboot
  wait_gone $ID "$1: shutdown -w"
}

# migrates WHEN: `xl migrate`, and all that the guest had works.
migrates() {
  start moves "" "disk=[\"phy:/dev/ram0,xvda,w\"]
vif=[\"mac=00:16:3e:00:00:04,model=rtl8139,$VIF\"]"
  check "$1: net up" "$(ask moves "net up eth0 10.0.0.4/24")" "eth0 address 10.0.0.4/24, mac 00:16:3e:00:00:04, mtu 1500 / ok"
  toolstack "$1: moved" xl migrate -s "" moves "xl migrate-receive"
  ID=$((ID + 1))
  within 60 said moves--incoming '^suspended, and resumed as another domain'
  works moves--incoming "$1: moved" 69
  toolstack "$1: shutdown" xl shutdown moves
  wait_gone $ID "$1: moved"
}

turn=0
while [ $turn -lt "$TIMES" ]; do
  turn=$((turn + 1))
  for word in pvh hvm; do
    kind $word
    reboots "turn $turn, $word"
    migrates "turn $turn, $word"
    . /payload/manage.sh
    . /payload/memory.sh
    . /payload/misdeeds.sh
    check "turn $turn, $word: only dom0 is left" "$(xl list | awk 'NR > 1 { printf "%s ", $1 }')" "Domain-0 "
  done
done
echo "END"
exit 0
