# Enters the minimal root: run in a mount and a process namespace of its own, as their root.
# ROOT, RUST (a toolchain, or nothing), USER, then the command.
set -eu
root=$1 rust=$2 user=$3
shift 3
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
    : > "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
for link in fd:fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do
    ln -s "/proc/self/${link#*:}" "$root/dev/${link%%:*}"
done
mkdir "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
if [ -n "$rust" ]; then
    mkdir -p "$root/opt/rust"
    mount --bind "$rust" "$root/opt/rust"
    mount -o remount,bind,ro "$root/opt/rust"
fi
exec chroot --userspec="$user" "$root" "$@" 2>&1
