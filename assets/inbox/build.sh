#!/bin/sh
# Makes the page's script from its sources: build.sh FILE. Tools and libraries are those pinned in tests/clients.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
clients=$here/../../tests/clients
cd "$here/../.."
"$clients/node_modules/.bin/buf" generate --template "$here/buf.gen.yaml"
cd "$here"
# tsconfig.json is the type checker's: by its paths, the libraries would come twice, once as CommonJS.
NODE_PATH=$clients/node_modules "$clients/node_modules/.bin/esbuild" src/main.tsx --bundle --minify --jsx=automatic --jsx-import-source=preact --format=esm \
  --target=es2022 --tsconfig-raw='{}' --charset=utf8 --log-level=warning --allow-overwrite --outfile="$1"
