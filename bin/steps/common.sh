# What the steps of bin/setup share. Sourced with $tools, $cache set.

say() { echo "setup: $*" >&2; }

fail() {
  say "$@"
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# A folder of this run's own beside the cache, so that a finished download moves into place at once.
scratch=$cache/run.$$
fresh_scratch() {
  remove_scratch "$scratch"
  mkdir -p "$scratch"
}

remove_scratch() {
  # Go marks its downloaded modules read-only.
  [ ! -d "$1" ] || { chmod -R u+w "$1" && rm -rf "$1"; }
}

clean_up() { remove_scratch "$scratch"; }

# What runs left that were killed outright.
remove_old_scratch() {
  for old in "$cache"/run.*; do
    kill -0 "${old##*.}" 2>/dev/null || remove_scratch "$old"
  done
}

# The lock is a file descriptor's: it goes when this run ends, however it ends.
wait_for_other_setup() {
  exec 9>"$tools/setup.lock"
  if have flock; then
    flock -n 9 || { say 'another setup is at work here; waiting for it' && flock 9; }
  elif have perl; then
    perl -e 'use Fcntl ":flock"; open(my $lock, ">&=", 9) or exit 1; flock($lock, LOCK_EX)'
  fi
}

# Puts a file at its place in one move; a hard link where possible, because these are large.
place() {
  # Of two names of one file, mv refuses to make one.
  [ "$1" -ef "$2" ] && return
  ln "$1" "$2.$$" 2>/dev/null || cp "$1" "$2.$$"
  mv -f "$2.$$" "$2"
}

is_debian_root() { [ "$(id -u)" = 0 ] && have apt-get; }

apt_install() {
  [ -n "${apt_lists_are_fresh:-}" ] || apt-get update -qq >/dev/null 2>&1 || say 'apt-get update failed; trying with the package lists that are here'
  apt_lists_are_fresh=yes
  fresh_scratch
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$scratch/log" 2>&1 </dev/null 9>&- && return
  tail -n 5 "$scratch/log" >&2
  return 1
}

# Builds a command of a Go module: PACKAGE VERSION [LDFLAGS]; it is then at $scratch/built.
build_with_go() {
  # The Go project's own archive is unpacked there, and not every PATH has it.
  PATH=$PATH:/usr/local/go/bin
  have go || return 1
  fresh_scratch
  (
    cd "$scratch"
    # Gigabytes that nobody needs afterwards.
    export GOCACHE="$scratch/build" GOMODCACHE="$scratch/modules"
    go mod init built >>log 2>&1 9>&- &&
      go get -tool "$1@$2" >>log 2>&1 9>&- &&
      CGO_ENABLED=0 go build -ldflags "-s -w ${3:-}" -o built "$1" >>log 2>&1 9>&-
  ) || { tail -n 5 "$scratch/log" >&2 && return 1; }
}
