# Vchan: Xen's own program for it in dom0, with our kernel at the other end, which sends back what comes.
head -c $MIB /dev/urandom >/tmp/noise
noise=$(sha256sum </tmp/noise | cut -d' ' -f1)

# vchan NAME COMMAND-LINE: creates the guest, which is preserved after its poweroff. Sets ID.
vchan() {
  cat >"/tmp/$1.cfg" <<C
name="$1"
type="pvh"
kernel="/payload/vchan"
extra="$2"
memory=64
vcpus=1
on_poweroff="preserve"
on_crash="destroy"
C
  ID=$((ID + 1))
  step "guest $1, domain $ID"
  xl create -q "/tmp/$1.cfg"
}

# echoes NAME MODE DOMAIN PATH: sends noise and takes what comes back, until our end leaves: our program's input has no end before that.
echoes() {
  rm -f /tmp/pipe
  mkfifo /tmp/pipe
  exec 3<>/tmp/pipe
  cat /tmp/noise >/tmp/pipe &
  timeout 60 vchan-socket-proxy --mode "$2" "$3" "$4" - </tmp/pipe >/tmp/echo
  check "$1: Xen's end heard that ours has left" $? 0
  exec 3>&-
  kill $! 2>/dev/null
  check "$1: 1 MiB there and back" "$(sha256sum </tmp/echo | cut -d' ' -f1)" "$noise"
  closes "$1" "vchan: $MIB bytes"
  check "$1: the server's nodes" "$(xenstore-exists "$4" && echo "still there" || echo removed)" removed
}

# killed NAME MODE DOMAIN PATH: as echoes, but Xen's end is killed when something has come back.
killed() {
  rm -f /tmp/pipe
  mkfifo /tmp/pipe
  exec 3<>/tmp/pipe
  cat /tmp/noise >/tmp/pipe &
  noisy=$!
  : >/tmp/echo
  vchan-socket-proxy --mode "$2" "$3" "$4" - </tmp/pipe >/tmp/echo &
  within 30 test -s /tmp/echo
  kill -9 $!
  wait $!
  exec 3>&-
  kill $noisy 2>/dev/null
  closes "$1" "vchan: ?* bytes"
}

# closes NAME WHAT-IT-SAYS: our end has let go of everything.
closes() {
  within 15 said "$1" '^vchan: end'
  matches "$1: our end's word" "$(console "$1" | grep '^vchan: ' | tail -n 3 | tr '\n' '/')" "$2/vchan: 0 allocations deferred/vchan: end/"
  check "$1: grants left" "$(grants_left $ID) in the guest, $(grants_left 0) in dom0" "none in the guest, none in dom0"
  xl destroy "$1"
}

for orders in "10 11" "11 12" "20 16"; do
  name="vchan-${orders% *}-${orders#* }"
  vchan "$name" "server 0 data/echo $orders $MIB"
  echoes "$name" client $ID /local/domain/$ID/data/echo
done
# This guest is there before the server that it looks for.
vchan vchan-client "client 0 /local/domain/0/data/echo $MIB"
echoes vchan-client server $ID /local/domain/0/data/echo
# Linux says for a program that was killed that it has left.
vchan vchan-bereft-server "server 0 data/echo 14 14 1000000000"
killed vchan-bereft-server client $ID /local/domain/$ID/data/echo
vchan vchan-bereft-client "client 0 /local/domain/0/data/echo 1000000000"
killed vchan-bereft-client server $ID /local/domain/0/data/echo
xenstore-rm /local/domain/0/data/echo
