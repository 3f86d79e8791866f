#!/bin/sh
# fetch.sh TREE: unpacks Postfix, Dovecot and the libraries they lack into TREE/root, from the distribution's
# packages.
#
# Nothing is installed: both would push a mail server that is already here off the machine, and would start.
set -eu
tree=$1
packages="postfix dovecot-core"

[ ! -f "$tree/complete" ] || exit 0
rm -rf "$tree"
mkdir -p "$tree/packages" "$tree/root"
ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || apt-get update
# What an installation would add, whatever it would remove; the two by name, should they be installed here.
# shellcheck disable=SC2086 # a list of words
missing=$(LC_ALL=C apt-get install --simulate --no-install-recommends $packages | awk '$1 == "Inst" { print $2 }')
cd "$tree/packages"
# shellcheck disable=SC2046,SC2086 # a list of words
apt-get -o APT::Sandbox::User=root download $(printf '%s\n' $packages $missing | sort -u)
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
dpkg-deb --field dovecot-core_*.deb Version | sed 's/^[0-9]*://' >"$tree/dovecot-version"
rm -rf "$tree/packages"
: >"$tree/complete"
