# What brings the target `aws` up without AWS: moto, which plays AWS, and Pulumi's bridge to Terraform's providers, for
# HashiCorp's provider of AWS where this machine has it. A test whose part is missing skips, and says so.

# moto in a Python environment of its own.
moto_version=5.1.22
moto_kept=$cache/moto-$moto_version

install_moto() {
  have python3 || return 1
  say 'installing a stand-in for AWS for the tests, moto (about 40 s, once)'
  # A Python environment knows its own path, so it is made where it stays; the mark says that it is whole.
  rm -rf "$moto_kept"
  python3 -m venv "$moto_kept" >/dev/null 2>&1 9>&- || return 1
  "$moto_kept/bin/python" -m pip install --quiet --disable-pip-version-check "moto[server]==$moto_version" >/dev/null 9>&- || return 1
  : >"$moto_kept/.whole"
}

if [ -e "$moto_kept/.whole" ] || install_moto; then
  ln -sfn "$moto_kept/bin/moto_server" "$tools/bin/moto_server"
else
  say 'moto could not be had (it needs python3 with venv); tests that need it will be skipped'
fi

# Pulumi's bridge, built with the fork of Terraform's plugin SDK that it wants.
bridge_version=v3.116.0
bridge_sdk=github.com/pulumi/terraform-plugin-sdk/v2@v2.0.0-20250923233607-7f1981c8674a
bridge_kept=$cache/pulumi-terraform-bridge-$bridge_version

build_bridge() {
  PATH=$PATH:/usr/local/go/bin
  have go || return 1
  say 'building Pulumi’s bridge to Terraform’s providers for the tests (1 to 3 minutes, once)'
  fresh_scratch
  (
    cd "$scratch"
    export GOCACHE="$scratch/build" GOMODCACHE="$scratch/modules"
    package=github.com/pulumi/pulumi-terraform-bridge/v3/dynamic
    go mod init built >>log 2>&1 9>&- &&
      go mod edit -replace "github.com/hashicorp/terraform-plugin-sdk/v2=$bridge_sdk" >>log 2>&1 9>&- &&
      go get -tool "$package@$bridge_version" >>log 2>&1 9>&- &&
      CGO_ENABLED=0 go build -ldflags '-s -w' -o built "$package" >>log 2>&1 9>&-
  ) || { tail -n 5 "$scratch/log" >&2 && return 1; }
  mv -f "$scratch/built" "$bridge_kept"
}

# HashiCorp's provider is looked for, and not fetched: only its maker hands it out.
find_aws_provider() {
  for folder in "${RELOCATE_TF_PLUGINS:-}" /opt/tf-plugins "${HOME:-/root}/.terraform.d/plugins"; do
    [ -n "$folder" ] || continue
    find "$folder" -type f -path '*/hashicorp/aws/*' -name 'terraform-provider-aws*' 2>/dev/null
  done | sort | tail -n 1
}

aws_provider=$(find_aws_provider)
if [ -z "$aws_provider" ]; then
  say 'Terraform’s provider of AWS is not on this machine; tests that need it will be skipped'
else
  # The file’s name becomes the package’s.
  ln -sfn "$aws_provider" "$tools/terraform-provider-aws"
  if [ -x "$bridge_kept" ] || build_bridge; then
    place "$bridge_kept" "$tools/pulumi-resource-terraform-provider"
  else
    say 'Pulumi’s bridge to Terraform’s providers could not be built (it needs Go); tests that need it will be skipped'
  fi
fi
