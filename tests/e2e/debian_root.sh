#!/bin/sh
# Proves the two commands on a bare Debian: debootstrap, a clone of HEAD, `./dev demo --once`, `./dev test`.
#
#     tests/e2e/debian_root.sh [bookworm|trixie] [COMMAND...]
#     tests/e2e/debian_root.sh --base [bookworm|trixie]
#
# With --base nothing is run: it says where the tar file of the bare root is, which is made where there is none.
# A COMMAND, such as "./dev build", runs instead of the two. The root lies in build/roots/SUITE and stays there
# to be looked at; the next run begins with a new one. Packages come from where this machine's apt has its own.
# Needs root, debootstrap and git.
set -eu

base_only=no
if [ "${1:-}" = --base ]; then
    base_only=yes
    shift
fi
suite=${1:-bookworm}
[ $# -eq 0 ] || shift
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
source_tree=$(CDPATH='' cd -- "$here/../.." && pwd)
roots=$source_tree/build/roots
root=$roots/$suite
clone=/srv/mailramp

fail() {
    echo "debian_root.sh: $*" >&2
    exit 1
}

# The base URI of this machine's archive; $1 is "security" or "main".
archive_uri() {
    # shellcheck disable=SC2016 # apt expands
    apt-get indextargets --format '$(SUITE) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
        awk -v kind="$1" '
            { is_security = ($2 ~ /security/ || $1 ~ /security/) }
            is_security == (kind == "security") && $2 !~ /-updates/ { print $3; exit }'
}

# A pristine minbase, kept as a tar file: making it is not part of what is timed.
make_base() {
    [ -f "$roots/$suite.tar" ] && return
    mkdir -p "$roots"
    rm -rf "$roots/$suite.new"
    debootstrap --variant=minbase "$suite" "$roots/$suite.new" "$(archive_uri main)" >"$roots/$suite.debootstrap.log" 2>&1 ||
        fail "debootstrap failed, see $roots/$suite.debootstrap.log"
    {
        echo "deb $(archive_uri main) $suite main"
        echo "deb $(archive_uri main) $suite-updates main"
        echo "deb $(archive_uri security) $suite-security main"
    } >"$roots/$suite.new/etc/apt/sources.list"
    rm -rf "$roots/$suite.new/var/lib/apt/lists" "$roots/$suite.new/var/cache/apt/archives"
    mkdir -p "$roots/$suite.new/var/lib/apt/lists/partial" "$roots/$suite.new/var/cache/apt/archives/partial"
    tar -C "$roots/$suite.new" --numeric-owner -cf "$roots/$suite.tar.part" .
    mv "$roots/$suite.tar.part" "$roots/$suite.tar"
    rm -rf "$roots/$suite.new"
}

fresh_root() {
    # Nothing is mounted under it: mounts exist only in the namespace of enter().
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    tar -C "$root" --numeric-owner -xpf "$roots/$suite.tar"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    git clone --quiet --no-local "$source_tree" "$root$clone"
}

# Runs a shell command in the clone inside the root, in namespaces that end with it: no mount and no process
# outlives this script. The environment is that of a first login, not ours.
enter() {
    # shellcheck disable=SC2016 # the inner shell expands
    unshare --mount --pid --fork --kill-child sh -eu -c '
        mount --bind "$1" "$1"  # so that programs inside may make namespaces of their own
        mount --rbind /dev "$1/dev"
        mount -t proc proc "$1/proc"
        mount -t sysfs -o ro sysfs "$1/sys"
        mount -t tmpfs -o mode=1777 tmpfs "$1/run"
        exec chroot "$1" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            MAILRAMP_CI=1 sh -c "cd $2 && $3"
    ' enter "$root" "$clone" "$1"
}

timed() {
    begin=$(date +%s)
    status=0
    enter "$1" </dev/null || status=$?
    took=$(($(date +%s) - begin))
    results="$results
$suite: $1: exit $status after $((took / 60)) min $((took % 60)) s"
    [ "$status" -eq 0 ] || failed=1
}

[ "$(id -u)" -eq 0 ] || fail "needs root (chroot, mounts)"
for tool in debootstrap git unshare; do
    command -v "$tool" >/dev/null || fail "needs $tool: apt-get install debootstrap git util-linux"
done
results=
failed=0
make_base
if [ "$base_only" = yes ]; then
    echo "$roots/$suite.tar"
    exit 0
fi
fresh_root
if [ $# -gt 0 ]; then
    timed "$*"
else
    timed "./dev demo --once"
    timed "./dev test"
fi
echo "$results"
exit "$failed"
