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
