#!/usr/bin/env bash
# Two agents of two trust domains on this machine learn to believe each other's workloads.
# Usage: ./run.sh [FOLDER FOR KEYS AND STATE]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$(mktemp -d)}
mkdir -p "$work"
work=$(cd "$work" && pwd)
accredit=${ACCREDIT:-accredit}
say() { printf '\n== %s\n' "$*"; }

until_true() { # tries for half a minute
  for _ in $(seq 150); do "$@" 2>/dev/null && return; sleep 0.2; done
  echo "it did not come about: $*" >&2
  tail -n 20 "$work"/*.log >&2
  exit 1
}

agents=()
trap 'kill "${agents[@]}" 2>/dev/null; wait' EXIT

for side in shop stock; do
  umask 077
  sed "s/unix:uid:1000/unix:uid:$(id -u)/" "$here/$side.yaml" >"$work/$side.yaml"
  "$accredit" run -c "$work/$side.yaml" 2>"$work/$side.log" &
  agents+=($!)
done
ask() { "$accredit" "${@:2}" -c "$work/$1.yaml"; }
serves() { "$accredit" api fetch x509 --socket "unix://$work/$1/public/api.sock" >"$work/out"; }
until_true serves shop
until_true serves stock

say "Each gives the other its bundle once, by a way that both trust: here a pipe"
ask shop bundle show | ask stock bundle set shop.example -
ask stock bundle show | ask shop bundle set stock.example -

fetched() { ask "$1" bundle list | grep -q ' endpoint '; }
until_true fetched shop
until_true fetched stock
say "From now on each fetches the other's newest bundle by itself"
ask shop bundle list
ask stock bundle list

say "A workload of stock verifies a token of a workload of shop"
token() { "$accredit" api fetch jwt --audience stock --socket "unix://$work/shop/public/api.sock" \
  --output json | sed -n 's/.*"\(eyJ[^"]*\)".*/\1/p'; }
verify() { token | "$accredit" api validate-jwt --audience stock \
  --socket "unix://$work/stock/public/api.sock"; }
verify

say "shop replaces its keys; nobody at stock needs to know"
ask shop ca rotate --wait
until_true verify

say "stock ends the relationship by taking it out of its file: shop is a stranger again"
sed -i '/relationships:/,/endpoint_spiffe_id:/d' "$work/stock.yaml"
is_stranger() { ! verify >"$work/out" 2>&1; }
until_true is_stranger
cat "$work/out"
