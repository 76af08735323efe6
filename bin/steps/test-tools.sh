# Tools that the tests compare with. A test whose tool is missing skips, and says so.

missing=
have restic || missing="$missing restic"
have setfattr || missing="$missing attr"
if [ -n "$missing" ]; then
  if is_debian_root; then
    say "installing$missing (about 10 s)"
    # shellcheck disable=SC2086 # a list of package names
    apt_install $missing || say "apt-get could not install$missing; tests that need them will be skipped"
  else
    say "tests that need these will be skipped; install them to run all:$missing"
  fi
fi

# Real servers, of S3 and of Google Cloud Storage, built once for this user: their makers ship no packages.
minio_version=v0.0.0-20260212201848-7aac2a2c5b7c
fake_gcs_server_version=v1.52.3

# NAME PACKAGE VERSION WHAT
bring_go_server() {
  [ ! -x "$tools/bin/$1" ] || return 0
  kept=$cache/$1-$3
  if [ ! -x "$kept" ]; then
    say "building $4 for the tests, $1 (1 to 4 minutes, once)"
    build_with_go "$2" "$3" && mv -f "$scratch/built" "$kept"
  fi
  if [ -x "$kept" ]; then
    place "$kept" "$tools/bin/$1"
  else
    say "$1 could not be built (it needs Go); tests that need it will be skipped"
  fi
}

bring_go_server minio github.com/minio/minio "$minio_version" 'an S3 server'
bring_go_server fake-gcs-server github.com/fsouza/fake-gcs-server "$fake_gcs_server_version" 'a server of Google Cloud Storage'

# An authority for certificates, and the name server that it asks.
pebble_version=v2.8.0
bring_go_server pebble github.com/letsencrypt/pebble/v2/cmd/pebble "$pebble_version" 'an authority for certificates'
bring_go_server pebble-challtestsrv github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv "$pebble_version" 'its name server'

# A server of Azure Blob Storage. It drags hundreds of packages along, so it stays out of the project's own.
azurite_version=3.37.0
azurite_kept=$cache/azurite-$azurite_version

install_azurite() {
  say 'installing a server of Azure Blob Storage for the tests, azurite (about 40 s, once)'
  fresh_scratch
  npm install --prefix "$scratch/azurite" --no-save --ignore-scripts --no-update-notifier --loglevel=error "azurite@$azurite_version" >/dev/null 9>&- &&
    rm -rf "$azurite_kept" && mv "$scratch/azurite" "$azurite_kept"
}

if [ -d "$azurite_kept" ] || install_azurite; then
  ln -sfn "$azurite_kept" "$tools/azurite"
else
  say 'azurite could not be had; tests that need it will be skipped'
fi

# OpenSSH's server: the machine's, else Debian's packages unpacked and not installed, so that none starts as a service.
openssh_kept=$cache/openssh-server-$(uname -m)

unpack_openssh() {
  have apt-get && have dpkg-deb || return 1
  say 'getting an SSH server for the tests (about 10 s, once)'
  fresh_scratch
  (
    cd "$scratch" && apt-get download openssh-server libwrap0 >log 2>&1 9>&- || exit 1
    for package in *.deb; do dpkg-deb -x "$package" unpacked; done
  ) || { apt-get update -qq >/dev/null 2>&1 9>&- && return 1; }
  rm -rf "$openssh_kept" && mkdir -p "$openssh_kept"
  cp "$scratch/unpacked/usr/sbin/sshd" "$openssh_kept/" || return 1
  find "$scratch/unpacked" -name 'libwrap.so*' -exec cp {} "$openssh_kept/" \;
}

if ! have sshd && [ ! -x /usr/sbin/sshd ]; then
  if [ -x "$openssh_kept/sshd" ] || unpack_openssh || unpack_openssh; then
    ln -sfn "$openssh_kept" "$tools/openssh"
  else
    say 'an SSH server could not be had (install openssh-server); tests that need it will be skipped'
  fi
fi

. bin/steps/test-dns.sh
