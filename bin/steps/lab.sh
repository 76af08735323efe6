# What the test lab needs: machines of its own, and Debian's client of the provider's API that judges it. Linux and root.

lab_recipe=test/lab/machines/base
compose_version=v2.28.1

# Of the program `docker compose`, which Debian has in its old version only; the machines get it as well.
bring_compose() {
  compose_kept=$cache/docker-compose-$compose_version
  if [ ! -x "$compose_kept" ]; then
    say 'building docker compose for the test lab (2 to 4 minutes, once)'
    build_with_go github.com/docker/compose/v2/cmd "$compose_version" \
      "-X github.com/docker/compose/v2/internal.Version=$compose_version" && mv -f "$scratch/built" "$compose_kept"
  fi
  if [ ! -x "$compose_kept" ]; then
    compose_kept=-
    say 'docker compose could not be built (it needs Go); tests that need it will be skipped'
    return
  fi
  mkdir -p "$tools/docker/cli-plugins"
  [ -x "$tools/docker/cli-plugins/docker-compose" ] ||   place "$compose_kept" "$tools/docker/cli-plugins/docker-compose"
}

bring_lab() {
  lab_needs=
  have debootstrap || lab_needs="$lab_needs debootstrap"
  have systemd-nspawn || lab_needs="$lab_needs systemd-container"
  have nft || lab_needs="$lab_needs nftables"
  have ip || lab_needs="$lab_needs iproute2"
  have ssh || lab_needs="$lab_needs openssh-client"
  have mkfs.ext4 || lab_needs="$lab_needs e2fsprogs"
  have hcloud || lab_needs="$lab_needs hcloud-cli"
  # shellcheck disable=SC2086 # a list of package names
  [ -z "$lab_needs" ] || { say "installing$lab_needs (about 10 s)" && apt_install $lab_needs; } || return 1
  bring_compose
  lab_kept=$cache/lab-debian-12-$(find "$lab_recipe" -type f | LC_ALL=C sort | xargs cat | cksum | tr ' ' -)-$compose_version
  if [ ! -d "$lab_kept" ]; then
    say "building the tree of the test lab's machines (3 to 5 minutes, once)"
    fresh_scratch
    "$lab_recipe/build.sh" "$lab_kept" "$compose_kept" >"$scratch/log" 2>&1 </dev/null 9>&- ||
      { tail -n 5 "$scratch/log" >&2 && return 1; }
  fi
  rm -f "$tools/lab" && ln -s "$lab_kept" "$tools/lab"
}

if [ "$(uname -s)" = Linux ] && is_debian_root; then
  bring_lab || say 'the test lab could not be built; tests that need it will be skipped'
else
  say 'the test lab needs Debian or Ubuntu, and root; tests that need it will be skipped'
fi
