#!/usr/bin/env bash
# Installs the real programs that some tests compare swarmlab with: tshark reads its captures, serf
# joins its gossip. Does nothing when they are there, when there is no apt-get, or without root;
# the tests that need a missing program say so.
set -euo pipefail

missing=()
for tool in tshark serf; do
  command -v "$tool" >/dev/null 2>&1 || missing+=("$tool")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" -ne 0 ]; then
  echo "install-system-tools: missing ${missing[*]}, and no apt-get as root to install them" >&2
  exit 0
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1; }
if ! { install || { apt-get update -qq >"$log" 2>&1 && install; }; }; then
  echo "install-system-tools: could not install ${missing[*]}:" >&2
  tail -n 5 "$log" >&2
fi
