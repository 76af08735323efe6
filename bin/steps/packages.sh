# npm packages as package-lock.json has them, and the program built from the sources.

have npm || fail 'npm is needed. Install it (it comes with Node from https://nodejs.org), then run bin/setup again.'

# Written last: after an interrupted install it is not there, and the install runs again.
stamp=node_modules/.installed-from
wanted=$(cksum <package-lock.json)
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  say 'installing npm packages (about 30 s)'
  # Not `npm ci`: it refuses a lock file written on a machine whose registry lacked another platform's optional binary.
  npm install --no-save --prefer-offline --no-update-notifier --loglevel=error >/dev/null ||
    fail 'npm install failed; what it said is above. Run bin/setup again when that is mended.'
  echo "$wanted" >"$stamp"
fi

built=dist/.built
if [ ! -e "$built" ] || [ -n "$(find src stacks package.json tsconfig.json tsconfig.build.json -newer "$built" | head -n 1)" ]; then
  say 'building the program (about 10 s)'
  # Files younger than the start of this build make the next setup build again.
  : >"$tools/build-started"
  node node_modules/typescript/bin/tsc -p tsconfig.build.json || fail 'the program does not compile; the errors are above.'
  mv -f "$tools/build-started" "$built"
fi
