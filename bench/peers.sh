#!/bin/sh
# Brings the programs that relocate is compared with, in the versions that the figures were made with. Built once for a
# user, from source: ~/.cache/relocate/peers. Prints one line each: NAME PATH. What is there already is not built again.
set -eu
cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/relocate
peers=$cache/peers

restic_version=0.18.1
rustic_version=0.11.4
kopia_version=0.21.1

usage() {
  cat <<'END'
Usage: bench/peers.sh [restic] [rustic] [kopia]

Builds the named programs, or all three, unless they are there. restic and kopia need Go and a minute each, rustic needs
Rust's cargo and about 8 minutes.
END
}

. bin/steps/common.sh

# NAME VERSION DURATION
build() {
  kept=$peers/$1
  if ! is_version "$kept" "$2"; then
    say "building $1 $2 to compare with ($3, once)"
    "build_$1" || fail "$1 could not be built; run the benchmark without it (--peers), or put the program at $kept."
    mv -f "$scratch/built" "$kept"
  fi
  echo "$1 $kept"
}

is_version() {
  case $("$1" version 2>/dev/null || "$1" --version 2>/dev/null) in
    *"$2"*) ;;
    *) return 1 ;;
  esac
}

build_restic() { build_with_go github.com/restic/restic/cmd/restic "v$restic_version"; }

build_kopia() {
  build_with_go github.com/kopia/kopia "v$kopia_version" "-X github.com/kopia/kopia/repo.BuildVersion=$kopia_version"
}

build_rustic() {
  PATH=$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin
  have cargo || return 1
  fresh_scratch
  cargo install rustic-rs --version "$rustic_version" --locked --root "$scratch" --target-dir "$scratch/build" \
    >"$scratch/log" 2>&1 9>&- || { tail -n 5 "$scratch/log" >&2 && return 1; }
  mv "$scratch/bin/rustic" "$scratch/built"
}

[ $# -gt 0 ] || set -- restic kopia rustic
for name; do
  case $name in
    restic | kopia | rustic) ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
done

mkdir -p "$peers"
# One build of them at a time for this user: the lock lies in the folder that they go to.
tools=$peers
wait_for_other_setup
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for name; do
  case $name in
    restic) build restic $restic_version 'a minute' ;;
    kopia) build kopia $kopia_version 'a minute' ;;
    rustic) build rustic $rustic_version 'about 8 minutes' ;;
  esac
done
