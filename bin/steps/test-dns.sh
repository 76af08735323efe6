# BIND, a name server: its libraries and nsupdate are installed; the server itself is only unpacked, so that none starts
# as a service.
bind_kept=$cache/bind-$(uname -m)

unpack_bind() {
  have apt-get && have dpkg-deb || return 1
  say 'getting a name server for the tests (about 10 s, once)'
  fresh_scratch
  (cd "$scratch" && apt-get download bind9 >log 2>&1 9>&- && dpkg-deb -x bind9_*.deb unpacked) ||
    { apt-get update -qq >/dev/null 2>&1 9>&- && return 1; }
  rm -rf "$bind_kept" && mkdir -p "$bind_kept"
  cp "$scratch/unpacked/usr/sbin/named" "$bind_kept/" || return 1
}

if ! have named && [ ! -x /usr/sbin/named ]; then
  if ! have nsupdate && is_debian_root; then
    apt_install bind9-dnsutils || say 'apt-get could not install bind9-dnsutils'
  fi
  # It needs the very libraries that are installed.
  if [ -x "$bind_kept/named" ] && ! "$bind_kept/named" -v >/dev/null 2>&1; then rm -rf "$bind_kept"; fi
  if [ -x "$bind_kept/named" ] || unpack_bind || unpack_bind; then
    ln -sfn "$bind_kept" "$tools/bind"
  else
    say 'BIND could not be had (install bind9 and bind9-dnsutils); tests that need it will be skipped'
  fi
fi
