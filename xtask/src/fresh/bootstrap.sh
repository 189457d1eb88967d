# Installs the packages of /packages in the minimal root, which has them unpacked: as debootstrap
# does, those first that the scripts of the others call.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive
cd /packages
[ -e /usr/bin/awk ] || ln -s mawk /usr/bin/awk
dpkg="dpkg --force-depends --force-unsafe-io"
for package in base-passwd base-files dpkg libc6 perl-base mawk debconf; do
    $dpkg --install "$package"_*.deb
done
$dpkg --unpack ./*.deb
# Packages that depend on each other may take a second round.
$dpkg --configure --pending || $dpkg --configure --pending
dpkg --audit
rm -r /packages
