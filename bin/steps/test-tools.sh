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

# A real S3 server, built once for this user: its makers ship no packages any more.
minio_version=v0.0.0-20260212201848-7aac2a2c5b7c
minio_kept=$cache/minio-$minio_version

build_minio() {
  say 'building an S3 server for the tests, minio (about 4 minutes, once)'
  build_with_go github.com/minio/minio "$minio_version" && mv -f "$scratch/built" "$minio_kept"
}

if ! "$tools/bin/minio" --version >/dev/null 2>&1; then
  if [ -x "$minio_kept" ] || build_minio; then
    place "$minio_kept" "$tools/bin/minio"
  else
    say 'minio could not be built (it needs Go); tests that need it will be skipped'
  fi
fi
