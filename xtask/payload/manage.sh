# What `xl` does to a guest at its prompt beside its devices: clock, vCPUs, keys, pauses, and the ends of a domain.
start manage "" "maxvcpus=3
vif=[\"mac=00:16:3e:00:00:06,$VIF\"]"

# On Arm, Linux as dom0 tells Xen the time of day for the start of its own clock, not of Xen's: guests are ahead by the time between the two.
ahead() {
  x86 && echo 0 && return
  clock=$(ask manage info | sed -n 's/.*clock \([0-9]*\).*/\1/p')
  echo $((${clock:-0} - $(cut -d. -f1 /proc/uptime)))
}
# seconds: the time of day of the guest, in seconds.
seconds() { echo $(($(ask manage date | sed -n 's/.*(\([0-9]*\)\..*/\1/p') - $(ahead))); }
early=$(date +%s) now=$(seconds) late=$(date +%s)
check "manage: the time of day is dom0's" "$([ "${now:-0}" -ge $((early - 3)) ] && [ "${now:-0}" -le $((late + 3)) ] && echo yes || echo "$early, $now, $late")" yes
matches "manage: the tick counter" "$(ask manage date)" "date 20*Z (*) / $(x86 && echo "tsc * kHz, mode *, incarnation * / ")ok"
matches "manage: a guest cannot set the time" "$(ask manage "date 1900000000")" "error: settime: Xen refused: *"
matches "manage: uptime" "$(ask manage uptime)" "uptime [0-9]*.[0-9]* s / ok"
matches "manage: time of each vCPU" "$(ask manage top)" "cpu 0 running * blocked * steal * s / cpu 1 running * s / cpu 2 * s / ok"
matches "manage: features of the toolstack" "$(ask manage info)" "*toolstack multiprocessor-suspend true xs_reset_watches true*"
matches "manage: drivers are published" "$(xenstore-read "/local/domain/$ID/drivers/0")" "xen-family shell *"
check "manage: hotplug is published" "$(xenstore-read "/local/domain/$ID/feature/hotplug/vbd")" 1

cpu_2_again() { [ "$(console manage | grep -c '^cpu 2 is online')" = 2 ]; }
# up COUNT: dom0 sees as many vCPUs running as the guest says.
up() { xl vcpu-list manage | awk 'NR > 1 && $5 !~ /p/' | wc -l; }
# The identifier of the local APIC of a vCPU that is online, where there is one.
apic=$(x86 && echo " apic *")
check "manage: one vCPU at the start" "$(ask manage cpus)" "cpu 0 online$(x86 && echo " apic 0") / cpu 1 offline / cpu 2 offline / ok"
toolstack "vcpu-set 3" xl vcpu-set --ignore-host manage 3
within 15 said manage '^cpu 2 is online'
matches "vcpu-set 3: cpus" "$(ask manage cpus)" "cpu 0 online$apic / cpu 1 online$apic / cpu 2 online$apic / ok"
check "vcpu-set 3: vCPUs that dom0 sees" "$(up)" 3
toolstack "vcpu-set 1" xl vcpu-set --ignore-host manage 1
within 15 said manage '^cpu 2 is offline'
matches "vcpu-set 1: cpus" "$(ask manage cpus)" "cpu 0 online$apic / cpu 1 offline* / cpu 2 offline* / ok"
check "vcpu-set 1: vCPUs that dom0 sees" "$(up)" 1
toolstack "vcpu-set 2" xl vcpu-set --ignore-host manage 2
again() { [ "$(console manage | grep -c '^cpu 1 is online')" = 2 ]; }
within 15 again
matches "vcpu-set 2: cpus" "$(ask manage cpus)" "cpu 0 online$apic / cpu 1 online$apic / cpu 2 offline* / ok"
for node in 0/availability 1/availability 99/availability; do xenstore-write "/local/domain/$ID/cpu/$node" nonsense; done
xenstore-write "/local/domain/$ID/cpu/0/availability" offline
matches "vcpu-set: wrong nodes have no effect" "$(ask manage cpus)" "cpu 0 online$apic / cpu 1 online$apic / cpu 2 offline* / ok"
xenstore-write "/local/domain/$ID/cpu/0/availability" online
xenstore-write "/local/domain/$ID/cpu/1/availability" online

xl sysrq manage h
within 10 said manage '^sysrq: h'
check "sysrq: the letter" "$(console manage | grep -c '^sysrq: h')" 1
xenstore-write "/local/domain/$ID/control/sysrq" words
taken() { [ -z "$(xenstore-read "/local/domain/$ID/control/sysrq")" ]; }
within 10 taken
check "sysrq: words are removed" "$(xenstore-read "/local/domain/$ID/control/sysrq")" ""
check "sysrq: words have no effect" "$(console manage | grep -c '^sysrq: ')" 1

MODE="/local/domain/$ID/control/laptop-slate-mode"
xenstore-write "$MODE" ""
xenstore-chmod "$MODE" "n$ID"
xenstore-write "$MODE" slate
within 10 said manage '^mode: slate'
check "laptop-slate-mode: the mode" "$(console manage | grep -c '^mode: ')" 1
check "laptop-slate-mode: it is acknowledged" "$(xenstore-read "$MODE")" ""

toolstack "paused" xl pause manage
toolstack "unpaused" xl unpause manage
check "unpaused: the guest continues" "$(ask manage "sleep 10")" ok

if x86; then
matches "suspend event channel: the port" "$(xenstore-read "/local/domain/$ID/device/suspend/event-channel")" "[0-9]*"
toolstack "two vCPUs saved, one stopped" xl save manage /tmp/saved
check "suspend event channel: no request by xenstore" "$(console manage | grep -c '^asked for: suspend')" 0
toolstack "two vCPUs restored, one stopped" xl restore /tmp/saved
ID=$((ID + 1))
rm /tmp/saved
within 20 said manage '^suspended, and resumed as another domain'
# QEMU removes no vCPU: of an HVM guest, libxl sets them online again.
case $KIND in *hvm*) again_2=online ;; *) again_2=offline ;; esac
[ $again_2 = offline ] || within 20 cpu_2_again
matches "restored: cpus" "$(ask manage cpus)" "cpu 0 online * / cpu 1 online * / cpu 2 $again_2* / ok"
early=$(date +%s) now=$(seconds) late=$(date +%s)
check "restored: the time of day is dom0's" "$([ "${now:-0}" -ge $((early - 3)) ] && [ "${now:-0}" -le $((late + 3)) ] && echo yes || echo "$early, $now, $late")" yes
toolstack "restored, vcpu-set 3" xl vcpu-set --ignore-host manage 3
within 15 cpu_2_again
matches "restored, vcpu-set 3: cpus" "$(ask manage cpus)" "cpu 0 online * / cpu 1 online * / cpu 2 online apic * / ok"
toolstack "restored, vcpu-set 1" xl vcpu-set --ignore-host manage 1
cpu_2_stops() { [ "$(console manage | grep -c '^cpu 2 is offline')" = 2 ]; }
within 15 cpu_2_stops
matches "restored, vcpu-set 1: cpus" "$(ask manage cpus)" "cpu 0 online * / cpu 1 offline* / cpu 2 offline* / ok"
check "restored, vcpu-set 1: vCPUs that dom0 sees" "$(up)" 1
fi
toolstack "shutdown -w" xl shutdown -w manage
within 15 gone $ID
check "shutdown -w: the domain is gone" "$(gone $ID && echo gone || echo "still there")" gone
