# BIND, a name server: its libraries and nsupdate are installed; the server itself is only unpacked, so that none starts
# as a service.
bind_kept=$cache/bind-$(uname -m)

# It needs the very libraries that are installed.
bind_runs() { [ -x "$bind_kept/named" ] && "$bind_kept/named" -v >/dev/null 2>&1; }

unpack_bind() {
  have apt-get && have dpkg-deb || return 1
  say 'getting a name server for the tests (about 10 s, once)'
  fresh_scratch
  (cd "$scratch" && apt-get download bind9 >log 2>&1 9>&- && dpkg-deb -x bind9_*.deb unpacked) ||
    { apt-get update -qq >/dev/null 2>&1 9>&- && return 1; }
  rm -rf "$bind_kept" && mkdir -p "$bind_kept"
  cp "$scratch/unpacked/usr/sbin/named" "$bind_kept/"
}

if ! have named && [ ! -x /usr/sbin/named ]; then
  if ! have nsupdate || ! bind_runs; then
    # Of the same version, which the libraries' file names hold.
    if is_debian_root; then apt_install bind9-dnsutils bind9-libs || say 'apt-get could not install bind9-dnsutils'; fi
    bind_runs || unpack_bind || unpack_bind || true
  fi
  if have nsupdate && bind_runs; then
    ln -sfn "$bind_kept" "$tools/bind"
  else
    rm -f "$tools/bind"
    say 'BIND could not be had (install bind9 and bind9-dnsutils); tests that need it will be skipped'
  fi
fi
