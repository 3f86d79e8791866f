#!/bin/sh
# fetch.sh TREE PACKAGE...: unpacks programs of the distribution and the libraries they lack into TREE/root.
#
# Nothing is installed: servers would push those that are already here off the machine, and would start.
set -eu
tree=$1
shift

[ ! -f "$tree/complete" ] || exit 0
rm -rf "$tree"
mkdir -p "$tree/packages" "$tree/root"
ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || apt-get update
# What an installation would add, whatever it would remove, and what is named, should it be installed here. No Exim,
# which comes along with everything that sends mail.
missing=$(LC_ALL=C apt-get install --simulate --no-install-recommends "$@" | awk '$1 == "Inst" && $2 !~ /^exim4/ { print $2 }')
cd "$tree/packages"
# shellcheck disable=SC2046,SC2086 # a list of words
apt-get -o APT::Sandbox::User=root download $(printf '%s\n' "$@" $missing | sort -u)
for package in *.deb; do
    dpkg-deb --extract "$package" "$tree/root"
done
# A folder /lib in the tree would hide the link /lib -> usr/lib of the machine that it is laid over.
for folder in bin lib lib32 lib64 sbin; do
    if [ -L "/$folder" ] && [ -d "$tree/root/$folder" ]; then
        mkdir -p "$tree/root/usr/$folder"
        cp -a "$tree/root/$folder/." "$tree/root/usr/$folder"
        rm -rf "${tree:?}/root/$folder"
    fi
done
for package in *.deb; do
    # shellcheck disable=SC2016 # dpkg-deb expands
    dpkg-deb --show --showformat '${Package} ${Version}\n' "$package"
done >"$tree/versions"
rm -rf "$tree/packages"
: >"$tree/complete"
