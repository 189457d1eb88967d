# The balloon: a guest's memory follows the target of xl, and what it does meanwhile is unharmed. Part of test.sh.
# The memory of an HVM guest has a hole below 1 MiB, of LESS KiB.
LESS=0
mib() { xl list "$1" | awk 'NR == 2 { print $3 }'; }
has() { [ "$(mib "$1")" = $((($2 * 1024 - LESS) / 1024)) ]; }
# sized WHEN MIB: xl reports the memory of $guest, the guest does too, and its disk and its network work.
sized() {
  within 40 has $guest "$2"
  check "$1: memory of xl list" "$(mib $guest)" $((($2 * 1024 - LESS) / 1024))
  matches "$1: memory of the guest" "$(ask $guest mem)" "memory $(($2 * 1024 - LESS)) KiB, target $(($2 * 1024 - LESS)) KiB /*ok"
  check "$1: the disk's digest" "$(ask $guest "blk sha256 xvda 0 $MIB")" "sha256 xvda 0 $MIB $part / ok"
  check "$1: tcp-echo of 256 KiB" "$(ask $guest "tcp-echo 10.0.0.1 7000 262144")" "tcp-echo sent=262144 received=262144 mismatches=0 / ok"
}
# targets WHEN MIB: checks the target in xenstore, and sets size to it in MiB. Of an HVM guest, libxl leaves out what xl list does not show.
targets() {
  size=$(($(xenstore-read "/local/domain/$ID/memory/target") / 1024))
  check "$1: the target" $size $((($2 * 1024 - LESS) / 1024))
}
# mem_set GUEST MIB: as `xl mem-set`, which ends by a failed assertion of libxl on Arm (4.17 and 4.20).
mem_set() {
  if x86; then
    toolstack "mem-set $2" xl mem-set "$1" "$2"
  else
    xenstore-write "/local/domain/$ID/memory/target" $(($2 * 1024))
  fi
}
guest=memory
part=$(dd if=/tmp/expected bs=1M count=1 2>/dev/null | sha256sum | cut -d' ' -f1)
start memory "" "ramdisk=\"/payload/lib.sh\"
disk=[\"phy:/dev/ram0,xvda,w\"]
vif=[\"mac=00:16:3e:00:00:05,$VIF\"]"
memory=/local/domain/$ID/memory
check "memory: net up" "$(ask memory "net up eth0 10.0.0.5/24")" "eth0 address 10.0.0.5/24, mac 00:16:3e:00:00:05, mtu 1500 / ok"
case $KIND in
  *hvm*)
    LESS=$((65536 - $(ask memory mem | sed 's/memory \([0-9]*\) .*/\1/')))
    check "memory: a hole of less than 1 MiB" "$([ $LESS -ge 0 ] && [ $LESS -lt 1024 ] && echo yes || echo "$LESS KiB")" yes
    ;;
esac
matches "info: a module and the RSDP" "$(ask memory info)" "*module 0x* / $(x86 && echo "rsdp 0x")*ok"
sized "at the start" 64
mem_set memory 40
sized "mem-set 40" 40
for bad in text -1 0 4096 999999999 18446744073709551616; do
  xenstore-write -- "$memory/target" "$bad"
done
usleep 500000
matches "bad targets: memory of the guest" "$(ask memory mem)" "memory $((40960 - LESS)) KiB, target $((40960 - LESS)) KiB /*ok"
xenstore-write "$memory/target" $((40 * 1024))
sized "after bad targets" 40
# `xl mem-max` fails on Arm as `xl mem-set` does.
if x86; then
# The maximum of Xen holds, whatever the target is: since 4.20 xl lowers the node of the maximum too, so that the target is a bad one.
toolstack "mem-max 48" xl mem-max memory 48
xenstore-write "$memory/target" $((60 * 1024))
within 5 has memory 48 || usleep 500000
matches "mem-max 48: Xen's maximum holds" $((($(mib memory) * 1024 + LESS + 1023) / 1024)) "4[089]"
toolstack "mem-max 64" xl mem-max memory 64
fi
mem_set memory 60
sized "mem-set 60" 60
if x86; then
toolstack "mem-set 36, then saved" xl mem-set memory 36
within 40 has memory 36
toolstack "memory saved" xl save memory /tmp/saved
toolstack "memory restored" xl restore /tmp/saved
rm /tmp/saved
ID=$((ID + 1)) memory=/local/domain/$ID/memory
targets "restored" 36
sized "restored" $size
fi
mem_set memory 64
sized "mem-set 64" 64
if x86; then
# More than at the boot, which xl allows only below the maximum in xenstore.
xenstore-write "$memory/static-max" $((96 * 1024))
toolstack "mem-max 96" xl mem-max memory 96
toolstack "mem-set 80" xl mem-set memory 80
sized "mem-set 80" 80
fi
mem_set memory 50
sized "mem-set 50" 50
xl shutdown memory
wait_gone "$ID" memory

# Populated on demand: a map of 64 MiB, with memory for 40. Xen has that on x86 alone.
if x86; then
guest=demand
prepare demand "" "maxmem=64
disk=[\"phy:/dev/ram0,xvda,w\"]
vif=[\"mac=00:16:3e:00:00:05,$VIF\"]"
sed -i 's/^memory=.*/memory=40/' /tmp/demand.cfg
create demand
within 60 said demand "^'help'"
check "on demand: net up" "$(ask demand "net up eth0 10.0.0.5/24")" "eth0 address 10.0.0.5/24, mac 00:16:3e:00:00:05, mtu 1500 / ok"
targets "on demand" 40
sized "on demand" $size
toolstack "on demand, mem-set 60" xl mem-set demand 60
sized "on demand, mem-set 60" 60
xl shutdown demand
wait_gone "$ID" "memory on demand"
fi
