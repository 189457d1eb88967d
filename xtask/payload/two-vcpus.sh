# Two vCPUs exchange events by upcalls, in both formats: before a suspend, and where they are restored. The second one is vCPU 1, or vCPU 33, which
# shared info has no place for. Part of test.sh.

# exchanged WHEN WORDS FORMAT: the lines of the guest, which is another domain by now.
exchanged() {
  ID=$((ID + 1))
  told() { xl dmesg | grep -o "(d$ID) suspend-test: .*$1"; }
  within 30 told "took .*" >/dev/null
  check "two vCPUs, $1" "$(told "took .*")" "(d$ID) suspend-test: $2: domain $ID, $3, vCPUs took 1000 and 1000 events: ok"
  check "two vCPUs, $1: areas and frames" "$(told "balloon .*")" "(d$ID) suspend-test: $2: runstate area ok, time page ok, frame of the balloon ok"
  check "two vCPUs, $1: clock of vCPU $second" "$(told "clock .*")" "(d$ID) suspend-test: $2: clock of vCPU $second ok"
}
for second in 1 33; do
  case $second in 1) words=fifo format=Fifo ;; *) words="second=$second" format=TwoLevel ;; esac
  # With less memory than its maximum, so that the balloon has frames.
  cat >/tmp/suspend-test.cfg <<C
name="suspend-test"
type="pvh"
kernel="/payload/suspend-test"
extra="$words"
memory=64
maxmem=66
vcpus=$((second + 1))
on_poweroff="destroy"
on_crash="destroy"
C
  step "guest suspend-test with vCPU $second, domain $((ID + 1))"
  xl create -q /tmp/suspend-test.cfg
  exchanged "at the start, vCPU $second" "at the start" $format
  # libxl makes nodes of these features for HVM guests, and lets no other guest make one.
  refused="(d$ID) .*WARN  xen_guest::control::shutdown: the toolstack may not send a request that is supported: write control/feature-s[34]:"
  check "two vCPUs, vCPU $second: refused nodes are logged" "$(xl dmesg | grep -c "^$refused")" 2
  for request in s3 s4; do
    xenstore-write "/local/domain/$ID/control/shutdown" $request
    slept() { xl dmesg | grep -q "^(d$ID) suspend-test: asked for $request"; }
    within 15 slept
    check "two vCPUs, vCPU $second: request $request" "$(slept && echo asked)" asked
  done
  toolstack "two vCPUs, saved, vCPU $second" xl save suspend-test /tmp/saved
  toolstack "two vCPUs, restored, vCPU $second" xl restore /tmp/saved
  rm /tmp/saved
  exchanged "restored, vCPU $second" "elsewhere" $format
  xl shutdown suspend-test
  wait_gone $ID "two vCPUs, vCPU $second"
done
