#!/bin/sh
# enter.sh TREE STATE: runs run.sh where TREE's programs lie over this machine's files and STATE is /state.
#
# To be started in mount and PID namespaces of its own (unshare --mount --pid --fork --kill-child): whatever it
# mounts and starts ends with them, and what is written outside /state goes to memory and is forgotten.
set -eu
tree=$1
state=$2
root=$state/root

mkdir -p "$root" "$state/memory"
mount -t tmpfs -o mode=755 tmpfs "$state/memory"
mkdir "$state/memory/work"
# A copy, because the kernel refuses a layer that lies inside another.
cp -a "$tree/root" "$state/memory/upper"
mount -t overlay -o "lowerdir=/,upperdir=$state/memory/upper,workdir=$state/memory/work" overlay "$root"
mkdir -p "$root/state"
mount --bind "$state" "$root/state"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"

# What installing the packages would have done: their accounts, and their libraries where they are found.
account() {
    grep -q "^$1:" "$root/etc/group" || echo "$1:x:$2:" >>"$root/etc/group"
    grep -q "^$1:" "$root/etc/passwd" || echo "$1:x:$2:$2::/nonexistent:/usr/sbin/nologin" >>"$root/etc/passwd"
}
account postfix 64001
account postdrop 64002
account dovecot 64003
account dovenull 64004
chroot "$root" ldconfig

exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -eu /state/run.sh
