#!/bin/sh
# Builds the tree that the lab's machines boot from: Debian 12 as a provider's image is, and what a deploy needs on it,
# installed but not started, because the machines reach no package registry. FOLDER must not exist; it is whole or absent.
# Usage: build.sh FOLDER COMPOSE, the second being the program `docker compose`, or "-" for none.
set -eu
tree=$1.$$
compose=$2
here=$(cd "$(dirname "$0")" && pwd -P)

inside() { TMPDIR=/tmp DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$tree" "$@"; }

clean_up() {
  # One that keeps a mount must not be removed.
  for place in dev/pts dev proc sys; do ! mountpoint -q "$tree/$place" || umount "$tree/$place" || exit 1; done
  rm -rf "$tree"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

debootstrap --variant=minbase --include=ca-certificates bookworm "$tree" "$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)"
mount -t proc proc "$tree/proc"
mount -t sysfs sysfs "$tree/sys"
mount --bind /dev "$tree/dev"

# No service is to start in the tree.
printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
chmod 755 "$tree/usr/sbin/policy-rc.d"
mkdir -p "$tree/etc/postgresql-common"
echo 'create_main_cluster = false' >"$tree/etc/postgresql-common/createcluster.conf"
cp /etc/apt/sources.list.d/debian.sources "$tree/etc/apt/sources.list.d/" 2>/dev/null && : >"$tree/etc/apt/sources.list"
inside apt-get update -qq
# shellcheck disable=SC2046 # a list of package names
inside apt-get install -y -qq --no-install-recommends $(sed 's/#.*//' "$here/packages.txt")

# What a provider's image does not run either, and what a machine of the lab has no use for.
rm -f "$tree/usr/sbin/policy-rc.d" "$tree"/etc/ssh/ssh_host_* "$tree/var/lib/dbus/machine-id"
: >"$tree/etc/machine-id"
inside systemctl disable --quiet docker.service docker.socket containerd.service postgresql.service \
  redis-server.service mariadb.service caddy.service nftables.service unattended-upgrades.service
inside systemctl mask --quiet \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  systemd-timesyncd.service systemd-networkd.service systemd-resolved.service networking.service ifupdown-pre.service \
  getty.target console-getty.service getty@.service systemd-logind.service systemd-udevd.service \
  systemd-udev-trigger.service systemd-journal-flush.service systemd-update-utmp.service \
  systemd-update-utmp-runlevel.service sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount \
  dev-mqueue.mount modprobe@.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
  cloud-init-hotplugd.socket
inside systemctl set-default --quiet multi-user.target
cp -R "$here/files/." "$tree/"
[ "$compose" = - ] || install -D -m 755 "$compose" "$tree/usr/libexec/docker/cli-plugins/docker-compose"
inside apt-get clean
rm -rf "$tree"/var/lib/apt/lists/* "$tree"/usr/share/doc/* "$tree"/usr/share/man/*
# Compiled once here instead of at each machine's first boot.
inside python3 -m compileall -q /usr/lib/python3 /usr/lib/python3.11 >/dev/null 2>&1 || true

for place in dev proc sys; do umount "$tree/$place"; done
mv -T "$tree" "$1"
