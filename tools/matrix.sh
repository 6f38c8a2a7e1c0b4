#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the README's two commands on other Debian releases and processors, in chroots, as an ordinary user with sudo, and
# prints a table. Needs root, Debian, and 3 GB of memory.
#
#   tools/matrix.sh [NAME...]     bookworm, trixie, sid; bookworm-i386, …; arm64: trixie-arm64 under qemu
#
# MATRIX_TEST: a command in place of `make test`. MATRIX_CACHE: where the bare chroots are kept.
#
# All of it runs in mount and process namespaces of its own, and each chroot in a tmpfs: however this ends, the kernel
# takes down mounts, processes and files. Only the cache and build/matrix/*.log stay.
set -u
cd "$(dirname "$0")/.." || exit 1

if [ -z "${MATRIX_ENTERED:-}" ]; then
  [ "$(id -u)" = 0 ] || { echo "matrix: needs root: chroots are made and mounted" >&2 && exit 1; }
  ./deps.sh matrix || exit 1
  exec env MATRIX_ENTERED=1 unshare --mount --propagation private --uts --pid --fork --kill-child "$0" "$@"
fi
trap 'exit 130' INT TERM

CACHE=${MATRIX_CACHE:-/var/cache/lomi-matrix}
LOGS=$PWD/build/matrix
PACKAGES=ca-certificates,git,make,sudo # what the README expects

# The URL this machine's apt has Debian from.
mirror() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | head -n 1
}

# A bare chroot, made once and kept.
base() {
  local release=$1 arch=$2 at=$CACHE/$1-$2
  [ ! -d "$at" ] || return 0
  echo "matrix: making the chroot $at"
  rm -rf "$at.new"
  mkdir -p "$CACHE" || return
  debootstrap --arch="$arch" --variant=minbase --include=$PACKAGES "$release" "$at.new" "$(mirror)" || return
  mv "$at.new" "$at"
}

# A copy of it in a tmpfs, with this commit's tree in the home directory of an ordinary user.
enter() {
  local release=$1 arch=$2 root=$3
  mount -t tmpfs -o mode=755 tmpfs "$root" && cp -a "$CACHE/$release-$arch/." "$root" || return
  mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount -t sysfs -o ro sysfs "$root/sys" || return
  cp /etc/resolv.conf "$root/etc/"
  apt-config dump | grep -E '^Acquire::https?::Proxy' >"$root/etc/apt/apt.conf.d/90proxy"
  # Sid's Release file is out of date wherever the mirror is not of today.
  [ "$release" != sid ] || echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90dates"
  chroot "$root" useradd --create-home --shell /bin/sh tester || return
  echo 'tester ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/tester"
  git -c safe.directory='*' bundle create -q "$root/home/tester/lomi.bundle" HEAD || return
}

# What the ordinary user does. Lines "result NAME VALUE" at its end make the row.
# shellcheck disable=SC2016
SCRIPT='
  cd && git clone -q lomi.bundle lomi && cd lomi || exit 1
  start=$(date +%s) demo=fails
  make demo && demo=passes
  $MATRIX_TEST
  [ -z "$(apt-cache search --names-only "^lua5.5$")" ] || make test LUA=lua5.5
  version() { dpkg-query -W -f "\${source:Upstream-Version}" "$1" 2>/dev/null; }
  echo "result demo $demo"
  echo "result seconds $(($(date +%s) - start))"
  echo "result lua $(version lua5.4) $(version lua5.5)"
  echo "result luajit $(version luajit2 || version luajit)"
  echo "result libcurl $(pkg-config --modversion libcurl)"
  echo "result openssl $(pkg-config --modversion libcrypto)"
  echo "result microhttpd $(pkg-config --modversion libmicrohttpd)"
  echo "result nginx $(PATH=$PATH:/usr/sbin:build/nginx/usr/sbin; nginx -v 2>&1 | sed "s,.*/,,")"
  echo "result gcc $(cc -dumpfullversion)"
  echo "result left $(ls -A /tmp | wc -l)"
'

# The rows: "== LUA" begins a Lua, busted closes it with its counts.
row() {
  awk -v name="$1" '
    /^== / { lua = $2 }
    / successes? \/ .* pending/ { specs = specs sprintf("%s %d/%d/%d  ", lua, $1, $4 + $7, $10); ran++; bad += $4 + $7 }
    /^result / { key = $2; sub(/^result [a-z]+ */, ""); got[key] = $0 }
    END {
      printf "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, got["lua"], got["luajit"], got["libcurl"],
        got["openssl"], got["microhttpd"], got["nginx"], got["gcc"], got["demo"], specs, got["seconds"]
      exit !(got["demo"] == "passes" && ran >= 2 && bad == 0 && got["left"] == 0)
    }' "$2"
}

run() {
  local name=$1 release=${1%%-*} arch
  arch=$(case $name in *-*) echo "${name#*-}" ;; *) dpkg --print-architecture ;; esac)
  local root log=$LOGS/$name.log personality=linux64
  [ "$arch" != i386 ] || personality=linux32
  echo "matrix: $name: see $log"
  base "$release" "$arch" >"$log" 2>&1 || return
  root=$(mktemp -d) || return
  if enter "$release" "$arch" "$root" >>"$log" 2>&1; then
    $personality chroot --userspec=tester:tester "$root" env -i HOME=/home/tester USER=tester \
      PATH=/usr/local/bin:/usr/bin:/bin MATRIX_TEST="${MATRIX_TEST:-make test}" sh -c "$SCRIPT" >>"$log" 2>&1 </dev/null
  fi
  umount --recursive --lazy "$root" && rmdir "$root"
  row "$release $arch" "$log" >>"$LOGS/table"
}

[ $# -gt 0 ] || set -- bookworm trixie sid bookworm-i386
mkdir -p "$LOGS" || exit 1
[ -z "$(git -c safe.directory='*' status --porcelain)" ] || echo "matrix: what is not committed is not tried"
hostname matrix # not in /etc/hosts
printf '%s\t' release Lua LuaJIT libcurl OpenSSL microhttpd nginx gcc demo "specs: passed/failed/pending" >"$LOGS/table"
echo seconds >>"$LOGS/table"
failed=0
for name in "$@"; do
  [ "$name" != arm64 ] || name=trixie-arm64
  run "$name" || failed=1
done
date +%Y-%m-%d
column -t -s "$(printf '\t')" "$LOGS/table"
echo "pending, and why:"
grep -hA4 '^Pending' "$LOGS"/*.log | grep -v '^Pending\|^--\|^$' | sort | uniq -c
exit "$failed"
