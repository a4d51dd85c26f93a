# podman.sh ROOT SOCKET_FOLDER: Podman's Docker API, in the small system at ROOT, as a file system of its own.
# Run under unshare --mount. A chroot would not do: runc enters containers by way of the mount namespace's root.
set -e
root=$1
sockets=$2
mkdir -p "$root/engine" "$root/.old"
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount --bind "$sockets" engine
cat /etc/resolv.conf > etc/resolv.conf
# Machines that may not raise limits (no CAP_SYS_RESOURCE) refuse Podman's own.
cat > etc/engine.conf <<CONF
[containers]
default_ulimits = ["nofile=4096:4096","nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
default_subnet = "10.215.0.0/16"
CONF
pivot_root . .old
exec chroot . /bin/sh -c 'umount -l /.old && cd / && CONTAINERS_CONF=/etc/engine.conf PATH=/usr/sbin:/usr/bin \
  exec podman system service --time 0 unix:///engine/docker.sock'
