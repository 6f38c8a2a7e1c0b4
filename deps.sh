#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that are missing, and says which. Uses sudo only if there is something to install.
#   ./deps.sh                        what building, testing and linting need
#   ./deps.sh node=nodejs chromium   the packages of these commands (or files), where the command is missing
set -eu

packages="
  build-essential pkg-config clang-format clang-tidy cppcheck git ca-certificates openssl locales iproute2 procps
  lua5.4 liblua5.4-dev luajit2 libluajit2-5.1-dev
  lua-cjson lua-argparse lua-socket lua-cqueues lua-luv lua-busted lua-check luarocks
  libcurl4-openssl-dev libssl-dev libmicrohttpd-dev
  nginx-light libnginx-mod-http-lua
"

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing=""
if [ $# -gt 0 ]; then
  for wanted in "$@"; do
    command -v "${wanted%%=*}" >/dev/null || [ -e "${wanted%%=*}" ] || missing="$missing ${wanted#*=}"
  done
elif command -v dpkg-query >/dev/null; then
  for package in $packages; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
  done
else
  echo "deps: this is not Debian; install by hand what is named in $0" >&2
  exit 0
fi

if [ -n "$missing" ]; then
  echo "deps: installing$missing"
  if ! command -v apt-get >/dev/null; then
    echo "deps: this is not Debian; install that by hand" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -qq
  # shellcheck disable=SC2086
  as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

# The specs charge under a locale with a decimal comma.
if [ $# = 0 ] && ! locale -a 2>/dev/null | grep -qi '^fr_FR\.utf-\?8$'; then
  echo "deps: making the locale fr_FR.UTF-8"
  as_root localedef -i fr_FR -f UTF-8 fr_FR.UTF-8
fi
