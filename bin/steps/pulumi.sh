# The Pulumi engine at .tools/bin/pulumi: the machine's, else a download, else built from source.

# As @pulumi/pulumi in package.json.
pulumi_version=3.250.0
pulumi_kept=$cache/pulumi-$pulumi_version/pulumi

# Engines of the same major version from this minor on take what the SDK sends.
is_usable_pulumi() {
  [ -x "$1" ] || return 1
  version=$(PULUMI_SKIP_UPDATE_CHECK=true "$1" version 2>/dev/null) || return 1
  case $version in
    v3.2[0-9][0-9].* | v3.[3-9][0-9][0-9].*) ;;
    *) return 1 ;;
  esac
}

machine_pulumi() {
  for candidate in "$(PATH=${PATH#"$tools/bin:"} command -v pulumi)" "${HOME:-/root}/.pulumi/bin/pulumi"; do
    if is_usable_pulumi "$candidate"; then
      echo "$candidate"
      return
    fi
  done
}

# The vendor's npm package runs the vendor's installer; it fails at once where that cannot be reached.
download_pulumi() {
  say "downloading the Pulumi engine $pulumi_version (about 30 s)"
  fresh_scratch
  PULUMI_HOME=$scratch npm exec --yes --loglevel=error -- "pulumi@$pulumi_version" version >"$scratch/log" 2>&1 || return 1
  keep_pulumi "$scratch/versions/$pulumi_version/bin/pulumi"
}

build_pulumi() {
  say "the download cannot be had here; building the Pulumi engine $pulumi_version from source (3 to 5 minutes)"
  module=github.com/pulumi/pulumi
  build_with_go "$module/pkg/v3/cmd/pulumi" "v$pulumi_version" \
    "-X $module/sdk/v3/go/common/version.Version=v$pulumi_version" || return 1
  keep_pulumi "$scratch/built"
}

keep_pulumi() {
  is_usable_pulumi "$1" || return 1
  mkdir -p "${pulumi_kept%/*}"
  mv -f "$1" "$pulumi_kept"
}

if ! is_usable_pulumi "$tools/bin/pulumi"; then
  rm -f "$tools/bin/pulumi"
  found=$(machine_pulumi)
  if [ -n "$found" ]; then
    ln -s "$found" "$tools/bin/pulumi"
  else
    is_usable_pulumi "$pulumi_kept" || download_pulumi || build_pulumi ||
      fail 'the Pulumi engine could not be had. Install it as https://www.pulumi.com/docs/install says (or Go, to build it), then run bin/setup again.'
    place "$pulumi_kept" "$tools/bin/pulumi"
  fi
fi
